import Testing

@testable import Core

@Suite("Secrets are told from what only looks like one")
struct SecretsTests {
  static let names: [(name: String, promises: Bool)] = [
    ("POSTGRES_PASSWORD", true), ("MYSQL_ROOT_PASSWORD", true), ("PGPASSWORD", true), ("apiKey", true),
    ("api-key", true),
    ("GITHUB_TOKEN", true), ("SECRET_KEY_BASE", true), ("clientSecret", true), ("DB_PASS", true),
    ("splunk-token", true),
    ("AWS_ACCESS_KEY", true), ("POSTGRES_PASSWORD_FILE", false), ("TOKEN_TTL", false), ("MAX_TOKENS", false),
    ("TOKENIZER", false), ("SECRET_NAME", false), ("SECRET_MANAGER", false), ("PRIMARY_KEY", false), ("PWD", false),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", false), ("KEYBOARD", false), ("AWS_ACCESS_KEY_ID", false), ("PASSWORD_MIN", false),
  ]

  @Test(arguments: names) func `a name promises a secret`(_ name: String, _ promises: Bool) {
    #expect(Secrets.isSecretName(name) == promises)
  }

  static let pairs: [(name: String, value: String, isSecret: Bool)] = [
    ("BACKUP_KEY", "8f3c1d9ab27e4f60c5d2e8b19a7f3c60", true), ("WEATHER_API", "8f3c1d9ab27e4f60c5d2e8b19a7f3c60", true),
    ("B2_KEY", "K001abcdEFGHijklMNOPqrst12", true), ("homepage.widget.key", "8f3c1d9ab27e4f60c5d2e8b19a7f3c60", true),
    ("PUBLIC_KEY", "K001abcdEFGHijklMNOPqrst12", false), ("GPG_KEY", "8f3c1d9ab27e4f60c5d2e8b19a7f3c60", false),
    ("SORT_KEY", "created_at_descending_2", false), ("REDIS_KEY", "queue:jobs:default:2024", false),
    ("PASSWORD_ENCRYPTION", "scram-sha-256", false), ("fiber.secret", "grafana-admin", false),
    ("DB_PASSWORD", "ENTER_PASSWORD_HERE", false), ("DB_PASSWORD", "q7Rk2vTz9m", true),
  ]

  @Test(arguments: pairs) func `a name and its value together are a secret`(
    _ name: String, _ value: String, _ isSecret: Bool
  ) {
    #expect(Secrets.isSecret(name, value) == isSecret)
  }

  static let values: [(value: String, literals: [String])] = [
    ("hunter22", ["hunter22"]), ("${TOKEN}", []), ("${TOKEN:?needed}", []), ("${TOKEN:-abc}", ["abc"]), ("$TOKEN", []),
    ("Bearer ${TOKEN}", []), ("hunter22abc${EMPTY:-}", ["hunter22abc", ""]), ("a$$b", ["a§b"]),
    ("http://${HOST:-x}:80/", ["x"]),
  ]

  @Test(arguments: values) func `what is written out is told from what is filled in`(
    _ value: String, _ literals: [String]
  ) {
    #expect(value.literals == literals)
  }

  static let written: [(value: String, isWrittenOut: Bool)] = [
    ("hunter22", true), ("example_123", true), ("changeme", false), ("your-token-here", false), ("<token>", false),
    ("xxxxxxxx", false), ("true", false), ("3600", false), ("/run/secrets/p", false), ("", false), ("ab", false),
    ("%kernel.project_dir%/config/jwt/private.pem", false), ("keys/jwt/private.pem", false), ("%abc123def%x", true),
  ]

  @Test(arguments: written) func `placeholders, switches and paths are no secrets`(
    _ value: String, _ isWrittenOut: Bool
  ) {
    #expect(Secrets.isWrittenOut(value) == isWrittenOut)
  }

  @Test(arguments: [
    ("postgres://app:hunter22@db/x", true), ("postgres://app:${PW}@db/x", false), ("postgres://app:$$PW@db/x", false),
    ("rtsp://me:$${PW}@cam/x", false), ("http://host:80/a@b", false),
    ("https://user@host/x", false), ("redis://:hunter22@r", true), ("no://", false),
  ])
  func `a password in an address is found`(_ text: String, _ found: Bool) {
    #expect(Secrets.inAddresses(text).isEmpty != found)
  }

