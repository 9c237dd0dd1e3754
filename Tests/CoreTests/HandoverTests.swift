@testable import Core
import Testing

@Suite("What a stack hands to others gets there together with them, or stays")
struct HandoverTests {
  /// A stack of services, each with the container names that it has.
  private static func stack(_ name: String, _ services: [String: [String]]) -> DesiredStack {
    DesiredStack(
      name: name, commit: "c2", project: name, tracked: [:], untracked: [:],
      services: services.sorted { $0.key < $1.key }.map { name, names in
        var service = service(name)
        service.claims = names.map(Claim.containerName)
        return service
      }, links: [:], after: [], deployTimeout: nil)
  }

  private static func state(_ stacks: [DesiredStack]) -> State {
    State(deployed: Dictionary(uniqueKeysWithValues: stacks.map { ($0.name, Deployment($0)) }))
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let runs: [String: [String: [String]]]
    let wishes: [String: [String: [String]]]
    var takers: [String: [String: String]] = [:]
  }

  static let rows = [
    Row(
      testDescription: "a service under the same name", runs: ["a": ["db": [], "web": []]],
      wishes: ["a": ["web": []], "b": ["db": []]], takers: ["a": ["b": "db"]]),
    Row(
      testDescription: "a service under the same container name", runs: ["a": ["db": ["x"], "web": []]],
      wishes: ["a": ["web": []], "b": ["data": ["x"]]], takers: ["a": ["b": "db"]]),
    Row(
      testDescription: "a service that both have", runs: ["a": ["db": []]], wishes: ["a": ["db": []], "b": ["db": []]]),
    Row(
      testDescription: "a service that the other one had before", runs: ["a": ["db": []], "b": ["db": []]],
      wishes: ["a": [:], "b": ["db": []]]),
    Row(testDescription: "a stack that stays as it is", runs: ["a": ["db": []]], wishes: ["b": ["db": []]]),
  ]

  @Test(arguments: rows) func `handed over is`(_ row: Row) {
    let wishes = Dictionary(uniqueKeysWithValues: row.wishes.map { ($0.key, Self.stack($0.key, $0.value)) })
    let state = Self.state(row.runs.map { Self.stack($0.key, $0.value) })
    #expect(Handover.takers(of: wishes, gone: [], state: state) == row.takers)
  }

  static let images: [(other: String, port: Bool, moves: Bool)] = [
    ("postgres:17", false, true), ("registry.example.org/mirror/postgres:16", false, true),
    ("mariadb:11", false, false),
    ("mariadb:11", true, true),
  ]

  @Test(arguments: images.indices)
  func `a service of the same name is another one by its image, unless one alone can be`(
    _ index: Int
  ) {
    let (image, hasPort, moves) = Self.images[index]
    func db(_ image: String) -> DesiredService {
      var service = service("db")
      service.image = image
      if hasPort { service.claims = [.port("5432", transport: "tcp", address: "")] }
      return service
    }
    #expect(db("postgres:16").isMoved(to: db(image)) == moves)
  }

  @Test func `stacks swap no names, and give up nothing to what comes first`() {
    func plan(_ names: [String: String], after: [String] = [], stack: String = "a") -> StackPlan {
      let desired = Self.stack(stack, names.mapValues { [$0] })
      var plan = StackPlan(name: stack, work: .deploy(desired), from: "c1", to: "c2", project: stack)
      plan.after = after
      return plan
    }
    func deadlocks(_ before: [String: [String: String]], _ plans: [StackPlan]) -> [Handover.Deadlock] {
      var plans = plans
      let known = before.map { ($0, Deployment(Self.stack($0, $1.mapValues { [$0] }))) }
      return Handover.order(&plans, known: Dictionary(uniqueKeysWithValues: known))
    }
    let one = ["a": ["p": "x", "q": "y"]]
    #expect(deadlocks(one, [plan(["p": "x", "q": "y"])]).isEmpty)
    #expect(deadlocks(one, [plan(["p": "z", "q": "x"])]).isEmpty)
    #expect(deadlocks(one, [plan(["p": "y", "q": "x"])]).isEmpty, "one stack can: it removes both first")
    let two = ["a": ["p": "x"], "b": ["q": "y"]]
    #expect(deadlocks(two, [plan(["p": "z"]), plan(["q": "x"], stack: "b")]).isEmpty)
    #expect(deadlocks(two, [plan(["p": "y"]), plan(["q": "x"], stack: "b")]).count == 1)
    #expect(deadlocks(two, [plan(["p": "z"], after: ["b"]), plan(["q": "x"], stack: "b")]).count == 1)
  }

