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
  /// What started it.
  public var trigger = "manual"

  /// Asks for the plain sync.
  public init() {}
}
