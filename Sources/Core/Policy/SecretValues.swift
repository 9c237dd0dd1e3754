/// Which value under which name is a secret.
extension Secrets {
  /// What follows the word in the name of a setting that is about secrets.
  static let settings: Set<String> = [
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
  static let owners: Set<String> = [
    "KEY", "KEYS", "BASE", "VALUE", "SEED", "SALT", "POSTGRES", "POSTGRESQL", "MYSQL", "MARIADB", "MONGO", "MONGODB",
    "REDIS", "DB", "DATABASE", "ROOT", "ADMIN", "PROD", "PRODUCTION", "STAGING", "DEV", "TEST", "OLD", "NEW",
    "PRIMARY", "SECONDARY", "DEFAULT", "SMTP", "LDAP", "GITHUB", "GITLAB", "API", "APP", "BOT", "JWT", "HASH",
  ]

  /// Returns whether a value written out under a name is a secret: the name promises one, and not just something about
  /// secrets, such as `PASSWORD_HASHER`, the rule of a router that is called after one, or the name of one elsewhere.
  static func isSecret(_ name: String, _ value: String) -> Bool {
    guard isSecretName(name) else { return isKeyName(name) && isKey(value) }
    guard isWrittenOut(value) else { return false }
    var segments = name.split(separator: ".").map(String.init)
    if segments.count > 1, let last = segments.popLast(), let before = segments.last {
      let own = ["key", "value", "base", "default"].contains(last.lowercased()) ? "\(before)_\(last)" : last
      if own.lowercased() == "secret", value.utf8.allSatisfy({ isSmallLetter($0) || $0 == 0x2d || $0 == 0x5f }) {
        return false
      }
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
    // `scram-sha-256` is the name of something.
    return !value.utf8.allSatisfy(isSmallLetter) && (!value.contains("-") || isRandomPart(value))
  }

  private static func isSmallLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }

  /// Returns whether a name may be that of a secret, which its value then tells: `BACKUP_KEY`, `WEATHER_API`.
  static func isKeyName(_ name: String) -> Bool {
    let parts = parts(name)
    return parts.last == "KEY" || parts.count > 1 && parts.last == "API"
      ? !parts.contains(where: notSecret.contains) : false
  }

  /// What a key is called that everybody may have: what is verified or encrypted with it, or found under it.
  private static let notSecret: Set<String> = [
    "PUBLIC", "PUB", "GPG", "PGP", "SITE", "CACHE", "HOST", "VERIFY", "VERIFICATION", "TRUSTED",
  ]

  /// Returns whether a value is a public key of minisign: 42 bytes that begin with `Ed`, in base64.
  private static func isMinisign(_ value: String) -> Bool {
    value.utf8.count == 56 && ["RWQ", "RWR", "RWS", "RWT"].contains(where: value.hasPrefix)
  }

  /// Returns whether a value is a key that a machine made: 32 and more hexadecimal digits, or base64 of 16 and more bytes.
  static func isKey(_ value: String) -> Bool {
    let letters = value.utf8
    let hex = letters.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    if hex { return letters.count >= 32 && isRandom(value + "g") }
    guard letters.count >= 22, !isMinisign(value), !isPlaceholder(value), !isReference(value), !value.contains("."),
      isRandom(value)
    else {
      return false
    }
    return value.contains { $0.isUppercase } && value.contains { $0.isLowercase } && entropy(value) >= 3.8
  }

  /// Returns whether a part of a name with dashes is more than a word and a number: `grafana-admin-v2` has none such.
  static func isRandomPart(_ value: String) -> Bool {
    value.split(separator: "-").contains { part in
      part.contains(where: \.isUppercase) || part.drop { $0.isLetter }.contains { !$0.isNumber }
    }
  }

  /// Returns whether a value is mixed as only machines do it.
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

  /// Returns the bits per character; random text has 4 and more, words about 3.
  static func entropy(_ text: String) -> Double {
    var counts: [Character: Double] = [:]
    for letter in text { counts[letter, default: 0] += 1 }
    let total = Double(text.count)
    return counts.values.reduce(0) { $0 - $1 / total * binaryLogarithm($1 / total) }
  }

  /// The logarithm to base 2 for 0 < x ≤ 1, by repeated squaring: Core has no C library to ask.
  static func binaryLogarithm(_ number: Double) -> Double {
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