  @Test func `values are hidden, the longest first, and names of projects are not`() {
    let mask = Mask(assignments: ["A=secret", "B=secret-long", "COMPOSE_PROJECT_NAME=web1", "C=abc"], all: true)
    #expect(mask.hide("secret-long secret web1 abc") == "${B} ${A} web1 abc")
    let names = Mask(assignments: ["DB_HOST=postgres", "PW=hunter22"], all: true)
      .sparing([ComposeSource(path: "a", bytes: Array("# hunter22\nservices: {postgres: {image: a}}".utf8))])
    #expect(names.hide("postgres has hunter22") == "postgres has ${PW}")
    #expect(Mask(assignments: [#"PW=my"se\cret"#], all: true).hide(#"parsing "my\"se\\cret""#) == #"parsing "${PW}""#)
    #expect(
      Mask(assignments: ["DB_PASSWORD=hunter22", "USER=someone"], all: false).hide("hunter22 someone")
        == "${DB_PASSWORD} someone")
  }
}

@Suite("The severities and waivers of a host")
struct PolicyTests {
  static let finding = Diagnostic(
    rule: "plaintext-secret", file: "s/c.yaml", stack: "s", service: "web", message: "m", help: "h")

  func waiver(_ change: (inout Waiver) -> Void = { _ in }) -> Waiver {
    var waiver = Waiver(rules: ["plaintext-secret"], reason: "r", expires: "2026-06-30", line: 3, column: 7)
    change(&waiver)
    return waiver
  }

  func judged(_ policy: Policy, today: String = "2026-01-01", whole: Bool = true) -> [Diagnostic] {
    policy.judge([Self.finding], today: today, configuration: "c.yaml", whole: whole)
  }

