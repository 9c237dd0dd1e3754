/// A place in a YAML text.
public struct Mark: Sendable, Hashable {
  /// The line, from 1.
  public let line: Int
  /// The column in Unicode scalars, from 1.
  public let column: Int

  /// Makes a place.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// A YAML value with the place where it stands; an alias is replaced by what it refers to.
public indirect enum Content: Sendable, Hashable {
  /// Text, and whether it was written without quotes.
  case scalar(String, plain: Bool)
  /// The elements in order.
  case sequence([Node])
  /// The members in order.
  case mapping([Entry])
}

/// One member of a mapping.
public struct Entry: Sendable, Hashable {
  /// The key.
  public let key: Node
  /// The value.
  public let value: Node
}

/// A value of a YAML document.
public struct Node: Sendable, Hashable {
  /// What stands there.
  public let content: Content
  /// The tag as written, such as `!reset`.
  public let tag: String?
  /// Where it begins. For an alias, where the alias stands.
  public let start: Mark

  init(_ content: Content, tag: String?, start: Mark) {
    self.content = content
    self.tag = tag
    self.start = start
  }

  /// The text of a scalar.
  public var string: String? {
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  /// Whether it is the null of YAML's core schema: nothing, `~` or `null` without quotes.
  public var isNull: Bool {
    guard case .scalar(let text, plain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The elements of a sequence.
  public var sequence: [Node]? {
    guard case .sequence(let elements) = content else { return nil }
    return elements
  }

  /// The members of a mapping as written, merge keys included.
  public var mapping: [Entry]? {
    guard case .mapping(let entries) = content else { return nil }
    return entries
  }

  /// Returns the member with this key, also from a mapping merged in by `<<`; a member of its own wins.
  public func entry(_ key: String) -> Entry? {
    guard let entries = mapping else { return nil }
    if let own = entries.first(where: { $0.key.string == key }) { return own }
    for entry in entries where entry.key.string == "<<" {
      for merged in entry.value.sequence ?? [entry.value] {
        if let found = merged.entry(key) { return found }
      }
    }
    return nil
  }

  /// Returns the value of the member with this key; see `entry`.
  public subscript(_ key: String) -> Node? { entry(key)?.value }

  /// The members of a mapping with those that are merged in by `<<`; a member of its own wins.
  public var merged: [Entry] {
    var seen: Set<String> = []
    var found: [Entry] = []
    func add(_ node: Node, _ depth: Int) {
      guard depth < 100 else { return }
      for entry in node.mapping ?? [] where entry.key.string != "<<" {
        if let key = entry.key.string, !seen.insert(key).inserted { continue }
        found.append(entry)
      }
      for entry in node.mapping ?? [] where entry.key.string == "<<" {
        for other in entry.value.sequence ?? [entry.value] { add(other, depth + 1) }
      }
    }
    add(self, 0)
    return found
  }
}
