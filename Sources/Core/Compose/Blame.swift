import YAML

/// Finds the place in the source that a sentence of Compose's is about.
public enum Blame {
  /// Returns the file and the place; the first source and no place when the sentence gives no clue.
  public static func place(_ message: String, in sources: [ComposeSource]) -> Place {
    let named = sources.filter { message.contains($0.path) }
    let candidates = named.isEmpty ? sources : named
    for source in candidates {
      if let error = source.error { return (source.path, error.mark) }
    }
    let file =
      message.firstMatch(of: /(?:env file|open|stat) (\S+?):? (?:not found|no such file)/)?.1
      ?? message.firstMatch(of: /(?:find env file:|failed to read) ([^\s:]+)/)?.1
    if let file {
      for source in sources {
        let directory = Path.parent(source.path)
        let named = source.scalars.first { Path.join(directory, $0.text) == file }
        if let named { return (source.path, named.mark) }
      }
    }
    for source in candidates {
      guard let document = source.document else { continue }
      if let mark = mark(message, in: document) { return (source.path, mark) }
    }
    return (candidates.first?.path ?? "", nil)
  }

  /// Returns the place of `services.web.image`, or of the nearest key above it that stands there.
  static func mark(ofPath path: [String], in document: Node) -> Mark? {
    var node = document
    var mark: Mark?
    for key in path {
      if let index = Int(key), let items = node.sequence, items.indices.contains(index) {
        node = items[index]
        mark = node.start
      } else if let entry = node.entry(key) {
        node = entry.value
        mark = entry.key.start
      } else {
        break
      }
    }
    return mark
  }

  private static let sections: Set<String> = [
    "services", "networks", "volumes", "configs", "secrets", "include", "name",
  ]

  private static func mark(_ message: String, in document: Node) -> Mark? {
    if let match = message.firstMatch(of: /L(\d+)\.C(\d+)/), let line = Int(match.1), let column = Int(match.2) {
      return Mark(line: line, column: column)
    }
    // "line 1: line 4: …": the last one is the nearest to the cause.
    if let match = message.matches(of: /line (\d+):/).last, let line = Int(match.1) {
      return Mark(line: line, column: 1)
    }
    var path: [String] = []
    for word in message.split(whereSeparator: { " :,".contains($0) }) {
      let parts = word.split(separator: ".").map(String.init)
      if parts.count > 1, let first = parts.first, sections.contains(first) {
        path = keys(parts, in: document)
        break
      }
    }
    if path.isEmpty, let match = message.firstMatch(of: /'([a-z]+)\[([^\]]+)\]([A-Za-z0-9_.\-]*)'/) {
      path = [String(match.1), String(match.2)] + match.3.split(separator: ".").map(String.init)
    }
    if path.isEmpty, let match = message.firstMatch(of: /service "([^"]+)"/) { path = ["services", String(match.1)] }
    if let match = message.firstMatch(of: /additional properties '([^']+)'/) { path.append(String(match.1)) }
    if let match = message.firstMatch(of: /undefined (network|volume|config|secret) "?([^\s":]+)/) {
      let section = String(match.1) + "s"
      if let place = placeOfUse(String(match.2), in: document, path + [section]) { return place }
    }
    if message.contains("depends on undefined") { path.append("depends_on") }
    return mark(ofPath: path, in: document)
  }

  /// A key may itself hold dots: takes the longest one that stands there.
  private static func keys(_ parts: [String], in document: Node) -> [String] {
    var (result, node, rest) = ([String](), document, parts[...])
    while !rest.isEmpty {
      let length = (1...rest.count).reversed().first { node.entry(rest.prefix($0).joined(separator: ".")) != nil } ?? 1
      let key = rest.prefix(length).joined(separator: ".")
      result.append(key)
      rest = rest.dropFirst(length)
      if let next = node[key] {
        node = next
      } else if let index = Int(key), let items = node.sequence, index < items.count {
        node = items[index]
      } else {
        result += rest
        break
      }
    }
    return result
  }

  private static func placeOfUse(_ name: String, in document: Node, _ path: [String]) -> Mark? {
    var node = document
    for key in path {
      guard let next = node[key] else { return nil }
      node = next
    }
    if let entry = node.entry(name) { return entry.key.start }
    return node.sequence?.first { item in
      item.string.map { $0 == name || $0.hasPrefix(name + ":") } ?? (item["source"]?.string == name)
    }?.start
  }
}

/// Finds the places where a variable is used.
public enum Variables {
  /// Returns the place of the first scalar that uses a variable.
  public static func place(of name: String, in sources: [ComposeSource]) -> Place {
    uses(of: name, in: sources).first.map { ($0.path, $0.mark) } ?? (sources.first?.path ?? "", nil)
  }

  /// One place where a variable is used, and whether a shell in the container may be meant to read it.
  public struct Use: Sendable {
    /// The file.
    public let path: String
    /// The place in it.
    public let mark: Mark
    /// Whether it is in a command.
    public let isCommand: Bool
    /// Whether it is in the path of a Compose file that is included or extended.
    public let isComposeFile: Bool
    /// The whole text.
    public let text: String
  }

  /// Lists every use of a variable.
  public static func uses(of name: String, in sources: [ComposeSource]) -> [Use] {
    sources.flatMap { source in
      source.scalars.filter { uses(name, $0.text) }.map { scalar in
        Use(
          path: source.path, mark: scalar.mark, isCommand: scalar.keys.contains(where: commands.contains),
          isComposeFile: scalar.keys.first == "include" || scalar.keys.suffix(2) == ["extends", "file"],
          text: scalar.text)
      }
    }
  }

  private static let commands: Set<String> = ["command", "entrypoint", "test", "exec", "dockerfile_inline"]

  /// The variables that are used somewhere without a default, sorted.
  public static func withoutDefault(in sources: [ComposeSource]) -> [String] {
    Set(sources.flatMap(\.scalars).flatMap { withoutDefault(in: $0.text) }).sorted()
  }

  /// The variables that a text uses without a default, in order.
  public static func withoutDefault(in text: String) -> [String] {
    if !text.contains("$") { return [] }
    let use = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:\}|:?\?))/
    return text.matches(of: use).compactMap { ($0.output.1 ?? $0.output.2).map(String.init) }
  }

  /// Returns whether a line of a source uses a variable.
  public static func isUsed(_ name: String, at mark: Mark, of path: String, in sources: [ComposeSource]) -> Bool {
    uses(of: name, in: sources).contains { $0.path == path && $0.mark.line == mark.line }
  }

  /// Returns whether a text holds a reference to a variable.
  public static func uses(_ name: String, _ text: String) -> Bool {
    for part in text.split(separator: "$", omittingEmptySubsequences: false).dropFirst() {
      let body = part.hasPrefix("{") ? part.dropFirst() : part
      guard body.hasPrefix(name) else { continue }
      let next = body.dropFirst(name.count).first
      if next.map({ !($0.isLetter || $0.isNumber || $0 == "_") }) ?? true { return true }
    }
    return false
  }
}