  @Test func `a waiver holds to the end of its last day, for what it names`() {
    var policy = Policy()
    policy.waivers = [waiver { $0.stacks = ["s"] }]
    #expect(judged(policy, today: "2026-06-30").map(\.waived) == [false, true], "with a warning of its end")
    #expect(
      judged(policy, today: "2026-06-16").map(\.message) == [
        "the waiver of plaintext-secret for s ends in 14 days", "m",
      ])
    #expect(judged(policy, today: "2026-06-15").map(\.message) == ["m"])
    let ended = judged(policy, today: "2026-07-01")
    #expect(ended.filter(\.refuses).map(\.file) == ["c.yaml", "s/c.yaml"] && ended[0].line == 3)
    policy.waivers = [waiver { $0.stacks = ["other"] }]
    #expect(judged(policy).map(\.refuses) == [false, true], "one warning that it covers nothing")
    #expect(judged(policy, whole: false).count == 1)
    policy.waivers = [waiver { $0.file = "s/**" }]
    #expect(judged(policy).map(\.waived) == [true])
  }

  /// What a waiver names, and whether it is about a finding of no-limits in the service web of the stack apps/blog.
  static let named: [(text: String, isCovered: Bool)] = [
    ("rule: no-limits", true), ("rule: [no-restart, no-limits]", true), ("rule: [no-restart]", false),
    ("rule: no-limits, stack: apps/blog", true), ("rule: no-limits, stack: [apps/wiki, apps/blog]", true),
    ("rule: no-limits, stack: 'apps/*'", true), ("rule: no-limits, stack: '*'", false),
    ("rule: no-limits, stack: '**'", true), ("rule: no-limits, stack: ['infra', './apps/bl?g/']", true),
    ("rule: no-limits, service: 'w*'", true), ("rule: no-limits, service: [api, db]", false),
    ("rule: no-limits, stack: 'apps/*', service: [api, web]", true),
  ]

  @Test(arguments: named.indices) func `a waiver names one or several rules, stacks and services, by globs`(_ row: Int)
    throws
  {
    let policy = try Self.policy("{\(Self.named[row].text), reason: r, expires: 2999-01-01}").get()
    let finding = Diagnostic(
      rule: "no-limits", severity: .warning, file: "f", stack: "apps/blog", service: "web", message: "m", help: "h")
    #expect(
      policy.judge([finding], today: "2026-01-01", configuration: "c", whole: false).map(\.waived) == [
        Self.named[row].isCovered
      ])
  }

  static func policy(_ waiver: String) -> Result<Policy, SettingsProblems> {
    let text = "repository: r\nbranch: b\nlive_root: /l\ncheckout: /l/c\npolicy:\n  waivers:\n  - \(waiver)\n"
    return Settings.parse(Array(text.utf8)).map(\.policy)
  }

  static let misnamed: [(text: String, says: String)] = [
    ("rule: [no-limits, no-limit]", "7:24: there is no rule no-limit; did you mean no-limits?"),
    ("rule: []", "7:12: rule must be text or a list of texts; to cover all, leave rule out"),
    ("rule: no-limits, stack: []", "7:30: stack must be text or a list of texts; to cover all, leave stack out"),
    ("rule: no-limits, service: ", "7:32: service must be text or a list of texts; to cover all, leave service out"),
    ("rule: no-limits, service: [[a]]", "7:33: each entry of service must be text"),
    ("stack: a", "7:5: rule is missing"),
  ]

  @Test(arguments: misnamed.indices) func `a waiver that names nothing is refused at its place`(_ row: Int) {
    guard case .failure(let problems) = Self.policy("{\(Self.misnamed[row].text), reason: r, expires: 2999-01-01}")
    else {
      Issue.record("it was taken")
      return
    }
    #expect(problems.all.map { "\($0.line):\($0.column): \($0.message)" } == [Self.misnamed[row].says])
  }

  @Test(arguments: ["stack: 's*'", "stack: [s, t]", "service: ['proxy', 'other']", "stack: s, service: 'pro*'"])
  func `the Docker socket is excused for one service at a time`(_ names: String) throws {
    var finding = Diagnostic(
      rule: "docker-socket", file: "s/c.yaml", stack: "s", service: "proxy", message: "m", help: "h")
    finding.terms = WaiverTerms(
      image: "proxy:1", builds: false, option: "/var/run/docker.sock", isPlain: true, commands: [])
    let policy = try Self.policy("{rule: docker-socket, \(names), image: 'proxy:1', reason: r, expires: 2999-01-01}")
      .get()
    let judged = policy.judge([finding], today: "2026-01-01", configuration: "c.yaml", whole: false)
    #expect(judged.map(\.refuses) == [true] && judged[0].help.contains("does not cover"))
  }

  static let bound: [(change: @Sendable (inout WaiverTerms) -> Void, isCovered: Bool)] = [
    ({ _ in }, true), ({ $0.image = "proxy:2" }, false), ({ $0.builds = true }, false),
    ({ $0.commands = ["sh -c evil"] }, false), ({ $0.commands = ["wget -q localhost"] }, true),
    (
      {
        $0.option = "/var"
        $0.isPlain = false
      }, false
    ),
    (
      {
        $0.option = "use_api_socket"
        $0.isPlain = false
      }, false
    ),
  ]

  @Test(arguments: bound.indices)
  func `a waiver of the Docker socket excuses one image as it is, and what it names`(_ row: Int) {
    let (change, isCovered) = Self.bound[row]
    var finding = Diagnostic(
      rule: "docker-socket", file: "s/c.yaml", stack: "s", service: "proxy", message: "m", help: "h")
    var terms = WaiverTerms(
      image: "proxy:1", builds: false, option: "/var/run/docker.sock", isPlain: true, commands: [])
    change(&terms)
    finding.terms = terms
    var policy = Policy()
    policy.waivers = [
      waiver {
        ($0.rules, $0.stacks, $0.services, $0.image) = (["docker-socket"], ["s"], ["proxy"], "proxy:1")
        $0.commands = ["wget -q localhost"]
      }
    ]
    let judged = policy.judge([finding], today: "2026-01-01", configuration: "c.yaml", whole: false)
    #expect(judged.map(\.waived) == [isCovered])
    #expect(isCovered || judged[0].help.contains("does not cover"))
  }

  @Test func `a rule can be weighed otherwise`() {
    var policy = Policy()
    policy.severity = ["plaintext-secret": .warning]
    #expect(judged(policy).map(\.severity) == [.warning])
    policy.severity = ["plaintext-secret": .off]
    #expect(judged(policy).isEmpty)
  }

  @Test func `the fingerprint changes when the policy would judge otherwise`() {
    var policy = Policy()
    policy.waivers = [waiver()]
    let before = policy.fingerprint(today: "2026-01-01")
    #expect(policy.fingerprint(today: "2026-06-15") == before)
    #expect(policy.fingerprint(today: "2026-06-16") != before, "its end is near, which is told")
    #expect(policy.fingerprint(today: "2026-07-01") != before)
    policy.waivers[0].line = 99
    #expect(policy.fingerprint(today: "2026-01-01") == before)
    policy.bindRoots = ["/srv"]
    #expect(policy.fingerprint(today: "2026-01-01") != before)
  }
}
