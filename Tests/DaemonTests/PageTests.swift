import Foundation
import Testing

@testable import Agent
@testable import Core
@testable import Daemon

@Suite("The status page tells how the host stands")
struct PageTests {
  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// The text of a page without its tags.
  static func words(_ bytes: [UInt8]) -> String {
    text(bytes).replacing(/(?s)<(style|script|title)>.*?<\/\1>/, with: "").replacing(/<[^>]*>/, with: "")
      .replacing("&nbsp;", with: " ")
  }

  static let states: [(name: String, seen: StatusPageModel, says: [String])] = [
    ("nothing known", StatusPageModel(), ["Nothing is known of this host yet", "None yet."]),
    ("no stack", Scenes.empty(), ["No stack was deployed yet", "repository reached 20 seconds ago"]),
    (
      "all in place", Scenes.seven(),
      [
        "7 stacks in place at 4f1c2ab, deployed 14 minutes ago", "Give the gateway the image of November",
        "19 minutes ago", "✓ in place", "1 service of artifacts", "unchanged", "by timer, and 1 run before it",
        "gw-admin refused, runner/compose refused",
      ]
    ),
    (
      "held and drifted", Scenes.held(),
      [
        "2 of 7 stacks are not in place", "Held back: 4f1c2ab failed 14 minutes ago", "clup sync --retry",
        "did not become healthy within 5m", "rolled back, 14 minutes ago", "container of claw-runner removed",
        "clup only reports it for now", "2 services, 1 not well", "a sync is running",
      ]
    ),
    (
      "a deploy under way", Scenes.working(),
      [
        "Under way", "pulling images 31.4 of 120.0 MB", "waiting for gateway to become healthy 12 of 300 s",
        "deployed in 8 s", "! rolled back", "dns ended with exit 1; brought back to 9b7e01d",
        "waiting: compose file changed",
      ]
    ),
    (
      "refused", Scenes.refusing(),
      [
        "7 stacks in place at 4f1c2ab, but the newest commit is refused", "The branch's commit 4f1c2ab is refused",
        "[docker-socket]", "First seen 1 hour ago", "by timer, and 1 run before it",
      ]
    ),
    (
      "pinned", Scenes.pinned(),
      [
        "7 stacks in place at 4f1c2ab, 1 of them pinned", "Pinned at 9b7e01d 3 days ago, 4 commits behind",
        "clup resume --stack gw-home",
      ]
    ),
    (
      "waiting", Scenes.waiting(),
      [
        "1 of 7 stacks waits for the registry", "Waiting for the registry, for the first time", "◆ waiting",
        "docker compose pull failed: 429", "The configuration cannot be used as it is now",
        "clup.yaml:6:1: unknown key nonsense", "`serve: {listen: …}` take effect after a restart",
      ]
    ),
    (
      "engine away", Scenes.engineAway(),
      [
        "The engine does not answer: 7 stacks cannot be seen", "connection refused", "not seen",
        "This kernel has no Landlock",
      ]
    ),
    (
      "repository away", Scenes.repositoryAway(),
      [
        "7 stacks in place at 4f1c2ab, but the repository cannot be reached", "failed to resolve address",
        "It was last reached 2 hours ago",
      ]
    ),
    ("status not available", Scenes.unknown(), ["The state of this host is unknown", "state.json: it is not JSON"]),
  ]

