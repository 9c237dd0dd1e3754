import Core
import FoundationEssentials

extension SyncEvent {
  /// Makes the event of something that begins now, and may take so long.
  static func now(_ kind: Kind, of stack: String? = nil, _ text: String, limit: Duration? = nil) -> SyncEvent {
    var event = SyncEvent(kind, of: stack, text, since: Date().timeIntervalSince1970)
    event.limit = limit.map { Int(($0.milliseconds + 500) / 1000) }
    return event
  }

  static func end(of report: StackReport) -> SyncEvent {
    var event = now(.ended, of: report.name, report.error ?? "")
    event.durationMs = report.durationMs
    event.outcome = report.outcome
    return event
  }
}
