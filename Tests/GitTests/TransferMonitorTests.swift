import Synchronization
import Testing

@testable import Git

@Suite("A transfer is watched") struct TransferMonitorTests {
  /// Lets a watch look until it tells a reason, or for `seconds`.
  private func verdict(_ monitor: TransferMonitor, deadline: Duration, seconds: Int) async throws -> String? {
    let shared = Told()
    monitor.follow(until: deadline) { why in shared.note(why) }
    for _ in 0..<seconds * 10 where shared.reason == nil { try await Task.sleep(for: .milliseconds(100)) }
    return shared.reason
  }

  private final class Told: Sendable {
    private let kept = Mutex<String?>(nil)
    var reason: String? { kept.withLock { $0 } }
    func note(_ why: String?) -> Bool {
      if let why { kept.withLock { $0 = why } }
      return true
    }
  }

  @Test func `a pack that comes to a crawl is given up long before the deadline`() async throws {
    let monitor = TransferMonitor(patience: .seconds(1))
    #expect(monitor.note(5000, isWhole: false))
    #expect(try await verdict(monitor, deadline: .seconds(100), seconds: 10) == "sent less than 10 KiB within 1 s")
    #expect(!monitor.note(5001, isWhole: false))
  }

  @Test func `a pack that is whole may take its time on this host`() async throws {
    let monitor = TransferMonitor(patience: .seconds(1))
    #expect(monitor.note(5000, isWhole: true))
    #expect(try await verdict(monitor, deadline: .seconds(100), seconds: 3) == nil)
    #expect(monitor.note(5000, isWhole: true))
  }

  @Test func `nothing takes longer than its deadline`() async throws {
    let told = try await verdict(TransferMonitor(), deadline: .milliseconds(300), seconds: 5)
    #expect(told == "did not answer within 0.3 s; see `sync: {fetch_timeout: …}`")
  }
}
