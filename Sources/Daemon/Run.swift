import Core

/// One run of `clup sync` that something asked for: `clup.run/1`.
struct Run: Codable, Sendable, Equatable {
  /// How far it has come.
  enum Stage: String, Codable, Sendable { case queued, running, ended }

  /// The schema that this version reads and writes.
  static let schema = "clup.run/1"
  var schema = Self.schema
  /// The moment in UTC and four random hexadecimal digits.
  var id: String
  /// What asked for it; the first that did, where several did.
  var trigger: Trigger
  /// How far it has come.
  var stage = Stage.queued
  /// When it was asked for, RFC 3339 in UTC.
  var requested: String
  /// When it began, RFC 3339 in UTC.
  var started: String?
  /// When it ended, RFC 3339 in UTC.
  var ended: String?
  /// What clup ended with.
  var exitStatus: Int32?
  /// How the sync ended.
  var outcome: Report.Outcome?
  /// The commit that it went to.
  var commit: String?
  var report: String?
  /// Why it ended early.
  var error: String?
  /// The ids of the deliveries that asked for it, by which a forge's second try is known.
  var deliveries: [String] = []

  enum CodingKeys: String, CodingKey {
    case schema, id, trigger, stage, requested, started, ended, outcome, commit, report, error, deliveries
    case exitStatus = "exit_status"
  }
}
