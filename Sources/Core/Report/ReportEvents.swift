extension Report {
  /// What a `notify:` hook is run for.
  public enum Event: String, CaseIterable, Sendable {
    /// A stack was deployed.
    case deployed
    /// The sync, or a stack in it, failed, be it put back or not.
    case failed
    /// A stack failed and was put back.
    case rolledBack = "rolled_back"
    /// The commit, or a stack of it, was refused.
    case refused
    /// Something is away that the sync or a stack needs.
    case waiting
    /// A stack that left the repository was taken down.
    case removed
    /// All is well, and was not in the report before.
    case recovered
  }

  /// Lists what a report tells; `before` is the one before it in the history.
  public func events(after before: Report?) -> [Event] {
    let outcomes = Set(stacks.map(\.outcome))
    let isRecovered = isWell && before?.isWell == false
    let waits = waitsFor != nil || outcomes.contains(.waiting)
    let hasFailed = !outcomes.isDisjoint(with: [.failed, .rolledBack])
    let found: [Event: Bool] = [
      .deployed: outcomes.contains(.deployed), .failed: hasFailed || outcome == .failed && !waits,
      .rolledBack: outcomes.contains(.rolledBack), .refused: outcome == .refused || outcomes.contains(.refused),
      .waiting: waits, .removed: outcomes.contains(.removed),
      .recovered: isRecovered,
    ]
    return Event.allCases.filter { found[$0] == true }
  }

  /// Whether each stack is where the sync was to bring it.
  private var isWell: Bool {
    [.deployed, .unchanged].contains(outcome) && !stacks.contains(where: \.outcome.isBad)
  }
}
