import Core
import Testing

@testable import CLI

@Suite("progress on a terminal")
struct ProgressRowsTests {
  private static func event(_ kind: SyncEvent.Kind, _ stack: String?, _ text: String, limit: Int? = nil) -> SyncEvent {
    var event = SyncEvent(kind, of: stack, text, since: 100)
    event.limit = limit
    return event
  }

  private static func ended(_ stack: String, _ outcome: StackReport.Outcome, _ text: String = "") -> SyncEvent {
    var event = event(.ended, stack, text)
    event.outcome = outcome
    return event
  }

  private static func rows(_ events: [SyncEvent]) -> ProgressRows {
    events.reduce(into: ProgressRows()) { $0.take($1) }
  }

  @Test("a row for each stack: what is done to it, for how long, and how it ended")
  func rows() {
    let rows = Self.rows([
      Self.event(.phase, nil, "asking the repository"), Self.event(.planned, "gateway", "compose.yaml changed"),
      Self.event(.planned, "postgres", "compose.yaml changed"), Self.event(.planned, "runner", "new"),
      Self.event(.step, "gateway", "waiting for gateway to become healthy", limit: 300),
      Self.ended("runner", .rolledBack, "web is unhealthy"),
    ])
    let lines = rows.lines(width: 72, height: 20, now: 112, ink: Ink(isOn: false))
    #expect(lines.count == 3)
    #expect(lines[0] == "• gateway   waiting for gateway to become healthy            12 of 300 s")
    #expect(lines[1].hasPrefix("· postgres  waiting: compose.yaml changed  "))
    #expect(lines[2].hasPrefix("✗ runner    rolled back: web is unhealthy  "))
  }

  @Test(
    "nothing is wider than the terminal, and nothing is longer", arguments: [(80, 24), (120, 40), (20, 5), (10, 2)])
  func fits(width: Int, height: Int) {
    let events = (1...60).map { number in
      let name = "hosts/number-\(number)/\(String(repeating: "n", count: number))"
      return number % 3 == 0
        ? Self.ended(name, .failed, String(repeating: "long ", count: 40))
        : Self.event(number % 3 == 1 ? .step : .planned, name, String(repeating: "text ", count: number), limit: 30)
    }
    let lines = Self.rows(events).lines(width: width, height: height, now: 1000, ink: Ink(isOn: false))
    #expect(lines.count <= max(height, 2))
    for line in lines { #expect(line.count <= max(width, 10), "\(line)") }
  }

  @Test("where there is no room for all, what is worked on and what failed is shown first")
  func room() {
    let events =
      (1...9).map { Self.ended("done-\($0)", .deployed) } + [
        Self.event(.planned, "later", "new"), Self.ended("broken", .failed, "no"),
        Self.event(.step, "now", "recreate web"),
      ]
    let lines = Self.rows(events).lines(width: 60, height: 5, now: 100, ink: Ink(isOn: false))
    #expect(lines.count == 4)
    #expect(lines.map { $0.dropFirst(2).prefix { $0 != " " } }.prefix(3) == ["broken", "later", "now"])
    #expect(lines[3].contains("and 9 more: 9 done, 0 to come"))
  }

  @Test("what comes after the end of a stack does not open it again")
  func late() {
    let rows = Self.rows([Self.ended("a", .deployed), Self.event(.step, "a", "late")])
    #expect(rows.lines(width: 40, height: 5, now: 100, ink: Ink(isOn: false)).first?.contains("deployed") == true)
  }

  @Test(
    "colours are left out where NO_COLOR says so",
    arguments: [([:], true), (["NO_COLOR": ""], true), (["NO_COLOR": "1"], false)])
  func colours(environment: [String: String], expected: Bool) {
    #expect(Ink.wantsColour(environment) == expected)
  }
}
