import YAML

/// Tells secrets from what only looks like one.
enum Secrets {
  /// What was found in a text, and how to show it without giving it away.
  struct Hit: Sendable, Equatable {
    let what: String
    let shown: String
    /// Where it begins, in characters from the start of the text.
    var offset = 0
  }

  // MARK: shapes

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
      for range in text.ranges(of: begin) {
        let line = text[range.lowerBound...].prefix { !$0.isNewline && $0 != "\\" }
        if line.contains(name) {
          hits.append(
            Hit(what: "a private key", shown: begin + "…", offset: text[..<range.lowerBound].utf8.count))
        }
      }
    }
    for shape in shapes {
      for begin in shape.begin {
        let start = Array(begin.utf8)
        for index in occurrences(of: start, in: bytes) {
          let before = index == 0 ? 0x20 : bytes[index - 1]
          if Letters.word.allows(before) { continue }
          let rest = bytes[(index + start.count)...].prefix { shape.letters.allows($0) }
          let body = String(decoding: rest, as: UTF8.self)
          guard shape.rest.contains(rest.count), !isPlaceholder(body), Set(rest).count > 5 else { continue }
          hits.append(Hit(what: shape.what, shown: begin + "…", offset: index))
        }
      }
    }
    // A regular expression is slow: it is asked only where a part of what it looks for stands.
    func look(_ hint: String, _ what: String, _ shown: String, for pattern: some RegexComponent) {
      guard text.contains(hint) else { return }
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
    look(":AA", "a Telegram token", "…:AA…", for: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/)
    return hits
  }

  private static func occurrences(of word: [UInt8], in bytes: [UInt8]) -> [Int] {
    guard let first = word.first, bytes.count >= word.count else { return [] }
    var found: [Int] = []
    for index in 0...(bytes.count - word.count) where bytes[index] == first {
      if bytes[index..<(index + word.count)].elementsEqual(word) { found.append(index) }
    }
    return found
  }

  /// Finds `scheme://user:password@host` with the password written out.
  static func inAddresses(_ text: String) -> [Hit] {
    guard text.contains("://") else { return [] }
    return text.matches(of: /([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^\s:\/@"']*):([^\s\/@"']+)@/).compactMap { match in
      let password = String(match.3)
      guard isWrittenOut(password) else { return nil }
      let user = match.2.contains("$") ? "…" : String(match.2)
      return Hit(
        what: "a password in an address", shown: "\(match.1)://\(user):…@",
        offset: text[..<match.range.lowerBound].utf8.count)
    }
  }

  /// Says whether a line had better not be shown.
  static func mayHold(_ line: String) -> Bool {
    if !shaped(line).isEmpty || !inAddresses(line).isEmpty { return true }
    return line.matches(of: /([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*[:=]\s*["']?([^\s"',{}\[\]]+)/).contains { match in
      isSecretName(String(match.1)) && String(match.2).literals.contains(where: isWrittenOut)
    }
  }

  // MARK: names

  private static let words = [
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY",
    "ENCRYPTION_KEY", "AUTH_KEY", "AUTHKEY", "SIGNING_KEY", "MASTER_KEY", "SECRET_KEY", "CREDENTIAL", "REQUIREPASS",
  ]
  private static let ends = ["_PWD", "_PASS", "_PSK", "_SALT"]
  private static let harmlessEnds = [
    "_FILE", "_PATH", "_DIR", "_URL", "_URI", "_NAME", "_USER", "_USERNAME", "_ID", "_EXPIRY", "_EXPIRES",
    "_EXPIRATION",
    "_TTL", "_LENGTH", "_MIN", "_MAX", "_TYPE", "_HEADER", "_ENABLED", "_TIMEOUT", "_LIFETIME", "_AGE", "_POLICY",
    "_ALGORITHM", "_ALG", "_ISSUER", "_AUDIENCE", "_ENDPOINT", "_COUNT", "_LIMIT", "_REQUIRED", "_HASH_ROUNDS",
    "_ROUNDS",
    "_PREFIX", "_SUFFIX", "_COOKIE", "_VERSION", "_PROVIDER", "_SOURCE", "_STORE", "_BACKEND", "_ARN", "_REGION",
    "_HOST",
    "_PORT", "_ROTATION", "_INTERVAL", "_FORMAT", "_FIELD", "_KEY_ID", "_PLUGIN", "_ALLOWED", "_MODE",
  ]

  /// Says whether a name promises a secret.
  static func isSecretName(_ name: String) -> Bool {
    var upper = ""
    var previous: Character = "_"
    for letter in name {
      if letter.isUppercase, previous.isLowercase { upper.append("_") }
      upper.append(letter == "-" || letter == "." ? "_" : Character(letter.uppercased()))
      previous = letter
    }
    if harmlessEnds.contains(where: upper.hasSuffix) || upper.hasPrefix("NO_") || upper.contains("ALLOW_EMPTY") {
      return false
    }
    return words.contains(where: upper.contains) || ends.contains(where: upper.hasSuffix)
      || ["PASS", "PWD_HASH", "PSK"].contains(upper)
  }

  /// Says whether a value is a secret written out, rather than a reference, an example or a switch.
  static func isWrittenOut(_ value: String) -> Bool {
    let text = value.trimmed
    if text.count < 3 || text.contains("$") || text.hasPrefix("/") || text.hasPrefix("file:") { return false }
    if ["true", "false", "yes", "no", "none", "null", "nil", "off", "on", "required", "optional", "disabled"]
      .contains(text.lowercased())
    {
      return false
    }
    if text.count < 6, text.allSatisfy(\.isNumber) { return false }
    // What merely begins like an example is somebody's real value.
    return !isPlaceholder(text) || text.lowercased().hasPrefix("example") && text.contains(where: \.isNumber)
  }

  private static let placeholders = [
    "change", "example", "placeholder", "replace", "your", "todo", "fixme", "dummy", "xxx", "redacted", "insert", "<",
    ">",
    "{{", "}}", "…", "...", "***", "sample",
  ]

  /// Says whether a text stands for a secret that is still to be put there.
  static func isPlaceholder(_ text: String) -> Bool {
    let lower = text.lowercased()
    return placeholders.contains(where: lower.contains) || Set(lower).count < 3
  }

  /// Gives the bits per character; random text has 4 and more, words about 3.
  static func entropy(_ text: String) -> Double {
    var counts: [Character: Double] = [:]
    for letter in text { counts[letter, default: 0] += 1 }
    let total = Double(text.count)
    return counts.values.reduce(0) { $0 - $1 / total * binaryLogarithm($1 / total) }
  }

  /// The logarithm to base 2 for 0 < x ≤ 1, by repeated squaring: Core has no C library to ask.
  private static func binaryLogarithm(_ number: Double) -> Double {
    var result = Double(number.exponent)
    var rest = number.significand
    var bit = 0.5
    for _ in 0..<20 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += bit
      }
      bit /= 2
    }
    return result
  }

  /// Shows a value by its first characters at most.
  static func shown(_ value: String) -> String { value.count >= 12 ? "\(value.prefix(3))…" : "…" }
}

extension String {
  /// The text without white space at either end.
  var trimmed: String {
    let start = drop { $0.isWhitespace }
    return String(start.reversed().drop { $0.isWhitespace }.reversed())
  }

  /// The values that a text of a Compose file holds by itself: itself without references, or their defaults.
  var literals: [String] {
    guard contains("$") else { return [self] }
    return matches(of: /\$\{[A-Za-z_][A-Za-z0-9_]*:?[-+]([^${}]*)\}/).map { String($0.1) }
  }
}