  @Test(
    arguments: [
      ("each keeps its own", ["p": "p", "q": "q"], []), ("they swap", ["p": "q", "q": "p"], ["p", "q"]),
      ("one takes it from one that stays", ["p": "r", "q": "p"], ["p"]),
      ("a new one takes it from one that stays", ["p": "r", "q": "q", "n": "p"], ["p"]),
      ("a new one takes it from one that goes", ["q": "q", "n": "p"], ["p"]), ("one goes", ["q": "q"], []),
    ] as [(String, [String: String], [String])])
  func `whose container name another service needs makes room first`(
    _ what: String, _ wishes: [String: String], _ removed: [String]
  ) {
    let containers = ["p", "q"].map { name in
      Container(
        id: name, name: name, state: "running", image: "i", project: "a", service: name, hash: "", directory: "/a")
    }
    let plans = Set(wishes.keys).union(["p", "q"]).sorted().map { name in
      var plan = ServicePlan(
        name: name, action: wishes[name] == name ? .keep : wishes[name] == nil ? .remove : .recreate, reason: nil,
        state: "running", health: "none")
      if wishes[name] == nil { plan.way = .remove([name]) }
      return plan
    }
    let steps = Step.makeRoom(plans, of: Self.stack("a", wishes.mapValues { [$0] }), among: containers)
    #expect(steps.flatMap { $0.removed }.sorted() == removed, "\(what): \(steps)")
  }

  @Test func `a stack that left the repository is handed over as a whole, for what both cannot have`() throws {
    let former = Self.stack("a", ["db": ["x"], "web": []])
    let known = Deployment(former)
    func isWhole(_ services: [String: [String]], in state: State = Self.state([former])) -> Bool {
      Handover.isWhole("a", known, ["b": Self.stack("b", services)], state: state)
    }
    #expect(isWhole(["db": ["x"], "web": []]))
    #expect(!isWhole(["db": ["x"]]), "web would end")
    #expect(!isWhole(["db": [], "web": []]), "both can run")
    // Cut off after the other one was seen in place.
    var state = Self.state([former, Self.stack("b", ["db": ["x"], "web": []])])
    #expect(!Handover.isWhole("a", known, [:], state: state))
    var nothing = former
    nothing.services = []
    try state.record(.began(nothing, affected: ["db", "web"], from: .deployment(known)), of: "a")
    #expect(Handover.isWhole("a", known, [:], state: state))
  }

  private static func plan(_ refused: Set<String>) -> Plan {
    var plan = Plan(commit: "c2")
    plan.stacks = ["a", "b", "c", "d"].map { name in
      StackPlan(name: name, work: .deploy(Self.stack(name, [:])), from: nil, to: "c2", project: name)
    }
    plan.stacks[0].handsTo = ["b": "db", "c": "web"]
    plan.holdBack(refused, as: .refused, State())
    return plan
  }

  @Test(arguments: [(["b"], ["d"]), (["a"], ["d"]), (["d"], ["a", "b", "c"])] as [([String], [String])])
  func `where one of them is refused, all of them stay`(_ refused: [String], _ going: [String]) {
    let plan = Self.plan(Set(refused))
    #expect(plan.stacks.filter { $0.work != .none }.map(\.name) == going)
    #expect(Self.plan([]).groups.map { $0.map(\.name) } == [["a", "b", "c"], ["d"]])
  }

  @Test func `a stack keeps its service as long as the one that was to take it is held`() {
    var hold = Hold(Self.stack("b", ["db": []]), since: "now", error: "why", images: [:])
    hold.takes = ["a": "db"]
    func conflicts(_ wish: [String: [String]]) -> [String: SharedPathConflict] {
      Handover.conflicts(["a": Self.stack("a", wish)], holds: ["b": hold]) { _ in
        Deployment(Self.stack("a", ["db": []]))
      }
    }
    #expect(conflicts(["web": []]) == ["a": SharedPathConflict(stack: "b", .service("db"))])
    #expect(conflicts(["db": [], "web": []]).isEmpty)
  }

  @Test func `a service moves between two stacks, which share a file or a claim`() {
    let name = SharedPathConflict(stack: "b", .claim(.containerName("db")))
    #expect(name.words(of: "a") == "a shares the container name db with b, which")
    let held = StackTarget.tied(SharedPathConflict(stack: "b", .service("db")), because: "is held")
    #expect(held.reason == "the service db moves between it and b, and b is held")
    #expect(held.reasonForOthers == "stays, since the service db moves between it and b")
  }
}
