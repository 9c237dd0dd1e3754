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
}
