/// Which texts show the form of a secret, and are to be replaced by one.
extension Secrets {
  static let placeholders = [
    "change", "example", "placeholder", "replace", "your", "todo", "fixme", "dummy", "xxx", "redacted", "insert", "<",
    ">",
    "{{", "}}", "…", "...", "***", "sample",
  ]

  /// Returns whether a text stands for a secret that is still to be put there.
  static func isPlaceholder(_ text: String) -> Bool {
    let lower = text.lowercased()
    if placeholders.contains(where: lower.contains) || Set(lower).count < 3 { return true }
    // In capitals, and called as what is to be put there: `ENTER_PASSWORD_HERE`, `SENHA`.
    let isWords = text.utf8.allSatisfy {
      (0x41...0x5a).contains($0) || $0 == 0x5f || $0 == 0x2d || $0 == 0x20 || $0 >= 0x80
    }
    if isWords, words.contains(where: text.contains) { return true }
    let plain = lower.filter { !"_- ".contains($0) }
    if isWords, foreignWords.contains(where: plain.contains) { return true }
    return foreignWords.contains { word in
      plain.hasSuffix(word) && possessives.contains(String(plain.dropLast(word.count)))
    }
  }

  /// What a password is called elsewhere, without the signs between words.
  static let foreignWords: Set<String> = [
    "senha", "contrasena", "contraseña", "motdepasse", "passwort", "kennwort", "haslo", "hasło", "parola", "wachtwoord",
    "lösenord", "losenord", "salasana", "heslo", "jelszo", "jelszó", "adgangskode",
  ]

  /// `your` in the languages of these words.
  private static let possessives: Set<String> = [
    "sua", "tua", "su", "tu", "votre", "ton", "dein", "ihr", "euer", "twoje", "vostra", "latua", "jouw", "uw", "ditt",
    "din", "vase", "tvoje",
  ]

  static let anyUser: Set<String> = [
    "user", "username", "usr", "myuser", "youruser", "your_user", "login", "name", "foo", "me", "someone", "usuario",
    "usuário", "utilizador", "utilisateur", "benutzer", "benutzername", "nutzer", "uzytkownik", "użytkownik", "utente",
    "gebruiker", "uzivatel",
  ]
  static let anyPassword: Set<String> = foreignWords.union([
    "pass", "password", "passwd", "pwd", "pw", "secret", "token", "mypass", "mypassword", "mysecret", "yourpass",
    "yourpassword", "userpass", "dbpass", "bar", "p4ssw0rd", "passw0rd", "pa55word", "p@ss", "s3cret", "api_key",
    "apikey", "key",
  ])

  /// Returns whether an address shows the form of one, `user:pass@host`, rather than how to get in.
  static func isForm(_ user: String, _ password: String, _ isGuide: Bool) -> Bool {
    let word = password.lowercased()
    if isGuide, anyPassword.contains(word) || ["guest", "admin", "root", "postgres", "test"].contains(word) {
      return true
    }
    return anyPassword.contains(word) && anyUser.contains(user.lowercased())
  }

  /// Returns whether the name of the user is the password, where the server is on the same host or is one of the containers: what
  /// tests and pipelines start for themselves, as `postgres://app:app@db/app`; or whether the password is a word for one, and
  /// the server whichever runs where the address is used, as in `admin:password@localhost`.
  static func isThrowaway(_ user: String, _ password: String, at place: some StringProtocol) -> Bool {
    let host = place.hasPrefix("[") ? place.prefix { $0 != "]" }.dropFirst() : place.prefix { !":/?#,".contains($0) }
    let isHere = host == "::1" || host.hasPrefix("127.") || host == "localhost"
    if isHere, anyPassword.contains(password.lowercased()) { return true }
    guard !user.isEmpty, user == password else { return false }
    return isHere
      || !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
  }

  /// Returns whether no key follows the line that begins one, but a text that stands for it; `rest` goes on after `-----BEGIN `.
  static func isSample(keyAt rest: some Collection<UInt8>) -> Bool {
    let text = String(decoding: rest.prefix(600), as: UTF8.self)
    guard let end = text.firstRange(of: "-----") else { return false }
    let parts = text[end.upperBound...].replacing("\\n", with: "\n").replacing("\\r", with: "").split(
      whereSeparator: \.isNewline)
    let lines = parts.map { $0.drop { $0.isWhitespace || "#;/*\"'|+".contains($0) } }
    let body = lines.filter { !$0.isEmpty && !headers.contains(String($0.prefix { $0 != ":" })) }
    guard let first = body.first else { return false }
    // A key is in base64, which may hold a word by chance.
    let isKey = first.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+/=\"',".contains($0)) }
    return !isKey && (isPlaceholder(String(first)) || isWords(first))
  }

  /// Returns whether a line is what people say to one another: `key content here`. There is no space in a line of a key, and what
  /// may stand above one has a colon.
  private static func isWords(_ line: some StringProtocol) -> Bool {
    let words = line.split { $0 == " " || "\"'".contains($0) }
    return words.count > 1 && words.allSatisfy { $0.allSatisfy { $0.isLetter || ".,!_-()[]".contains($0) } }
  }

  /// What may stand above a key in its own lines.
  private static let headers: Set<String> = ["Proc-Type", "DEK-Info", "Version", "Comment", "Hash", "Charset"]

  /// Returns whether a value goes on as one counts or spells, `1234567890abcdef`: nobody's key.
  static func isCounted(_ value: String) -> Bool {
    let bytes = Array(value.utf8)
    let steps = zip(bytes, bytes.dropFirst()).count { $0 + 1 == $1 || $0 == 0x39 && $1 == 0x30 }
    return steps * 2 > bytes.count
  }
}
