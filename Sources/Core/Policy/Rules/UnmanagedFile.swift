import YAML

extension Rule {
  static let unmanagedFile = Rule(
    id: "unmanaged-file", severity: .warning, summary: "a file that looks like a Compose file and that no stack uses",
    why: """
      clup deploys the directories in which Compose finds a file by itself (`compose.yaml`, `docker-compose.yml`). A Compose
      file under another name is a stack only if the host's configuration names it; the author may believe that it
      runs. A file that is laid over the one beside it (`compose.dev.yaml`, with services of that one) or that
      another one includes or extends is not reported, nor one that a path with a variable leads to on another host
      (`include: ["compose/$HOSTNAME/web.yml"]`). If the commit has no stack at all, this is an error.
      """,
    fix: """
      Name it on the host: `stacks: {files: [compose/nas.yml]}`, with a glob for many: `apps/*.yml`. A file that belongs to the \
      one beside it is laid over that one: `stacks: {web: {compose_files: [compose.yaml, compose.db.yaml]}}`. Files that this \
      host must not deploy go under `stacks: {exclude: […]}`.
      """,
    bad: "compose/nas.yml\napps/blog.yml",
    good: "stacks:\n  files: [compose/nas.yml, \"apps/*.yml\"]")
}

/// A tracked file that looks like a Compose file and that no stack uses.
public struct UnmanagedFile: Sendable, Equatable {
  /// What it is.
  public enum Kind: Sendable, Hashable {
    /// What Compose can run.
    case compose
    /// What `docker stack deploy` is made for; the key that says so.
    case swarm(String)
    /// What has to be filled in first; a piece of it that says so.
    case template(String)
    /// What nobody can read as YAML; why.
    case broken(String)
  }

  /// The file.
  public let path: String
  /// What it is.
  public let kind: Kind
  /// Its services.
  public let services: Set<String>
  /// Those of them that do not say what they run: it is laid over a file that does.
  public let bare: Set<String>
  /// The services that its own ones depend on and that it does not have.
  let needed: Set<String>
  /// The Compose files that it includes or extends, as it names them.
  public let uses: Set<String>
  /// The files that have the services which it lacks.
  public internal(set) var base: Base?

