import YAML

/// Reads typed values out of YAML nodes and collects what is wrong, with its place.
struct SettingsReader {
  private(set) var problems: [SettingsProblem] = []

  mutating func problem(_ node: Node, _ message: String) {
    problems.append(SettingsProblem(at: node.start, message))
  }

  /// Returns the members of a mapping; keys outside `keys` are problems, unless it is nil.
  mutating func section(_ node: Node, _ name: String, keys: [String]?) -> [String: Node] {
    if node.isNull { return [:] }
    guard let entries = node.mapping else {
      problem(node, "\(name) must be a mapping of keys to values")
      return [:]
    }
    var members: [String: Node] = [:]
    for entry in entries {
      guard let key = entry.key.string else {
        problem(entry.key, "a key of \(name) must be plain text")
        continue
      }
      if let keys, !keys.contains(key) {
        let near =
          nearest(key, among: keys).map { "; did you mean \($0)?" }
          ?? "; known keys are \(keys.joined(separator: ", "))"
        problem(entry.key, "unknown key \(key) in \(name)\(near)")
        continue
      }
      members[key] = entry.value
    }
    return members
  }

  mutating func list(_ node: Node, _ name: String) -> [Node] {
    if node.isNull { return [] }
    guard let elements = node.sequence else {
      problem(node, "\(name) must be a list")
      return []
    }
    return elements
  }

  mutating func strings(_ members: [String: Node], _ key: String) -> [String] {
    guard let node = members[key] else { return [] }
    return list(node, key).compactMap { element in
      guard let text = element.string, !text.isEmpty else {
        problem(element, "each entry of \(key) must be text")
        return nil
      }
      return text
    }
  }

  /// Returns the texts of a key that holds one or a list of them; none where it is left out.
  mutating func texts(_ members: [String: Node], _ key: String) -> [String] {
    guard let node = members[key] else { return [] }
    if let text = node.string, !text.isEmpty, !node.isNull { return [text] }
    if node.sequence?.isEmpty != false {
      problem(node, "\(key) must be text or a list of texts; to cover all, leave \(key) out")
      return []
    }
    return strings(members, key)
  }

  mutating func required(_ members: [String: Node], _ key: String, in parent: Node) -> String {
    guard let node = members[key] else {
      problem(parent, "\(key) is missing")
      return ""
    }
    guard let text = node.string, !text.isEmpty, !node.isNull else {
      problem(node, "\(key) must be text")
      return ""
    }
    return text
  }

  mutating func absolutePath(_ members: [String: Node], _ key: String, in parent: Node) -> String {
    let text = required(members, key, in: parent)
    guard !text.isEmpty else { return "" }
    guard Path.isAbsolute(text), Path.normalized(text) != "/" else {
      if let node = members[key] { problem(node, "\(key) must be an absolute path below /, not \(text)") }
      return ""
    }
    return Path.normalized(text)
  }

  mutating func relativePath(_ members: [String: Node], _ key: String, in parent: Node) -> String {
    let text = required(members, key, in: parent)
    guard !text.isEmpty else { return "" }
    let path = Path.normalized(text)
    guard !Path.isAbsolute(path), !path.hasPrefix(".."), path != "." else {
      if let node = members[key] {
        problem(node, "\(key) must be a relative path such as dir/file, without .., not \(text)")
      }
      return ""
    }
    return path
  }

  mutating func integer(_ members: [String: Node], _ key: String, _ fallback: Int, in range: ClosedRange<Int>) -> Int {
    guard let node = members[key] else { return fallback }
    guard let value = node.string.flatMap({ Int($0) }), range.contains(value) else {
      problem(node, "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      return fallback
    }
    return value
  }

  mutating func boolean(_ members: [String: Node], _ key: String) -> Bool {
    guard let node = members[key] else { return false }
    guard let text = node.string, ["true", "false"].contains(text) else {
      problem(node, "\(key) must be true or false")
      return false
    }
    return text == "true"
  }

  mutating func choice<Choice>(_ members: [String: Node], _ key: String, _ fallback: Choice) -> Choice
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    guard let node = members[key] else { return fallback }
    guard let value = node.string.flatMap(Choice.init(rawValue:)) else {
      problem(node, "\(key) must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
      return fallback
    }
    return value
  }

  mutating func duration(_ node: Node, _ key: String) -> Duration? {
    guard let value = node.string.flatMap(Duration.init(parsing:)), value > .zero else {
      problem(node, "\(key) must be a time such as 30s, 5m or 1h30m")
      return nil
    }
    return value
  }
}

/// Returns the known word that a mistyped one is nearest to, when at most two letters differ.
public func nearest(_ word: String, among known: [String]) -> String? {
  let ranked = known.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
  guard let (best, edits) = ranked, edits <= 2, edits < best.count else { return nil }
  return best
}

/// What ends a sentence about an unknown word: the known one that it is nearest to, or nothing.
public func suggestion(for word: String, among known: [String]) -> String {
  nearest(word, among: known).map { "; did you mean \($0)?" } ?? ""
}

private func distance(_ left: String, _ right: String) -> Int {
  let right = Array(right)
  var row = Array(0...right.count)
  for (i, letter) in left.enumerated() {
    var previous = row[0]
    row[0] = i + 1
    for (j, other) in right.enumerated() {
      let cost = previous + (letter == other ? 0 : 1)
      previous = row[j + 1]
      row[j + 1] = min(cost, row[j] + 1, previous + 1)
    }
  }
  return row[right.count]
}
