import Core
import Synchronization

/// What has happened since the daemon began.
final class Counters: Sendable {
  struct Numbers: Sendable {
    var syncs: [String: Int] = [:]
    /// The lengths of all syncs in seconds: how many were at most as long as each bound, how many there were, their sum.
    var durations = Histogram()
    var webhooks: [String: Int] = [:]
    var repairs: [String: Int] = [:]
    var running = 0
    /// Seconds since 1970.
    var lastPoll: Double?
    var lastSuccess: Double?
    var unreachable: String?
    /// Stacks whose drift is left alone for now.
    var repairPaused: [String] = []
    /// Whether the daemon could write its own files the last time, and how often it could not.
    var canWrite = true
    var writeFailures = 0
    /// Whether the configuration's file can be used as it is now, and when the one that counts was read.
    var isConfigured = true
    var configured = 0.0
  }

  /// A histogram as Prometheus wants it.
  struct Histogram: Sendable {
    static let bounds: [Double] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]
    private(set) var counts = [Int](repeating: 0, count: bounds.count)
    private(set) var count = 0
    private(set) var sum = 0.0

    mutating func add(_ seconds: Double) {
      for (index, bound) in Self.bounds.enumerated() where seconds <= bound { counts[index] += 1 }
      count += 1
      sum += seconds
    }
  }

  private let numbers = Mutex(Numbers())

  var now: Numbers { numbers.withLock { $0 } }

  func change(_ change: (inout Numbers) -> Void) { numbers.withLock { change(&$0) } }

  /// Counts a sync that ended.
  func note(_ result: SyncResult, at seconds: Double) {
    change {
      $0.running -= 1
      $0.syncs[result.outcome?.rawValue ?? "failed", default: 0] += 1
      $0.durations.add(Double(result.duration.milliseconds) / 1000)
      if result.ended(with: .unreachable) {
        $0.unreachable = result.error ?? "it could not be reached"
      } else if result.status != nil, !result.ended(with: .usage) {
        $0.unreachable = nil
        $0.lastPoll = seconds
      }
      if result.ended(with: .success) { $0.lastSuccess = seconds }
    }
  }
}
