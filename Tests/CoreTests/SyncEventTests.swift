import FoundationEssentials
import Testing

@testable import Core

@Suite("events of a sync")
struct SyncEventTests {
  @Test(
    "the measure says how much there is of it",
    arguments: [
      (0.4, nil, nil, nil, nil), (12.9, nil, nil, nil, "12 s"), (12.9, 300, nil, nil, "12 of 300 s"),
      (5, 300, 3_149_000, 40_200_000, "3.1 of 40.2 MB"), (5, 300, 2_500, nil, "2.5 kB"),
      (5, nil, 900_000, 1_000_000, "0.9 of 1.0 MB"), (5, nil, 30, 10, "0.0 of 0.0 kB"), (-3, 20, nil, nil, "0 of 20 s"),
    ] as [(Double, Int?, Int?, Int?, String?)])
  func measure(elapsed: Double, limit: Int?, bytes: Int?, total: Int?, expected: String?) {
    var event = SyncEvent(.step, of: "a", "pulling images", since: 1000)
    (event.limit, event.bytes, event.totalBytes) = (limit, bytes, total)
    #expect(event.measure(at: 1000 + elapsed) == expected)
  }

  @Test("a line of JSON gives the same event")
  func line() throws {
    var event = SyncEvent(.ended, of: "a", "web is unhealthy", since: 1.5)
    event.outcome = .rolledBack
    let line = try JSONEncoder().encode(event)
    #expect(try JSONDecoder().decode(SyncEvent.self, from: line) == event)
    #expect(String(decoding: line, as: UTF8.self).contains(#""outcome":"rolled_back""#))
  }
}
