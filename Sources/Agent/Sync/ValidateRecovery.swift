import Core

extension Prepare {
  /// Validates the last good commits of stacks with the host's own files as they are now. A recovery uses changed values
  /// only if they were judged with the Compose files of that commit, and not only with those of the commit that failed.
  func validateRecovery(_ draft: inout PlanDraft) async throws(Failure) {
    guard settings.sync.onFailure == .rollback else { return }
    for (name, desired) in draft.desired.sorted(by: { $0.key < $1.key }) where desired.resolved != nil {
      guard let good = try await good(name), good.tracked != desired.tracked,
        good.untracked.contains(where: { draft.observed.untracked[$0.key] != $0.value }),
        let snapshot = try await draft.snapshots.look(at: good.commit), let source = snapshot.source(name)
      else { continue }
      let answer = try await snapshot.resolve.stack(source)
      guard let back = answer.desired else { continue }
      let found = try await check.findings(
        of: answer.subjects, containers: draft.containers, records: state.standing, after: [:], origins: [:]
      ) { await snapshot.resolve.mask(for: $0) }
      let weighed = settings.policy.weigh(
        answer.diagnostics + found, today: today, configuration: settings.file, whole: false)
      if !weighed.contains(where: \.refuses) { draft.desired[name]?.alsoJudged = back.untracked }
    }
  }
}
