import YAML

extension Rule {
  static let plaintextSecret = Rule(
    id: "plaintext-secret", summary: "a secret written out in a Compose file",
    why: """
      A secret in git is in every clone, for ever. Everybody who reads the repository has the key to the database, and a
      changed secret needs a commit. References such as `${POSTGRES_PASSWORD}` and plain placeholders are no secrets; a
      default such as `${TOKEN:-abc}` is one.
      """,
    fix: "Put the value into the `.env` beside the live Compose file and write `${NAME}` here; then change the secret.",
    bad: """
      services:
        db: {image: "postgres:16", environment: {POSTGRES_PASSWORD: hunter22!}}
      """,
    good: """
      services:
        db: {image: "postgres:16", environment: {POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}"}}
      """
  ) { subject in
    var found: [Finding] = []
    for source in subject.sources {
      var search = SecretSearch(path: source.path)
      if let document = source.document { search.look(at: document, keys: []) }
      found += search.found
    }
    for (path, text) in subject.environmentFiles.sorted(by: { $0.key < $1.key }) {
      for (number, name, value) in SecretSearch.assignments(in: text) {
        let place = (path, Mark(line: number, column: 1))
        if let literal = value.writtenOut.first(where: { Secrets.isSecret(name, $0) }) {
          let message = "the value of \(name) is written out (\(Secrets.shown(literal)))"
          found.append(Finding(place: place, message: message, help: SecretSearch.help))
        } else if let hit = (Secrets.shaped(value) + Secrets.inAddresses(value)).first {
          let message = "\(name) holds \(hit.what) (\(hit.shown))"
          found.append(Finding(place: place, message: message, help: SecretSearch.help))
        }
      }
    }
    return found
  }
}

/// Walks through a Compose file's source for values that are written out.
struct SecretSearch {
  let path: String
  var found: [Finding] = []
  private var seen: Set<Mark> = []
  private var service: String?
  private var isShell = false

  static let help = "put it into the live `.env`, write `${NAME}` here, and change the secret: it is in the history now"

  init(path: String) { self.path = path }

  mutating func look(at node: Node, keys: [String]) {
    isShell = isCommand(keys)
    if let text = node.string {
      look(at: text, node, keys: keys)
    } else if let items = node.sequence {
      for (index, item) in items.enumerated() {
        if let text = item.string, takesAssignments(keys) {
          look(atAssignment: text, item, keys: keys)
        } else {
          look(at: item, keys: keys)
        }
        // `--password`, `secret` as two words of a command.
        if isCommand(keys), index > 0, let flag = items[index - 1].string, let value = item.string {
          if flag.hasPrefix("-"), !flag.contains("="), Secrets.isSecretName(flag.trimmingDashes) {
            name(flag, value, item)
          }
        }
      }
    } else {
      for entry in node.mapping ?? [] {
        isShell = isCommand(keys)
        let key = entry.key.string ?? ""
        if keys == ["services"] { service = key } else if keys.isEmpty { service = nil }
        if let text = entry.value.string, takesAssignments(keys) {
          name(key, text, entry.value)
        }
        // What is merged in stands where it is merged.
        look(at: entry.value, keys: key == "<<" ? keys : keys + [key])
      }
    }
  }

  private func takesAssignments(_ keys: [String]) -> Bool {
    guard let last = keys.last else { return false }
    return ["environment", "args", "labels", "annotations", "options", "driver_opts"].contains(last)
      || last.hasPrefix("x-") || keys.first?.hasPrefix("x-") == true
  }

  private func isCommand(_ keys: [String]) -> Bool { keys.contains { ["command", "entrypoint", "test"].contains($0) } }

  private mutating func look(atAssignment text: String, _ node: Node, keys: [String]) {
    look(atAssignment: text, node)
    look(at: text, node, keys: keys)
  }

