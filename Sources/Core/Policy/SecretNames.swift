/// Which names stand for a secret, and which values only stand for one.
extension Secrets {
  static let words = [
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "AUTHKEY", "REQUIREPASS",
  ]
  static let whole: Set<String> = ["CREDENTIAL", "CREDENTIALS", "PSK", "PWD", "PASS", "SALT"]
  static let keys: Set<String> = [
    "API", "PRIVATE", "ACCESS", "ENCRYPTION", "AUTH", "SIGNING", "MASTER", "SECRET",
  ]
  static let harmless: Set<String> = [
    "FILE", "PATH", "DIR", "URL", "URI", "NAME", "USER", "USERNAME", "ID", "EXPIRY", "EXPIRES", "EXPIRATION", "TTL",
    "LENGTH",
    "MIN", "MAX", "TYPE", "HEADER", "ENABLED", "TIMEOUT", "LIFETIME", "LIFESPAN", "AGE", "POLICY", "ALGORITHM", "ALG",
    "ISSUER",
    "AUDIENCE", "ENDPOINT", "COUNT", "LIMIT", "REQUIRED", "ROUNDS", "PREFIX", "SUFFIX", "COOKIE", "VERSION", "PROVIDER",
    "SOURCE", "STORE", "BACKEND", "ARN", "REGION", "HOST", "PORT", "ROTATION", "INTERVAL", "FORMAT", "FIELD", "PLUGIN",
    "ALLOWED", "MODE", "MANAGER", "REALM", "ENGINE", "DRIVER", "SCOPE", "SERVICE", "BUDGET",
  ]

  /// What every name that promises a secret holds in some case: to look for it spares most lines the regular expression.
  static let hints = ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "PSK", "PWD", "SALT"].map {
    Array($0.utf8)
  }

  /// The words of a name, in capitals: of `apiKey`, `api-key` and `API_KEY` the same.
  static func parts(_ name: String) -> [String] {
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

  /// Returns whether a name promises a secret.
  static func isSecretName(_ name: String) -> Bool {
    var parts = self.parts(name)
    guard let last = parts.last, !harmless.contains(last), parts.first != "NO" else { return false }
    // A way of checking passwords, and not the password: `HTPASSWD_COST`.
    if last != "HTPASSWD", !owners.contains(last) { parts.removeAll { $0 == "HTPASSWD" } }
    if let index = parts.firstIndex(of: "ALLOW"), index + 1 < parts.count, parts[index + 1].hasPrefix("EMPTY") {
      return false
    }
    if parts.contains(where: { part in words.contains(where: part.hasSuffix) }) { return true }
    if whole.contains(last) { return parts.count > 1 || last == "PASS" || last == "PSK" || last.hasPrefix("CRED") }
    return last == "KEY" && parts.dropLast().last.map(keys.contains) == true
  }

  /// Returns whether a value is a secret written out, rather than a reference, an example or a switch.
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

  static let references = [
    "/", "file:", "enc[", "enc(", "encrypted:", "vault:", "bao:", "env:", "ref+", "arn:", "sops:", "ssm:", "secretref:",
    "secretsmanager:", "keyring:", "!vault", "{cipher}", "projects/", "$ansible_vault", "docker-secret:", "infisical:",
    "doppler:", "keyvault:", "awssm:", "gcpsm:", "bws:", "pass:/", "secret:/",
  ]

  /// Returns whether a value tells where the secret is, or that it is encrypted: `/run/secrets/x`, `op://vault/item/field`,
  /// `ENC[…]`, `${NAME}`, `{NAME}`, `%NAME%`, a file of keys.
  static func isReference(_ text: String) -> Bool {
    let lower = text.lowercased()
    if references.contains(where: lower.hasPrefix) { return !(text.hasPrefix("/") && isBase64(text)) }
    // A framework's own variable, `%kernel.project_dir%/config/jwt/private.pem`, or a file of keys.
    if text.hasPrefix("%"), let match = text.prefixMatch(of: /%[A-Za-z_.]+%\//), match.range.upperBound < text.endIndex
    {
      return true
    }
    if text.contains("/"), [".pem", ".key", ".crt"].contains(where: lower.hasSuffix) { return true }
    if namesTable(text) { return true }
    if let scheme = text.firstRange(of: "://") {
      return text[..<scheme.lowerBound].allSatisfy { $0.isLetter || $0.isNumber || "+.-_".contains($0) }
    }
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if previous == 0x24, byte == 0x7b || byte == 0x28 || byte == 0x5f || byte.isLetter {
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

  /// Returns whether what might be a path is base64 that happens to begin like one: 32 and more letters of it, with a sign that no
  /// path has.
  private static func isBase64(_ text: String) -> Bool {
    text.utf8.count >= 32 && (text.contains("+") || text.hasSuffix("=")) && text.contains(where: \.isNumber)
      && text.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == 0x2b || $0 == 0x2f || $0 == 0x3d }
  }

  /// Postfix names where it looks something up: `hash:/etc/postfix/sasl_passwd`, `proxy:mysql:/etc/postfix/users.cf`.
  private static func namesTable(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":"), Path.isAbsolute(text[text.index(after: colon)...]) else { return false }
    let types = text[..<colon].split(separator: ":", omittingEmptySubsequences: false)
    return types.allSatisfy { tables.contains($0) } && !text.contains(where: \.isWhitespace)
  }

  private static let tables: Set<Substring> = [
    "btree", "cdb", "cidr", "dbm", "hash", "ldap", "lmdb", "memcache", "mongodb", "mysql", "pcre", "pgsql", "proxy",
    "regexp", "sdbm", "sqlite", "texthash",
  ]

  static let frames = [
    ("{", "}"), ("%", "%"), ("__", "__"), ("@", "@"), ("[", "]"), ("#{", "}"), ("%(", ")s"), ("`", "`"), ("%{", "}"),
  ]
}
