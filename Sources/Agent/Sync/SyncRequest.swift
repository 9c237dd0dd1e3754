import Core

/// What a sync is asked for.
public struct SyncRequest: Sendable {
  /// Whether it only plans.
  public var dryRun = false
  /// Whether it shows what would change in the files.
  public var diff = false
  /// The stacks that it is limited to; none means all.
  public var stacks: [String] = []
  /// Another commit than the branch's head.
  public var commit: String?
  /// The new head that may replace the accepted one although it does not descend from it.
  public var acceptRewrite: String?
  /// Whether it tries again what failed before.
  public var retry = false
  /// Whether it lifts the pins of its stacks first.
  public var resume = false
  /// A rollback, instead of a sync to the branch's head.
  public var rollback: RollbackRequest?
  /// Stacks whose drift is told of and left alone, beside what the host's `drift: report` says of all.
  public var leaveDrift: Set<String> = []
  /// Whether it only keeps up what was good, and asks nobody what is to be.
  public var isRepair = false
  /// The stacks that wait for something, or have failed, which stays said of them.
  var waiting: Set<String> = []
  /// The ids of the host's own files that were judged with what was good, by stack and path.
  var judged: [String: [String: String]] = [:]
  /// Whether what was cut off goes back as well: what it was on its way to is refused now.
  var givesUp = false
  /// Whether it goes to the head that was accepted last, since the repository is away.
  var isOffline = false
  /// Whether every stack is judged, whatever was judged before; for a dry run.
  var judgesAll = false
  /// What started it.
  public var trigger = "manual"

  /// Asks for the plain sync.
  public init() {}

  /// Whether it is about a stack: all, or one of those that were named.
  func includes(_ stack: String) -> Bool { stacks.isEmpty || stacks.contains(stack) }
}

/// What a rollback is asked for, and the pins that it comes to.
public struct RollbackRequest: Sendable {
  /// The commit to go back to; nothing for what each stack ran before.
  var revision: String?
  /// Whether it may move more than one stack that nobody named.
  var all: Bool
  var goal = Rollback.Goal(pins: [:])

  /// Asks to go back.
  public init(to revision: String?, all: Bool = false) { (self.revision, self.all) = (revision, all) }
}
