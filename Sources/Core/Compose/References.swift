import YAML

/// The files that a Compose file names as text, before Compose has resolved anything.
///
/// Compose needs them to be there when it reads the file: `include`, `extends`, `env_file` and `label_file`. Of a path
/// with variables the default counts; the rest is left to Compose's own complaint about what is missing.
public enum References {
  /// Lists the paths of one Compose file's text, relative to its own directory or absolute; optional ones too.
  public static func paths(in document: Node?) -> [(path: String, mark: Mark)] {
    var found: [(path: String, mark: Mark)] = []
    func add(_ node: Node?) {
      guard let node else { return }
      if let text = node.string {
        for text in text.literals where !text.contains("://") && !text.isEmpty { found.append((text, node.start)) }
      } else if let items = node.sequence {
        for item in items { add(item) }
      } else if node.mapping != nil {
        add(node["path"])
      }
    }
    for item in document?["include"]?.sequence ?? [] {
      add(item)
      add(item["env_file"])
    }
    for service in document?["services"]?.mapping ?? [] {
      add(service.value["extends"]?["file"])
      add(service.value["env_file"])
      add(service.value["label_file"])
    }
    return found
  }

  /// Lists the Compose files among them, whose own references count too.
  public static func composeFiles(in document: Node) -> [String] {
    var found: [String] = []
    for item in document["include"]?.sequence ?? [] {
      if let text = item.string { found.append(text) }
      let path = item["path"]
      found += path?.string.map { [$0] } ?? path?.sequence?.compactMap(\.string) ?? []
    }
    for service in document["services"]?.mapping ?? [] {
      if let text = service.value["extends"]?["file"]?.string { found.append(text) }
    }
    return found.flatMap(\.literals).filter { !$0.contains("://") && !$0.isEmpty }
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
      guard let node else { return }
      if let text = node.string {
        found.append(ValueFile(text: text, mark: node.start, service: service))
      } else if node.mapping != nil {
        if node["required"]?.string != "false" { add(node["path"], service) }
      } else {
        for item in node.sequence ?? [] { add(item, service) }
      }
    }
    for service in document["services"]?.mapping ?? [] {
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
  public static func place(of file: String, in sources: [ComposeSource]) -> (path: String, mark: Mark?) {
    func find(_ node: Node, _ directory: String) -> Mark? {
      if let text = node.string {
        let source = text.withDefaults.split(separator: ":", maxSplits: 1).first.map(String.init) ?? ""
        return !source.isEmpty && Path.join(directory, source) == file ? node.start : nil
      }
      let within = (node.sequence ?? []) + (node.mapping ?? []).map(\.value)
      return within.lazy.compactMap { find($0, directory) }.first
    }
    for source in sources {
      if let document = source.document, let mark = find(document, Path.parent(source.path)) {
        return (source.path, mark)
      }
    }
    return (sources.first?.path ?? file, nil)
  }
}
