extension [String] {
  /// Names them for a sentence, of many only the first: `a, b and 29 more`.
  public func named(atMost most: Int) -> String {
    guard count > 1, let last else { return first ?? "" }
    if count <= most { return dropLast().joined(separator: ", ") + " and \(last)" }
    let shown = prefix(Swift.max(most - 1, 1))
    return shown.joined(separator: ", ") + " and \(count - shown.count) more"
  }
}
