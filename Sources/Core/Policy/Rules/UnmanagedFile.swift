import YAML

extension Rule {
  static let unmanagedFile = Rule(
    id: "unmanaged-file", severity: .warning, summary: "a file that looks like a Compose file and that no stack uses",
    why: """
      clup deploys the directories in which Compose finds a file by itself (`compose.yaml`, `docker-compose.yml`). A Compose
      file under another name is a stack only where the host's configuration says so; whoever committed it may believe
      that it runs. A file that is laid over the one beside it (`compose.dev.yaml`) or that another one includes or extends
      is not meant. Where the commit has no stack at all, this is an error.
      """,
    fix: """
      Name it on the host: `stacks: {files: [compose/nas.yml]}`, with a glob for many: `apps/*.yml`. What this host is not to \
      deploy goes under `stacks: {exclude: […]}`.
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
  }

  /// The file.
  public let path: String
  /// What it is.
  public let kind: Kind
  /// Its services.
  public let services: Set<String>

  /// Recognises a file; nothing where it does not look like a Compose file.
  public init?(_ path: String, _ bytes: [UInt8]) {
    guard Self.isCandidate(path), bytes.holds(Array("services:".utf8)) else { return nil }
    self.path = path
    let documents = ComposeSource.documents(path: path, bytes: bytes)
    if !Discovery.isYAML(path) || documents.contains(where: { $0.error != nil }) {
      let text = String(decoding: bytes, as: UTF8.self)
      let hasServices = text.split(separator: "\n").contains { $0.hasPrefix("services:") }
      guard hasServices, let mark = Self.templateMark(in: text) else { return nil }
      (kind, services) = (.template(mark), [])
      return
    }
    let all = documents.compactMap(\.document)
    let own = all.flatMap { $0["services"]?.mapping ?? [] }
    services = Set(own.compactMap(\.key.string))
    guard own.contains(where: { Self.looksLikeService($0.value) }) else { return nil }
    if let mark = Self.templateMark(in: own) {
      kind = .template(mark)
    } else {
      kind = Self.swarmKey(in: all, own).map(Kind.swarm) ?? .compose
    }
  }

  /// Says whether a file may be one by its name.
  public static func isCandidate(_ path: String) -> Bool { Discovery.isYAML(withoutTemplateEnding(path)) }

  /// Says whether it is a variant of the main Compose file beside it: by its name, or since both have a service.
  public func isVariant(besideServices main: Set<String>) -> Bool {
    let name = Path.name(path)
    return ["compose.", "compose-", "docker-compose.", "docker-compose-"].contains(where: name.hasPrefix)
      || !services.isDisjoint(with: main)
  }

  private static func withoutTemplateEnding(_ path: String) -> String {
    let ending = [".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".gotmpl"].first(where: path.hasSuffix) ?? ""
    return String(path.dropLast(ending.count))
  }

  private static func looksLikeService(_ node: Node) -> Bool {
    ["image", "build", "extends"].contains { node.entry($0) != nil }
  }

  /// `{{` alone is no mark of a template: a command may be given one.
  fileprivate static func templateMark(in text: String) -> String? {
    ["{{", "{%"].first(where: text.contains)
  }

  private static func templateMark(in services: [Entry]) -> String? {
    for service in services {
      // Without quotes a reference reads as a mapping.
      if let image = service.value["image"], image.string == nil, !image.isNull { return "{{" }
      for scalar in service.value.scalars {
        if scalar.text.contains(/\{\{\s*op:\/\//) { return "{{op://…}}" }
        if scalar.text.contains("{%") || scalar.keys.first == "image" && scalar.text.contains("{{") { return "{{" }
      }
    }
    return nil
  }

  private static func swarmKey(in documents: [Node], _ services: [Entry]) -> String? {
    for service in services {
      guard let deploy = service.value["deploy"] else { continue }
      let keys = ["placement", "update_config", "rollback_config", "endpoint_mode"]
      if let key = keys.first(where: { deploy[$0] != nil }) { return "deploy.\(key)" }
      if deploy["mode"]?.string == "global" { return "deploy.mode: global" }
    }
    let networks = documents.flatMap { $0["networks"]?.mapping ?? [] }
    return networks.contains { $0.value["driver"]?.string == "overlay" } ? "a network with `driver: overlay`" : nil
  }
}

extension ComposeSource {
  /// Says of a text that is no YAML whether it is a template; what says so.
  public var templateMark: String? {
    error == nil ? nil : UnmanagedFile.templateMark(in: String(decoding: bytes, as: UTF8.self))
  }
}

extension UnmanagedFile {
  /// Tells of files, those together that one line of configuration takes; `isAll` says that the commit has no stack at all.
  public static func findings(_ files: [UnmanagedFile], in tree: CommitTree, isAll: Bool) -> [Diagnostic] {
    groups(of: files, in: tree).map { group in
      let first = group.files[0]
      let (more, isOne) = (group.files.count - 1, group.files.count == 1)
      let others =
        more == 0
        ? ""
        : more < 5
          ? ", " + group.files.dropFirst().map(\.path).joined(separator: ", ") : " and \(more) more (\(group.pattern))"
      let subject = first.path + others
      let leave = "leave \(isOne ? "it" : "them") out: `stacks: {exclude: [\(group.quoted)]}`"
      let (message, help): (String, String) =
        switch first.kind {
        case .compose:
          (
            "\(subject) \(isOne ? "looks like a Compose file" : "look like Compose files"), and no stack uses \(isOne ? "it" : "them")",
            "to deploy \(isOne ? "it" : "them"), write on the host: `stacks: {\(group.line)}`; or \(leave)"
          )
        case .swarm(let key):
          (
            "\(subject) \(isOne ? "is" : "are") made for `docker stack deploy` (\(key)), and no stack uses \(isOne ? "it" : "them")",
            "clup runs `docker compose`, which ignores or refuses that: \(leave); or have Compose run "
              + "\(isOne ? "it" : "them") all the same: `stacks: {\(group.line)}`"
          )
        case .template(let mark):
          (
            "\(subject) \(isOne ? "is a template" : "are templates") (`\(mark)`) that something has to fill in first",
            "clup deploys what git holds, and fills nothing in but ${VARIABLES} from the live `.env`: commit the finished "
              + "file; or \(leave)"
          )
        }
      return Diagnostic(
        rule: Rule.unmanagedFile.id, severity: isAll ? .error : .warning, file: first.path, line: 1, column: 1,
        message: message, help: help, isFinal: isAll)
    }
  }

  /// What could be written under `stacks:` for files.
  public struct Choice: Sendable, Equatable {
    /// Globs for `files`.
    public var files: [String] = []
    /// Lines for directories of their own.
    public var lines: [String] = []
    /// What is no Compose file as it is, each with what it is.
    public var others: [String: String] = [:]
  }

  /// Gives what could be written under `stacks:` for files.
  public static func choice(for files: [UnmanagedFile], in tree: CommitTree) -> Choice {
    groups(of: files, in: tree).reduce(into: Choice()) { choice, group in
      switch group.files[0].kind {
      case .compose where group.isVariant: choice.lines.append(group.line)
      case .compose: choice.files.append(group.pattern)
      case .swarm(let key): choice.others[group.pattern] = "made for `docker stack deploy` (\(key))"
      case .template(let mark): choice.others[group.pattern] = "a template (`\(mark)`)"
      }
    }
  }

  private struct Group {
    let files: [UnmanagedFile]
    /// A glob, or the one path.
    let pattern: String
    var quoted: String { pattern.contains("*") ? "\"\(pattern)\"" : pattern }

    init(_ files: [UnmanagedFile], _ pattern: String) { (self.files, self.pattern) = (files, pattern) }

    /// Whether it is one file that is called as if it were laid over another one, which is not there.
    var isVariant: Bool {
      files.count == 1 && Path.parent(pattern) != "." && files[0].isVariant(besideServices: [])
    }

    /// What is written under `stacks:`.
    var line: String {
      isVariant ? "\(Path.parent(pattern)): {compose_files: [\(Path.name(pattern))]}" : "files: [\(quoted)]"
    }
  }

  /// Puts together files with one name in directories side by side, and those of a directory that has no others.
  private static func groups(of files: [UnmanagedFile], in tree: CommitTree) -> [Group] {
    func isSame(_ one: UnmanagedFile, _ other: UnmanagedFile) -> Bool {
      switch (one.kind, other.kind) {
      case (.compose, .compose), (.swarm, .swarm), (.template, .template): true
      default: false
      }
    }
    var (rest, found) = (files.sorted { $0.path < $1.path }, [Group]())
    while let first = rest.first {
      let (directory, name) = (Path.parent(first.path), Path.name(first.path))
      let above = Path.parent(directory)
      let alike = rest.filter { other in
        Path.name(other.path) == name && directory != "." && Path.parent(other.path) != "."
          && Path.parent(Path.parent(other.path)) == above && isSame(other, first)
      }
      var beside = rest.filter { Path.parent($0.path) == directory && isSame($0, first) }
      let paths = Set(beside.map(\.path))
      let ending = name.split(separator: ".").last.map { ".\($0)" } ?? ""
      beside = beside.filter { $0.path.hasSuffix(ending) }
      let siblings = tree.children(of: directory).filter { $0.kind != .directory && $0.path.hasSuffix(ending) }
      if alike.count > 1 {
        found.append(Group(alike, Path.join(above, "*/\(name)")))
      } else if beside.count > 1, siblings.allSatisfy({ paths.contains($0.path) }) {
        found.append(Group(beside, Path.join(directory, "*\(ending)")))
      } else {
        found.append(Group([first], first.path))
      }
      let taken = Set((found.last?.files ?? []).map(\.path))
      rest.removeAll { taken.contains($0.path) }
    }
    return found
  }
}
