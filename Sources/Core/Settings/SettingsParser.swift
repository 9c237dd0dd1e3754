import YAML

extension Settings {
  /// Reads a configuration file's text.
  ///
  /// Every problem is found in one go; `.failure` holds them in the order of the file.
  public static func parse(_ bytes: [UInt8]) -> Result<Settings, SettingsProblems> {
    let documents: [Node]
    do {
      documents = try YAML.parse(bytes)
    } catch {
      return .failure(SettingsProblems([SettingsProblem(at: error.mark, error.message)]))
    }
    // One without a value says nothing.
    let spoken = documents.filter { !$0.isNull }
    if spoken.count > 1 {
      return .failure(
        SettingsProblems([
          SettingsProblem(
            at: spoken[1].start,
            "a second document begins here, and a configuration is one: take out the line `---` above it, and "
              + "put the keys of both together")
        ]))
    }
    guard let root = spoken.first else {
      return .failure(
        SettingsProblems([
          SettingsProblem(
            at: nil, "the file is empty; it needs the keys repository, branch, live_root and checkout")
        ]))
    }
    var reader = SettingsReader()
    let settings = reader.settings(root)
    if !reader.problems.isEmpty { return .failure(SettingsProblems(reader.problems)) }
    return .success(settings)
  }
}

/// All that is wrong with a configuration.
public struct SettingsProblems: Error, Sendable, Equatable {
  /// At least one problem, in the order of the file.
  public let all: [SettingsProblem]

  init(_ all: [SettingsProblem]) {
    self.all = all.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
  }
}

extension SettingsReader {
  mutating func settings(_ root: Node) -> Settings {
    let top = section(
      root, "the configuration",
      keys: [
        "repository", "branch", "tag", "commit", "live_root", "checkout", "credentials", "git", "trust", "protected",
        "links",
        "stacks",
        "policy", "sync", "serve", "notify",
      ])
    var settings = Settings(repository: "", branch: "", liveRoot: "", checkout: "")
    repository(top, in: root, into: &settings)
    settings.follow = followed(top, in: root)
    settings.liveRoot = absolutePath(top, "live_root", in: root)
    settings.checkout = absolutePath(top, "checkout", in: root)
    if !settings.liveRoot.isEmpty, settings.liveRoot == settings.checkout, let node = top["checkout"] {
      problem(node, "checkout must not be the live root itself; \(settings.liveRoot)/clup would do")
    }
    if !settings.checkout.isEmpty, Path.relative(settings.liveRoot, to: settings.checkout) != nil,
      settings.liveRoot != settings.checkout, let node = top["checkout"]
    {
      problem(node, "checkout must not hold the live root")
    }
    if let git = top["git"] { settings.git = gitSettings(git) }
    if let trust = top["trust"] { settings.trust = self.trust(trust, settings) }
    settings.protected = strings(top, "protected")
    if let links = top["links"] { settings.links = list(links, "links").compactMap { hostLink($0) } }
    if let stacks = top["stacks"] { self.stacks(stacks, into: &settings) }
    if let policy = top["policy"] { settings.policy = self.policy(policy) }
    if let sync = top["sync"] { settings.sync = syncSettings(sync) }
    if let serve = top["serve"] { settings.serve = self.serve(serve) }
    if let notify = top["notify"] { settings.notify = list(notify, "notify").compactMap { self.notify($0) } }
    return settings
  }

  private mutating func hostLink(_ node: Node) -> HostLink? {
    let keys = section(node, "links", keys: ["from", "to", "mode"])
    let from = relativePath(keys, "from", in: node)
    let to = relativePath(keys, "to", in: node)
    return HostLink(from: from, to: to, mode: choice(keys, "mode", .link))
  }

  private mutating func stacks(_ node: Node, into settings: inout Settings) {
    for (name, value) in section(node, "stacks", keys: nil) {
      // A stack may be called so, too: what is said of one is a mapping.
      if value.mapping == nil, let globs = Self.globs[name] {
        settings[keyPath: globs] = strings([name: value], name).map(Path.normalized)
        continue
      }
      let keys = section(value, "stacks.\(name)", keys: ["after", "compose_files", "deploy_timeout", "probes"])
      var stack = StackSettings()
      if let after = keys["after"] {
        stack.after = strings(keys, "after").map(Path.normalized)
        stack.afterMark = after.start
      }
      stack.deployTimeout = keys["deploy_timeout"].flatMap { duration($0, "deploy_timeout") }
      if let probes = keys["probes"] { stack.probes = list(probes, "probes").compactMap { probe($0) } }
      if let files = keys["compose_files"] {
        (stack.composeFiles, stack.composeFilesMark) = (composeFiles(keys, files), files.start)
      }
      settings.stacks[Path.normalized(name)] = stack
    }
  }

  private static var globs: [String: WritableKeyPath<Settings, [String]> & Sendable] {
    ["include": \.include, "exclude": \.exclude, "files": \.files]
  }