  private mutating func look(at text: String, _ node: Node, keys: [String]) {
    for literal in [text] + (text.contains("$") ? text.literals : []) {
      for hit in Secrets.shaped(literal) + Secrets.inAddresses(literal) {
        add("\(keys.last ?? "a value") holds \(hit.what) (\(hit.shown))", node)
      }
    }
    if keys.last == "content" || text.hasPrefix("{") {
      for (_, key, value) in Self.assignments(in: text.replacing(",", with: "\n").replacing("{", with: "\n")) {
        name(key, value.replacing("}", with: "").trimmed.trimmingQuotes, node)
      }
    }
    if keys.contains("driver_opts") {
      for part in text.split(separator: ",") { look(atAssignment: String(part), node) }
    }
    guard isCommand(keys) else { return }
    if let match = text.prefix(4000).firstMatch(of: /[Bb]earer +([A-Za-z0-9._-]{16,})/) {
      name("the bearer token", String(match.1), node, promises: true)
    }
    let words = text.split(whereSeparator: { $0.isWhitespace || $0 == ";" }).map { String($0).trimmingMarks }
    for word in words where !word.hasPrefix("-") { look(atAssignment: word, node) }
    for (index, word) in words.enumerated() where word == "-u" || word == "--user" {
      guard index + 1 < words.count, let colon = words[index + 1].firstIndex(of: ":") else { continue }
      name("\(word)", String(words[index + 1][words[index + 1].index(after: colon)...]), node, promises: true)
    }
    for (index, word) in words.enumerated() where word.hasPrefix("-") {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard Secrets.isSecretName(parts[0].trimmingDashes) else { continue }
      if parts.count == 2 {
        name(parts[0], parts[1].trimmingQuotes, node)
      } else if index + 1 < words.count, !words[index + 1].hasPrefix("-") {
        name(parts[0], words[index + 1].trimmingQuotes, node)
      }
    }
  }

  private mutating func look(atAssignment text: String, _ node: Node) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2 { name(parts[0], parts[1].trimmingQuotes, node) }
  }

  /// Reads the lines of a file of values: number, name, value; `NAME=value` and `NAME: value` are the same to Compose.
  static func assignments(in text: String) -> [(number: Int, name: String, value: String)] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap { index, line in
      let line = String(line.prefix(4000)).trimmed
      if line.hasPrefix("#") { return nil }
      return Secrets.assignment(in: withoutComment(line)).map { (index + 1, $0.name, $0.value) }
    }
  }

  /// Takes away what follows a value: all after its closing quote, or after white space a `#`.
  private static func withoutComment(_ line: String) -> String {
    guard let sign = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { return line }
    let value = line[line.index(after: sign)...].drop(while: \.isWhitespace)
    var previous: Character = value.startIndex == line.index(after: sign) ? "=" : " "
    let quote = value.first.flatMap { $0 == "\"" || $0 == "'" ? $0 : nil }
    for index in quote == nil ? value.indices : value.dropFirst().indices {
      let letter = value[index]
      if let quote, letter == quote, quote == "'" || previous != "\\" { return String(line[...index]) }
      if quote == nil, letter == "#", previous.isWhitespace { return String(line[..<index]) }
      previous = previous == "\\" && letter == "\\" ? " " : letter
    }
    return line
  }

  private mutating func name(_ name: String, _ value: String, _ node: Node, promises: Bool = false) {
    // What the container's own shell puts in is not written here.
    if isShell, value.firstMatch(of: /\$\$[A-Za-z_({]/) != nil { return }
    let bare = name.trimmingDashes
    guard
      let literal = value.writtenOut.first(where: {
        promises ? Secrets.isWrittenOut($0) : Secrets.isSecret(bare, $0)
      })
    else { return }
    add("the value of \(name) is written out (\(Secrets.shown(literal)))", node)
  }

  /// An alias brings the same value to many places: it is told once.
  private mutating func add(_ message: String, _ node: Node) {
    guard seen.insert(node.start).inserted else { return }
    found.append(Finding(service: service, place: (path, node.start), message: message, help: Self.help))
  }
}

extension String {
  fileprivate var trimmingDashes: String { String(drop { $0 == "-" }) }
  fileprivate var trimmingMarks: String {
    String(drop { $0 == "\"" || $0 == "'" }.reversed().drop { $0 == "\"" || $0 == "'" }.reversed())
  }
  var trimmingQuotes: String {
    guard count >= 2, let first, first == last, first == "\"" || first == "'" else { return self }
    return String(dropFirst().dropLast())
  }
}
