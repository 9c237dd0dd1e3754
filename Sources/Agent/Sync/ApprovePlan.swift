import Core

/// Decides what of a plan is applied.
extension Sync {
  /// A plan that validation let through.
  struct ApprovedPlan {
    var plan: Plan
    /// The stacks that it holds back.
    let refused: Set<String>
    /// Whether something was said beside the report.
    let warns: Bool
  }

  /// Reports what was planned, and returns what of it is to be applied; nothing in a dry run, or if the commit is
  /// refused.
  func approve(
    _ prepared: Prepare.Prepared, _ stored: StoredContent, _ state: State, _ ended: inout Ended
  ) async throws(Failure) -> ApprovedPlan? {
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
    return ApprovedPlan(plan: plan, refused: refused, warns: !warnings.isEmpty)
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