  private mutating func composeFiles(_ keys: [String: Node], _ node: Node) -> [String] {
    let files = strings(keys, "compose_files").map(Path.normalized)
    if files.isEmpty { problem(node, "compose_files must name at least one file") }
    for (file, place) in zip(files, node.sequence ?? []) where Path.isAbsolute(file) {
      problem(place, "compose_files must be relative to the stack's directory, not \(file)")
    }
    if let first = files.first, first.contains("/") {
      problem(
        node.sequence?.first ?? node,
        "the first of compose_files must lie in the stack's directory, where Compose takes relative paths from")
    }
    return files
  }

  private mutating func probe(_ node: Node) -> Probe? {
    do throws(Probe.Problem) { return try Probe(JSON(node)) } catch {
      problem(error.key.flatMap { node.entry($0)?.key } ?? node, error.message)
      return nil
    }
  }

  private mutating func syncSettings(_ node: Node) -> SyncSettings {
    let keys = section(
      node, "sync",
      keys: [
        "interval", "concurrency", "deploy_timeout", "pull_timeout", "fetch_timeout", "timeout", "on_failure", "drift",
        "gate", "prune", "keep_releases",
      ])
    var sync = SyncSettings()
    if let value = keys["interval"].flatMap({ duration($0, "interval") }) { sync.interval = value }
    if let value = keys["deploy_timeout"].flatMap({ duration($0, "deploy_timeout") }) { sync.deployTimeout = value }
    if let value = keys["pull_timeout"].flatMap({ duration($0, "pull_timeout") }) { sync.pullTimeout = value }
    if let value = keys["fetch_timeout"].flatMap({ duration($0, "fetch_timeout") }) { sync.fetchTimeout = value }
    if let value = keys["timeout"].flatMap({ duration($0, "timeout") }) { sync.timeout = value }
    sync.concurrency = integer(keys, "concurrency", sync.concurrency, in: 1...64)
    sync.keepReleases = integer(keys, "keep_releases", sync.keepReleases, in: 1...10_000)
    sync.onFailure = choice(keys, "on_failure", sync.onFailure)
    sync.drift = choice(keys, "drift", sync.drift)
    sync.gate = choice(keys, "gate", sync.gate)
    sync.prune = choice(keys, "prune", sync.prune)
    return sync
  }

  private mutating func serve(_ node: Node) -> ServeSettings {
    let keys = section(
      node, "serve",
      keys: ["listen", "hosts", "webhook_secret_file", "api_token_file", "certificate_file", "key_file"])
    var serve = ServeSettings()
    if let listen = keys["listen"] {
      serve.listen = listen.string.map { [$0] } ?? strings(keys, "listen")
      let form = /unix:\/.+|\[[0-9a-fA-F:.]+\]:[0-9]{1,5}|[0-9.]+:[0-9]{1,5}/
      for text in serve.listen where text.wholeMatch(of: form) == nil {
        problem(listen, "listen must be ADDRESS:PORT, [ADDRESS]:PORT or unix:/PATH, not \(text)")
      }
      if serve.listen.isEmpty { problem(listen, "listen must name at least one address") }
    }
    serve.hosts = strings(keys, "hosts").map { $0.lowercased() }
    for (index, host) in serve.hosts.enumerated() where host.wholeMatch(of: /[a-z0-9_-]+(?:\.[a-z0-9_-]+)*/) == nil {
      problem(
        keys["hosts"]?.sequence?[index] ?? node, "hosts must be names such as clup.example.org, without scheme and port"
      )
    }
    func file(_ key: String) -> String? {
      guard keys[key] != nil else { return nil }
      let path = required(keys, key, in: node)
      if let place = keys[key], !path.isEmpty, !Path.isAbsolute(path) {
        problem(place, "\(key) must be an absolute path")
      }
      return path
    }
    serve.webhookSecretFile = file("webhook_secret_file")
    serve.apiTokenFile = file("api_token_file")
    serve.certificateFile = file("certificate_file")
    serve.keyFile = file("key_file")
    if (serve.certificateFile == nil) != (serve.keyFile == nil) {
      problem(node, "certificate_file and key_file go together")
    }
    return serve
  }

  private mutating func notify(_ node: Node) -> Notify? {
    let keys = section(node, "notify", keys: ["run", "on", "timeout"])
    let run = required(keys, "run", in: node)
    let timeout = keys["timeout"].flatMap { duration($0, "timeout") } ?? .seconds(30)
    if timeout > Notify.longest, let node = keys["timeout"] { problem(node, "timeout must be at most 5m") }
    guard let on = keys["on"] else { return Notify(run: run, on: Notify.usual, timeout: timeout) }
    let events = list(on, "on").compactMap { node -> Report.Event? in
      if let event = node.string.flatMap(Report.Event.init(rawValue:)) { return event }
      problem(node, "on must list some of \(Report.Event.allCases.map(\.rawValue).joined(separator: ", "))")
      return nil
    }
    if on.sequence?.isEmpty == true {
      problem(on, "on must list at least one event; without it, those that need a person")
    }
    return Notify(run: run, on: Set(events), timeout: timeout)
  }
}
