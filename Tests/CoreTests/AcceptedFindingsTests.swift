import Testing
import YAML

@testable import Core

@Suite("The baseline accepts what was there, and nothing else")
struct AcceptedFindingsTests {
  static let today = "2026-11-27"
  static let end = "2027-02-25"

  static let web = """
    services:
      web:
        image: nginx:1.27
        ports: ["8080:80"]
    """

  /// What the rules find in a text, taken for what Compose resolved.
  static func found(_ text: String, stack: String = "web", path: String = "web/compose.yaml") -> [Diagnostic] {
    let source = ComposeSource(path: path, bytes: Array(text.utf8))
    let subject = Subject(
      stack: stack, kind: .stack, model: source.document.map { JSON($0).asResolved } ?? .null, sources: [source],
      paths: HostPaths(liveRoot: "/live", checkout: "/live/clup", stacks: [stack: stack], isHost: true),
      policy: Policy(), today: "2026-01-01", environmentFiles: [:])
    return Rule.findings(in: subject)
  }

  static func errors(_ text: String) -> [Diagnostic] { found(text).filter { $0.severity == .error } }

  static func accept(
    _ found: [Diagnostic], _ policy: Policy = Policy(), include: Set<String> = [], prunes: Bool = false,
    on day: String = today, unseen: Set<String> = []
  ) -> (acceptance: Acceptance, policy: Policy) {
    var acceptance = Acceptance(file: "baseline.yaml", dryRun: false, pruned: prunes)
    let baseline = Acceptor(policy: policy, include: include, prunes: prunes, today: day)
      .accept(found, unseen: unseen, into: &acceptance)
    var next = policy
    next.waivers = policy.waivers.filter { $0.accepted == nil } + baseline.entries
    return (acceptance, next)
  }

  static func judge(_ policy: Policy, _ found: [Diagnostic], on day: String = today) -> [Diagnostic] {
    policy.weigh(found, today: day, configuration: "/etc/clup/clup.yaml", whole: true)
  }

