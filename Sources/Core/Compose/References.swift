import YAML

/// A file that Compose reads because a Compose file names it.
public struct Reference: Sendable, Hashable {
  /// The key that names it.
  public let key: String
  /// The text as written.
  public let text: String
  /// The Compose file that names it, relative to the repository's root.
  public let file: String
  /// Where it stands there.
  public let mark: Mark
  /// The absolute path that it comes to on the host; the text where that is no path.
  public var path: String

  /// Describes a reference.
  public init(key: String, text: String, file: String, mark: Mark, path: String) {
    (self.key, self.text, self.file, self.mark, self.path) = (key, text, file, mark, path)
  }

  /// Whether a text names something on the net rather than a path: `scheme:…`, or a repository of a well-known server.
  public static func isRemote(_ text: String) -> Bool {
    let first = text.utf8.prefix { $0 != UInt8(ascii: "/") }
    return first.contains(UInt8(ascii: ":")) || first.elementsEqual("github.com".utf8)
  }

  /// Whether it names a Compose file.
  public var isComposeFile: Bool { key == "include" || key == "extends" }

  /// Whether no text names it: the `.env` next to an included file.
  public var isImplied: Bool { key == "include" && text == ".env" }

  /// Whether it names something that is not on the host: Compose takes Compose files from git servers and registries.
  public var isRemote: Bool { isComposeFile && Self.isRemote(path) }
}

/// The files that a Compose file names as text, before Compose has resolved anything: `include`, `extends`, `env_file` and
/// `label_file`. Compose needs them to be there when it reads the file.
public enum References {
  /// Lists what one Compose file names, as written; optional files too.
  public static func all(in document: Node?, file: String) -> [Reference] {
    var found: [Reference] = []
    func add(_ node: Node?, _ key: String) {
      guard let node, !node.isNull else { return }
      if let text = node.string {
        if !text.isEmpty { found.append(Reference(key: key, text: text, file: file, mark: node.start, path: text)) }
      } else if let items = node.sequence {
        for item in items { add(item, key) }
      } else if node.mapping != nil {
        add(node["path"], key)
      }
    }
    for item in document?["include"]?.sequence ?? [] {
      add(item, "include")
      add(item["env_file"], "include.env_file")
    }
    for service in document?["services"]?.merged ?? [] {
      add(service.value["extends"]?["file"], "extends")
      add(service.value["env_file"], "env_file")
      add(service.value["label_file"], "label_file")
    }
    return found
  }

  /// Lists the entries of `include`.
  public static func includes(in document: Node?) -> [Include] {
    (document?["include"]?.sequence ?? []).map { item in
      Include(
        files: (item["path"] ?? item).texts, directory: item["project_directory"]?.string,
        values: item["env_file"]?.texts, mark: item.start)
    }
  }

  /// One entry of `include`, as written.
  public struct Include: Sendable {
    /// The Compose files.
    public let files: [String]
    /// The directory that their relative paths start from; that of the first file where none is named.
    public let directory: String?
    /// The files of values; the directory's `.env` where none is named.
    public let values: [String]?
    /// Where it stands.
    public let mark: Mark

    /// Every text of it.
    public var texts: [String] { files + (directory.map { [$0] } ?? []) + (values ?? []) }
  }

  /// One file of values or labels that a service names.
  public struct ValueFile: Sendable {
    /// The path as it is written.
    public let text: String
    /// Where it is written.
    public let mark: Mark
    /// The service.
    public let service: String?
  }

  /// Lists the files of values and labels that must be there: those of `env_file`, but for optional ones, and `label_file`.
  public static func valueFiles(in document: Node) -> [ValueFile] {
    var found: [ValueFile] = []
    func add(_ node: Node?, _ service: String?) {
      guard let node, !node.isNull else { return }
      if let text = node.string {
        found.append(ValueFile(text: text, mark: node.start, service: service))
      } else if node.mapping != nil {
        if node["required"]?.string != "false" { add(node["path"], service) }
      } else {
        for item in node.sequence ?? [] { add(item, service) }
      }
    }
    for service in document["services"]?.merged ?? [] {
      for key in ["env_file", "label_file"] { add(service.value[key], service.key.string) }
    }
    for item in document["include"]?.sequence ?? [] { add(item["env_file"], nil) }
    return found
  }

  /// Lists the Compose files that `include` names, as they are written.
  public static func included(in document: Node) -> [ValueFile] {
    (document["include"]?.sequence ?? []).flatMap { item -> [ValueFile] in
      let paths = item.mapping == nil ? item : item["path"]
      return (paths?.sequence ?? paths.map { [$0] } ?? []).compactMap { node in
        node.string.map { ValueFile(text: $0, mark: node.start, service: nil) }
      }
    }.filter { !$0.text.contains("://") }
  }

  /// Reads the lines of a file of values: `NAME=value` and `NAME: value` are the same to Compose.
  public static func values(in text: String) -> [(name: String, value: String)] {
    SecretSearch.assignments(in: text).map { ($0.name, $0.value) }
  }

  /// Finds where a source names a tracked file, also as the source of a mount.
  public static func place(of file: String, in sources: [ComposeSource]) -> Place {
    for source in sources {
      let directory = Path.parent(source.path)
      let named = source.scalars.first { scalar in
        let text = scalar.text.withDefaults.split(separator: ":", maxSplits: 1).first.map(String.init) ?? ""
        return !text.isEmpty && Path.join(directory, text) == file
      }
      if let named { return (source.path, named.mark) }
    }
    return (sources.first?.path ?? file, nil)
  }
}

extension Node {
  /// The text of a scalar, or those of a list's scalars.
  fileprivate var texts: [String] { string.map { [$0] } ?? sequence?.compactMap(\.string) ?? [] }
}
