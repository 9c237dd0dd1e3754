@testable import Core
import Testing

@Suite("I14: what is away is waited for") struct WaitingTests {
  static func report(_ commit: String, _ started: String, error: String? = "away", of outage: Outage? = .registry)
    -> Report
  {
    var stack = StackReport(name: "a", outcome: .waiting)
    (stack.to, stack.error, stack.waitsFor) = (commit, error, outage)
    var report = Report(
      id: started, trigger: "timer", dryRun: false, host: "h", repository: "r", branch: "main", started: started)
    report.stacks = [stack]
    return report
  }

  @Test func `it is known since when, and tries are counted for each commit`() throws {
    var state = State()
    func waiting() -> Waiting? { state.stacks["a"]?.lastResult?.waiting }
    try state.note(Self.report("one", "10:00"))
    try state.note(Self.report("one", "10:01"))
    #expect(waiting()?.since == "10:00" && waiting()?.tries == 2 && waiting()?.tried == "10:01")
    // What was left alone this time says nothing new.
    try state.note(Self.report("one", "10:02", error: nil))
    #expect(waiting()?.tries == 2)
    try state.note(Self.report("two", "10:03"))
    #expect(waiting()?.since == "10:00" && waiting()?.tries == 1)
    try state.note(Self.report("two", "10:04", of: .engine))
    #expect(waiting()?.since == "10:04" && waiting()?.outage == .engine)
    var good = Self.report("two", "10:05")
    good.stacks[0].outcome = .deployed
    try state.note(good)
    #expect(waiting() == nil)
  }

  @Test func `the pause grows up to a quarter of an hour`() {
    var waiting = Waiting(for: .registry, commit: nil, since: "")
    var pauses: [Int] = []
    for _ in 0..<6 {
      pauses.append(Int(waiting.pause.components.seconds))
      waiting = waiting.tried(again: Waiting(for: .registry, commit: nil, since: ""))
    }
    #expect(pauses == [60, 120, 240, 480, 900, 900])
  }
}
