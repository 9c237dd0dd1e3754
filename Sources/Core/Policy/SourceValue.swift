import YAML

/// What stands at a finding's place in a Compose file: by it, the finding is known again wherever its line has moved to.
struct SourceValue: Sendable, Hashable {
  /// The keys that lead there, without the numbers of items: `services.web.ports`.
  var keys: String
  /// The value; nothing where it may hold a secret.
  var value: String?
}

/// The values of Compose files by their places.
struct SourceValues {
  private var found: [String: [Mark: (keys: [String], node: Node)]] = [:]
  private var seen: Set<Mark> = []

  init(_ sources: [ComposeSource]) {
    for source in sources {
      seen = []
      if let document = source.document { read(document, [], source.path) }
    }
  }

  subscript(place: Place) -> SourceValue? {
    guard let mark = place.mark, let (keys, node) = found[place.path]?[mark] else { return nil }
    let (path, value) = (
      keys.joined(separator: "."), node.string ?? String(decoding: JSON(node).canonical, as: UTF8.self)
    )
    return SourceValue(keys: path, value: Secrets.mayHold("\(keys.last ?? ""): \(value)") ? nil : value)
  }

  /// What an alias stands for is read once, where it comes first.
  private mutating func read(_ node: Node, _ keys: [String], _ path: String) {
    for item in node.sequence ?? [] {
      if item.sequence == nil { add(item.start, keys, item, path) }
      read(item, keys, path)
    }
    for entry in node.mapping ?? [] where seen.insert(entry.key.start).inserted {
      let own = keys + [entry.key.string ?? ""]
      if entry.value.string != nil, !entry.value.isNull {
        add(entry.key.start, own, entry.value, path)
        add(entry.value.start, own, entry.value, path)
      }
      read(entry.value, own, path)
    }
  }

  private mutating func add(_ mark: Mark, _ keys: [String], _ node: Node, _ path: String) {
    if found[path]?[mark] == nil { found[path, default: [:]][mark] = (keys, node) }
  }
}

extension Diagnostic {
  /// The rules whose messages show the beginning of a secret.
  private static let secret: Set<String> = ["plaintext-secret", "forbidden-file"]

  /// The text by which the baseline knows it again: what stands at its place, or what is said of it where that is no single
  /// value. It holds no secret and no line number.
  var placeText: String {
    let isSecret = Self.secret.contains(rule)
    var said = message
    if isSecret, said.hasSuffix(")"), let shown = said.firstRange(of: " (") { said = String(said[..<shown.lowerBound]) }
    guard let sourceValue else { return stack != nil && !isSecret || said.contains(file) ? said : "\(file): \(said)" }
    guard let value = sourceValue.value, !isSecret else { return "\(sourceValue.keys): \(said)" }
    // What a variable stands for may change without the text.
    return "\(sourceValue.keys): \(value)" + (value.contains("$") ? " (\(said))" : "")
  }
}
