import Testing

@testable import Core

/// What a file of the repository holds: keys and passwords, and not what only looks like them.
@Suite("Content that is a secret is told from what shows the form of one") struct SecretScanTests {
  static let minisign = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
  static let key = ["-----BEGIN", "PRIVATE KEY-----"].joined(separator: " ")

  static let texts: [(path: String, text: String, lines: [Int])] = [
    ("a.toml", "minisign_key = '\(minisign)'", []), ("a.toml", "minisign_key: \(minisign)Aa", [1]),
    ("a.toml", "trusted_key = 'q7Rk2vTz9mLx4Wc8Yb1Nd6Hf3Jg5Ps0A'", []),
    ("a.toml", "backup_key = 'q7Rk2vTz9mLx4Wc8Yb1Nd6Hf3Jg5Ps0A'", [1]),
    ("a.yml", "#  secret_key: 1234567890abcdefghifjkl", []), ("a.yml", "secret_key: 1234567890abcdefghifjkl", [1]),
    ("a.yml", "#  secret_key: q7Rk2vTz9mLx4Wc8Yb1Nd6Hf3Jg5Ps0A", [1]),
    ("a.yml", "# \(key)\n#   <PRIVATE-KEY-DATA-COMES-HERE>\n", []),
    ("a.yml", "key: |\n  \(key)\n  ...\n", []), ("a.json", "{\"key\": \"\(key)\\n<your key>\\n\"}", []),
    ("a.yml", "# \(key)\n# MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", [1]), ("a.yml", "  \(key)\n\n  abc\n", [1]),
    ("a.py", "KEY = '\(key)'", [1]), ("a.asc", "\(key)\nComment: your key\n\nMIIEvQIBADANBgkqhkiG9w0B\n", [1]),
    ("a.sh", "  --db postgres://root:secret@db.example.org/x", [1]), ("a.sql", "-- mysql://root:secret@db/x", []),
    ("a.md", "postgresql://postgres:SENHA@postgres:5432/x", []), ("a.md", "https://user:senha@host/…", []),
    ("a.sh", "curl https://usuario:contraseña@host.example/x", []),
    ("a.sh", "curl https://usuario:sua_senha@host.example/x", []),
    ("a.sh", "curl https://utilisateur:motdepasse@host.example/x", []),
    ("a.sh", "curl https://admin:senha@host.example/x", [1]),
    ("a.sh", "curl https://usuario:q7Rk2vTz9m@host.example/x", [1]),
    ("a.ini", "#db.url = mysql://root:secret@127.0.0.1/x", []), ("a.ini", "db.url = mysql://root:secret@db/x", [1]),
    ("a.ini", "#db.url = mysql://root:q7Rk2vTz9m@127.0.0.1/x", [1]), ("a.ini", "; a://root:secret@db/x", []),
    ("a.ts", "  // await connect('postgres://postgres:postgres@db.example.org/x')", []),
    ("t.py", "create('postgresql://test:test@localhost/db')", []),
    ("t.py", "'postgresql://env:env@127.0.0.1:5432/db'", []),
    ("ci.sh", "--env=DATABASE_URL=postgres://zammad:zammad@zammad-postgresql:5432/zammad x", []),
    ("t.py", "'postgresql://acme:acme@db.example.org/x'", [1]), ("t.py", "'postgresql://acme:acme@10.0.0.7/x'", [1]),
    ("t.py", "'postgresql://postgres:hunter22@localhost/db'", [1]),
    ("c.yml", "amqp://rabbit:qweqwe@localhost:5672/h", [1]),
    ("a.sh", "echo \"mongorestore --uri='mongodb://admin:password@localhost:27017'\"", []),
    ("a.sh", "printf 'redis://:secret@127.0.0.1:6379'", []), ("a.sh", "x http://root:passwd@[::1]:80/", []),
    ("a.sh", "x mongodb://admin:password@db.example.org", [1]),
    (".env.sample", "K=\"\(key)\nkey content here\n\"", []), ("a.txt", "\(key)\n(paste it here)\n", []),
    ("a.yml", "\(key)\nMIIEvQ IBADAN\n", []), ("a.pem", "\(key)\nX-Note: my own\nMIIEvQIBADANBgkqhkiG9w0B\n", [1]),
    ("a.yml", "http: {p: {CrowdsecLapiKey: /s/XpFLwjxWcWWpXGiUNFUxJo+wdxX/NdChY/X6TB+Q}}", [1]),
    ("a.yml", "  LapiKey: /s/XpFLwjxWcWWpXGiUNFUxJo+wdxX/NdChY/X6TB+Q", [1]),
    ("a.yml", "  tls_key: /etc/ssl/Private1/AbCdEfGh/server01/wildcard99", []),
    ("a.json", "{\"a\": [{\"b\": 1, \"token\": \"q7Rk2vTz9mLx4Wc8Yb1Nd6\"}]}", [1]),
    ("a.json", "{\"a\": [{\"token\": \"root@pam!dash:572b9a14-3f05-4a4d-b05e-b050d8ba1234\"}]}", [1]),
    ("a.ini", "t = app@pve!ro=572b9a14-3f05-4a4d-b05e-b050d8ba1234", [1]),
    ("a.ini", "t = app@pve!ro=00000000-0000-0000-0000-000000000000", []), ("a.md", "user@pam!tokenid=SECRET", []),
  ]