  /// Recognises a file; nothing where it does not look like a Compose file.
  public init?(_ path: String, _ bytes: [UInt8]) {
    let signs = ["services:", "include:", "\"services\""]
    guard Self.isCandidate(path), signs.contains(where: { bytes.holds(Array($0.utf8)) }) else { return nil }
    self.path = path
    let documents = ComposeSource.documents(path: path, bytes: bytes)
    let error = documents.lazy.compactMap(\.error).first
    let isTemplate = Self.withoutTemplateEnding(path) != path
    if isTemplate || error != nil {
      let text = String(decoding: bytes, as: UTF8.self)
      let hasServices = text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("services:") }
      let sign = isTemplate ? Self.sign(in: text) : error.flatMap { Self.templateSign(in: text, of: $0) }
      guard hasServices, let kind = sign.map(Kind.template) ?? error.flatMap({ Self.broken(text, $0) }) else {
        return nil
      }
      (self.kind, services, bare, needed, uses) = (kind, [], [], [], [])
      return
    }
    let all = documents.compactMap(\.document)
    let own = all.flatMap { $0["services"]?.mapping ?? [] }
    services = Set(own.compactMap(\.key.string))
    bare = Self.bareServices(in: all)
    needed = Self.neededServices(in: all)
    uses = Set(all.flatMap(Discovery.usedPaths))
    let isIncluding = own.isEmpty && all.contains { !References.includes(in: $0).flatMap(\.files).isEmpty }
    guard isIncluding || own.contains(where: { Self.saysWhatItRuns($0.value) }) || !own.isEmpty && Self.isNamed(path)
    else { return nil }
    kind =
      Self.template(in: all).map { .template($0.sign) } ?? Self.swarmSign(in: all).map { .swarm($0) } ?? .compose
  }

  /// The services of Compose files laid over each other that none of them gives anything to run.
  public static func bareServices(in documents: [Node]) -> Set<String> {
    let services = documents.flatMap { $0["services"]?.merged ?? [] }
    return Set(services.compactMap(\.key.string)).subtracting(
      services.filter { saysWhatItRuns($0.value) }.compactMap(\.key.string))
  }

  /// Returns whether a file may be one by its name.
  public static func isCandidate(_ path: String) -> Bool {
    let path = withoutTemplateEnding(path)
    return Discovery.isYAML(path) || isNamed(path) && path.lowercased().hasSuffix(".json")
  }

  /// Returns whether it is laid over files that have these services: it has one of them, or is only a part by its name.
  public func isVariant(besideServices main: Set<String>) -> Bool {
    !services.isDisjoint(with: main) || isNamedAsVariant && (services.isEmpty || !bare.isEmpty)
  }

  /// Whether it is called as if it were laid over another file.
  var isNamedAsVariant: Bool { Self.isNamed(path) }

  private static func isNamed(_ path: String) -> Bool {
    ["compose.", "compose-", "docker-compose.", "docker-compose-"].contains(
      where: Path.name(path).lowercased().hasPrefix)
  }

  private static func withoutTemplateEnding(_ path: String) -> String {
    let ending = [".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".gotmpl"].first(where: path.hasSuffix) ?? ""
    return String(path.dropLast(ending.count))
  }

  private static func saysWhatItRuns(_ node: Node) -> Bool {
    ["image", "build", "extends", "provider"].contains { node.entry($0) != nil }
  }

  /// Returns why a text that has services is no YAML; nothing where they run nothing, as those of a framework.
  private static func broken(_ text: String, _ error: YAMLError) -> Kind? {
    let isCompose = text.split(whereSeparator: \.isNewline).contains { line in
      guard line.first?.isWhitespace == true else { return false }
      let text = String(line).trimmed
      return text.hasPrefix("image:") || text.hasPrefix("build:")
    }
    return isCompose ? .broken(error.mark.map { "line \($0.line): \(error.message)" } ?? error.message) : nil
  }

  /// `{{` alone is no mark of a template: a command may be given one.
  private static func sign(in text: String) -> String? { ["{{", "{%"].first(where: text.contains) }

  /// What makes a text unreadable as YAML, where that is a template's; libyaml may name the line after it.
  private static func templateSign(in text: String, of error: YAMLError) -> String? {
    guard error.kind == .syntax, let line = error.mark?.line else { return nil }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    for number in [line, line - 1] where lines.indices.contains(number - 1) {
      let bare = lines[number - 1].replacing(/"[^"]*"|'[^']*'|(?:^|\s)#.*/, with: "")
      if let found = sign(in: bare) { return found }
    }
    return nil
  }

  /// What says that something has to fill a file in first, and where.
  static func template(in documents: [Node]) -> (sign: String, mark: Mark)? {
    for service in documents.flatMap({ $0["services"]?.mapping ?? [] }) {
      // Without quotes a reference reads as a mapping.
      if service.key.string == nil { return ("{{", service.key.start) }
      if let image = service.value["image"], image.string == nil, !image.isNull { return ("{{", image.start) }
      for scalar in service.value.scalars {
        if scalar.text.contains(/\{\{\s*op:\/\//) { return ("{{op://…}}", scalar.mark) }
        if scalar.keys.first == "image" && scalar.text.contains("{{") { return ("{{", scalar.mark) }
        if scalar.text.contains("{%") { return ("{%", scalar.mark) }
      }
    }
    return nil
  }

  /// What says that a file is made for `docker stack deploy`.
  private static func swarmSign(in documents: [Node]) -> String? {
    if let found = swarmKey(in: documents) { return found.sign }
    let networks = documents.flatMap { $0["networks"]?.mapping ?? [] }
    return networks.contains { $0.value["driver"]?.string == "overlay" } ? "a network with `driver: overlay`" : nil
  }

  /// The first key of a service that only `docker stack deploy` heeds.
  static func swarmKey(in documents: [Node]) -> (service: String, key: String, sign: String, mark: Mark)? {
    for service in documents.flatMap({ $0["services"]?.mapping ?? [] }) {
      guard let deploy = service.value["deploy"], let name = service.key.string else { continue }
      for key in ["placement", "update_config", "rollback_config", "endpoint_mode"] {
        if let entry = deploy.entry(key) { return (name, key, "deploy.\(key)", entry.key.start) }
      }
      if let entry = deploy.entry("mode"), entry.value.string == "global" {
        return (name, "mode", "deploy.mode: global", entry.key.start)
      }
    }
    return nil
  }
}

extension UnmanagedFile.Kind {
  /// What it is if Compose is not to run it as it is, in words that go on from its name; nothing for a Compose file.
  public var words: (what: String, help: String)? {
    switch self {
    case .compose, .broken: nil
    case .swarm(let key):
      (
        "is made for `docker stack deploy` (\(key))",
        "clup runs `docker compose`, which ignores or refuses that: write it for Compose"
      )
    case .template(let mark):
      (
        "is a template (`\(mark)`) that something has to fill in first",
        "clup deploys the file as it is in git, and only fills in ${VARIABLES} from the live `.env`: commit the finished file"
      )
    }
  }
}

extension ComposeSource {
  /// What a Compose file is instead, where Compose is not to run it as it is.
  public var kindForOthers: UnmanagedFile.Kind? {
    UnmanagedFile(path, bytes).map(\.kind).flatMap { $0.words == nil ? nil : $0 }
  }
}

extension Subject {
  /// Finds Compose files that Compose takes although something is to fill them in first. What it refuses is told with that.
  var unfilledTemplates: [Finding] {
    guard model["name"] != nil else { return [] }
    return sources.compactMap { source in
      // A program in the container may be given the `{%` of another one's template.
      guard let found = source.document.flatMap({ UnmanagedFile.template(in: [$0]) }), found.sign != "{%",
        let words = UnmanagedFile.Kind.template(found.sign).words
      else { return nil }
      return Finding(place: (source.path, found.mark), message: "\(source.path) \(words.what)", help: words.help)
    }
  }

  /// Finds, once in each Compose file, what only `docker stack deploy` heeds.
  var swarmOnlyKeys: [Finding] {
    guard model["name"] != nil else { return [] }
    return sources.compactMap { source in
      guard let found = source.document.flatMap({ UnmanagedFile.swarmKey(in: [$0]) }) else { return nil }
      let key = "services.*.deploy.\(found.key)"
      if policy.options.keys.contains(key) { return nil }
      return Finding(
        service: found.service, place: (source.path, found.mark),
        message: "`\(found.sign)` is for `docker stack deploy`; clup runs `docker compose`, which ignores it",
        help:
          "leave it out, or say on the host that this is known: `policy: {options: {keys: [\"\(key)\"]}}`; a stack that "
          + "only a swarm runs goes under `stacks: {exclude: [\(directory == stack ? stack : source.path)]}`",
        severity: .warning)
    }
  }
}
