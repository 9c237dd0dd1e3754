import Core

/// One run of `clup sync` that something asked for: `clup.run/1`.
public struct Run: Codable, Sendable, Equatable {
  /// How far it has come.
  public enum Stage: String, Codable, Sendable { case queued, running, ended }

  /// The schema that this version reads and writes.
  public static let schema = "clup.run/1"
  /// The schema's name.
  public var schema = Self.schema
  /// The moment in UTC and four random hexadecimal digits.
  public var id: String
  /// What asked for it; the first that did, where several did.
  public var trigger: Trigger
  /// How far it has come.
  public var stage = Stage.queued
  /// When it was asked for, RFC 3339 in UTC.
  public var requested: String
  /// When it began, RFC 3339 in UTC.
  public var started: String?
  /// When it ended, RFC 3339 in UTC.
  public var ended: String?
  /// What clup ended with.
  public var exitStatus: Int32?
  /// How the sync ended.
  public var outcome: Report.Outcome?
  /// The commit that it went to.
  public var commit: String?
  /// The id of its report.
  public var report: String?
  /// Why it ended early.
  public var error: String?
  /// The ids of the deliveries that asked for it, by which a forge's second try is known.
  public var deliveries: [String] = []

  enum CodingKeys: String, CodingKey {
    case schema, id, trigger, stage, requested, started, ended, outcome, commit, report, error, deliveries
    case exitStatus = "exit_status"
  }

  /// Asks for a run.
  public init(id: String, trigger: Trigger, requested: String) {
    self.id = id
    self.trigger = trigger
    self.requested = requested
  }
}
