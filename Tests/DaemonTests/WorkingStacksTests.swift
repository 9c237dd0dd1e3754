import Core
import Testing

@testable import Agent
@testable import Daemon

@Suite("What the daemon's syncs are doing")
struct WorkingStacksTests {
  private static func line(_ event: SyncEvent) -> String { String(decoding: encode(event), as: UTF8.self) }

  @Test("the last event of each stack is shown, until its sync ends")
  func last() {
    let working = WorkingStacks()
    let (one, other) = (working.begin("run"), working.begin(nil))
    let events = [
      SyncEvent(.phase, "asking the repository", since: 1), SyncEvent(.step, of: "a", "pulling images", since: 2),
      SyncEvent(.step, of: "a", "recreate web", since: 3), SyncEvent(.message, "warning: no", since: 4),
    ]
    for event in events.prefix(1) { #expect(working.take(Self.line(event), of: one)) }
    #expect(working.now == [events[0]])
    for event in events.dropFirst() { #expect(working.take(Self.line(event), of: one)) }
    let repair = SyncEvent(.step, of: "b", "starting containers", since: 5)
    #expect(working.take(Self.line(repair), of: other))
    #expect(working.now == [events[2], repair] && working.now(of: "run") == [events[2]])
    working.end(one)
    #expect(working.now == [repair])
    #expect(working.take(Self.line(events[1]), of: one))
    #expect(working.now == [repair])
  }

  @Test(
    "a report, and what is no event, is left to whoever reads the end",
    arguments: [
      #"{"schema":"clup.report/1"}"#, #"{"schema":"clup.event/9","kind":"step","text":"x","since":1}"#, "", "words",
    ])
  func other(line: String) {
    let working = WorkingStacks()
    #expect(!working.take(line, of: working.begin(nil)))
  }
}
