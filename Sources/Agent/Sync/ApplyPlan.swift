import Core
import Git
import Processes

/// Applies a plan that validation let through.
extension Sync {
  /// Whether the host is at the commit when all of a plan is.
  func isWhole(_ plan: Plan) -> Bool {
    request.stacks.isEmpty && request.rollback == nil && !request.isRepair
      && plan.stacks.allSatisfy { $0.target == .target || $0.target.isGone }
  }

  /// Does what is planned, behind the write fence.
  func apply(
    _ approved: ApprovedPlan, _ prepared: Prepare.Prepared, _ target: Fetch.Target, _ session: Session,
    _ containers: [Container], _ locks: StackLocks, _ ended: inout Ended
  ) async throws(Failure) {
    let (checkout, programs, records) = (session.checkout, session.programs, session.records)
    // From here on it is mostly Compose that is waited for.
    Memory.rest()
    let state = try await records.now()
    for live in approved.plan.unfinished(state) { DirectoryHandle.sweep(beside: live, in: settings.liveRoot) }
    let edited = await keepEdits(of: approved.plan, state, checkout, target.mirror)
    ended.report.fence = try WriteSandbox(settings: settings, checkout: checkout, programs: programs).raise(
      around: approved.plan, state)
    if ended.report.fence == false {
      say("warning: this kernel has no Landlock: only clup's own checks keep it from writing elsewhere")
    }
    await keepImages(of: state, others: true, programs)
    let begun = ended.report
    let result = try await Apply(
      settings: settings, checkout: checkout, programs: programs, mirror: target.mirror, snapshots: prepared.snapshots,
      plan: approved.plan, state: state, records: records, containers: containers, locks: locks, tell: tell
    ) { stacks throws(Failure) in
      var report = begun
      report.stacks = stacks
      try await records.change { [report] state throws(IllegalTransition) in try state.note(report) }
    }.run()
    ended.report.stacks = result.stacks
    ended.report.links = result.links
    for index in ended.report.links.indices where ended.report.links[index].backup == nil {
      ended.report.links[index].backup = edited[ended.report.links[index].live]
    }
    let others = approved.plan.busy.union(result.overtaken)
    // What waits, and was not tried again, has not failed.
    let failed = result.stacks.filter { stack in
      [.failed, .rolledBack, .skipped].contains(stack.outcome) || stack.outcome == .waiting && stack.error != nil
    }.map(\.name)
    let isWhole = isWhole(approved.plan) && failed.isEmpty
    let (report, commit, policy) = (ended.report, approved.plan.commit, prepared.policy)
    try await records.change { state throws(IllegalTransition) in
      try state.note(report, but: others.union(request.waiting).union(result.released))
      // What others were let work on may be elsewhere now.
      let stays = result.released.allSatisfy { name in state.lastGood(name)?.commit == commit }
      if isWhole, stays { (state.commit, state.policy) = (commit, policy) }
    }
    await keepImages(of: try await records.now(), others: false, programs)
    // What somebody else took on is theirs to tell.
    let isTheirs =
      !result.overtaken.isEmpty && approved.plan.links.allSatisfy { $0.action == .keep }
      && !result.stacks.contains { [.deployed, .removed].contains($0.outcome) }
    ended.report.outcome =
      !others.isSuperset(of: failed)
      ? .failed : !approved.refused.isEmpty ? .refused : isTheirs ? .unchanged : .deployed
  }

  /// Keeps what somebody has edited through the links of the stacks that are worked on; gives the backups by live path.
  private func keepEdits(
    of plan: Plan, _ state: State, _ checkout: Checkout, _ mirror: Mirror
  ) async -> [String: String] {
    var known = state.links.filter { plan.moving.contains($0.key) || plan.shared[$0.key] != nil }
    for stack in plan.stacks where stack.work != .none {
      known.merge((state.standing(stack.name)?.links ?? [:]).filter { state.links[$0.key] == nil }) { first, _ in first
      }
    }
    let observe = Observe(settings: settings, checkout: checkout, links: checkout.linkPlanning(state))
    var edited: [String: String] = [:]
    do throws(Failure) {
      edited = try await EditedFiles(links: Links(settings: settings, mirror: mirror, observe: observe)).keep(known)
    } catch { say("warning: cannot keep what somebody edited through a link, and it may be lost: \(error.message)") }
    for (live, backup) in edited.sorted(by: { $0.key < $1.key }) {
      say("warning: \(live) was edited through its link into a release; the edit is kept as \(backup)")
    }
    return edited
  }
}
