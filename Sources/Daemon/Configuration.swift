import Agent
import Core
import FoundationEssentials
import Synchronization

/// The configuration that the daemon and its syncs go by: the last one that could be used.
public final class Configuration: Sendable {
  /// A configuration, and the text that it was read from.
  public struct Source: Sendable {
    let settings: Settings
    let text: [UInt8]

    /// Takes what was read.
    public init(_ settings: Settings, text: [UInt8]) { (self.settings, self.text) = (settings, text) }
  }

  /// What came of the last attempts to read it.
  struct ActiveConfiguration: Sendable {
    var source: Source
    /// Why the file cannot be used as it is now; nothing where it can.
    var problem: Failure?
    /// The keys that changed and take effect after a restart.
    var restart: [String] = []
    /// When it was last taken, in seconds since 1970.
    var taken = Date().timeIntervalSince1970
  }

  /// Says that syncs find the configuration on standard input; its path is only its name then.
  public static let inputVariable = "CLUP_CONFIG_INPUT"

  private let active: Mutex<ActiveConfiguration>
  private let started: Settings
  private let load: @Sendable () -> Result<Source, Failure>

  /// Starts with one that was read already; `load` reads the file again.
  public init(_ source: Source, load: @escaping @Sendable () -> Result<Source, Failure>) {
    active = Mutex(ActiveConfiguration(source: source))
    started = source.settings
    self.load = load
  }

  /// What counts now.
  var settings: Settings { active.withLock { $0.source.settings } }

  var text: [UInt8] { active.withLock { $0.source.text } }

  var now: ActiveConfiguration { active.withLock { $0 } }

  /// Reads the file again, and takes what can be used; gives what is new about that, for the log.
  func reload() -> [String] {
    let read = load()
    return active.withLock { now in
      switch read {
      case .failure(let failure): return Self.keep(&now, because: failure)
      case .success(let new):
        if new.settings.checkout != started.checkout {
          return Self.keep(
            &now,
            because: Failure(
              .configuration, "`checkout:` was changed to \(new.settings.checkout)",
              help: "restart clup to move the checkout"))
        }
        let isNew = new.text != now.source.text || now.problem != nil
        if !isNew { return [] }
        (now.source, now.problem, now.taken) = (new, nil, Date().timeIntervalSince1970)
        now.restart = Self.restarting(new.settings.serve, started.serve)
        let late = now.restart.map { "\($0) counts only after a restart of clup" }
        return ["the configuration \(new.settings.file) was read again"] + late
      }
    }
  }

  private static func keep(_ now: inout ActiveConfiguration, because failure: Failure) -> [String] {
    if now.problem == failure { return [] }
    now.problem = failure
    return [
      "the configuration cannot be used as it is now, and the last valid one stays in use: \(failure.message); "
        + failure.help
    ]
  }

  /// The server is set up once.
  private static func restarting(_ new: ServeSettings, _ old: ServeSettings) -> [String] {
    let keys: [(String, Bool)] = [
      ("`serve: {listen: …}`", new.listen != old.listen),
      ("`serve: {certificate_file: …}`", new.certificateFile != old.certificateFile),
      ("`serve: {key_file: …}`", new.keyFile != old.keyFile),
    ]
    return keys.filter(\.1).map(\.0)
  }
}
