import YAML

/// The lines that findings are about, as far as they may be shown.
public struct Excerpts: Sendable {
  private let texts: [String: [UInt8]]

  /// Keeps the sources.
  public init(sources: [ComposeSource]) {
    texts = Dictionary(sources.map { ($0.path, $0.bytes) }) { first, _ in first }
  }

  /// Returns the line of a finding with a caret below its column; nothing when the line holds what looks like a secret.
  public func lines(of finding: Diagnostic) -> [String] {
    guard let line = finding.line, let column = finding.column, let bytes = texts[finding.file] else { return [] }
    let lines = excerpt(of: bytes, at: Mark(line: line, column: column))
    guard let text = lines.first, !Secrets.mayHold(text) else { return [] }
    return lines
  }
}
