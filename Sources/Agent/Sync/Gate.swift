import Core

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
    let isWhole = settings.sync.gate == .commit || refusing.contains { $0.stack == nil } || request.rollback != nil
    if !isWhole { plan.holdBack(refused, state) }
    let warnings = warnings(of: prepared, state)
    for warning in warnings { say("warning: \(warning)") }
    ended.report.diagnostics = prepared.diagnostics
    ended.excerpts = prepared.excerpts
    ended.report.links = plan.allLinks.map(\.report)
    if request.diff {
      ended.diffs = try await Diffs(stored: stored, state: state, snapshots: prepared.snapshots).of(plan)
    }
    if isWhole, !refusing.isEmpty {
      ended.refuse(prepared)
      return nil
    }
    if request.dryRun {
      ended.report.outcome = .planned
      ended.report.stacks = plan.stacks.map { $0.report($0.work == .none ? $0.aim.idle : .planned) }
      return nil
    }
    return Gated(plan: plan, refused: refused, warns: !warnings.isEmpty)
  }

  /// Whether the host is at the commit when all of a plan is.
  private func isWhole(_ plan: Plan) -> Bool {
    request.stacks.isEmpty && request.rollback == nil && plan.stacks.allSatisfy { $0.aim == .target }
  }

  /// Ends a sync that has nothing to do; says whether the host is at the commit.
  func end(
    _ gated: Gated, _ prepared: Prepare.Prepared, _ state: inout State, _ ended: inout Ended
  ) throws(Failure) -> Bool {
    ended.report.outcome = gated.refused.isEmpty ? .unchanged : .refused
    ended.report.stacks = gated.plan.stacks.map { $0.report($0.aim.idle) }
    let isWhole = isWhole(gated.plan)
    if isWhole {
      state.commit = gated.plan.commit
      state.policy = prepared.policy
    }
    let report = ended.report
    try recording { () throws(IllegalTransition) in try state.note(report) }
    return isWhole
  }

  /// Does what is planned, behind the fence.
  func apply(
    _ gated: Gated, _ prepared: Prepare.Prepared, _ target: Fetch.Target, _ state: State, isNew: Bool,
    _ containers: [Container], _ programs: Programs, _ checkout: Checkout, _ ended: inout Ended
  ) async throws(Failure) {
    ended.report.fence = try WriteSandbox(settings: settings, checkout: checkout, programs: programs).raise(
      around: gated.plan, state)
    if ended.report.fence == false {
      say("warning: this kernel has no Landlock: only clup's own checks keep it from writing elsewhere")
    }
    if isNew { try checkout.write(state) }
    await keepImages(of: state, others: true, programs)
    let result = try await Apply(
      settings: settings, checkout: checkout, programs: programs, mirror: target.mirror, snapshots: prepared.snapshots,
      plan: gated.plan, state: state, containers: containers, policy: prepared.policy, whole: isWhole(gated.plan),
      say: say
    ).run()
    ended.report.stacks = result.stacks
    ended.report.links = result.links
    var known = result.state
    let report = ended.report
    try recording { () throws(IllegalTransition) in try known.note(report) }
    try checkout.write(known)
    await keepImages(of: known, others: false, programs)
    let failed = result.stacks.contains { [.failed, .rolledBack, .skipped].contains($0.outcome) }
    ended.report.outcome = failed ? .failed : gated.refused.isEmpty ? .deployed : .refused
  }

  private func warnings(of prepared: Prepare.Prepared, _ state: State) -> [String] {
    let known = Set(prepared.discovery.stacks.map(\.name))
    var found = settings.stacks.keys.sorted().filter { !known.contains($0) }.map { name in
      "the configuration's `stacks:` names \(name), which is no stack of this commit"
    }
    for stack in prepared.plan.stacks where stack.aim == .gone {
      found.append("\(stack.name) is \(stack.aim.reason ?? "")")
    }
    for name in state.standing.keys.sorted()
    where !known.contains(name) && !prepared.plan.stacks.contains(where: { $0.name == name }) {
      if request.stacks.isEmpty, request.rollback == nil {
        found.append("\(name) is excluded: its containers keep running, and clup leaves them alone")
      }
    }
    return found
  }
}
