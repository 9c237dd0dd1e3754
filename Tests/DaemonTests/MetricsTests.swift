import Testing

@testable import Agent
@testable import Core
@testable import Daemon

@Suite("Metrics tell what the status tells")
struct MetricsTests {
  static func lines(_ seen: StatusPageModel) -> [String] {
    Metrics.text(Counters().now, status: seen.status, version: "1.0.0", started: 0, residentBytes: 0)
      .split(separator: "\n").map(String.init)
  }

  @Test func `a pin: that it is, at what, since when, and how far behind`() {
    let lines = Self.lines(Scenes.pinned())
    for line in [
      "clup_stack_pinned{stack=\"gw-home\"} 1", "clup_stack_pinned{stack=\"infra\"} 0",
      "clup_stack_pinned_timestamp_seconds{stack=\"gw-home\",commit=\"\(Scenes.old)\"} 1795338720",
      "clup_commits_behind{stack=\"gw-home\"} 4",
    ] {
      #expect(lines.contains(line), "\(line)")
    }
    #expect(!Self.lines(Scenes.seven()).contains { $0.hasPrefix("clup_stack_pinned_timestamp_seconds") })
  }

  @Test func `what the baseline accepts, where there is one`() {
    var seen = Scenes.empty()
    #expect(!Self.lines(seen).contains { $0.contains("clup_baseline") })
    seen.status?.baseline = AcceptedCount(accepted: 5, ending: 2, ended: 1)
    let lines = Self.lines(seen)
    for (state, count) in [("accepted", 5), ("ending", 2), ("ended", 1)] {
      #expect(lines.contains("clup_baseline_findings{state=\"\(state)\"} \(count)"))
    }
  }

  @Test func `what is waited for, and since when`() {
    let line = "clup_waiting_timestamp_seconds{for=\"registry\",stack=\"infra\"} 1795606200"
    #expect(Self.lines(Scenes.waiting()).contains(line))
  }

  @Test(arguments: [
    ("healthy", 1), ("running", 1), ("starting", 0), ("unhealthy", 0), ("restarting", 0), ("stopped", 0),
  ])
  func `only what runs and is not ill is healthy`(_ health: String, _ value: Int) {
    var seen = Scenes.empty()
    seen.status?.stacks = [Scenes.stack("web", "A message", health: health)]
    #expect(Self.lines(seen).contains("clup_stack_healthy{stack=\"web\"} \(value)"))
  }
}
