import Core
import Git
import Processes
import YAML

/// Asks Compose what a stack or a job file is, with the live directory's own settings.
struct Resolve: Sendable {
  let programs: Programs
  let view: View
  let settings: Settings
  let observe: Observe
  let discovery: Discovery
  /// The day, `YYYY-MM-DD`.
  let today: String
  /// Files of values that count beside the live `.env`, as `--env-file` names them.
  var environmentFiles: [String] = []
  /// The live paths that containers of other stacks may write to.
  var written: Set<String> = []

  struct Answer: Sendable {
    var desired: DesiredStack?
    /// What the rules see: once with placeholders, and once with the defaults that these would hide.
    var subjects: [Subject] = []
    var diagnostics: [Diagnostic] = []
    /// The variables that a placeholder stood for.
    var placeholders: Set<String> = []
    /// What was read, to show lines of it.
    var sources: [ComposeSource] = []
  }

  /// Resolves a stack.
  func stack(_ source: StackSource) async throws(Failure) -> Answer {
    do throws(Failure) { return try await resolve(source) } catch {
      return try refuse(source.name, source.composeFiles.first ?? source.name, error)
    }
  }

  /// Whether the configuration wants files of their own at a live directory, or somewhere in it.
  private func isCopied(_ path: String) -> Bool {
    // What is a link of clup's already stays one.
    if case .link(let text) = observe.live(path), observe.links.isOwn(text) { return false }
    return settings.links.contains { link in
      link.mode == .copy && view.tree[link.from]?.kind == .directory
        && (Path.relative(path, to: link.to) ?? Path.relative(link.to, to: path)) != nil
    }
  }

  /// Resolves a job file, which nobody deploys; its `params` have no value yet.
  func job(_ path: String) async throws(Failure) -> Answer {
    do throws(Failure) { return try await resolve(job: path) } catch { return try refuse(path, path, error) }
  }

  private func resolve(_ source: StackSource) async throws(Failure) -> Answer {
    let name = source.name
    if let file = source.composeFiles.first, let obstacle = Obstacle.file(above: file, in: settings.liveRoot) {
      return Answer(diagnostics: [
        Diagnostic(rule: "forbidden-file", file: file, stack: name, message: obstacle.message, help: obstacle.help)
      ])
    }
    var gather = Gather(view: view, observe: observe)
    for file in ComposeFileName.all + [".env"] { try await gather.note(Path.join(name, file)) }
    if let hidden = hidden(source, gather) { return Answer(diagnostics: [hidden]) }
    if let refusal = try await gather.read(source.composeFiles) { return refuse(name, refusal, gather) }
    // With every profile: what one switches on later is checked all the same.
    var asked = Asked(directory: Path.join(view.root, name), options: ["--profile", "*"], values: haste)
    let outcome = try await ask(&asked, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
      return try await refuse(name, outcome.errorText, asked, gather)
    }
    var answer = Answer(
      diagnostics: unset(name, outcome.errorText, gather) + unreadable(name, gather), sources: gather.sources)
    let whole = json.mapStrings(view.rebased)
    var rebased = whole
    if (whole["services"]?.object ?? [:]).values.contains(where: { $0["profiles"] != nil }) {
      asked.options = []
      let outcome = try await ask(&asked, &gather)
      guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
        return try await refuse(name, outcome.errorText, asked, gather)
      }
      rebased = json.mapStrings(view.rebased)
    }
    answer.placeholders = asked.placeholders
    let model = ComposeModel(rebased)
    for path in model.hostPaths.compactMap(view.relative) where !view.tree.files(under: path).isEmpty {
      try await gather.depend(on: path)
    }
    // A service of a profile that is off writes once somebody starts it.
    let writes = try await writes(of: ComposeModel(whole))
    // What the host keeps in a directory of the repository would come to lie in a release, too.
    let own = ComposeModel(whole).hostPaths.compactMap(view.relative).filter { view.tree[$0] == nil }
    var managed = ManagedPaths(
      tree: view.tree, stack: name, protected: settings.protectedPaths,
      written: Written(writes.union(written).union(own).union(gather.untracked.keys)),
      composeFiles: Set(discovery.stacks.flatMap(\.composeFiles)),
      isDirectory: { path in
        isCopied(path) ? true : Files.status(Path.join(settings.liveRoot, path)).map(Files.isDirectory)
      })
    let mounted = Set(model.services.flatMap { $0.binds + $0.buildContexts }.compactMap(view.relative))
    for path in gather.tracked.keys.sorted() { managed.add(path, mounted.contains(path) ? .mounted : .plain) }
    // What the host has there itself is mounted all the same.
    for path in model.hostPaths.compactMap(view.relative)
    where view.tree[path] == nil && (view.invents || Files.status(Path.join(settings.liveRoot, path)) == nil) {
      managed.check(above: path)
    }
    answer.diagnostics += managed.diagnostics
    let links = managed.outermost

