@testable import Core
import Foundation
import Testing

@Suite("A record changes by what happens, and by nothing else")
struct RecordTests {
  static func deployment(_ commit: String, image: String = "i1") -> Deployment {
    TouchedTests.known {
      $0.commit = commit
      $0.contents = "content of \(commit)"
      $0.images = ["web": image]
    }
  }

  static let wish = DesiredStack("s", deployment("c2"))
  static let adopted = Baseline.adopted(Adopted(DesiredStack(name: "s", commit: "", project: "p"), []))
  static let hold = Hold(wish, since: "now", error: "why", images: [:])
  static let pin = Pin(commit: "c1", since: "now")

  static func change(from baseline: Baseline) -> Change { Change(from: baseline, standing: deployment("c2")) }

  /// Everything that can run.
  static let states: [(name: String, runs: StackRecord.Runs)] = [
    ("absent", .absent), ("deployed", .deployed(deployment("c1"))),
    ("changing", .changing(change(from: .deployment(deployment("c1"))))),
    ("first", .changing(change(from: .nothing))), ("taken over", .changing(change(from: adopted))),
    ("moved", .changing(change(from: .moved(from: "old", deployment("c1"))))),
    ("stopped", .failed(change(from: .nothing), .stopped)),
    ("failed", .failed(change(from: .deployment(deployment("c1"))), .failed)),
    ("stuck", .failed(change(from: .deployment(deployment("c1"))), .unknown)),
  ]

  /// Everything that can happen to what runs, with what becomes of each state in their order; `-` where it cannot happen.
  static let table: [(event: StackEvent, next: String)] = [
    (
      .began(wish, affected: ["web"], from: .nothing),
      "changing changing changing changing changing changing changing changing changing"
    ),
    (.replaced([]), "- - changing changing changing changing - - -"),
    (.recovering(["web"]), "- - changing changing changing changing changing changing changing"),
    (
      .deployed(deployment("c2")),
      "- deployed deployed deployed deployed deployed deployed deployed deployed"
    ),
    (.undone, "- - deployed absent absent absent absent deployed deployed"),
    (.changeFailed(.failed), "- - failed failed failed failed failed failed failed"),
    (.judged(deployment("c1")), "- deployed - - - - - - -"),
    (.sharedLinksChanged([:]), "- deployed changing changing changing changing failed failed failed"),
    (.removed, "- absent absent absent absent absent absent absent absent"),
  ]

  @Test(arguments: table.indices) func `each event leads each state to the next, or cannot happen`(_ index: Int) {
    let row = Self.table[index]
    for ((name, runs), wanted) in zip(Self.states, row.next.split(separator: " ")) {
      var record = StackRecord()
      record.runs = runs
      let next = record.after(row.event).map { $0.name } ?? "-"
      #expect(next == wanted, "\(row.event.name) of a stack that is \(name)")
    }
  }

  /// Holds and pins do not depend on what runs, nor does what runs on them.
  static let others: [(event: StackEvent, held: Bool, pinned: Bool?, happens: Bool)] = [
    (.failed(hold), false, nil, true), (.failed(hold), true, true, true), (.lifted, false, nil, false),
    (.lifted, true, nil, true), (.pinned(pin), false, nil, true), (.pinned(pin), true, true, true),
    (.pinConfirmed(nil), false, nil, false), (.pinConfirmed([:]), false, false, true), (.pinFailed, false, nil, false),
    (.pinFailed, false, true, false), (.pinFailed, true, false, true), (.unpinned, false, nil, false),
    (.unpinned, false, true, true), (.said(nil), false, nil, true),
  ]

  @Test(arguments: others.indices) func `what is said of a stack changes nothing that runs`(_ index: Int) {
    let row = Self.others[index]
    for (name, runs) in Self.states {
      var record = StackRecord()
      record.runs = runs
      record.held = row.held ? Self.hold : nil
      record.pin = row.pinned.map { proved in
        var pin = Self.pin
        pin.replaces = proved ? nil : []
        return pin
      }
      let next = record.after(row.event)
      #expect((next != nil) == row.happens, "\(row.event.name) of a stack that is \(name)")
      #expect(next?.runs ?? runs == runs)
    }
  }

  /// Each event at a shared live path in each state, with what may be there after it: `old`, `new`, `old|new`; `-` where it cannot
  /// happen.
  static let paths: [(event: LinkEvent, next: String)] = [
    (.began(copy("new"), over: nil), "|new old|new old|new"),
    (.began(copy("new"), over: copy("old")), "old|new old|new old|new"),
    (.placed(copy("new")), "- - new"), (.placed(copy("old")), "- old -"), (.released, "- absent absent"),
  ]

  static func copy(_ id: String) -> DesiredLink { DesiredLink(kind: .copy, from: "conf", id: id) }