  @Test func `what is accepted refuses nothing to the end of its last day, and then again`() {
    let found = Self.errors(Self.web)
    let (acceptance, policy) = Self.accept(found)
    #expect(acceptance.accepted.map(\.rule) == ["published-port"] && !acceptance.isRefused)
    #expect(acceptance.accepted.map(\.acceptedUntil) == [Self.end])
    let judged = Self.judge(policy, found)
    #expect(judged.map(\.word) == ["accepted until \(Self.end)"] && judged.filter(\.refuses) == [])
    let near = Self.judge(policy, found, on: "2027-02-20")
    #expect(
      near.map(\.message).contains("the baseline's acceptance of 1 finding ends in 5 days")
        && near.first?.file == "/etc/clup/baseline.yaml" && near.filter(\.refuses) == [])
    #expect(Self.judge(policy, found, on: Self.end).allSatisfy { !$0.refuses })
    let ended = Self.judge(policy, found, on: "2027-02-26")
    #expect(ended.map(\.refuses) == [true] && ended[0].acceptedUntil == nil)
    #expect(ended[0].help.hasSuffix("the baseline accepted it until 2027-02-25, and `clup baseline` accepts it again"))
    #expect(Self.judge(Policy(), found).map(\.refuses) == [true])
  }

  /// The text that was accepted, another one, and whether that is the same finding.
  static let changes: [(what: String, text: String, isSame: Bool)] = [
    ("as it was", web, true), ("lines above", "# one\nx-a: 1\n\n" + web, true),
    ("an item before", web.replacing("[\"", with: "[\"127.0.0.1:1:1\", \""), true),
    ("in a block", web.replacing("[\"8080:80\"]", with: "\n      - \"8080:80\""), true),
    ("another port", web.replacing("8080", with: "9090"), false),
    ("another service", web.replacing("web:", with: "api:"), false),
    ("the same on every address", web.replacing("8080:80", with: "0.0.0.0:8080:80"), false),
  ]

  @Test(arguments: changes.indices) func `a finding is known by the text of its place, not by its line`(_ row: Int) {
    let (what, text, isSame) = Self.changes[row]
    let (_, policy) = Self.accept(Self.errors(Self.web))
    #expect(Self.judge(policy, Self.errors(text)).filter(\.refuses).isEmpty == isSame, "\(what)")
  }

  @Test func `another stack's finding with the same text is another one`() {
    let (_, policy) = Self.accept(Self.errors(Self.web))
    let other = Self.found(Self.web, stack: "api", path: "api/compose.yaml").filter { $0.severity == .error }
    #expect(Self.judge(policy, other).map(\.refuses) == [true])
  }

  @Test func `two keys with one value are two places`() {
    let text = "services:\n  vpn:\n    image: w:1\n    pid: host\n"
    let (_, policy) = Self.accept(Self.errors(text), include: ["privileged"])
    #expect(Self.judge(policy, Self.errors(text)).filter(\.refuses) == [])
    let more = Self.judge(policy, Self.errors(text + "    ipc: host\n"))
    #expect(more.filter(\.refuses).map(\.line) == [5])
  }

  @Test func `what a variable stands for belongs to the text`() {
    var finding = Diagnostic(rule: "host-path", file: "f", stack: "s", service: "w", message: "mounts /a", help: "h")
    finding.sourceValue = SourceValue(keys: "services.w.volumes", value: "${DIR}:/x")
    #expect(finding.placeText == "services.w.volumes: ${DIR}:/x (mounts /a)")
    finding.sourceValue?.value = "/a:/x"
    #expect(finding.placeText == "services.w.volumes: /a:/x")
  }

  @Test func `I8: no secret comes into the file, and each has its own entry`() {
    let text = """
      services:
        db:
          image: p:1
          environment: {POSTGRES_PASSWORD: "hunter22hunter22", ADMIN_PASSWORD: "another22another"}
          command: [serve, --api-token=0123456789abcdef0123, "postgres://u:pa55word99@h/x"]
          ports: ["8080:80"]
      """
    let found = Self.errors(text)
    let (acceptance, policy) = Self.accept(found)
    #expect(acceptance.accepted.count { $0.rule == "plaintext-secret" } >= 3, "\(found.map(\.message))")
    let file = AcceptedFindings(policy.waivers).text
    for secret in ["hunter", "hun…", "another", "ano…", "0123", "012…", "pa55"] { #expect(!file.contains(secret)) }
    #expect(file.contains("services.db.environment.POSTGRES_PASSWORD: the value of POSTGRES_PASSWORD is written out"))
    #expect(Self.judge(policy, found).filter(\.refuses) == [])
    let new = Self.errors(text.replacing("ADMIN_PASSWORD", with: "OTHER_PASSWORD"))
    #expect(Self.judge(policy, new).filter(\.refuses).map(\.rule) == ["plaintext-secret"])
    let archive = Diagnostic(rule: "forbidden-file", file: "a.pem", message: "a.pem holds a key (abc…)", help: "h")
    #expect(archive.placeText == "a.pem holds a key")
    let values = Diagnostic(
      rule: "plaintext-secret", file: "db/x.env", line: 3, stack: "db", message: "the value of A is written out (…)",
      help: "h")
    #expect(values.placeText == "db/x.env: the value of A is written out")
  }

  @Test func `what protects data or the host is accepted by name only, and as it is`() {
    let text = "services:\n  proxy:\n    image: p:1\n    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']\n"
    let found = Self.errors(text)
    let plain = Self.accept(found)
    #expect(plain.acceptance.accepted == [] && plain.acceptance.isRefused)
    #expect(plain.acceptance.refused.first?.reason.contains("--include docker-socket") == true)
    let (acceptance, policy) = Self.accept(found, include: ["docker-socket"])
    #expect(acceptance.accepted.map(\.rule) == ["docker-socket"])
    #expect(policy.waivers.map(\.image) == ["p:1"])
    #expect(Self.judge(policy, found).filter(\.refuses) == [])
    for other in [
      text.replacing("p:1", with: "p:2"), text + "    command: [sh, -c, evil]\n",
      text.replacing(":ro'", with: ":ro', './x:/usr/bin'"),
    ] {
      let judged = Self.judge(policy, Self.errors(other)).filter { $0.rule == "docker-socket" && $0.refuses }
      #expect(judged.first?.help.hasPrefix("the baseline does not cover it") == true, "\(other)")
    }
    let built = Self.accept(Self.errors(text + "    build: .\n"), include: ["docker-socket"])
    #expect(built.acceptance.accepted == [] && built.acceptance.isRefused)
  }

  @Test func `nothing is accepted of which nobody knows what it runs`() throws {
    for definition in ["volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "privileged: true"] {
      let found = Self.errors("services:\n  web:\n    \(definition)\n")
      let (acceptance, policy) = Self.accept(found, include: ["docker-socket", "privileged"])
      #expect(acceptance.isRefused && policy.waivers == [], "\(definition)")
      #expect(try AcceptedFindings.parse(Array(AcceptedFindings(policy.waivers).text.utf8)).get().entries == [])
    }
  }

  @Test func `what a holder of the socket would be refused for is told with it, and all that accepts both`() {
    let proxy = """
      services:
        p: {image: "p:1", volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]}
      """
    var acceptance = Self.accept(Self.found(proxy)).acceptance
    let socket = acceptance.refused.filter { $0.finding.rule == "docker-socket" }
    #expect(socket.count == 1)
    let more = Diagnostic(rule: "socket-proxy", file: "web/compose.yaml", message: "opens more", help: "h")
    acceptance.need([], with: "docker-socket")
    #expect(acceptance.refused.contains(where: { $0 == socket[0] }))
    acceptance.need([Acceptance.Refusal(finding: more, reason: "")], with: "docker-socket")
    let told = acceptance.refused.filter { ["docker-socket", "socket-proxy"].contains($0.finding.rule) }
    #expect(told.count == 2)
    #expect(told.allSatisfy { $0.reason.contains("`--include docker-socket --include socket-proxy`") })
  }

  @Test func `an x-clup within a service, which Compose drops, is told at its line`() {
    let text = "services:\n  web:\n    image: nginx:1.27\n    x-clup: {after: [db]}\n"
    let told = Self.found(text).filter { $0.message.contains("x-clup") && $0.rule == "unknown-option" }
    #expect(told.filter { $0.severity == .warning }.map(\.line) == [4])
    let right = Self.found("x-clup: {after: [db]}\nservices: {web: {image: \"nginx:1.27\"}}\n")
    #expect(!right.contains { $0.message.contains("x-clup") && $0.rule == "unknown-option" })
  }

  @Test func `I13: what makes a stack impossible is never accepted, whatever is written by hand`() throws {
    let broken = WeighTests.finding(isFinal: true)
    let (acceptance, none) = Self.accept([broken], include: ["compose"])
    #expect(none.waivers == [] && acceptance.isRefused)
    #expect(acceptance.refused.map(\.reason) == ["never accepted: the stack cannot be deployed as it is"])
    let text = "findings: [{rule: compose, stack: a, text: broken, since: 2026-11-27, expires: 2999-01-01}]"
    var policy = Policy()
    policy.waivers = try AcceptedFindings.parse(Array(text.utf8)).get().entries
    #expect(Self.judge(policy, [broken]).map(\.refuses) == [true])
  }

  @Test func `what only warns is left, unless it is asked for`() {
    let found = Self.found(Self.web)
    #expect(Self.accept(found).acceptance.accepted.map(\.rule) == ["published-port"])
    let (acceptance, policy) = Self.accept(found, include: ["no-limits"])
    #expect(Set(acceptance.accepted.map(\.rule)) == ["published-port", "no-limits"])
    #expect(Self.judge(policy, found).filter { $0.rule == "no-limits" }.map(\.waived) == [true])
    let ended = Self.judge(policy, found, on: "2028-01-01").filter { $0.rule == "no-limits" }
    #expect(ended.map(\.word) == ["warning"])
  }

  @Test func `an entry keeps its day and end, and what has ended is renewed when it is asked for again`() {
    let found = Self.errors(Self.web)
    let (_, first) = Self.accept(found)
    let later = Self.accept(found, first, on: "2027-01-01")
    #expect(later.policy.waivers == first.waivers && later.acceptance.known.map(\.acceptedUntil) == [Self.end])
    let more = Self.accept(Self.errors(Self.web.replacing("[\"", with: "[\"9090:90\", \"")), first, on: "2027-01-01")
    #expect(more.policy.waivers.map(\.expires) == [Self.end, "2027-04-01"])
    let ended = Self.accept(found, first, on: "2027-03-01")
    #expect(ended.acceptance.renewed.count == 1 && ended.acceptance.accepted == [])
    #expect(ended.policy.waivers.map(\.accepted?.since) == ["2027-03-01"])
    #expect(ended.policy.waivers.map(\.expires) == ["2027-05-30"])
    let pruned = Self.accept(found, first, prunes: true, on: "2027-03-01")
    #expect(pruned.policy.waivers == first.waivers && pruned.acceptance.isRefused)
  }

  @Test func `what was fixed is dropped by --prune alone, and nothing of a stack that was not looked at`() {
    let (_, policy) = Self.accept(Self.errors(Self.web))
    let again = Self.accept([], policy)
    #expect(again.policy.waivers.count == 1 && again.acceptance.fixed.map(\.text) == ["services.web.ports: 8080:80"])
    let unseen = Self.accept([], policy, prunes: true, unseen: ["web"])
    #expect(unseen.policy.waivers.count == 1 && unseen.acceptance.unjudged == ["web"] && unseen.acceptance.fixed == [])
    #expect(Self.accept([], policy, prunes: true).policy.waivers == [])
  }

  @Test func `the configuration's own waivers need no entry`() {
    var policy = Policy()
    policy.waivers = [
      Waiver(rules: ["published-port"], stacks: ["w*"], reason: "r", expires: "2999-01-01", line: 1, column: 1)
    ]
    let found = Self.errors(Self.web)
    #expect(Self.accept(found, policy).acceptance.accepted == [])
    #expect(Self.judge(policy, found).map(\.word) == ["waived"])
  }

  @Test func `the file says what it accepts, and is read as it was written`() throws {
    let (_, policy) = Self.accept(Self.errors(Self.web))
    var entries = policy.waivers
    let plain = AcceptedFindings(entries).text
    #expect(
      plain.contains(
        "  - {rule: published-port, stack: web, service: web, text: \"services.web.ports: 8080:80\", since: "))
    entries[0].reason = "two: weeks, \"or\" so"
    entries[0].accepted?.text = "a\u{7f}\u{85}\u{202e}\u{2028}\u{feff}\u{ffff}\n\t\u{1}é\u{1f600}"
    entries.append(entries[0])
    (entries[1].options, entries[1].commands, entries[1].image) = (["a b"], ["sh -c x\n"], "i:1")
    let text = AcceptedFindings(entries).text
    #expect(!text.unicodeScalars.contains("\u{202e}"))
    var read = try AcceptedFindings.parse(Array(text.utf8)).get().entries
    for index in read.indices { (read[index].line, read[index].column) = (0, 0) }
    #expect(read == entries)
    #expect(try AcceptedFindings.parse(Array(AcceptedFindings().text.utf8)).get().entries == [])
    #expect(try AcceptedFindings.parse([]).get().entries == [])
  }

  static let malformed: [(text: String, line: Int, column: Int, says: String)] = [
    ("finding: []", 1, 1, "unknown key finding in the baseline; did you mean findings?"),
    ("findings: {}", 1, 11, "findings must be a list"), ("findings: [", 2, 1, ""),
    ("findings:\n  - {rule: no-limits, text: t, since: 2026-01-01}", 2, 5, "expires is missing"),
    (
      "findings:\n  - {rule: no-limit, text: t, since: 2026-01-01, expires: 2026-01-01}", 2, 12,
      "there is no rule no-limit; did you mean no-limits?"
    ),
    (
      "findings:\n  - {rule: no-limits, text: t, since: x, expires: 2026-01-01}", 2, 39,
      "since must be a day such as 2027-06-30, not x"
    ),
    ("findings:\n  - {rule: no-limits, since: 2026-01-01, expires: 2026-01-01}", 2, 5, "text is missing"),
    (
      "findings:\n  - {rule: no-limits, stack: [a], text: t, since: 2026-01-01, expires: 2026-01-01}", 2, 30,
      "stack must be text"
    ),
    (
      "findings:\n  - {rule: no-limits, text: t, sinc: 1, since: 2026-01-01, expires: 2026-01-01}", 2, 32,
      "unknown key sinc in findings; did you mean since?"
    ), ("findings: []\n---\nfindings: []", 3, 1, "a second document begins here; a baseline is one"),
  ]

  @Test(arguments: malformed.indices) func `what cannot be read is refused at its place`(_ row: Int) {
    let (text, line, column, says) = Self.malformed[row]
    guard case .failure(let problems) = AcceptedFindings.parse(Array(text.utf8)) else {
      Issue.record("it was taken")
      return
    }
    let first = problems.all[0]
    #expect((first.line, first.column) == (line, column), "\(first)")
    #expect(says.isEmpty || first.message == says)
  }

  @Test func `what is accepted is counted, and told of two weeks before its end`() {
    let (_, policy) = Self.accept(Self.errors(Self.web.replacing("[\"", with: "[\"9090:90\", \"")))
    #expect(policy.acceptedCount(today: Self.today) == AcceptedCount(accepted: 2, ending: 0, ended: 0))
    #expect(policy.acceptedCount(today: "2027-02-20") == AcceptedCount(accepted: 2, ending: 2, ended: 0))
    #expect(policy.acceptedCount(today: "2027-03-01") == AcceptedCount(accepted: 0, ending: 0, ended: 2))
    #expect(Policy().acceptedCount(today: Self.today) == nil)
    #expect(policy.ending(by: "2027-02-20") == ["the baseline's acceptance of 2 findings ends in 5 days"])
    #expect(policy.ending(by: "2027-03-01") == ["the baseline's acceptance of 2 findings ended on 2027-02-25"])
    #expect(policy.fingerprint(today: Self.today) != Policy().fingerprint(today: Self.today))
  }
}

