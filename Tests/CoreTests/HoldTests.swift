@testable import Core
import FoundationEssentials
import Testing

@Suite("A hold")
struct HoldTests {
  struct Row {
    let what: String
    var id = "1"
    var env = "e1"
    var settings = "5m"
    var image: String? = "i1"
    var stands = false
  }

  static let rows = [
    Row(what: "nothing", stands: true), Row(what: "the commit's file", id: "2"),
    Row(what: "the host's .env", env: "e2"),
    Row(what: "the host's own probes or deadlines", settings: "10m"),
    Row(what: "the image behind the name", image: "i2"),
    Row(what: "nothing, as far as is known", image: nil, stands: true),
  ]

  @Test(arguments: rows.indices) func `a commit that failed is held until something changes`(_ index: Int) {
    let row = Self.rows[index]
    let desired = DesiredStack(
      name: "s", commit: "c2", project: "p", tracked: ["s/compose.yaml": "s/compose.yaml#1"],
      untracked: ["s/.env": "e1"],
      services: [], links: [:], after: [], deployTimeout: nil)
    var hold = Hold(desired, since: "now", error: "why", images: ["app:1": "i1"])
    hold.settings = "5m"
    let conditions = Inputs.Conditions(
      settings: row.settings, images: row.image.map { ["app:1": $0] })
    let now = hold.inputs.now(
      in: commit("s/compose.yaml", id: row.id), host: ["s/.env": row.env], conditions: conditions)
    let stands = now.differences(from: hold.inputs).isEmpty
    #expect(stands == row.stands, "\(row.what)")
  }

  private static let hold: Hold = {
    let desired = DesiredStack(
      name: "s", commit: "c2", project: "p", tracked: [:], untracked: [:], services: [], links: [:], after: [],
      deployTimeout: nil)
    return Hold(desired, since: "now", error: "why", images: [:])
  }()

  static let targets: [(target: StackTarget, lifts: Bool)] = [
    (.target, true), (.gone(down: []), true), (.drifted(["web is paused"]), true),
    (.pin(Pin(commit: "c2", since: "now"), behind: nil), true),
    (.pin(Pin(commit: "c1", since: "now"), behind: nil), false),
    (.hold(hold), false), (.recorded, false), (.busy, false), (.refused, false),
  ]

  @Test(arguments: targets.indices) func `what failed counts until the stack is brought to something else`(
    _ index: Int
  ) throws {
    let (target, lifts) = Self.targets[index]
    var stack = StackPlan(name: "s", work: .none, from: "c1", to: "c2", project: "p")
    stack.target = target
    let plan = Plan(commit: "c2", stacks: [stack], links: [], shared: [:], moving: [])
    var state = State(deployed: ["s": RecordTests.deployment("c1")])
    try state.record(.failed(Self.hold), of: "s")
    let settings = Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    try state.take(plan, of: Discovery(commit("s/compose.yaml"), settings: settings), only: ["s"])
    #expect((state.stacks["s"]?.held == nil) == lifts, "\(target)")
    // Another commit than the head says nothing about it.
    try state.record(.failed(Self.hold), of: "s")
    try state.take(
      plan, of: Discovery(commit("s/compose.yaml"), settings: settings), only: ["s"], isHead: false)
    #expect(state.stacks["s"]?.held == Self.hold)
  }
}
