import Agent
import Core
import FoundationEssentials

/// The runs that were asked for: at most one that waits beside the one that goes, and what became of the last ones.
///
/// Each answer that names a run is on the disk before it is given.
actor Mailbox {
  private let desk: Desk
  private let now: @Sendable () -> Date
  /// The oldest first.
  private(set) var runs: [Run] = []
  private var waiter: CheckedContinuation<Void, Never>?

  /// How many runs are remembered.
  private static let limit = 200

  /// Takes up what a daemon before this one left: what had not ended is asked for again.
  init(_ desk: Desk, now: @escaping @Sendable () -> Date = { Date() }) {
    self.desk = desk
    self.now = now
    runs = desk.read().flatMap { try? JSONDecoder().decode([Run].self, from: Data($0)) } ?? []
    for index in runs.indices where runs[index].stage != .ended { runs[index].stage = .queued }
  }

  /// Asks for a run: the one that waits already, or a new one.
  func ask(_ trigger: Trigger, delivery: String? = nil) throws(Failure) -> Run {
    if let index = runs.lastIndex(where: { $0.stage == .queued }) {
      if let delivery {
        try change { $0[index].deliveries.append(delivery) }
      }
      return runs[index]
    }
    var run = Run(id: id(), trigger: trigger, requested: now().formatted(.iso8601))
    if let delivery { run.deliveries = [delivery] }
    try change { $0.append(run) }
    waiter?.resume()
    waiter = nil
    return run
  }

  /// Finds the run that a delivery asked for before.
  func run(delivered id: String) -> Run? { runs.last { $0.deliveries.contains(id) } }

  func run(_ id: String) -> Run? { runs.last { $0.id == id } }

  /// Whether nothing waits and nothing goes.
  var isIdle: Bool { runs.allSatisfy { $0.stage == .ended } }

  /// Waits for something to do, and begins with all that waits.
  func begin() async throws -> Run {
    while true {
      try Task.checkCancellation()
      if let first = runs.first(where: { $0.stage == .queued }) {
        let started = now().formatted(.iso8601)
        try change { runs in
          for index in runs.indices where runs[index].stage == .queued {
            runs[index].stage = .running
            runs[index].started = started
          }
        }
        return first
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { waiter = $0 }
      } onCancel: {
        Task { await self.wake() }
      }
    }
  }

  /// Ends what was begun. When that cannot be written it counts all the same: at worst it is done once more.
  func end(_ result: SyncResult) throws(Failure) {
    let ended = now().formatted(.iso8601)
    defer { finish(&runs, result, ended) }
    try change { finish(&$0, result, ended) }
  }

  private func finish(_ runs: inout [Run], _ result: SyncResult, _ ended: String) {
    for index in runs.indices where runs[index].stage == .running {
      runs[index].stage = .ended
      runs[index].ended = ended
      runs[index].exitStatus = result.status
      runs[index].outcome = result.outcome
      runs[index].commit = result.commit
      runs[index].report = result.report
      runs[index].error = result.error
    }
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }

  private func change(_ change: (inout [Run]) -> Void) throws(Failure) {
    var newer = runs
    change(&newer)
    newer.removeFirst(max(0, newer.count - Self.limit))
    try desk.write(encode(newer))
    runs = newer
  }

  private func id() -> String {
    let digits = String(UInt32.random(in: .min ... .max), radix: 16)
    let text: String = now().formatted(.iso8601)
    let moment = text.filter { $0 != "-" && $0 != ":" }
    return "\(moment)-\(String(repeating: "0", count: 8 - digits.count))\(digits)"
  }
}
