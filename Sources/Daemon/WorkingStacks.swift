import Core
import FoundationEssentials
import Synchronization

/// What the syncs that the daemon has started are doing, as they tell it.
final class WorkingStacks: Sendable {
  private struct Syncs {
    /// How many repairs have begun, which are no runs.
    var repairs = 0
    /// By the run's id and the stack's name; the sync as a whole has no name.
    var events: [String: [String: SyncEvent]] = [:]
  }

  /// No event is longer; a report may be.
  private static let lineLimit = 64 << 10

  private let syncs = Mutex(Syncs())

  /// Begins to follow the sync of a run, or a repair, which is no run; gives the name that it is known by.
  func begin(_ run: String?) -> String {
    syncs.withLock { syncs in
      if run == nil { syncs.repairs += 1 }
      let name = run ?? "repair \(syncs.repairs)"
      syncs.events[name] = [:]
      return name
    }
  }

  func end(_ name: String) { syncs.withLock { _ = $0.events.removeValue(forKey: name) } }

  /// Takes a line, where it is an event: the last line is the report.
  func take(_ line: String, of name: String) -> Bool {
    guard line.utf8.count < Self.lineLimit, line.contains(SyncEvent.schema),
      let event = try? JSONDecoder().decode(SyncEvent.self, from: Data(line.utf8)), event.schema == SyncEvent.schema
    else { return false }
    if event.kind != .message { syncs.withLock { $0.events[name]?[event.stack ?? ""] = event } }
    return true
  }

  /// What is done now to each stack, by its name; or what a sync as a whole does that has come to no stack yet.
  var now: [SyncEvent] { Self.shown(syncs.withLock { Array($0.events.values) }) }

  /// What the sync of one run does now.
  func now(of run: String) -> [SyncEvent] { Self.shown(syncs.withLock { $0.events[run].map { [$0] } ?? [] }) }

  private static func shown(_ syncs: [[String: SyncEvent]]) -> [SyncEvent] {
    let events = syncs.flatMap { events in events.count > 1 ? events.filter { !$0.key.isEmpty } : events }
    let latest = Dictionary(events.map { ($0.key, $0.value) }) { $0.since > $1.since ? $0 : $1 }
    return latest.sorted { $0.key < $1.key }.map(\.value)
  }
}
