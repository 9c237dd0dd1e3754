import Core

extension Prepare {
  /// Judges what stacks would go back to where the host's own files changed since: with these values it comes back only if they were
  /// judged together with its own Compose files, and not just with those of the commit that failed.
  func judgeWayBack(_ draft: inout PlanDraft) async throws(Failure) {
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
