extension State {
  /// Pins stacks by a rollback; what each was pinned to or held at comes again where that fails.
  public mutating func pin(_ pins: [String: Pin]) throws(IllegalTransition) {
    for (name, pin) in pins { try record(.pinned(pin), of: name) }
  }

  /// Returns the stacks, known or not before, whose records nobody has changed since.
  public func stacks(unchangedSince base: State) -> Set<String> {
    Set(stacks.keys).union(base.stacks.keys).filter { stacks[$0] == base.stacks[$0] }
  }

  /// Takes up what a plan has found out already: which failures no longer count, which pins stand, and which stacks were
  /// judged again.
  ///
  /// It is about the stacks of `same` alone. Where another commit than the head was asked for, what failed at the head still
  /// counts: `isHead` is false.
  public mutating func take(
    _ plan: Plan, of discovery: Discovery, only same: Set<String>, isHead: Bool = true
  ) throws(IllegalTransition) {
    let names = Set(discovery.stacks.map(\.name)).union(pins.keys)
    for (name, hold) in holds where same.contains(name) {
      let isLifted = isHead && plan.stacks.contains { $0.name == name && $0.target.lifts(hold) }
      if isLifted || !names.contains(name) { try record(.lifted, of: name) }
    }
    for stack in plan.stacks
    where same.contains(stack.name) && stack.work == .none && stack.target.isPin && stacks[stack.name]?.pin != nil {
      try record(.pinConfirmed(nil), of: stack.name)
    }
    for stack in plan.stacks where same.contains(stack.name) {
      if stack.target.isGone { gone.insert(stack.name) } else { gone.remove(stack.name) }
    }
    for (name, deployment) in plan.judged where same.contains(name) && isDeployed(name) {
      try record(.judged(deployment), of: name)
    }
  }

  /// Remembers how a sync ended for each stack that it did something to; `others` are those that somebody else works on.
  public mutating func note(_ report: Report, but others: Set<String> = []) throws(IllegalTransition) {
    for stack in report.stacks where !others.contains(stack.name) {
      let known = stacks[stack.name]
      let result = LastResult(outcome: stack.outcome, error: stack.error, report: report.id)
      switch stack.outcome {
      case .deployed, .rolledBack, .failed, .skipped, .refused: try record(.said(result), of: stack.name)
      case .waiting:
        // What was not tried this time is still what it was.
        guard let outage = stack.waitsFor, stack.error != nil else { continue }
        var result = result
        let waiting = Waiting(for: outage, commit: stack.to, since: report.started)
        result.waiting = known?.lastResult?.waiting?.tried(again: waiting) ?? waiting
        try record(.said(result), of: stack.name)
      case .removed: try record(.said(nil), of: stack.name)
      // What did not end well before is in place again.
      case .unchanged where known?.lastResult?.outcome.isBad == true,
        .pinned where known?.lastResult?.outcome.isBad == true:
        try record(.said(LastResult(outcome: stack.outcome, error: nil, report: report.id)), of: stack.name)
      // What is kept for another one's sake has no hold of its own; what was pinned meanwhile is held again.
      case .held where known?.held == nil || known?.lastResult?.outcome == .pinned:
        let why = stack.error ?? stack.reasons.first
        try record(.said(LastResult(outcome: stack.outcome, error: why, report: report.id)), of: stack.name)
      case .unchanged, .planned, .held, .pinned: continue
      }
    }
  }

  /// Gives up pins whose rollback failed in a sync that did not come to its end; those of `busy` stacks go on.
  public mutating func unpinFailed(but busy: Set<String> = []) throws(IllegalTransition) {
    for (name, pin) in pins
    where pin.replaces != nil && !busy.contains(name) && stacks[name]?.held?.commit == pin.commit {
      try record(.pinFailed, of: name)
    }
  }
}
