import Core
import HTTPServer
import Testing

@testable import Daemon

@Suite("A webhook is believed when it is signed, and looked at when it is a push to the branch")
struct WebhookTests {
  static let secret = Secret(Array("It's a Secret to Everybody".utf8))
  static let settings = Settings(
    repository: "https://forge.example.org/psy/clup.git", branch: "main", liveRoot: "/l", checkout: "/c")

  static func request(_ body: String, _ headers: [String: String]) -> HTTPRequest {
    HTTPRequest(
      method: "POST", path: "/webhook", query: [], headers: headers.map { .init($0.key, $0.value) },
      body: Array(body.utf8), remoteAddress: "127.0.0.1")
  }

  static func read(
    _ body: String, _ headers: [String: String], secrets: [Secret] = [secret], _ settings: Settings = settings
  )
    -> Webhook
  { Webhook.read(request(body, headers), secrets: secrets, settings: settings) }

  /// The example of GitHub's documentation on validating deliveries: body, secret and signature are given there.
  @Test func `the known example is accepted, and nothing that differs by a byte`() {
    let body = "Hello, World!"
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    #expect(Self.read(body, ["X-Hub-Signature-256": signature]) == .push(delivery: nil))
    #expect(Self.read("Hello, World?", ["X-Hub-Signature-256": signature]) == .unsigned)
    for index in [0, 7, 40, signature.count - 1] {
      var letters = Array(signature)
      letters[index] = letters[index] == "0" ? "1" : "0"
      #expect(Self.read(body, ["X-Hub-Signature-256": String(letters)]) == .unsigned, "at \(index)")
    }
    #expect(Self.read(body, ["X-Hub-Signature-256": String(signature.dropLast())]) == .unsigned)
    #expect(Self.read(body, ["X-Hub-Signature-256": signature], secrets: []) == .unsigned)
    #expect(
      Self.read(body, ["X-Hub-Signature-256": signature], secrets: [Secret(Array("other".utf8)), Self.secret])
        == .push(delivery: nil), "two secrets while one takes over from the other")
  }

  static func signed(_ body: String) -> String {
    let digest = Self.secret.withBytes { (try? HMAC.sha256(key: $0, message: Array(body.utf8))) ?? [] }
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: String
    let headers: [String: String]
    let reads: Webhook
  }

  static let push = #"{"ref": "refs/heads/main", "repository": {"full_name": "psy/clup"}}"#

  static let rows = [
    Row(
      testDescription: "GitHub", body: push,
      headers: ["X-GitHub-Event": "push", "X-GitHub-Delivery": "d1", "X-Hub-Signature-256": "sha256=" + signed(push)],
      reads: .push(delivery: "d1")),
    Row(
      testDescription: "GitHub's ping", body: #"{"zen": "x"}"#,
      headers: ["X-GitHub-Event": "ping", "X-Hub-Signature-256": "sha256=" + signed(#"{"zen": "x"}"#)], reads: .ping),
    Row(
      testDescription: "Gitea", body: push,
      headers: ["X-Gitea-Event": "push", "X-Gitea-Delivery": "d2", "X-Gitea-Signature": signed(push)],
      reads: .push(delivery: "d2")),
    Row(
      testDescription: "Gogs", body: push, headers: ["X-Gogs-Event": "push", "X-Gogs-Signature": signed(push)],
      reads: .push(delivery: nil)),
    Row(
      testDescription: "Forgejo", body: push,
      headers: ["X-Forgejo-Event": "push", "X-Forgejo-Signature": signed(push)],
      reads: .push(delivery: nil)),
    Row(
      testDescription: "GitLab", body: #"{"ref": "refs/heads/main", "project": {"path_with_namespace": "psy/clup"}}"#,
      headers: [
        "X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "u1", "X-Gitlab-Token": "It's a Secret to Everybody",
      ], reads: .push(delivery: "u1")),
    Row(
      testDescription: "GitLab's tag", body: #"{"ref": "refs/tags/v1"}"#,
      headers: ["X-Gitlab-Event": "Tag Push Hook", "X-Gitlab-Token": "It's a Secret to Everybody"],
      reads: .ignored("a push to refs/tags/v1, not to main")),
    Row(
      testDescription: "GitLab with another token", body: push,
      headers: ["X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "It's a Secret to Everybodz"], reads: .unsigned),
    Row(
      testDescription: "a signature without a secret's knowledge", body: push,
      headers: ["X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256="], reads: .unsigned),
    Row(testDescription: "no signature", body: push, headers: ["X-GitHub-Event": "push"], reads: .unsigned),
    Row(
      testDescription: "the old kind of signature", body: push,
      headers: ["X-GitHub-Event": "push", "X-Hub-Signature": "sha1=" + signed(push)], reads: .unsigned),
    Row(
      testDescription: "a script that sends nothing", body: "",
      headers: ["X-Hub-Signature-256": "sha256=" + signed("")],
      reads: .push(delivery: nil)),
    Row(
      testDescription: "another branch", body: #"{"ref": "refs/heads/next"}"#,
      headers: ["X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signed(#"{"ref": "refs/heads/next"}"#)],
      reads: .ignored("a push to next, not to main")),
    Row(
      testDescription: "a tag", body: #"{"ref": "refs/tags/main"}"#,
      headers: ["X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signed(#"{"ref": "refs/tags/main"}"#)],
      reads: .ignored("a push to refs/tags/main, not to main")),
    Row(
      testDescription: "something else than a push", body: "{}",
      headers: ["X-GitHub-Event": "issues", "X-Hub-Signature-256": "sha256=" + signed("{}")],
      reads: .ignored("issues is not a push to a branch")),
    Row(
      testDescription: "another repository",
      body: #"{"ref": "refs/heads/main", "repository": {"full_name": "psy/other"}}"#,
      headers: [
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": "sha256="
          + signed(#"{"ref": "refs/heads/main", "repository": {"full_name": "psy/other"}}"#),
      ], reads: .ignored("a push to the repository psy/other, not to this host's")),
    Row(
      testDescription: "a form", body: "payload=x",
      headers: [
        "X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded",
        "X-Hub-Signature-256": "sha256=" + signed("payload=x"),
      ], reads: .malformed("set the webhook's content type to application/json")),
    Row(
      testDescription: "no JSON", body: "x",
      headers: ["X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signed("x")],
      reads: .malformed("the body is no JSON object")),
  ]

  @Test(arguments: rows) func `what it reads`(_ row: Row) {
    #expect(Self.read(row.body, row.headers) == row.reads)
  }

  static let paths: [(url: String, path: String?)] = [
    ("https://github.com/psy/clup.git", "psy/clup"), ("https://u:p@host:8443/psy/clup", "psy/clup"),
    ("git@host:psy/clup.git", "psy/clup"), ("ssh://git@host:22/psy/clup.git", "psy/clup"),
    ("git://h/a/b/c.git", "a/b/c"),
    ("/srv/git/clup.git", nil), ("file:///srv/git/clup.git", nil), ("../clup.git", nil), ("https://host", nil),
  ]

  @Test(arguments: paths) func `a repository is known by its path on the forge`(_ url: String, _ path: String?) {
    #expect(Webhook.path(of: url) == path)
  }

  @Test func `a secret shows itself to nobody`() {
    #expect("\(Self.secret)" == "***" && String(reflecting: Self.secret) == "***")
    var text = ""
    dump(Self.secret, to: &text)
    #expect(!text.contains("73"))
  }
}

@Suite("The timer, and the patience with what a person does by hand")
struct PaceTests {
  @Test func `the pause grows while the repository is away, and never beyond its bound`() {
    var pace = PollDelay(interval: .seconds(60))
    #expect(pace.pause(chance: 10) == .seconds(60))
    #expect(pace.pause(chance: 0) == .seconds(54) && pace.pause(chance: 20) == .seconds(66))
    pace.note(reached: false)
    #expect(pace.pause(chance: 10) == .seconds(120))
    for _ in 0..<40 { pace.note(reached: false) }
    #expect(pace.pause(chance: 10) == PollDelay.longest)
    pace.note(reached: true)
    #expect(pace.pause(chance: 10) == .seconds(60))
    var slow = PollDelay(interval: .seconds(3600))
    slow.note(reached: false)
    #expect(slow.pause(chance: 10) == .seconds(3600))
  }

  @Test func `three repairs in ten minutes, then it waits until the first is ten minutes old`() {
    var repairLimit = RepairLimit()
    let start = ContinuousClock.now
    for minute in 0..<3 {
      let now = start + .seconds(60 * minute)
      #expect(repairLimit.judge(["a", "b"], at: now).repair == ["a", "b"])
      // What could not be begun is no try.
      #expect(repairLimit.judge(["a", "b"], at: now).repair == ["a", "b"])
      repairLimit.note(["a", "b"], at: now)
    }
    let fourth = repairLimit.judge(["a", "c"], at: start + .seconds(200))
    #expect(fourth.repair == ["c"] && fourth.wait == ["a"])
    #expect(repairLimit.next(of: ["a"]) == start + .seconds(600))
    #expect(repairLimit.judge(["a"], at: start + .seconds(601)).repair == ["a"])
  }

  @Test func `what an engine that was restarted left behind is no person's will`() {
    var limit = RepairLimit()
    let now = ContinuousClock.now
    for _ in 0..<5 {
      limit.excuse(["a"])
      limit.note(["a"], at: now)
    }
    #expect(limit.judge(["a"], at: now).repair == ["a"])
    for _ in 0..<3 { limit.note(["a"], at: now) }
    #expect(limit.judge(["a"], at: now).wait == ["a"])
  }

  @Test func `metrics are in the form that Prometheus reads`() {
    var numbers = Counters.Numbers()
    numbers.durations.add(0.3)
    numbers.durations.add(7)
    numbers.repairs = ["a\"b\\c": 2]
    let text = Metrics.text(numbers, status: nil, version: "1", started: 5, residentBytes: 4096)
    #expect(text.contains("clup_sync_duration_seconds_bucket{le=\"0.5\"} 1\n"))
    #expect(text.contains("clup_sync_duration_seconds_bucket{le=\"+Inf\"} 2\nclup_sync_duration_seconds_sum 7.3\n"))
    #expect(text.contains(#"clup_drift_repairs_total{stack="a\"b\\c"} 2"#))
    #expect(text.hasSuffix("\n") && !text.contains("\n\n"))
  }
}