    answer.subjects = [try await subject(name, .stack, whole, gather, live: Set(links.keys))]
    if let other = try await withDefaults(asked, &gather) {
      answer.subjects.append(try await subject(name, .stack, other, gather, live: Set(links.keys)))
    }
    if view.invents { return answer }

    let hashes = try await programs.compose(
      [
        "-p", model.project, "--project-directory", Path.join(settings.liveRoot, name), "-f", "-", "config", "--hash",
        "*",
      ],
      in: asked.directory, input: rebased.canonical)
    guard hashes.succeeded else { return try await refuse(name, hashes.errorText, asked, gather) }
    var byService: [String: String] = [:]
    for line in hashes.outputText.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 2 { byService[String(parts[0])] = String(parts[1]) }
    }
    answer.desired = DesiredStack(
      name: name, commit: view.tree.commit, project: model.project, tracked: gather.tracked,
      untracked: gather.untracked, services: model.services.map { service($0, hash: byService[$0.name] ?? "") },
      links: links, after: model.own.after,
      deployTimeout: settings.stacks[name]?.deployTimeout ?? model.own.deployTimeout)
    answer.desired?.probes = settings.stacks[name]?.probes ?? model.own.probes
    answer.desired?.contents = String(
      blobID(of: Array(gather.tracked.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined().utf8))
        .prefix(16))
    answer.desired?.policy = policyFingerprint(settings.policy, today: today)
    answer.desired?.writes = writes.sorted()
    return answer
  }

  private func resolve(job path: String) async throws(Failure) -> Answer {
    var gather = Gather(view: view, observe: observe)
    try await gather.note(path)
    try await gather.note(Path.join(Path.parent(path), ".env"))
    if let refusal = try await gather.read([path]) { return refuse(path, refusal, gather) }
    var asked = Asked(
      directory: Path.join(view.root, Path.parent(path)), options: ["-f", Path.name(path), "--profile", "*"],
      values: haste)
    for name in gather.sources.first?.document?["x-clup"]?["params"]?.sequence?.compactMap(\.string) ?? [] {
      asked.take(name, gather.sources)
    }
    let outcome = try await ask(&asked, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
      return try await refuse(path, outcome.errorText, asked, gather)
    }
    var answer = Answer(
      diagnostics: unset(path, outcome.errorText, gather) + unreadable(path, gather), placeholders: asked.placeholders,
      sources: gather.sources)
    answer.subjects = [try await subject(path, .job, json.mapStrings(view.rebased), gather, live: [])]
    if let other = try await withDefaults(asked, &gather) {
      answer.subjects.append(try await subject(path, .job, other, gather, live: []))
    }
    return answer
  }

  /// Finds the live paths that containers may write to, as they are written and as they lead through links.
  private func writes(of model: ComposeModel) async throws(Failure) -> Set<String> {
    let sight = Sight(view: view, owns: view.owns)
    let root = Files.resolved(settings.liveRoot) ?? settings.liveRoot
    var found: Set<String> = []
    for path in Set(model.services.flatMap(\.writable)) {
      for form in [path, try await sight.real(path)].compactMap({ $0 }) {
        if let inside = view.relative(form) ?? Path.relative(form, to: root) { found.insert(inside) }
      }
    }
    return found
  }

  // MARK: asking

  private struct Asked {
    let directory: String
    var options: [String]
    var values: [String: String]
    /// The variables that a placeholder stands for.
    var placeholders: Set<String> = []

    mutating func take(_ name: String, _ sources: [ComposeSource]) {
      values[name] = Placeholder.value(of: name, in: sources)
      placeholders.insert(name)
    }
  }

  /// Compose spends a third of its time on collecting garbage before it ends. On a host nothing may be added to what it
  /// sees: a stack may pass these variables on.
  private var haste: [String: String] { view.invents ? Programs.haste : [:] }

  /// Asks until Compose has every file that it wants and, on a plain work tree, a value for every variable.
  private func ask(_ asked: inout Asked, _ gather: inout Gather) async throws(Failure) -> Outcome {
    try Files.makeDirectories(asked.directory)
    var environment: [String] = []
    if !environmentFiles.isEmpty {
      let live = Path.join(asked.directory, ".env")
      environment = ((Files.resolved(live) == nil ? [] : [live]) + environmentFiles).flatMap { ["--env-file", $0] }
    }
    var outcome: Outcome
    var rounds = 0
    repeat {
      outcome = try await programs.compose(
        environment + asked.options + ["config", "--format", "json"], in: asked.directory, variables: asked.values)
      rounds += 1
      if !outcome.succeeded, let path = view.missing(outcome.errorText), gather.tracked[path] == nil {
        try await gather.note(path)
        if path.hasSuffix(".yml") || path.hasSuffix(".yaml") { _ = try await gather.read([path]) }
        continue
      }
      let names = view.invents ? unsetNames(outcome.errorText).filter { asked.values[$0] == nil } : []
      if names.isEmpty { break }
      for name in names { asked.take(name, gather.sources) }
    } while rounds < 32
    return outcome
  }

  /// Asks again with the defaults that some uses of a variable have, where a placeholder stood for them.
  private func withDefaults(_ asked: Asked, _ gather: inout Gather) async throws(Failure) -> JSON? {
    var other = asked
    other.options = asked.options.contains("-f") ? asked.options : ["--profile", "*"]
    var found = false
    for name in asked.placeholders.sorted() {
      guard let value = Placeholder.defaults(of: name, in: gather.sources).first else { continue }
      other.values[name] = value
      found = true
    }
    guard found else { return nil }
    let outcome = try await ask(&other, &gather)
    return outcome.succeeded ? (try? JSON(parsing: outcome.output))?.mapStrings(view.rebased) : nil
  }

  /// Hides what a stack's `.env` holds from what is told about it.
  func mask(for name: String) async -> Mask {
    let isStack = discovery.stacks.contains { $0.name == name }
    let directory = Path.join(view.root, isStack ? name : Path.parent(name))
    if environmentFiles.isEmpty, Files.resolved(Path.join(directory, ".env")) == nil {
      return Mask(assignments: [], all: true)
    }
    return await programs.mask(
      for: directory,
      options: environmentFiles.flatMap { ["--env-file", $0] })
  }

  /// Refuses what Compose reads and clup does not: nothing could be said about it.
  private func unreadable(_ name: String, _ gather: Gather) -> [Diagnostic] {
    gather.sources.compactMap { source in
      let mark = source.error?.mark ?? source.document?.firstBinary
      guard source.error != nil || mark != nil else { return nil }
      return Diagnostic(
        rule: "compose", file: source.path, line: mark?.line, column: mark?.column, stack: name,
        message: source.error.map { "clup cannot read it: \($0.message)" } ?? "`!!binary` hides what is written there",
        help: "write it as plain YAML")
    }
  }

  private func unsetNames(_ errors: String) -> [String] {
    let warned = errors.matches(of: /The \\?"([A-Za-z_][A-Za-z0-9_]*)\\?" variable is not set/).map { String($0.1) }
    return warned + errors.matches(of: /required variable ([A-Za-z_][A-Za-z0-9_]*) is missing/).map { String($0.1) }
  }

  // MARK: answers

  private func service(_ service: ComposeService, hash: String) -> DesiredService {
    func ids(_ paths: [String]) -> [String: String] {
      var ids: [String: String] = [:]
      for path in paths.compactMap(view.relative) {
        let id = view.tree.fingerprint(path)
        if id != Fingerprint.absent { ids[path] = id }
      }
      return ids
    }
    var mounts = ids(service.binds + service.files)
    for path in service.files where mounts[view.relative(path) ?? path] == nil {
      mounts[view.relative(path) ?? path] = Files.read(path).map { blobID(of: $0) } ?? Fingerprint.absent
    }
    var desired = DesiredService(
      name: service.name, hash: hash, image: service.image,
      fields: service.fields.mapValues { blobID(of: $0.canonical) }, mounts: mounts, builds: ids(service.buildContexts),
      replicas: service.replicas, restarts: service.restarts, claims: service.claims)
    desired.built = service.isBuilt
    desired.joins = service.joins.isEmpty ? nil : service.joins
    return desired
  }

  private func subject(
    _ name: String, _ kind: Subject.Kind, _ model: JSON, _ gather: Gather, live: Set<String>
  ) async throws(Failure) -> Subject {
    let isHost = Files.status(settings.liveRoot) != nil && !view.invents
    func subject(_ real: [String: String], _ missing: Set<String>) -> Subject {
      Subject(
        stack: name, kind: kind, model: model, sources: gather.sources,
        paths: HostPaths(
          liveRoot: settings.liveRoot, checkout: view.invents ? nil : settings.checkout,
          stacks: discovery.stacks.map(\.name), live: live.union(discovery.stacks.flatMap(\.composeFiles)), real: real,
          missing: missing, isHost: isHost || !settings.policy.bindRoots.isEmpty),
        policy: settings.policy, today: today, environmentFiles: gather.environmentFiles)
    }
    let sight = Sight(view: view, owns: view.owns)
    var real: [String: String] = [:]
    var missing: Set<String> = []
    for path in subject([:], []).hostPaths + settings.policy.bindRoots + [settings.liveRoot] {
      if let other = try await sight.real(path) { real[path] = other }
      if isHost, sight.isMissing(path) { missing.insert(path) }
    }
    return subject(real, missing)
  }

  /// Finds an untracked Compose file that Compose would take instead of the tracked one.
  private func hidden(_ source: StackSource, _ gather: Gather) -> Diagnostic? {
    let first = ComposeFileName.main.map { Path.join(source.name, $0) }.first { path in
      view.tree[path] != nil || gather.untracked[path].map { $0 != Fingerprint.absent } ?? false
    }
    guard let first, view.tree[first] == nil, let hidden = source.composeFiles.first else { return nil }
    return Diagnostic(
      rule: "compose", file: hidden, stack: source.name,
      message: "the host's own \(first) comes before \(hidden) in Compose's order",
      help: "move \(Path.join(settings.liveRoot, first)) aside, or commit it")
  }

  private func unset(_ name: String, _ errors: String, _ gather: Gather) -> [Diagnostic] {
    let isStack = discovery.stacks.contains { $0.name == name }
    let directory = Path.join(settings.liveRoot, isStack ? name : Path.parent(name))
    return errors.matches(of: /The \\?"([A-Za-z_][A-Za-z0-9_]*)\\?" variable is not set/).map { match in
      let (file, mark) = Variables.place(of: String(match.1), in: gather.sources)
      // In a file of values the name may be a part of a secret with a dollar sign in it.
      let known = mark != nil
      return Diagnostic(
        rule: "unset-variable", file: file, line: mark?.line, column: mark?.column, stack: name,
        message: known
          ? "the variable \(match.1) has no value" : "an `env_file` or the `.env` uses a variable that has no value",
        help: known
          ? "set it in \(directory)/.env, or give a default: ${\(match.1):-…}"
          : "write `$$` for a dollar sign in a value, or put the value into single quotes")
    }
  }

  /// What the repository is to blame for is a finding; what the host is to blame for ends the sync.
  private func refuse(_ name: String, _ file: String, _ failure: Failure) throws(Failure) -> Answer {
    guard failure.kind == .refused else { throw failure }
    return Answer(diagnostics: [
      Diagnostic(rule: "compose", file: file, stack: name, message: failure.message, help: failure.help)
    ])
  }

  private func refuse(_ name: String, _ refusal: Gather.Refusal, _ gather: Gather) -> Answer {
    Answer(
      diagnostics: [
        Diagnostic(
          rule: "compose", file: refusal.path, line: refusal.mark?.line, column: refusal.mark?.column, stack: name,
          message: refusal.message, help: refusal.help)
      ], sources: gather.sources)
  }

  /// Turns Compose's own words into a finding at the place that they are about, without the values of variables.
  private func refuse(_ name: String, _ errors: String, _ asked: Asked, _ gather: Gather) async throws(Failure)
    -> Answer
  {
    let lines = view.rebased(errors).split(separator: "\n").filter { !$0.contains("level=warning") }
    var message = String(lines.joined(separator: " ").replacing(settings.liveRoot + "/", with: "").prefix(2000))
    let (file, mark) = Blame.place(message, in: gather.sources)
    message = await programs.mask(
      for: asked.directory, options: environmentFiles.flatMap { ["--env-file", $0] }, variables: asked.values
    ).hide(message)
    message = Mask(assignments: Placeholder.secretDefaults(in: gather.sources), all: true).hide(message)
    // A broken line of a `.env` is quoted, and nobody knows which part of it is a secret.
    if let quote = message.firstRange(of: /(unterminated quoted value|unexpected character) .*$/) {
      message = message[..<quote.lowerBound] + "the file is not made of NAME=value lines"
    }
    let lost = message.contains("env file") && message.contains("not found") || message.contains("required variable")
    return Answer(
      diagnostics: [
        Diagnostic(
          rule: lost ? "unset-variable" : "compose", file: file.isEmpty ? name : file, line: mark?.line,
          column: mark?.column, stack: name, message: message.isEmpty ? "Compose refuses it" : message,
          help: "mend it; `clup validate` in a clone finds the same")
      ], sources: gather.sources)
  }
}

extension Settings {
  /// Gives the text that is kept with a failure to know whether the host gives the stack another chance since.
  func fingerprint(of stack: String) -> String {
    let text = "\(stacks[stack]?.chances ?? "") \(sync.deployTimeout.text) \(sync.pullTimeout.text)"
    return String(blobID(of: Array(text.utf8)).prefix(16))
  }
}

/// Gives the text that is kept with a stack to know whether the policy has changed since.
func policyFingerprint(_ policy: Policy, today: String) -> String {
  String(blobID(of: Array(policy.fingerprint(today: today).utf8)).prefix(16))
}
