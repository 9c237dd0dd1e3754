@testable import Core
import FoundationEssentials
import Testing

@Suite("The state knows what was good, what failed, and the way back")
struct StateTests {
  func entry(_ commit: String, image: String = "i1", verified: Bool = true) -> StackState {
    var state = TouchedTests.known {
      $0.commit = commit
      $0.contents = "content of \(commit)"
      $0.images = ["web": image]
    }
    state.verified = verified
    return state
  }

  @Test func `I5: what is worked on is not called good, and what was good stays known`() {
    var state = State()
    #expect(state.lastGood("s") == nil)
    state.open("s", entry("c1"))
    #expect(state.stacks["s"]?.verified == false && state.lastGood("s") == nil)
    state.settle("s", as: entry("c1"))
    state.open("s", entry("c2"))
    #expect(state.lastGood("s")?.commit == "c1")
    // Cut off and begun again: still the same.
    state.open("s", entry("c3"))
    #expect(state.lastGood("s")?.commit == "c1")
    state.settle("s", as: entry("c3"))
    #expect(state.lastGood("s")?.commit == "c3" && state.good.isEmpty)
  }

  @Test func `each rollback leads one step further back`() {
    var state = State()
    for commit in ["c1", "c2", "c3"] { state.settle("s", as: entry(commit)) }
    #expect(state.former["s"]?.map(\.commit) == ["c2", "c1"])
    state.settle("s", as: entry("c3"))
    #expect(state.former["s"]?.map(\.commit) == ["c2", "c1"], "the same once more is nothing new")
    state.settle("s", as: entry("c2"))
    #expect(state.former["s"]?.map(\.commit) == ["c1"])
    state.settle("s", as: entry("c1"))
    #expect(state.former["s"] == nil)
    state.settle("s", as: entry("c1", image: "i2"))
    #expect(
      state.former["s"]?.map(\.images) == [["web": "i1"]], "another build of the image is another thing to go back to")
  }

  struct Change {
    let what: String
    var id = "1"
    var env = "e1"
    var settings = "5m"
    var image: String? = "i1"
    var stands = false
  }

  static let changes = [
    Change(what: "nothing", stands: true), Change(what: "the commit's file", id: "2"),
    Change(what: "the host's .env", env: "e2"),
    Change(what: "the host's own probes or deadlines", settings: "10m"),
    Change(what: "the image behind the name", image: "i2"),
    Change(what: "nothing, as far as is known", image: nil, stands: true),
  ]

  @Test(arguments: changes.indices) func `a commit that failed is held until something changes`(_ index: Int) {
    let row = Self.changes[index]
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

  @Test func `what an earlier version wrote is understood`() throws {
    let old = #"{"schema": "clup.state/1", "commit": "c1", "stacks": {}, "links": {}}"#
    #expect(try JSONDecoder().decode(State.self, from: Data(old.utf8)).commit == "c1")
  }
}
