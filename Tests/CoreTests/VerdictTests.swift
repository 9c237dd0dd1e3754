@testable import Core
import Testing

@Suite("A deploy is judged by what its containers do")
struct VerdictTests {
  static func seen(
    _ state: String = "running", health: String = "none", exit: Int = 0, restarts: Int = 0, age: Duration = .seconds(60)
  ) -> WatchedContainer {
    WatchedContainer(
      id: "c", service: "web", state: state, health: health, exitCode: exit, restarts: restarts, age: age)
  }

  enum Kind: Sendable { case good, wait, failed }

  static let rows: [(what: String, service: DesiredService, seen: [WatchedContainer], kind: Kind)] = [
    ("it runs", service(), [seen()], .good), ("nothing is there yet", service(), [], .wait),
    ("it was only just started", service(), [seen(age: .milliseconds(10))], .wait),
    ("healthy", service(), [seen(health: "healthy", age: .zero)], .good),
    ("not healthy yet", service(), [seen(health: "starting")], .wait),
    ("unhealthy", service(), [seen(health: "unhealthy")], .failed),
    ("a one-shot that is done", service(restarts: false), [seen("exited")], .good),
    ("a one-shot that failed", service(restarts: false), [seen("exited", exit: 3)], .failed),
    ("a one-shot that was left as it was found", resting("c"), [seen("exited", exit: 3)], .good),
    ("a daemon that ended", service(), [seen("exited")], .failed),
    ("started again once, and runs only since", service(), [seen(restarts: 1, age: .seconds(3))], .wait),
    ("started again once, long ago", service(), [seen(restarts: 1)], .good),
    ("a restart loop", service(), [seen("restarting", exit: 1, restarts: 3)], .failed),
    ("a restart loop caught while it runs", service(), [seen(restarts: 5, age: .zero)], .failed),
    ("paused", service(), [seen("paused")], .failed), ("created", service(), [seen("created")], .wait),
    ("one of two", service(replicas: 2), [seen()], .wait), ("none wanted", service(replicas: 0), [], .good),
  ]

  @Test(arguments: rows.indices) func `a service`(_ index: Int) {
    let row = Self.rows[index]
    let kind: Kind =
      switch Verdict.of([row.service], containers: row.seen, restarts: [:]) {
      case .good: .good
      case .wait: .wait
      case .failed: .failed
      }
    #expect(kind == row.kind, "\(row.what)")
  }

  @Test func `restarts from before the deploy do not count`() {
    #expect(Verdict.of([service()], containers: [Self.seen(restarts: 9)], restarts: ["c": 9]) == .good)
  }

  @Test func `one that failed weighs more than one that is waited for`() {
    let services = [service("web", replicas: 2), service("db")]
    var broken = Self.seen("exited", exit: 1)
    broken.service = "db"
    broken.id = "d"
    #expect(
      Verdict.of(services, containers: [Self.seen(), broken], restarts: [:])
        == .failed("db ended with exit 1", container: "d"))
  }
}

@Suite("The engine's moments") struct EngineMomentTests {
  @Test(arguments: [
    ("2026-11-22T10:15:00Z", 0.0), ("2026-11-22T11:15:00.5+01:00", 0.5), ("2026-11-22T03:15:00.250000000-07:00", 0.25),
  ]) func `are read in whatever zone the engine has`(_ text: String, _ fraction: Double) throws {
    let moment = try #require(WatchedContainer.instant(text))
    #expect(abs(moment.timeIntervalSince1970 - 1_795_342_500 - fraction) < 0.001)
  }
}
