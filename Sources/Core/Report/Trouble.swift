/// Why a sync of the branch did not come to its stacks, or refused some of them.
public struct Trouble: Codable, Sendable, Equatable {
  /// `refused` or `failed`.
  public var outcome: Report.Outcome
  /// The target commit, where it became known.
  @OrNull public var commit: String?
  /// Why the whole ended early, or the findings that refuse, a line each; the first twenty.
  public var errors: [String]
  /// The way out, where the whole ended early.
  @OrNull public var help: String?
  /// What was away, where that is why.
  @OrNull public var waitsFor: Outage?
  /// When it was first met, RFC 3339 in UTC.
  public var since: String
  /// The id of the report in the history that tells of it.
  public var report: String

  /// Reads it from a report; nothing when that came to all of its stacks.
  public init?(_ report: Report) {
    let refusing = report.diagnostics.filter(\.refuses).map { "\($0.place): \($0.message) [\($0.rule)]" }
    errors = Array((report.error.map { [$0] } ?? refusing).prefix(20))
    if errors.isEmpty { return nil }
    outcome = report.outcome
    commit = report.commit
    help = report.help
    waitsFor = report.waitsFor
    since = report.started
    self.report = report.id
  }
}

extension Report {
  /// Whether it tells nothing beyond what the one before told: nothing was done, or the same failed in the same way.
  public func repeats(_ before: Report?) -> Bool {
    if outcome == .unchanged { return before.map { $0.outcome != .refused && !isWell(after: $0) } ?? true }
    guard let before, [.refused, .failed].contains(outcome) else { return false }
    func known(_ report: Report) -> [Diagnostic] { report.diagnostics.filter(\.refuses) }
    return (outcome, commit, error) == (before.outcome, before.commit, before.error) && known(self) == known(before)
      && !stacks.contains { [.deployed, .rolledBack, .removed].contains($0.outcome) }
      && stacks.map(\.failure) == before.stacks.map(\.failure)
  }

  /// Whether what failed before neither waits nor is held now.
  private func isWell(after before: Report) -> Bool {
    let waiting = Set(stacks.filter { [.held, .waiting].contains($0.outcome) }.map(\.name))
    return before.outcome == .failed
      && !before.stacks.contains { waiting.contains($0.name) && [.failed, .rolledBack, .waiting].contains($0.outcome) }
  }
}

extension StackReport {
  /// What is the same when it fails again: all but the states in between, the time that it took and the log.
  fileprivate var failure: StackReport {
    var same = self
    if ![.failed, .waiting].contains(outcome) { same = StackReport(name: name, outcome: outcome) }
    same.services = same.services.map { ServiceReport(name: $0.name, action: $0.action, reason: $0.reason) }
    (same.durationMs, same.logTail) = (0, [])
    return same
  }
}
