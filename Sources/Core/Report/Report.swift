/// What one sync did, or would do: `clup.report/1`.
public struct Report: Codable, Sendable, Equatable {
  /// How the whole ended.
  public enum Outcome: String, Codable, Sendable { case unchanged, planned, deployed, refused, failed }

  /// The schema that this version reads and writes.
  public static let schema = "clup.report/1"
  /// The schema's name.
  public var schema = Self.schema
  /// The start in UTC and four random hexadecimal digits.
  public var id: String
  /// What asked for it: `manual`, `rollback`, `resume`, or a `Trigger` of the daemon.
  public var trigger: String
  /// Whether it only planned.
  public var dryRun: Bool
  /// The host's name.
  public var host: String
  /// The repository, without credentials.
  var repository: String
  /// The branch.
  public var branch: String
  /// The target commit, where it became known.
  @OrNull public var commit: String?
  /// How the whole ended.
  public var outcome = Outcome.unchanged
  /// The start, RFC 3339 in UTC.
  public var started: String
  /// The length in milliseconds.
  public var durationMs = 0
  /// Each stack of the commit.
  public var stacks: [StackReport] = []
  /// Each live path.
  public var links: [LinkReport] = []
  /// What validation found.
  public var diagnostics: [Diagnostic] = []
  /// Whether the kernel kept the sync from writing elsewhere; nothing where it had nothing to write.
  @OrNull public var fence: Bool?
  /// Why the whole ended early, when no stack or diagnostic says it.
  @OrNull public var error: String?
  /// The way out of that.
  @OrNull public var help: String?
  /// What was away, where that is why.
  @OrNull public var waitsFor: Outage?
  /// The id of the report in the history that tells the same; then this one is not in it.
  @OrNull public var sameAs: String?
  /// What of clup's own records could not be read, and what follows from that; nothing where all could.
  public var lost: [String]?

  enum CodingKeys: String, CodingKey {
    case schema, id, trigger, host, repository, branch, commit, outcome, started, stacks, links, diagnostics, fence,
      error, help, lost
    case dryRun = "dry_run"
    case sameAs = "same_as"
    case waitsFor = "waits_for"
    case durationMs = "duration_ms"
  }

  /// Makes an empty report.
  public init(
    id: String, trigger: String, dryRun: Bool, host: String, repository: String, branch: String, started: String
  ) {
    self.id = id
    self.trigger = trigger
    self.dryRun = dryRun
    self.host = host
    self.repository = repository
    self.branch = branch
    self.started = started
  }
}

/// What a sync did to one stack.
public struct StackReport: Codable, Sendable, Equatable {
  /// How it ended.
  public enum Outcome: String, Codable, Sendable {
    case unchanged, planned, deployed, refused, rolledBack = "rolled_back", failed, held, pinned, skipped, removed
    /// Something is away that it needs; what ran runs on.
    case waiting

    /// The word for people.
    public var words: String { self == .rolledBack ? "rolled back" : rawValue }

    /// Whether the stack is not where the sync was to bring it.
    public var isBad: Bool {
      switch self {
      case .failed, .rolledBack, .refused, .skipped, .held, .waiting: true
      case .unchanged, .planned, .deployed, .pinned, .removed: false
      }
    }
  }

  /// The stack's name.
  public var name: String
  /// How it ended.
  public var outcome: Outcome
  /// The commit it ran before.
  @OrNull public var from: String?
  /// The commit it was to be brought to.
  @OrNull public var to: String?
  /// Compose's project name.
  @OrNull public var project: String?
  /// Why it was touched.
  public var reasons: [String] = []
  /// Each of its services.
  public var services: [ServiceReport] = []
  /// The length in milliseconds.
  public var durationMs = 0
  /// What went wrong.
  @OrNull public var error: String?
  /// What was away, where that is why.
  @OrNull public var waitsFor: Outage?
  /// The last lines of the log of what failed.
  public var logTail: [String] = []
  /// What a dry run would do, step by step; not written of what was done.
  public var steps: [String]?
  /// True where the repository no longer has it, and it was left as it is.
  public var gone: Bool?

  enum CodingKeys: String, CodingKey {
    case name, outcome, from, to, project, reasons, services, error, steps, gone
    case durationMs = "duration_ms"
    case logTail = "log_tail"
    case waitsFor = "waits_for"
  }

  /// Whether it was left as it is since the repository no longer has it: then it is in place nowhere.
  public var isLeft: Bool { gone == true && outcome == .unchanged }

  /// Makes a report of a stack.
  public init(name: String, outcome: Outcome) {
    self.name = name
    self.outcome = outcome
  }
}

/// What a sync did to one service.
public struct ServiceReport: Codable, Sendable, Equatable {
  /// What is done to the service's containers.
  public enum Action: String, Codable, Sendable { case create, recreate, start, remove, keep }

  /// The service's name.
  public var name: String
  /// What is done to its containers.
  public var action: Action
  /// Why, for every action but `keep`; there, what a sync that was cut off had done already.
  @OrNull public var reason: String?
  /// The container's state as the engine names it, or `absent`.
  public var state: String
  /// `healthy`, `unhealthy`, `starting`, or `none` without a health check.
  public var health: String

  /// Makes a report of a service.
  public init(name: String, action: Action, reason: String?, state: String = "absent", health: String = "none") {
    self.name = name
    self.action = action
    self.reason = reason
    self.state = state
    self.health = health
  }
}

/// What a sync did at one live path.
public struct LinkReport: Codable, Sendable, Equatable {
  /// What is done at the live path.
  public enum Action: String, Codable, Sendable { case create, replace, keep, remove }

  /// The live path, relative to the live root.
  public var live: String
  /// What the link says, or the file that was copied.
  public var target: String
  /// What is done at the live path.
  public var action: Action
  /// Where what stood there was kept, relative to the live root.
  @OrNull public var backup: String?

  /// Makes a report of a live path.
  public init(live: String, target: String, action: Action, backup: String? = nil) {
    self.live = live
    self.target = target
    self.action = action
    self.backup = backup
  }
}

extension Report {
  /// Names what failed or waits, and counts what is not named; nothing where there is none.
  public var badStacks: String? {
    let bad = stacks.filter { [.failed, .rolledBack, .waiting].contains($0.outcome) }
    if bad.isEmpty { return nil }
    let shown = bad.prefix(3).map { stack in
      "\(stack.name) \(stack.outcome.words)\(stack.waitsFor.map { " for \($0.words)" } ?? "")"
    }.joined(separator: ", ")
    return shown + (bad.count > 3 ? " and \(bad.count - 3) more" : "")
  }
}