  @Test(arguments: states.indices) func `each state has its sentence and its facts`(_ index: Int) {
    let state = Self.states[index]
    let words = Self.words(Page.overview(state.seen))
    for phrase in state.says { #expect(words.contains(phrase), "\(state.name): \(phrase)\n\(words)") }
  }

  @Test func `nothing that is under way is red`() {
    var stack = Scenes.stack(
      "web", "A message", health: "unhealthy",
      services: [
        ServiceReport(
          name: "a", action: .recreate, reason: "configuration changed", state: "running", health: "healthy"),
        Scenes.service("b", state: "restarting"), Scenes.service("c", health: "unhealthy"),
      ])
    stack.isBusy = true
    let card = String(decoding: StackCard(stack: stack, seen: Scenes.working()).html.bytes, as: UTF8.self)
    #expect(!card.contains("bad") && !card.contains("not well") && !card.contains("configuration changed"), "\(card)")
  }

  static let standings: [(change: @Sendable (inout Status.Stack) -> Void, sentence: String)] = [
    ({ $0.health = "unhealthy" }, "The only stack is not healthy"),
    ({ $0.drift = ["image changed"] }, "The only stack is not in place"),
    ({ $0.pin = Scenes.old }, "1 stack in place, each of them pinned"),
    ({ $0.health = "starting" }, "1 stack in place"),
    ({ $0.isBusy = true }, "The only stack is being deployed"),
  ]

  @Test(arguments: standings.indices) func `the worst stack decides the sentence`(_ index: Int) {
    var stack = Scenes.stack("web", "A message")
    Self.standings[index].change(&stack)
    var seen = Scenes.empty()
    seen.status?.stacks = [stack]
    #expect(Headline.host(seen).title.hasPrefix(Self.standings[index].sentence))
  }

  @Test func `a report is shown whole`() {
    let words = Self.words(Page.report(Scenes.failed(), of: Scenes.held()))
    for phrase in [
      "Failed at 4f1c2ab: 1 stack put back", "5 min 12 s", "mounted file conf/openclaw.json changed", "image changed",
      "recreate", "✓ running, healthy", "did not become healthy within 5m",
      "2026-11-25T11:46:11Z error: unknown key `agents.defaults.sandbox` at line 41", "9b7e01d →  to 4f1c2ab",
      "comes after gw-admin, which failed", "4 stacks unchanged",
      "what was there is kept as gw-admin/docker-compose.yml.bak.20261125-114600", "1 live path kept",
      "infra/docker-compose.yml:4:12", "◆ warning", "[floating-tag]", "Help: name a version",
    ] {
      #expect(words.contains(phrase), "\(phrase)\n\(words)")
    }
  }

  @Test func `what refused a commit comes first, and what is waived says so`() throws {
    let words = Self.words(Page.report(Scenes.refused(), of: Scenes.seven()))
    let places = try [
      "Refused at 4f1c2ab; nothing was changed", ":9:9! error", ":4:12◆ warning", ":21:9○ waived", "Stacks",
    ]
    .map { try #require(words.ranges(of: $0).last, "\($0)\n\(words)").lowerBound }
    #expect(places == places.sorted())
  }

  @Test func `a plan shows its steps, and its diff with the signs`() {
    let page = Page.plan(report: Scenes.planned(), diff: Scenes.diff, of: Scenes.seven())
    let words = Self.words(page)
    for phrase in [
      "A sync would touch 1 of 7 stacks at 4f1c2ab", "reaper", "new service", "○ absent", "6 lines added, 2 removed",
      "\n-    image: openclaw-runner:2026.10\n", "+    image: openclaw-runner:2026.11\n",
      "runner/compose/conf/runner.json",
      "-\(Shown.hidden)", "+      API_TOKEN: ${API_TOKEN}",
    ] {
      #expect(words.contains(phrase), "\(phrase)\n\(words)")
    }
    #expect(Self.text(page).contains("<ins>+{&quot;jobs&quot;: 4}\n</ins>"))
  }

  @Test func `a long diff ends with the way to the rest`() {
    let lines = (0..<(Diff.most + 7)).map { "+line \($0)" }.joined(separator: "\n")
    let page = Page.plan(
      report: Scenes.planned(), diff: "diff --git a/x b/x\n@@ -0,0 +1 @@\n" + lines, of: Scenes.seven())
    #expect(Self.words(page).contains("8 lines more: clup sync --dry-run --diff shows all."))
  }

  @Test func `a plan that could not be made says why`() {
    let words = Self.words(Page.plan(report: nil, diff: "", error: "no route to host", of: Scenes.seven()))
    #expect(words.contains("There is no plan") && words.contains("no route to host"))
  }

  static let runs: [(Run.Stage, Int32?, Report.Outcome?, String)] = [
    (.queued, nil, nil, "This sync waits for its turn"), (.running, nil, nil, "This sync is running"),
    (.ended, 0, .unchanged, "This sync found nothing to do"),
    (.ended, 137, nil, "This sync ended without a report: failed"),
    (.ended, 3, .refused, "This sync ended without a report: refused"),
  ]

  @Test(arguments: runs) func `a run without a report says how far it came`(
    _ stage: Run.Stage, _ status: Int32?, _ outcome: Report.Outcome?, _ sentence: String
  ) {
    var run = Run(id: "r1", trigger: .webhook, requested: "2026-11-25T11:58:00Z")
    (run.stage, run.exitStatus, run.outcome, run.error) = (stage, status, outcome, "it was killed")
    let words = Self.words(Page.run(run, of: Scenes.seven()))
    for phrase in [sentence, "2 minutes ago, by webhook", "it was killed"] { #expect(words.contains(phrase)) }
  }

  @Test func `an unknown address leads back`() {
    let page = Self.text(Page.missing("/runs/<b>", of: Scenes.seven()))
    #expect(page.contains("There is nothing here") && page.contains("/runs/&lt;b&gt;") && page.contains("href=\"/\""))
  }

  static let ages: [(String, String)] = [
    ("2026-11-25T12:00:00Z", "just now"), ("2026-11-25T11:59:25Z", "30 seconds ago"),
    ("2026-11-25T11:58:30Z", "1 minute ago"), ("2026-11-25T09:00:00Z", "3 hours ago"),
    ("2026-11-24T11:00:00Z", "1 day ago"), ("2026-08-01T00:00:00Z", "3 months ago"),
    ("2019-01-01T00:00:00Z", "7 years ago"), ("2026-11-25T13:00:00+01:00", "just now"),
    ("2026-11-25T13:00:00Z", "2026-11-25 13:00:00 UTC"),
  ]

  @Test(arguments: ages) func `an age carries its exact moment`(_ moment: String, _ age: String) {
    let time = Self.text(Moments(now: Scenes.now).ago(moment).bytes)
    #expect(
      time.hasPrefix("<time datetime=\"20") && time.contains("UTC\">") && time.hasSuffix(">\(age)</time>"), "\(time)")
  }

  @Test func `what is no moment is shown as it is`() {
    #expect(Moments(now: 0).ago("<soon>") == "\("<soon>")")
  }

  /// A page of each kind, for whatever holds for all.
  static func pages(
    _ seen: StatusPageModel = Scenes.held(), report: Report = Scenes.failed(), diff: String = Scenes.diff
  )
    -> [[UInt8]]
  {
    [
      Page.overview(seen), Page.report(report, of: seen), Page.plan(report: report, diff: diff, of: seen),
      Page.plan(report: nil, diff: "", error: report.error, of: seen), Page.missing(report.id, of: seen),
    ] + seen.runs.map { Page.run($0, of: seen) }
  }

  @Test func `an id stands once on a page, and each link within it leads somewhere`() {
    for page in Self.pages() + Self.states.map({ Page.overview($0.seen) }) {
      let text = Self.text(page)
      let ids = text.matches(of: /\ id="([^"]*)"/).map { String($0.1) }
      #expect(ids.count == Set(ids).count)
      for link in text.matches(of: /href="#([^"]*)"/) { #expect(ids.contains(String(link.1))) }
    }
  }

  @Test func `a hundred stacks fit into 300 KB`() {
    var seen = Scenes.held()
    seen.status?.stacks = (0..<100).map { number in
      var stack = Scenes.stack(
        "groups/stack-\(number)", "A message as long as most people write them, with a few words more",
        services: (0..<3).map { Scenes.service("service-\($0)", health: "healthy") })
      if number % 10 == 0 { stack.drift = ["drift: container of service-1 removed"] }
      return stack
    }
    #expect(Page.overview(seen).count < 300_000)
  }
}
