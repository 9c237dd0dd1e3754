import Core

extension Render {
  /// Tells who signed what, and what a sync would say.
  static func verification(_ found: Verification) -> [String] {
    var lines: [String] = []
    if let tag = found.tag { lines.append("\(mark(tag.signature))  tag \(tag.subject) \(tag.signature.words)") }
    for commit in found.commits {
      lines.append(
        "\(mark(commit.signature)) \(commit.id.prefix(12))  \(commit.subject)\n    \(commit.signature.words)")
    }
    let since = found.from.map { " since \($0.prefix(12))" } ?? ""
    if !found.checked {
      lines.append("signatures are not checked: the configuration has no `trust:`")
    } else if found.tag == nil, found.commits.isEmpty {
      lines.append("there is nothing to check\(since)")
    }
    if let error = found.error { lines.append("error: \(error)") }
    let verdict = found.accepted ? "a sync would accept its signatures" : "a sync refuses it"
    lines.append("\(found.commit.prefix(12)) of \(found.branch): \(verdict)")
    return lines
  }

  private static func mark(_ signature: SignatureCheck) -> String { signature.verdict == .good ? "✓" : "✗" }
}
