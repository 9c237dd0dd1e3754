import Core
import YAML

/// What is wrong in a file of values is told of that file, by its line, and never with a value of it.
extension Resolve {
  /// Turns what Compose says of a file of values into a finding there; nothing where it is about something else.
  func valueFileRefusal(_ name: String, _ message: String) -> Diagnostic? {
    guard let match = message.firstMatch(of: /failed to read ([^\s:]+): (?:line (\d+): )?(.*)/) else { return nil }
    let (file, line, reason) = (String(match.1), match.2.flatMap { Int($0) }, match.3)
    let lines = valueLines(of: file)
    let (words, place): (String, Int?) =
      if reason.contains("unterminated quoted value") {
        // Compose names the end of the file.
        (
          "a quote is never closed",
          lines.prefix(line ?? lines.count).lastIndex { $0.opensQuote }.map { $0 + 1 } ?? line
        )
      } else if reason.contains("cannot contain a space") {
        ("a name has a space in it", line)
      } else if reason.contains("template") {
        ("a `$` in a value begins no variable", line ?? lines.firstIndex { $0.hasHalfVariable }.map { $0 + 1 })
      } else {
        ("a line is not NAME=value", line)
      }
    return Diagnostic(
      rule: "compose", at: (file, place.map { Mark(line: $0, column: 1) }), stack: name, message: words,
      help: "correct that line; a value with a quote, a space or a `$` in it goes into single quotes", isFinal: true)
  }

  /// Finds the line of a stack's `.env` that uses a variable.
  func valueFileUse(of variable: String, in directory: String) -> Place? {
    let file = Path.join(directory, ".env")
    return valueLines(of: file).firstIndex { Variables.uses(variable, $0) }.map {
      (file, Mark(line: $0 + 1, column: 1))
    }
  }

  private func valueLines(of file: String) -> [String] {
    let bytes = Files.read(Path.join(settings.liveRoot, file), limit: 1 << 20) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }
}

extension String {
  fileprivate var opensQuote: Bool { firstMatch(of: /^\s*(?:export\s+)?[\w.\-]+\s*[=:]\s*["']/) != nil }
  fileprivate var hasHalfVariable: Bool { firstMatch(of: /\$\{[^}]*$/) != nil }
}
