import Agent
import Core

/// What the daemon knows at one moment, for the page and the metrics.
public struct StatusPageModel: Sendable {
  /// The host's name.
  public var host = ""
  /// The repository, without credentials.
  public var repository = ""
  /// The branch.
  public var branch = ""
  /// The program's version.
  public var version = ""
  /// The moment, in seconds since 1970.
  public var now: Double = 0
  /// What `clup status` said; nothing when it could not be asked.
  public var status: Status?
  /// Why there is no status.
  public var statusError: String?
  /// The last reports, the latest first.
  public var reports: [Report] = []
  /// The last runs, the latest first.
  public var runs: [Run] = []
  /// When the repository was last reached, RFC 3339 in UTC.
  public var reached: String?
  /// Why it could not be reached the last time.
  public var unreachable: String?
  /// Why the daemon cannot write its own files.
  public var unwritten: String?
  /// Why the configuration's file cannot be used as it is now.
  public var unconfigured: String?
  /// The keys of the configuration that count only after a restart.
  public var restart: [String] = []
  /// What is being done now.
  public var working: [SyncEvent] = []
  /// Stacks whose drift is only told of for now, since it came back again and again.
  public var waiting: [String] = []

  /// Knows nothing yet.
  public init() {}
}