  @Test(arguments: paths.indices) func `a shared live path has the same states, and events that cannot happen`(
    _ index: Int
  ) throws {
    let row = Self.paths[index]
    for (before, wanted) in zip([nil, "old", "old|new"], row.next.split(separator: " ")) {
      var state = State()
      if before != nil {
        try state.record(.began(Self.copy("old"), over: nil), at: "conf")
        try state.record(.placed(Self.copy("old")), at: "conf")
      }
      if before == "old|new" { try state.record(.began(Self.copy("new"), over: nil), at: "conf") }
      let known = state
      let said: String
      do {
        try state.record(row.event, at: "conf")
        said = state.links["conf"].map { (($0.replaces.map { $0.joined() + "|" }) ?? "") + $0.id } ?? "absent"
      } catch {
        said = "-"
        #expect(state == known)
      }
      #expect(said == wanted, "after \(before ?? "absent")")
    }
  }

  @Test func `an event that cannot happen is said, and changes nothing`() throws {
    var state = State()
    let before = state
    #expect {
      try state.record(.deployed(Self.deployment("c1")), of: "s")
    } throws: {
      "\($0)" == "deployed cannot follow absent for s"
    }
    #expect(state == before)
  }

  @Test func `I5: what is worked on is not called good, and what was good stays known`() throws {
    var state = State()
    #expect(state.lastGood("s") == nil)
    try state.record(.began(Self.wish, affected: [], from: .nothing), of: "s")
    #expect(!state.isDeployed("s") && state.standing("s") != nil && state.lastGood("s") == nil)
    try state.record(.deployed(Self.deployment("c1")), of: "s")
    try state.record(.began(Self.wish, affected: ["web"], from: .nothing), of: "s")
    #expect(state.lastGood("s")?.commit == "c1")
    #expect(state.standing("s")?.services[0].mounts.values.allSatisfy { $0 == Fingerprint.absent } == true)
    // Cut off and begun again: still the same.
    try state.record(.began(Self.wish, affected: [], from: Self.adopted), of: "s")
    #expect(state.lastGood("s")?.commit == "c1")
    try state.record(.deployed(Self.deployment("c2")), of: "s")
    #expect(state.lastGood("s")?.commit == "c2" && state.baselines.isEmpty)
  }

  @Test func `I4: what a person had is known until the stack was seen in place, and grows by new paths alone`() throws {
    func found(_ paths: [String: LiveEntry]) -> Baseline {
      var adopted = Adopted(DesiredStack(name: "s", commit: "", project: "p"), [])
      adopted.found = paths
      return .adopted(adopted)
    }
    var state = State()
    try state.record(.began(Self.wish, affected: [], from: found(["s/a": .file("theirs")])), of: "s")
    try state.record(.began(Self.wish, affected: [], from: found(["s/a": .file("ours"), "s/b": .absent])), of: "s")
    #expect(state.stacks["s"]?.adopted?.found == ["s/a": .file("theirs"), "s/b": .absent])
    try state.record(.deployed(Self.deployment("c2")), of: "s")
    #expect(state.stacks["s"]?.adopted == nil)
  }

  @Test func `each rollback leads one step further back`() throws {
    var record = StackRecord()
    record.runs = .changing(Self.change(from: .nothing))
    func settle(_ commit: String, image: String = "i1") throws -> [String] {
      record = try #require(record.after(.deployed(Self.deployment(commit, image: image))))
      return record.history.map(\.commit)
    }
    for commit in ["c1", "c2"] { _ = try settle(commit) }
    #expect(try settle("c3") == ["c2", "c1"])
    #expect(try settle("c3") == ["c2", "c1"], "the same once more is nothing new")
    func rollBack(_ commit: String) throws -> [String] {
      record = try #require(record.after(.pinned(Pin(commit: commit, since: "now"))))
      return try settle(commit)
    }
    #expect(try rollBack("c2") == ["c1"])
    #expect(try settle("c2") == ["c1"], "a repair at the pin")
    #expect(try rollBack("c1") == [])
    #expect(try settle("c1", image: "i2") == ["c1"], "another build of the image is another thing to go back to")
  }

  @Test func `a commit that brings what ran before is no rollback`() throws {
    var record = StackRecord()
    record.runs = .changing(Self.change(from: .nothing))
    for commit in ["c1", "c2", "c1"] { record = try #require(record.after(.deployed(Self.deployment(commit)))) }
    #expect(record.history.map(\.commit) == ["c2", "c1"])
  }

  @Test func `I11: anonymous volumes wait for a service that was dropped, as long as it mounts the same`() throws {
    let volumes = AnonymousVolumes(number: 1, mounted: ["/d": String(repeating: "a", count: 64)])
    func deployment(_ services: [DesiredService]) -> Deployment {
      var deployment = Self.deployment("c1")
      deployment.services = services
      return deployment
    }
    var service = try #require(Self.deployment("c1").services.first)
    (service.name, service.fields["volumes"], service.volumes) = ("db", "1", volumes.map { [$0] })
    var record = StackRecord()
    record.runs = .deployed(deployment([service]))
    for _ in 1...2 { record = try #require(record.after(.deployed(deployment([])))) }
    #expect(record.dropped.map(\.name) == ["db"])
    service.volumes = nil
    #expect(service.holding(as: record).volumes == volumes.map { [$0] })
    var state = State(stacks: ["s": record])
    let file = try JSONDecoder().decode(
      StateFile.self, from: JSONEncoder().encode(StateFile(state) { _, _ in "1" }))
    state = file.state { _, _ in deployment([]) }
    #expect(state.stacks["s"]?.dropped == record.dropped)
    var other = service
    other.fields["volumes"] = "2"
    #expect(other.holding(as: record).volumes == nil)
    record = try #require(record.after(.deployed(deployment([service]))))
    #expect(record.dropped.isEmpty)
  }

  @Test func `a pin that fails gives back what there was before`() throws {
    var record = StackRecord()
    (record.runs, record.held) = (.deployed(Self.deployment("c1")), Self.hold)
    let pinned = try #require(record.after(.pinned(Self.pin)))
    var other = Self.pin
    other.commit = "c0"
    // A second one that fails as well, before the first was seen in place.
    let twice = try #require(pinned.after(.pinned(other)))
    #expect(twice.pin?.replaces == [])
    #expect(try #require(pinned.after(.pinFailed)) == record)
    let proved = try #require(pinned.after(.pinConfirmed(["web": "i"])))
    #expect(proved.pin?.images == ["web": "i"])
    #expect(try #require(proved.after(.pinned(other))?.after(.pinFailed)).pin?.commit == "c1")
  }

  @Test func `where a host lay before is known until it lies there again`() {
    var state = State()
    state.settle(liveRoot: "/live", checkout: "/live/clup")
    #expect(state.formerPlaces == [])
    state.settle(liveRoot: "/disk/live", checkout: "/disk/live/clup")
    #expect(state.formerPlaces == ["/live", "/live/clup"])
    state.settle(liveRoot: "/disk/live", checkout: "/var/clup")
    #expect(state.formerPlaces == ["/live", "/live/clup", "/disk/live/clup"])
    state.settle(liveRoot: "/live", checkout: "/live/clup")
    #expect(state.formerPlaces == ["/disk/live/clup", "/disk/live", "/var/clup"])
    let own = LinkPlanning(pointers: "/live/clup/stacks", former: state.formerPlaces.map { "\($0)/stacks" })
    #expect(own.isOwn("/var/clup/stacks/a/a/compose.yaml") && !own.isOwn("/elsewhere/stacks/a"))
  }

  @Test func `an earlier version's checkout lay where it does below the live root`() {
    var old = State()
    old.liveRoot = "/live"
    old.settle(liveRoot: "/moved", checkout: "/moved/clup")
    #expect(old.formerPlaces == ["/live", "/live/clup"])
  }

  @Test func `what left the branch is known until it is removed or comes back`() throws {
    var plan = Plan(commit: "c", stacks: [], links: [], shared: [:], moving: [])
    var stack = StackPlan(name: "s", work: .none, from: "c1", to: "c1", project: "p")
    stack.target = .gone(down: [])
    plan.stacks = [stack]
    var state = State(deployed: ["s": Self.deployment("c1")])
    let settings = Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    let discovery = Discovery(commit("a/compose.yaml"), settings: settings)
    try state.take(plan, of: discovery, only: ["s"])
    #expect(state.gone == ["s"])
    plan.stacks[0].target = .target
    try state.take(plan, of: discovery, only: ["s"])
    #expect(state.gone == [])
    plan.stacks[0].target = .gone(down: [])
    try state.take(plan, of: discovery, only: ["s"])
    try state.record(.removed, of: "s")
    #expect(state.gone == [])
  }

  @Test func `the volumes that it had are known until it uses them again`() throws {
    func deployment(_ volumes: Set<String>) -> Deployment {
      var deployment = Self.deployment("c1")
      deployment.belongings = OwnedResources()
      deployment.belongings?.volumes = volumes
      return deployment
    }
    var state = State(deployed: ["s": deployment(["a", "b"])])
    let steps: [(event: StackEvent, known: Set<String>)] = [
      (.deployed(deployment(["a"])), ["b"]), (.deployed(deployment([])), ["a", "b"]),
      (.deployed(deployment(["b"])), ["a"]), (.removed, ["a", "b"]),
    ]
    for (event, known) in steps {
      try state.record(event, of: "s")
      #expect(state.stacks["s"]?.formerVolumes == known, "\(event.name)")
    }
    let file = StateFile(state) { stack, _ in stack }
    #expect(try file.state { (_, _) throws(CancellationError) in nil } == state)
  }

  @Test func `what another sync has changed meanwhile is not what this one has found`() throws {
    let base = State(deployed: ["s": Self.deployment("c1"), "t": Self.deployment("c1")])
    var plan = Plan(commit: "c", stacks: [], links: [], shared: [:], moving: [])
    plan.judged = ["s": Self.deployment("judged"), "t": Self.deployment("judged")]
    var now = base
    try now.record(.deployed(Self.deployment("c2")), of: "s")
    let settings = Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    let same = now.stacks(unchangedSince: base)
    try now.take(plan, of: Discovery(commit("a/compose.yaml"), settings: settings), only: same)
    #expect(now.lastGood("s")?.commit == "c2" && now.lastGood("t")?.commit == "judged")
  }
}
