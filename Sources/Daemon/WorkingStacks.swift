import Core
import FoundationEssentials
import Synchronization

/// What the syncs that the daemon has started are doing, as they tell it.
final class WorkingStacks: Sendable {
  private struct Syncs {
    var last = 0
    /// By the sync's number and the stack's name; the sync as a whole has no name.
    var events: [Int: [String: SyncEvent]] = [:]
  }

  private let syncs = Mutex(Syncs())

  /// Gives a number to a sync that begins.
  func begin() -> Int {
    syncs.withLock { syncs in
      syncs.last += 1
      syncs.events[syncs.last] = [:]
      return syncs.last
    }
  }

  /// Forgets a sync.
  func end(_ number: Int) { syncs.withLock { _ = $0.events.removeValue(forKey: number) } }

  /// Takes a line, where it is an event: the last line is the report.
  func take(_ line: String, of number: Int) -> Bool {
    guard let event = try? JSONDecoder().decode(SyncEvent.self, from: Data(line.utf8)),
      event.schema == SyncEvent.schema
    else { return false }
    if event.kind != .message { syncs.withLock { $0.events[number]?[event.stack ?? ""] = event } }
    return true
  }

  /// What is worked on now, by the stack's name; or what a sync as a whole does that has come to no stack yet.
  var now: [SyncEvent] {
    syncs.withLock { syncs in
      syncs.events.values.flatMap { events in
        events.count > 1 ? events.filter { !$0.key.isEmpty }.map(\.value) : events.map(\.value)
      }
    }.sorted { ($0.stack ?? "", $0.since) < ($1.stack ?? "", $1.since) }
  }
}
