import Agent
import Core

/// What the daemon knows at one moment, for the page and the metrics.
struct StatusPageModel: Sendable {
  var host = ""
  /// The repository, without credentials.
  var repository = ""
  var branch = ""
  var version = ""
  /// The moment, in seconds since 1970.
  var now: Double = 0
  /// What `clup status` said; nothing when it could not be asked.
  var status: Status?
  /// Why there is no status.
  var statusError: String?
  /// The last reports, the latest first.
  var reports: [Report] = []
  /// The last runs, the latest first.
  var runs: [Run] = []
  /// When the repository was last reached, RFC 3339 in UTC.
  var reached: String?
  /// Why it could not be reached the last time.
  var unreachable: String?
  /// Why the daemon cannot write its own files.
  var unwritten: String?
  /// Why the configuration's file cannot be used as it is now.
  var unconfigured: String?
  /// The keys of the configuration that take effect after a restart.
  var restart: [String] = []
  /// What is being done now.
  var working: [SyncEvent] = []
  /// Stacks whose drift is only told of for now, since it came back again and again.
  var repairPaused: [String] = []
}
