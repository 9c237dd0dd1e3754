@testable import Agent
import Synchronization
import Testing

@Suite("Work is done side by side, within its limits")
struct EachTests {
  @Test func `no more run at once than asked for, and results keep their order`() async throws {
    let peak = Mutex((now: 0, most: 0))
    let results = try await each(Array(0..<20), atOnce: 3) { number throws(Failure) in
      peak.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
      for _ in 0..<20 { await Task.yield() }
      peak.withLock { $0.now -= 1 }
      return number * 2
    }
    #expect(results == (0..<20).map { $0 * 2 })
    #expect(peak.withLock { $0.most } <= 3)
  }

  @Test func `the first failure ends the rest`() async throws {
    let begun = Mutex(0)
    await #expect(throws: Failure.self) {
      _ = try await each(Array(0..<100), atOnce: 2) { number throws(Failure) in
        begun.withLock { $0 += 1 }
        if number == 1 { throw Failure(.host, "no", help: "") }
        return number
      }
    }
    #expect(begun.withLock { $0 } < 100)
  }

  @Test func `a stack waits for the one before it, and learns how that ended`() async {
    let scheduler = StackScheduler(slots: 1)
    async let first = scheduler.end(of: "a")
    async let second = scheduler.end(of: "b")
    await scheduler.report("b", good: false)
    await scheduler.report("a", good: true)
    #expect(await first)
    #expect(await !second)
    #expect(await scheduler.end(of: "a"))
  }
}
