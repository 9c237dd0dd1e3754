extension Sequence<String> {
  /// The texts as a list in a sentence, of many only the first: `a, b and 29 more`. One more than `most` is named as well.
  public func listed(_ most: Int) -> String {
    let all = Array(self)
    guard all.count > 1, let last = all.last else { return all.first ?? "" }
    let isWhole = all.count <= most + 1
    let shown = isWhole ? all.dropLast() : all.prefix(most)
    return shown.joined(separator: ", ") + " and " + (isWhole ? last : "\(all.count - most) more")
  }
}

extension String {
  /// The text as one word of a shell, in single quotes.
  public var quoted: String { "'" + replacing("'", with: #"'\''"#) + "'" }
}

extension Int {
  /// The number with a noun whose plural takes an `s`: `1 stack`, `3 stacks`.
  public func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
