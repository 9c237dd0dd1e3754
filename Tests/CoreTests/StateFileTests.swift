@testable import Core
import FoundationEssentials
import Testing

@Suite("state.json")
struct StateFileTests {
  /// Deployments as they are kept next to it.
  private func written(_ state: State) throws -> (file: StateFile, kept: [String: Deployment]) {
    var kept: [String: Deployment] = [:]
    let file = StateFile(state) { stack, deployment in
      let id = "\(stack)-\(deployment.commit)-\(deployment.images?["web"] ?? "")"
      kept[id] = deployment
      return id
    }
    return (try JSONDecoder().decode(StateFile.self, from: JSONEncoder().encode(file)), kept)
  }

  struct Missing: Error {}

  @Test func `whatever happened to stacks is read as it was written`() throws {
    var numbers = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      var state = State()
      (state.commit, state.liveRoot) = ("c", "/live")
      for _ in 0..<Int.random(in: 0..<30, using: &numbers) {
        let name = ["a", "b", "c/d"].randomElement(using: &numbers) ?? "a"
        let events = RecordTests.table.map(\.event) + RecordTests.others.map(\.event)
        let event = events.randomElement(using: &numbers) ?? .undone
        let baselines: [Baseline] = [.nothing, RecordTests.adopted, .moved(from: "x", RecordTests.deployment("c0"))]
        let from = baselines.randomElement(using: &numbers) ?? .nothing
        let begins = Bool.random(using: &numbers)
        try? state.record(begins ? .began(RecordTests.wish, affected: ["web"], from: from) : event, of: name)
      }
      let (file, kept) = try written(state)
      #expect(Set(kept.keys) == file.ids)
      let read = try file.state { _, id in
        guard let deployment = kept[id] else { throw Missing() }
        return deployment
      }
      #expect(read == state)
    }
  }

  @Test func `a table is written as one text, and read as that or as a table`() throws {
    let tables: [[String: String]] = [
      [:], ["a": ""], ["s/compose.yaml": "1:644", "s/\u{e9} \n": "absent"], ["a\u{7f}": "b"],
    ]
    for table in tables {
      let bytes = try JSONEncoder().encode(Packed(wrappedValue: table))
      #expect(try JSONDecoder().decode(Packed.self, from: bytes).wrappedValue == table)
      let plain = try JSONEncoder().encode(table)
      #expect(try JSONDecoder().decode(Packed.self, from: plain).wrappedValue == table)
    }
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Packed.self, from: Data("\"a\u{7f}\"".utf8)) }
  }

  /// An entry of a stack as an earlier version wrote it.
  private func entry(_ commit: String, verified: Bool, _ more: [String: JSON] = [:]) throws -> JSON {
    let bytes = try JSONEncoder().encode(RecordTests.deployment(commit))
    let entry = try JSON(parsing: Array(bytes)).object
    return .object(entry.merging(["verified": .bool(verified)]) { $1 }.merging(more) { $1 })
  }

  private func read(_ members: [String: JSON]) throws -> State {
    let whole = ["schema": JSON.string("clup.state/1"), "links": .object([:])].merging(members) { $1 }
    return try JSONDecoder().decode(StateVersion1.self, from: Data(JSON.object(whole).canonical)).state
  }

  @Test func `what an earlier version kept in eight maps is one record`() throws {
    let hold = try JSON(parsing: Array(JSONEncoder().encode(RecordTests.hold)))
    let stuck = JSON.object(hold.object.merging(["isStuck": .bool(true)]) { $1 })
    let adopted = try JSON(
      parsing: Array(JSONEncoder().encode(Adopted(DesiredStack(name: "d", commit: "", project: "p"), []))))
    let pin = try JSON(parsing: Array(JSONEncoder().encode(RecordTests.pin)))
    let state = try read([
      "commit": .string("c1"),
      "stacks": .object([
        "a": try entry("c1", verified: true), "b": try entry("c2", verified: false, ["towards": .string("q")]),
        "c": try entry("c2", verified: false), "d": try entry("c2", verified: false),
        "e": try entry("c2", verified: false),
      ]),
      "good": .object(["b": try entry("c1", verified: true), "e": try entry("c1", verified: true)]),
      "adopted": .object(["d": adopted]), "pins": .object(["a": pin]),
      "holds": .object(["c": hold, "e": stuck, "f": hold]),
    ])
    #expect(state.commit == "c1" && state.stacks.count == 6)
    #expect(state.isDeployed("a") && state.stacks["a"]?.pin == RecordTests.pin)
    #expect(state.lastGood("b")?.commit == "c1" && state.standing("b")?.commit == "c2")
    #expect(state.stacks["b"]?.change?.targetProject == "q")
    #expect(state.stacks["c"]?.change?.from == .nothing && state.stacks["c"]?.held != nil)
    #expect(state.stacks["d"]?.adopted != nil)
    #expect(state.stacks["e"]?.recoveryFailed == true)
    #expect(state.standing("f") == nil && state.stacks["f"]?.held != nil)
  }

  @Test func `a shared path that an early version did not write to its stack is found`() throws {
    let link = try JSON(parsing: Array(JSONEncoder().encode(DesiredLink(kind: .link, from: "s/compose.yaml", id: "1"))))
    let state = try read([
      "stacks": .object(["a": try entry("c1", verified: true, ["shared": .null])]), "links": .object(["x": link]),
    ])
    #expect(state.standing("a")?.shared?.keys.sorted() == ["x"])
  }
}
