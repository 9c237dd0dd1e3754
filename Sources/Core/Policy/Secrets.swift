import YAML

/// Tells secrets from what only looks like one.
public enum Secrets {
  /// What was found in a text, and how to show it without giving it away.
  struct Hit: Sendable, Equatable {
    let what: String
    let shown: String
    /// Where it begins, in characters from the start of the text.
    var offset = 0
    /// Whether it is the line that begins a private key.
    var isKey = false
  }

  private static let shapes: [(what: String, begin: [String], rest: ClosedRange<Int>, letters: Letters)] = [
    ("an AWS access key", ["AKIA", "ASIA"], 16...16, .upper),
    ("a GitHub token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], 36...80, .word),
    ("a GitHub token", ["github_pat_"], 22...120, .word),
    ("a GitLab token", ["glpat-", "gldt-", "glrt-"], 20...80, .word),
    ("a Slack token", ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"], 20...120, .word),
    ("a Google API key", ["AIza"], 35...35, .word), ("an Anthropic key", ["sk-ant-"], 20...200, .word),
    ("an OpenAI key", ["sk-proj-", "sk-svcacct-"], 20...200, .word), ("an API key", ["sk-"], 40...64, .alphanumeric),
    ("a Stripe key", ["sk_live_", "rk_live_", "whsec_"], 16...120, .word), ("an npm token", ["npm_"], 36...36, .word),
    ("a Hugging Face token", ["hf_"], 30...60, .alphanumeric), ("a Docker token", ["dckr_pat_"], 20...60, .word),
    ("a PyPI token", ["pypi-AgEI"], 40...300, .word), ("a SendGrid key", ["SG."], 50...80, .dotted),
    ("an age key", ["AGE-SECRET-KEY-1"], 50...70, .upper), ("a Vault token", ["hvs."], 20...200, .word),
    ("a Tailscale key", ["tskey-"], 20...120, .word), ("a Gitea token", ["gta_"], 40...40, .alphanumeric),
  ]

  /// How each shape begins.
  static let beginnings = shapes.flatMap(\.begin)

  private enum Letters {
    case upper, alphanumeric, word, dotted
    func allows(_ byte: UInt8) -> Bool {
      switch byte {
      case 0x30...0x39, 0x41...0x5a: true
      case 0x61...0x7a: self != .upper
      case 0x5f, 0x2d: self == .word || self == .dotted
      case 0x2e: self == .dotted
      default: false
      }
    }
  }

  /// Finds private keys and tokens by their shape alone.
  static func shaped(_ text: String) -> [Hit] {
    let bytes = Array(text.utf8)
    // Nothing that is a key by its shape is shorter, and most texts are.
    if bytes.count < 20 { return [] }
    var hits: [Hit] = []
    for (begin, name) in [("-----BEGIN ", "PRIVATE KEY"), ("PuTTY-User-Key-File-", "")] {
      for index in occurrences(of: Array(begin.utf8), in: bytes) {
        let line = bytes[index...].prefix { $0 != 10 && $0 != 13 && $0 != 0x5c }
        guard line.holds(Array(name.utf8)), !isSample(keyAt: bytes[(index + begin.utf8.count)...]) else { continue }
        hits.append(Hit(what: "a private key", shown: begin + "…", offset: index, isKey: true))
      }
    }
    for index in bytes.indices where !byFirst[Int(bytes[index])].isEmpty {
      if index > 0, Letters.word.allows(bytes[index - 1]) { continue }
      for (begin, number) in byFirst[Int(bytes[index])] where bytes[index...].starts(with: begin) {
        let shape = shapes[number]
        let rest = bytes[(index + begin.count)...].prefix { shape.letters.allows($0) }
        guard shape.rest.contains(rest.count), Set(rest).count > 5,
          !isPlaceholder(String(decoding: rest, as: UTF8.self))
        else { continue }
        hits.append(Hit(what: shape.what, shown: String(decoding: begin, as: UTF8.self) + "…", offset: index))
      }
    }
    // A regular expression is slow: it is asked only where a part of what it looks for stands.
    func look(_ hint: String, _ what: String, _ shown: String, for pattern: some RegexComponent) {
      guard bytes.holds(Array(hint.utf8)) else { return }
      for range in text.ranges(of: pattern) {
        hits.append(Hit(what: what, shown: shown, offset: text[..<range.lowerBound].utf8.count))
      }
    }
    look(
      "eyJ", "a JSON web token", "eyJ…",
      for: /\beyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{16,}/)
    look(
      "hooks.slack.com", "a Slack webhook", "hooks.slack.com/…",
      for: /hooks\.slack\.com\/services\/T[A-Z0-9]+\/B[A-Z0-9]+\/[A-Za-z0-9]{20,}/)
    look("\"auth\"", "a registry's login", "\"auth\": …", for: /"auth"\s*:\s*"[A-Za-z0-9+\/]{8,}={0,2}"/)
    for realm in ["@pam!", "@pve!"] {
      look(
        realm, "a Proxmox token", "…\(realm)…",
        for:
          /\b[A-Za-z0-9._-]+@p(?:am|ve)![A-Za-z0-9._-]+[=:][0-9a-f]{8}-(?!0{4}-0{4}-0{4})(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/
      )
    }
    look(":AA", "a Telegram token", "…:AA…", for: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/)
    return hits
  }

  /// The shapes by the first byte of what they begin with.
  static let byFirst: [[(begin: [UInt8], shape: Int)]] = {
    var byFirst = [[(begin: [UInt8], shape: Int)]](repeating: [], count: 256)
    for (index, shape) in shapes.enumerated() {
      for begin in shape.begin {
        let bytes = Array(begin.utf8)
        byFirst[Int(bytes[0])].append((bytes, index))
      }
    }
    return byFirst
  }()

  static func occurrences(of word: [UInt8], in bytes: [UInt8]) -> [Int] {
    guard let first = word.first, bytes.count >= word.count else { return [] }
    var found: [Int] = []
    for index in 0...(bytes.count - word.count) where bytes[index] == first {
      if bytes[index..<(index + word.count)].elementsEqual(word) { found.append(index) }
    }
    return found
  }

  /// Finds `scheme://user:password@host` with the password written out.
  ///
  /// `isGuide` says that the text tells people what to write: there words such as `pass` stand for a password, whoever
  /// the user is.
  static func inAddresses(_ text: String, isText: Bool = false, isGuide: Bool = false) -> [Hit] {
    let bytes = Array(text.utf8)
    return occurrences(of: Array("://".utf8), in: bytes).compactMap { place in
      let scheme = bytes[..<place].reversed().prefix(16).prefix {
        $0.isLetter || $0.isDigit || $0 == 0x2b || $0 == 0x2d || $0 == 0x2e
      }
      let rest = bytes[(place + 3)...].prefix(512).prefix { $0 > 0x20 && $0 != 0x22 && $0 != 0x27 }
      guard !scheme.isEmpty, let at = rest.lastIndex(of: 0x40), let colon = rest[..<at].firstIndex(of: 0x3a) else {
        return nil
      }
      let user = String(decoding: rest[..<colon], as: UTF8.self)
      let password = String(decoding: rest[(colon + 1)..<at], as: UTF8.self)
      // What is doubled for Compose, which `literals` writes as a paragraph sign, is a variable of the container's shell.
      let parts = password.replacing("$$", with: "$").replacing("§", with: "$").literals
      // `http://host:80/path@2` has a port there.
      guard !user.contains("/"), parts.contains(where: isWrittenOut), !password.contains("/") else {
        return nil
      }
      if isText, isForm(user, password, isGuide) { return nil }
      let host = String(decoding: rest[(at + 1)...], as: UTF8.self)
      if isText, isThrowaway(user, password, at: host) { return nil }
      let name = String(decoding: scheme.reversed(), as: UTF8.self)
      return Hit(
        what: "a password in an address", shown: "\(name)://\(user.contains("$") ? "…" : user):…@",
        offset: place - scheme.count)
    }
  }

  /// Reads `name: value`, `name = "value"` or `"name": "value",` from a line; no more than the first.
  static func assignment(in line: String) -> (name: String, value: String)? {
    guard let sign = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { return nil }
    let left = line[..<sign].reversed().drop { $0 == " " || $0 == "\"" || $0 == "'" }
      .prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) }
    var right = String(line[line.index(after: sign)...]).trimmed
    while let last = right.last, last == "," || last == ";" { right.removeLast() }
    return left.isEmpty ? nil : (String(left.reversed()), right.trimmed.trimmingQuotes)
  }

  /// Reads every `name: value` of a line of JSON, or of YAML in braces; of another line the first one alone.
  static func assignments(in line: String) -> [(name: String, value: String)] {
    let first = [assignment(in: line)].compactMap { $0 }
    guard line.contains("{") else { return first }
    return first
      + line.matches(of: /([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|([^\s"',{}\[\]]+))/).map {
        (String($0.1), String($0.2 ?? $0.3 ?? $0.4 ?? ""))
      }
  }

  /// Returns whether a line had better not be shown.
  public static func mayHold(_ line: String) -> Bool {
    if !shaped(line).isEmpty || !inAddresses(line).isEmpty { return true }
    let upper = line.utf8.map { (0x61...0x7a).contains($0) ? $0 - 0x20 : $0 }
    guard hints.contains(where: { !occurrences(of: $0, in: upper).isEmpty }) else { return false }
    return line.matches(of: /([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*[:=]\s*["']?([^\s"',{}\[\]]+)/).contains { match in
      isSecretName(String(match.1)) && String(match.2).literals.contains(where: isWrittenOut)
    }
  }
}

extension String {
  /// The text without white space at either end.
  public var trimmed: String {
    let start = drop { $0.isWhitespace }
    return String(start.reversed().drop { $0.isWhitespace }.reversed())
  }

  /// The values that a text of a Compose file holds by itself: itself without references, and their defaults.
  ///
  /// What stands around a reference counts when it is long and mixed enough to be more than a prefix.
  var literals: [String] {
    guard contains("$") else { return [self] }
    let text = replacing("$$", with: "\u{1}")
    let rest = text.withoutReferences
    let restored = rest.replacing("\u{1}", with: "§")
    if rest == text { return [restored] }
    let telling =
      restored.count >= 8 && restored.contains(where: \.isNumber) && restored.contains(where: \.isLetter)
      && !restored.contains(where: { "/:@ ".contains($0) })
    return (telling ? [restored] : []) + defaults.map(\.value)
  }

  /// The literals without defaults that everybody knows: `${DB_PASSWORD:-root}` asks for the value of the `.env`.
  var writtenOut: [String] {
    guard contains("$") else { return [self] }
    let known = Set(defaults.map(\.value).filter { Self.anyones.contains($0.lowercased()) })
    return literals.filter { !known.contains($0) }
  }

  static let anyones: Set<String> = [
    "root", "admin", "user", "username", "guest", "default", "pass", "passwd", "password", "secret", "test", "testing",
    "dev", "local", "none", "empty", "unset", "postgres", "mysql", "mariadb", "mongo", "redis", "minio", "toor",
    "minioadmin", "rabbitmq",
  ]

  /// The variables with a default, `${NAME:-value}`, also within one another.
  public var defaults: [(name: String, value: String)] {
    var found: [(String, String)] = []
    var rest = self[...]
    while let start = rest.firstRange(of: "${") {
      rest = rest[start.upperBound...]
      let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      let after = rest[name.endIndex...]
      let sign =
        after.hasPrefix(":-") || after.hasPrefix(":+") ? 2 : after.hasPrefix("-") || after.hasPrefix("+") ? 1 : 0
      if sign > 0, !name.isEmpty {
        let value = after.dropFirst(sign).prefix { $0 != "}" && $0 != "$" }
        found.append((String(name), String(value)))
      }
    }
    return found
  }

  /// The text with each reference replaced by its default, as Compose would without any value.
  public var withDefaults: String {
    guard contains("${") else { return self }
    var result = ""
    var rest = self[...]
    while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
      result += rest[..<start.lowerBound]
      result += String(rest[start.lowerBound...end]).defaults.first?.value ?? ""
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  private var withoutReferences: String {
    var result = ""
    var depth = 0
    var name = false
    var previous: Character = " "
    for letter in self {
      if depth > 0 {
        if letter == "{" { depth += 1 } else if letter == "}" { depth -= 1 }
      } else if previous == "$", letter == "{" {
        result.removeLast()
        depth = 1
      } else if previous == "$", letter.isLetter || letter == "_" {
        result.removeLast()
        name = true
      } else if name, letter.isLetter || letter.isNumber || letter == "_" {
        continue
      } else {
        name = false
        result.append(letter)
      }
      previous = letter
    }
    return result
  }
}
