import Core
import Git
import Processes

/// From the plan on: what of it may be done, and doing it.
extension Sync {
  /// A plan that validation let through.
  struct Gated {
    var plan: Plan
    /// The stacks that it holds back.
    let refused: Set<String>
    /// Whether something was said beside the report.
    let warns: Bool
  }

  /// Reports what was planned; gives what of it is to be done, nothing where that is all.
  func gate(
    _ prepared: Prepare.Prepared, _ stored: StoredContent, _ state: State, _ ended: inout Ended
  ) async throws(Failure) -> Gated? {
    var plan = prepared.plan
    let refusing = prepared.diagnostics.filter(\.refuses)
    let refused = Set(refusing.compactMap(\.stack))
    let isWhole =
      settings.sync.gate == .commit || refusing.contains { $0.stack == nil } || request.rollback != nil
    if !isWhole { plan.holdBack(refused, as: .refused, state) }
    let warnings = request.isRepair ? [] : try await warnings(of: prepared, state)
    for warning in warnings { say("warning: \(warning)") }
    ended.report.diagnostics = prepared.diagnostics
    (ended.excerpts, ended.found) = (prepared.excerpts, prepared.found)
    ended.report.links = plan.allLinks.map { link in
      var report = link.report
      // Another content behind a link that stays is a change as well.
      if request.dryRun, report.action == .keep, plan.moving.contains(link.live) { report.action = .replace }
      return report
    }
    if request.diff {
      ended.diffs = try await Diffs(stored: stored, state: state, snapshots: prepared.snapshots).of(plan)
    }
    if isWhole, !refusing.isEmpty {
      ended.refuse(prepared)
      return nil
    }
    if request.dryRun {
      ended.report.outcome = .planned
      ended.report.stacks = plan.stacks.map { $0.report($0.work == .none ? $0.target.idle : .planned) }
      return nil
    }
    return Gated(plan: plan, refused: refused, warns: !warnings.isEmpty)
  }

  /// Whether the host is at the commit when all of a plan is.
  func isWhole(_ plan: Plan) -> Bool {
    request.stacks.isEmpty && request.rollback == nil && !request.isRepair
      && plan.stacks.allSatisfy { $0.target == .target || $0.target.isGone }
  }

  /// Does what is planned, behind the fence.
  func apply(
    _ gated: Gated, _ prepared: Prepare.Prepared, _ target: Fetch.Target, _ session: Session,
    _ containers: [Container], _ locks: StackLocks, _ ended: inout Ended
  ) async throws(Failure) {
    let (checkout, programs, records) = (session.checkout, session.programs, session.records)
    // From here on it is mostly Compose that is waited for.
    Memory.rest()
    let state = try await records.now()
    for live in gated.plan.unfinished(state) { DirectoryHandle.sweep(beside: live, in: settings.liveRoot) }
    let edited = await keepEdits(of: gated.plan, state, checkout, target.mirror)
    ended.report.fence = try WriteSandbox(settings: settings, checkout: checkout, programs: programs).raise(
      around: gated.plan, state)
    if ended.report.fence == false {
      say("warning: this kernel has no Landlock: only clup's own checks keep it from writing elsewhere")
    }
    await keepImages(of: state, others: true, programs)
    let begun = ended.report
    let result = try await Apply(
      settings: settings, checkout: checkout, programs: programs, mirror: target.mirror, snapshots: prepared.snapshots,
      plan: gated.plan, state: state, records: records, containers: containers, locks: locks, tell: tell
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
    let others = gated.plan.busy.union(result.overtaken)
    // What waits, and was not tried again, has not failed.
    let failed = result.stacks.filter { stack in
      [.failed, .rolledBack, .skipped].contains(stack.outcome) || stack.outcome == .waiting && stack.error != nil
    }.map(\.name)
    let isWhole = isWhole(gated.plan) && failed.isEmpty
    let (report, commit, policy) = (ended.report, gated.plan.commit, prepared.policy)
    try await records.change { state throws(IllegalTransition) in
      try state.note(report, but: others.union(request.waiting).union(result.released))
      // What others were let work on may be elsewhere now.
      let stays = result.released.allSatisfy { name in state.lastGood(name)?.commit == commit }
      if isWhole, stays { (state.commit, state.policy) = (commit, policy) }
    }
    await keepImages(of: try await records.now(), others: false, programs)
    // What somebody else took on is theirs to tell.
    let isTheirs =
      !result.overtaken.isEmpty && gated.plan.links.allSatisfy { $0.action == .keep }
      && !result.stacks.contains { [.deployed, .removed].contains($0.outcome) }
    ended.report.outcome =
      !others.isSuperset(of: failed)
      ? .failed : !gated.refused.isEmpty ? .refused : isTheirs ? .unchanged : .deployed
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
    } catch { say("warning: what was edited through a link may be lost: \(error.message)") }
    for (live, backup) in edited.sorted(by: { $0.key < $1.key }) {
      say("warning: \(live) was edited through its link into a release; what was written there is kept as \(backup)")
    }
    return edited
  }

  private func warnings(of prepared: Prepare.Prepared, _ state: State) async throws(Failure) -> [String] {
    let known = Set(prepared.discovery.stacks.map(\.name))
    // What a commit once was found to be is not said with each poll.
    let isNews = request.dryRun || state.commit != prepared.plan.commit
    var found = isNews ? prepared.discovery.notes : []
    if let snapshot = prepared.snapshots[prepared.plan.commit] {
      found += prepared.discovery.unused(of: settings, in: snapshot.tree)
      if request.dryRun, request.rollback == nil, state.commit != prepared.plan.commit {
        let check = PolicyCheck(settings: settings, programs: snapshot.resolve.programs)
        let variants = try await check.unmanagedFiles(
          in: snapshot.tree, discovery: prepared.discovery, tracked: snapshot.tracked
        ).variants
        found += Variant.notes(variants, in: snapshot.tree)
      }
    }
    for stack in prepared.plan.stacks where stack.target.isGone {
      found.append("\(stack.name) is \(stack.target.reason ?? "")")
    }
    for name in state.standing.keys.sorted()
    where !known.contains(name) && !prepared.plan.stacks.contains(where: { $0.name == name }) {
      if request.stacks.isEmpty, request.rollback == nil {
        found.append(
          "\(name) is no longer a stack of this host: its containers keep running, and clup leaves them alone")
      }
    }
    return found
  }
}
