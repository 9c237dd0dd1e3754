import Testing

@testable import Core

@Suite("What is no secret is no finding, and what is one stays one")
struct SecretFindingTests {
  static let values: [(name: String, value: String, isSecret: Bool)] = [
    ("ADMIN_PASSWORD", "op://homelab/app/password", false), ("ADMIN_PASSWORD", "vault:secret/data/app#pw", false),
    ("API_TOKEN", "ENC[AES256_GCM,data:abc]", false), ("DB_PASSWORD", "{DB_PASSWORD}", false),
    ("DB_PASSWORD", "%DB_PASSWORD%", false), ("DB_PASSWORD", "ref+awssecrets://db/pw", false),
    ("PASSWORD_HASHER", "argon2id", false), ("PASSWORD_RESET", "enabled", false), ("TOKEN_ROTATION", "weekly", false),
    ("SECRETS_SCANNER", "gitleaks", false), ("existingSecret", "grafana-admin-credentials-v2", false),
    ("traefik.http.routers.onetimesecret.rule", "Host(`ots.example.org`)", false),
    ("traefik.http.services.passwordpusher.loadbalancer.server.port", "5100", false),
    ("caddy.vault-tokens.reverse_proxy", "upstreams", false),
    ("ADMIN_PASSWORD", "q7Rk2vTz9m", true), ("ADMIN_PASSWORD", "hunter", true),
    ("homepage.widget.password", "q7Rk2vTz9m", true), ("wud.watcher.token.github", "q7Rk2vTz9mB4xW8sN1cD", true),
    ("jwt.secret.key", "q7Rk2vTz9m", true), ("SECRET_KEY_BASE", "correcthorse", true),
    ("PASSWORD_POSTGRES", "hunter", true), ("PASSWORD_FOR_WIKI", "hunter22", true),
    ("DB_PASSWORD", "a{b}c9dd", true), ("DB_PASSWORD", "vaultkeeper1", true),
  ]

  @Test(arguments: values) func `a name and its value decide together`(
    _ name: String, _ value: String, _ isSecret: Bool
  ) {
    #expect(Secrets.isSecret(name, value) == isSecret)
  }

  static let texts: [(path: String, line: String, isFound: Bool)] = [
    ("docs/apps.md", "Set `DATABASE_URL=postgres://user:pass@host/db`.", false),
    ("readme.md", "mysql://wiki:password@db/wiki", false), ("conf/app.yml", "url: postgres://user:pass@host/db", false),
    ("app/nvr.yml", "path: rtsp://{CAM_USER}:{CAM_PASSWORD}@10.0.0.12:554/s", false),
    ("app/.env.example", "JWT_SECRET=8f2a6c1e9b3d7f504a8e", false),
    ("docs/db.md", "postgres://app:q7Rk2vTz9m@db.lan/app", true),
    ("conf/app.yml", "u: mysql://wiki:password@db/w", true),
    ("conf/app.ini", "jwt_secret=8f2a6c1e9b3d7f504a8e", true),
    ("app/.env.example", "GITHUB=ghp_0123456789abcdefghijABCDEFGHIJ456789", true),
  ]

  @Test(arguments: texts) func `a tracked text is read for what somebody chose`(
    _ path: String, _ line: String, _ isFound: Bool
  ) {
    let found = Rule.forbiddenContent(of: path, Array("a\n\(line)\nb\n".utf8))
    #expect(found.map(\.line) == (isFound ? [2] : []), "\(found)")
  }

  @Test func `a key behind bytes that are no text is found`() {
    let line = Array(repeating: UInt8(0xff), count: 40) + Array("-----BEGIN OPENSSH PRIVATE KEY-----".utf8)
    for rest in ["", "\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n"] {
      #expect(Rule.forbiddenContent(of: "a/id", line + Array(rest.utf8)).map(\.line) == [1])
    }
  }

  @Test func `what is sealed for a cluster is no finding, and a secret beside it is one`() {
    let sealed = "AgBy3i4OJSWK7PiTySYZZA9rO43cGDEqNq2rT8vWm1XcLpKdFh5J"
    let text = "kind: SealedSecret\nspec:\n  encryptedData:\n    password: \(sealed)\n  token: \(sealed)\n"
    #expect(Rule.forbiddenContent(of: "k8s/db.yaml", Array(text.utf8)).map(\.line) == [5])
  }

  @Test func `only lines with a hint are looked at closely`() {
    let lines = Scan.lines(of: Array("plain = 1\r\nmy_Password: x\nurl: a://b\nAKIA\n\nghp_ token\n".utf8))
    #expect(lines.map(\.number) == [2, 3, 4, 6])
    #expect(lines.map(\.hints) == [.name, .address, .shape, [.shape, .name]])
  }

  static let capabilities: [(name: String, isDefault: Bool)] = [
    ("CHOWN", true), ("cap_setuid", true), ("CAP_NET_BIND_SERVICE", true), ("NET_ADMIN", false), ("ALL", false),
    ("DAC_READ_SEARCH", false), ("CAP_", false),
  ]

  @Test(arguments: capabilities) func `what Docker gives every container is nothing to add`(
    _ name: String, _ isDefault: Bool
  ) {
    #expect(Capability.isDefault(name) == isDefault)
  }

  @Test(arguments: [
    (["8000", "8001", "8002"], "8000-8002"), (["80"], "80"), (["80", "80"], "80"), (["80", "90"], "80,90"), ([], ""),
  ])
  func `a range of ports is written as one`(_ ports: [String], _ text: String) {
    #expect(Port.range(ports) == text)
  }

  @Test func `a value that everybody knows is no default to hide`() {
    #expect("${DB_PASSWORD:-root}".writtenOut == [])
    #expect("${DB_PASSWORD:-hunter22}".writtenOut == ["hunter22"])
    #expect("root".writtenOut == ["root"])
  }
}