  @Test(arguments: texts.indices) func `a line is told where it holds a secret`(_ row: Int) {
    let (path, text, lines) = Self.texts[row]
    #expect(Rule.forbiddenContent(of: path, Array(text.utf8)).compactMap(\.line) == lines, "\(text)")
  }

  @Test(arguments: [
    ("SENHA", false), ("CONTRASEÑA", false), ("MOT_DE_PASSE", false), ("PASSWORT_HIER", false), ("sua-senha", false),
    ("votre_mot_de_passe", false), ("tu_contraseña", false), ("dein-passwort", false), ("WACHTWOORD", false),
    ("senha", true), ("senha2024", true), ("Parola7x", true), ("hunter22", true),
    ("hash:/etc/postfix/sasl/sasl_passwd", false), ("proxy:mysql:/etc/postfix/x.cf", false), ("pcre:/a", false),
    ("hash:abc123def", true), ("bcrypt:/x", true),
  ])
  func `what stands for a value in other languages, or says where it is, is none`(_ value: String, _ isWritten: Bool) {
    #expect(Secrets.isWrittenOut(value) == isWritten)
  }

  @Test(arguments: [
    ("B_PASSWORD=''   # note", ""), ("B_PASSWORD=   # note", ""), ("B_PASSWORD=\"a\\\"b # c\" # note", "a\\\"b # c"),
    ("B_PASSWORD=hunter22#5 # note", "hunter22#5"), ("B_PASSWORD='hunter22' # it's", "hunter22"),
    ("API_TOKEN: abcdef123456", "abcdef123456"), ("B_PASSWORD='hunter22", "'hunter22"),
  ])
  func `a file of values is read as Compose reads it`(_ line: String, _ value: String) {
    #expect(SecretSearch.assignments(in: line).map(\.value) == [value])
  }

  @Test func `the debug key of the Android SDK is everybody's`() {
    let names = ["app/debug.keystore", "app/release.keystore", "debug.jks"]
    let tree = CommitTree(commit: "c", paths: names.map { TrackedPath(path: $0, kind: .file, id: $0) })
    #expect(Rule.forbiddenNames(in: tree, policy: Policy()).map(\.file) == ["app/release.keystore", "debug.jks"])
  }

  static func diagnostic(_ rule: String, _ file: String, _ line: Int) -> Diagnostic {
    Diagnostic(rule: rule, file: file, line: line, stack: "s", message: "\(rule) m", help: "h")
  }

  @Test func `a line of a file of values is told once, by the rule that weighs as much`() {
    let values = Self.diagnostic("plaintext-secret", "s/.env", 3)
    let found = [
      values, Self.diagnostic("forbidden-file", "s/.env", 3), Self.diagnostic("forbidden-file", "s/.env", 4),
    ]
    #expect(
      Policy().withoutDuplicates(found).map { "\($0.rule):\($0.line ?? 0)" } == [
        "plaintext-secret:3", "forbidden-file:4",
      ])
    for weight in [Policy.Weight.warning, .off] {
      var policy = Policy()
      policy.severity["plaintext-secret"] = weight
      #expect(policy.withoutDuplicates(found).count == 3)
    }
  }
}
