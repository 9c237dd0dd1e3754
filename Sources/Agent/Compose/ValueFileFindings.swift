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

  /// Finds what is wrong with what a stack's `.env` says to Compose itself: the files that it is to take, the project's name.
  func composeSettingRefusal(_ name: String) -> Diagnostic? {
    let directory = directory(of: name)
    let file = Path.join(directory, ".env")
    let found = valueLines(of: file).enumerated().reversed().lazy.compactMap { index, line in
      line.composeSetting.flatMap { key, value in
        obstacle(in: value, of: key, directory).map { (line: index + 1, key: key, words: $0.words, help: $0.help) }
      }
    }.first
    return found.map {
      Diagnostic(
        rule: "compose", at: (file, Mark(line: $0.line, column: 1)), stack: name, message: "\($0.key) \($0.words)",
        help: "correct that line of \(Path.join(settings.liveRoot, file)), or take it out; \($0.help)", isFinal: true)
    }
  }

  private func obstacle(in value: String, of key: String, _ directory: String) -> (words: String, help: String)? {
    // What a variable makes of it, Compose knows.
    if value.isEmpty || value.contains("$") { return nil }
    if key == "COMPOSE_PROJECT_NAME" {
      return value.wholeMatch(of: /[a-z0-9][a-z0-9_\-]*/) != nil
        ? nil
        : (
          "is not a project name",
          "a project's name has small letters, digits, `-` and `_`, and begins with a letter or a digit"
        )
    }
    let missing = value.split(separator: ":").contains { part in
      let place = Path.join(directory, String(part))
      return view.tree[place] == nil && Files.status(Path.join(settings.liveRoot, place)) == nil
    }
    return missing ? ("names a file that is not there", "it names Compose files, separated by `:`") : nil
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
  /// A setting of Compose's own, and its value without quotes.
  fileprivate var composeSetting: (key: String, value: String)? {
    firstMatch(of: /^\s*(?:export\s+)?(COMPOSE_FILE|COMPOSE_PROJECT_NAME)\s*=\s*(?:"([^"]*)"|'([^']*)'|(.*?))\s*$/).map
    {
      (String($0.1), String($0.2 ?? $0.3 ?? $0.4 ?? ""))
    }
  }

  fileprivate var opensQuote: Bool { firstMatch(of: /^\s*(?:export\s+)?[\w.\-]+\s*[=:]\s*["']/) != nil }
  fileprivate var hasHalfVariable: Bool { firstMatch(of: /\$\{[^}]*$/) != nil }
}