extension JSON {
  /// A Compose text as Compose would resolve it, as far as these tests need it: short ports and volumes in their long form.
  fileprivate var asResolved: JSON {
    guard case .object(var top) = self, case .object(var services)? = top["services"] else { return self }
    for (name, service) in services {
      guard case .object(var members) = service else { continue }
      if members["ports"] != nil {
        members["ports"] = .array(
          service["ports"].array.map { port in
            let parts = (port.string ?? "").split(separator: ":").map(String.init)
            return .object(
              [
                "mode": .string("ingress"), "protocol": .string("tcp"), "target": .integer(Int(parts.last ?? "") ?? 0),
                "published": .string(parts[parts.count - 2]),
              ].merging(parts.count > 2 ? ["host_ip": .string(parts[0])] : [:]) { $1 })
          })
      }
      if members["volumes"] != nil {
        members["volumes"] = .array(
          service["volumes"].array.map { volume in
            let parts = (volume.string ?? "").split(separator: ":").map(String.init)
            return .object([
              "type": .string("bind"), "source": .string(Path.join("/live/web", parts[0])), "target": .string(parts[1]),
              "read_only": .bool(parts.count > 2),
            ])
          })
      }
      services[name] = .object(members)
    }
    top["services"] = .object(services)
    return .object(top)
  }
}
