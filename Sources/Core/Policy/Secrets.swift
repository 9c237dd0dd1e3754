import YAML

/// Tells secrets from what only looks like one.
public enum Secrets {
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
        if line.holds(Array(name.utf8)) { hits.append(Hit(what: "a private key", shown: begin + "…", offset: index)) }
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
    look(":AA", "a Telegram token", "…:AA…", for: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/)
    return hits
  }

  /// The shapes by the first byte of what they begin with.
  private static let byFirst: [[(begin: [UInt8], shape: Int)]] = {
    var byFirst = [[(begin: [UInt8], shape: Int)]](repeating: [], count: 256)
    for (index, shape) in shapes.enumerated() {
      for begin in shape.begin {
        let bytes = Array(begin.utf8)
        byFirst[Int(bytes[0])].append((bytes, index))
      }
    }
    return byFirst
  }()

  private static func occurrences(of word: [UInt8], in bytes: [UInt8]) -> [Int] {
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
        isLetterOrDigit($0) || $0 == 0x2b || $0 == 0x2d || $0 == 0x2e
      }
      let rest = bytes[(place + 3)...].prefix(512).prefix { $0 > 0x20 && $0 != 0x22 && $0 != 0x27 }
      guard !scheme.isEmpty, let at = rest.lastIndex(of: 0x40), let colon = rest[..<at].firstIndex(of: 0x3a) else {
        return nil
      }
      let user = String(decoding: rest[..<colon], as: UTF8.self)
      let password = String(decoding: rest[(colon + 1)..<at], as: UTF8.self)
      // `http://host:80/path@2` has a port there.
      guard !user.contains("/"), password.literals.contains(where: isWrittenOut), !password.contains("/") else {
        return nil
      }
      if isText, isForm(user, password, isGuide) { return nil }
      let name = String(decoding: scheme.reversed(), as: UTF8.self)
      return Hit(
        what: "a password in an address", shown: "\(name)://\(user.contains("$") ? "…" : user):…@",
        offset: place - scheme.count)
    }
  }

  private static let anyUser: Set<String> = [
    "user", "username", "usr", "myuser", "youruser", "your_user", "login", "name", "foo", "me", "someone",
  ]
  private static let anyPassword: Set<String> = [
    "pass", "password", "passwd", "pwd", "pw", "secret", "token", "mypass", "mypassword", "mysecret", "yourpass",
    "yourpassword", "userpass", "dbpass", "bar", "p4ssw0rd", "passw0rd", "pa55word", "p@ss", "s3cret", "api_key",
    "apikey", "key",
  ]

  /// Says whether an address shows the form of one, `user:pass@host`, rather than how to get in.
  private static func isForm(_ user: String, _ password: String, _ isGuide: Bool) -> Bool {
    let word = password.lowercased()
    if isGuide, anyPassword.contains(word) || ["guest", "admin", "root", "postgres", "test"].contains(word) {
      return true
    }
    return anyPassword.contains(word) && anyUser.contains(user.lowercased())
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
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

  /// Says whether a line had better not be shown.
  public static func mayHold(_ line: String) -> Bool {
    if !shaped(line).isEmpty || !inAddresses(line).isEmpty { return true }
    let upper = line.utf8.map { (0x61...0x7a).contains($0) ? $0 - 0x20 : $0 }
    guard hints.contains(where: { !occurrences(of: $0, in: upper).isEmpty }) else { return false }
    return line.matches(of: /([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*[:=]\s*["']?([^\s"',{}\[\]]+)/).contains { match in
      isSecretName(String(match.1)) && String(match.2).literals.contains(where: isWrittenOut)
    }
  }

  // MARK: names

  private static let words = [
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "AUTHKEY", "REQUIREPASS",
  ]
  private static let whole: Set<String> = ["CREDENTIAL", "CREDENTIALS", "PSK", "PWD", "PASS", "SALT"]
  private static let keys: Set<String> = [
    "API", "PRIVATE", "ACCESS", "ENCRYPTION", "AUTH", "SIGNING", "MASTER", "SECRET",
  ]
  private static let harmless: Set<String> = [
    "FILE", "PATH", "DIR", "URL", "URI", "NAME", "USER", "USERNAME", "ID", "EXPIRY", "EXPIRES", "EXPIRATION", "TTL",
    "LENGTH",
    "MIN", "MAX", "TYPE", "HEADER", "ENABLED", "TIMEOUT", "LIFETIME", "LIFESPAN", "AGE", "POLICY", "ALGORITHM", "ALG",
    "ISSUER",
    "AUDIENCE", "ENDPOINT", "COUNT", "LIMIT", "REQUIRED", "ROUNDS", "PREFIX", "SUFFIX", "COOKIE", "VERSION", "PROVIDER",
    "SOURCE", "STORE", "BACKEND", "ARN", "REGION", "HOST", "PORT", "ROTATION", "INTERVAL", "FORMAT", "FIELD", "PLUGIN",
    "ALLOWED", "MODE", "MANAGER", "ENGINE", "DRIVER", "SCOPE", "SERVICE", "BUDGET",
  ]

  /// What every name that promises a secret holds in some case: to look for it spares most lines the regular expression.
  static let hints = ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "PSK", "PWD", "SALT"].map {
    Array($0.utf8)
  }

  /// The words of a name, in capitals: of `apiKey`, `api-key` and `API_KEY` the same.
  private static func parts(_ name: String) -> [String] {
    var (parts, part, wasLower) = ([String](), [UInt8](), false)
    func end() {
      if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
      part = []
    }
    for byte in name.utf8 {
      switch byte {
      case 0x5f, 0x2d, 0x2e: end()
      case 0x61...0x7a: part.append(byte - 0x20)
      default:
        if wasLower, (0x41...0x5a).contains(byte) { end() }
        part.append(byte)
      }
      wasLower = (0x61...0x7a).contains(byte)
    }
    end()
    return parts
  }

  /// Says whether a name promises a secret.
  static func isSecretName(_ name: String) -> Bool {
    let parts = self.parts(name)
    guard let last = parts.last, !harmless.contains(last), parts.first != "NO" else { return false }
    if let index = parts.firstIndex(of: "ALLOW"), index + 1 < parts.count, parts[index + 1].hasPrefix("EMPTY") {
      return false
    }
    if parts.contains(where: { part in words.contains(where: part.hasSuffix) }) { return true }
    if whole.contains(last) { return parts.count > 1 || last == "PASS" || last == "PSK" || last.hasPrefix("CRED") }
    return last == "KEY" && parts.dropLast().last.map(keys.contains) == true
  }

  /// Says whether a value is a secret written out, rather than a reference, an example or a switch.
  static func isWrittenOut(_ value: String) -> Bool {
    let text = value.trimmed
    if text.count < 3 || isReference(text) { return false }
    if ["true", "false", "yes", "no", "none", "null", "nil", "off", "on", "required", "optional", "disabled"]
      .contains(text.lowercased())
    {
      return false
    }
    if text.count < 6, text.allSatisfy(\.isNumber) { return false }
    // What merely begins like an example is somebody's real value.
    return !isPlaceholder(text) || text.lowercased().hasPrefix("example") && text.contains(where: \.isNumber)
  }

  private static let references = [
    "/", "file:", "enc[", "enc(", "encrypted:", "vault:", "bao:", "env:", "ref+", "arn:", "sops:", "ssm:", "secretref:",
    "secretsmanager:", "keyring:", "!vault", "{cipher}", "projects/", "$ansible_vault", "docker-secret:", "infisical:",
    "doppler:", "keyvault:", "awssm:", "gcpsm:", "bws:", "pass:/", "secret:/",
  ]

  /// Says whether a value tells where the secret is, or that it is encrypted: `/run/secrets/x`, `op://vault/item/field`,
  /// `ENC[…]`, `${NAME}`, `{NAME}`, `%NAME%`.
  static func isReference(_ text: String) -> Bool {
    let lower = text.lowercased()
    if references.contains(where: lower.hasPrefix) { return true }
    if let scheme = text.firstRange(of: "://") {
      return text[..<scheme.lowerBound].allSatisfy { $0.isLetter || $0.isNumber || "+.-_".contains($0) }
    }
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if previous == 0x24, byte == 0x7b || byte == 0x28 || byte == 0x5f || isLetterOrDigit(byte) && byte > 0x39 {
        return true
      }
      previous = byte
    }
    return frames.contains { begin, end in
      guard text.count > begin.count + end.count, text.hasPrefix(begin), text.hasSuffix(end) else { return false }
      return text.dropFirst(begin.count).dropLast(end.count).allSatisfy {
        $0.isLetter || $0.isNumber || "_.-: ".contains($0)
      }
    }
  }

  private static let frames = [
    ("{", "}"), ("%", "%"), ("__", "__"), ("@", "@"), ("[", "]"), ("#{", "}"), ("%(", ")s"), ("`", "`"), ("%{", "}"),
  ]

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

  // MARK: names and values

  /// What follows the word in the name of a setting that is about secrets.
  private static let settings: Set<String> = [
    "HASHER", "HASHERS", "HASHING", "RESET", "RESETS", "CHANGE", "CHANGES", "CHECK", "CHECKS", "CHECKER", "STRENGTH",
    "SCORE", "VALIDATOR", "VALIDATORS", "VALIDATION", "VALIDATE", "VERIFY", "VERIFICATION", "RECOVERY",
    "AUTHENTICATION", "LOGIN", "LOGINS", "SIGNIN", "SIGNUP", "PROMPT", "COMPLEXITY", "HISTORY", "REUSE", "GENERATOR",
    "CHARACTERS", "CHARSET", "CHARS", "SCHEME", "METHOD", "METHODS", "STRATEGY", "STORAGE", "CLASS", "EXPIRE",
    "EXPIRATIONS", "DURATION", "VALIDITY", "LIMITS", "RATE", "CACHE", "LEEWAY", "SIZE", "LOCATION", "TEMPLATE", "LABEL",
    "HINT", "DISABLED", "DISABLE", "ENABLE", "ENFORCE", "ENFORCED", "ALLOW", "ENV", "STRICT", "GRANT", "MINLENGTH",
    "MAXLENGTH", "REF", "REFERENCE", "KEYREF", "THEME", "TITLE", "DAYS", "HOURS", "MINUTES", "SECONDS", "ATTEMPTS",
    "RETRIES", "RULE", "RULES", "ENTRYPOINTS", "MIDDLEWARES", "CERTRESOLVER", "PRIORITY", "DOMAIN", "ISSUERS", "LEVEL",
    "LANGUAGE", "LOCALE", "MESSAGE", "TEXT", "DESCRIPTION", "ICON", "GROUP", "NAMESPACE", "MOUNT", "OPTIONS", "FLOW",
    "FILTER", "SYNC", "AUTH", "SSL", "TLS", "SERVER", "CLIENT", "ADDRESS", "ADDR", "INDEX", "REVEAL", "VISIBLE",
    "HIDDEN", "MASK", "MASKED", "SHARING", "TYPES", "FORMATTER", "PARSER", "ENCODER", "ENCODING", "ALGO", "ALGORITHMS",
  ]
  /// What follows the word in the name of a secret all the same.
  private static let owners: Set<String> = [
    "KEY", "KEYS", "BASE", "VALUE", "SEED", "SALT", "POSTGRES", "POSTGRESQL", "MYSQL", "MARIADB", "MONGO", "MONGODB",
    "REDIS", "DB", "DATABASE", "ROOT", "ADMIN", "PROD", "PRODUCTION", "STAGING", "DEV", "TEST", "OLD", "NEW",
    "PRIMARY", "SECONDARY", "DEFAULT", "SMTP", "LDAP", "GITHUB", "GITLAB", "API", "APP", "BOT", "JWT", "HASH",
  ]

  /// Says whether a value written out under a name is a secret: the name promises one, and not just something about
  /// secrets, such as `PASSWORD_HASHER`, the rule of a router that is called after one, or the name of one elsewhere.
  static func isSecret(_ name: String, _ value: String) -> Bool {
    guard isSecretName(name), isWrittenOut(value) else { return false }
    var segments = name.split(separator: ".").map(String.init)
    if segments.count > 1, let last = segments.popLast(), let before = segments.last {
      let own = ["key", "value", "base", "default"].contains(last.lowercased()) ? "\(before)_\(last)" : last
      // Somebody chose the other segments, as names of what the setting is about.
      return isSecretName(own) ? isSecret(own.replacing(".", with: "_"), value) : isRandom(value)
    }
    let parts = self.parts(name)
    guard let last = parts.last else { return false }
    // A chart's values name the secrets of its cluster: `existingSecret`, `existingSecretPasswordKey`, `passwordSecret`.
    let namesOne = parts.contains(where: ["EXISTING", "PULL", "EXTERNAL"].contains)
    let isOfOne = parts.count == 2 && last == "SECRET" && ["PASSWORD", "CREDENTIALS", "TLS", "CERT"].contains(parts[0])
    if namesOne && parts.contains(where: { $0.hasPrefix("SECRET") }) || isOfOne, value.contains("-"),
      !isRandomPart(value)
    {
      return false
    }
    if words.contains(where: last.hasSuffix) || whole.contains(last) || owners.contains(last) { return true }
    if settings.contains(last) { return false }
    return !value.utf8.allSatisfy { (0x61...0x7a).contains($0) }
  }

  /// Says whether a part of a name with dashes is more than a word and a number: `grafana-admin-v2` has none such.
  private static func isRandomPart(_ value: String) -> Bool {
    value.split(separator: "-").contains { part in
      part.contains(where: \.isUppercase) || part.drop { $0.isLetter }.contains { !$0.isNumber }
    }
  }

  /// Says whether a value is mixed as only machines do it.
  static func isRandom(_ value: String) -> Bool {
    guard value.utf8.count >= 16 else { return false }
    var (digits, letters, upper, dot) = (false, false, false, false)
    for byte in value.utf8 {
      switch byte {
      case 0x30...0x39: digits = true
      case 0x41...0x5a: (letters, upper) = (true, true)
      case 0x61...0x7a: letters = true
      case 0x2e: dot = true
      case 0x2b, 0x2f, 0x5f, 0x3d, 0x2d: break
      default: return false
      }
    }
    return digits && letters && (!dot || upper) && entropy(value) >= 3.5
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

  private static let anyones: Set<String> = [
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
