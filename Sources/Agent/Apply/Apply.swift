import Core
import Git

/// Executes a plan.
struct Apply: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let mirror: Mirror
  let looks: [String: Look]
  let plan: Plan
  let state: State
  let policy: String
  /// Whether the host is at the commit when all of the plan is.
  let whole: Bool
  /// The pins and holds from before, for stacks whose rollback fails.
  let pins: [String: Pin]
  let holds: [String: Hold]
  let say: @Sendable (String) -> Void

  struct Result: Sendable {
    var stacks: [StackReport] = []
    var links: [LinkReport] = []
  }

  func run() async throws(Failure) -> Result {
    let ledger = Ledger(state, checkout: checkout)
    for look in looks.values.sorted(by: { $0.tree.commit < $1.tree.commit }) {
      let paths = needed(of: look.tree.commit)
      if !paths.isEmpty { try await Release(checkout: checkout, look: look).complete(paths) }
    }
    let links = Links(
      settings: settings, mirror: mirror,
      observe: Observe(settings: settings, checkout: checkout, links: LinkPlanning(pointers: checkout.pointers)))
    var result = Result()
    result.links = try await bringHostLinks(links, ledger)
    let turns = Turns(slots: settings.sync.concurrency)
    let deploy = Deploy(
      settings: settings, checkout: checkout, programs: programs, links: links, ledger: ledger, turns: turns,
      looks: looks, shared: Set(plan.hostLinks.keys))
    let projects = Set(plan.stacks.compactMap { $0.work == .remove ? nil : $0.project })
    let removals = plan.stacks.filter { $0.work == .remove }
    for removal in removals where !Task.isCancelled {
      say("\(removal.name): removed from the repository, taking it down")
      let ended = await deploy.remove(removal, takenOver: projects.contains(removal.project))
      result.stacks.append(ended.stack)
      result.links += ended.links
    }
    let working = Set(plan.stacks.map(\.name)).subtracting(removals.map(\.name))
    let ended = await withTaskGroup(of: Deploy.Result.self) { group in
      for stack in plan.stacks where stack.work != .remove {
        group.addTask {
          let ended = await one(stack, deploy, turns, working)
          await turns.report(
            stack.name, good: [.unchanged, .deployed, .pinned].contains(ended.stack.outcome))
          return ended
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    result.stacks += ended.map(\.stack)
    result.links += ended.flatMap(\.links)
    result.stacks.sort { $0.name < $1.name }
    result.links.sort { $0.live < $1.live }
    let undone = result.stacks.filter { [.failed, .rolledBack, .skipped].contains($0.outcome) }.map(\.name)
    let (before, new, held) = (pins, state.pins, holds)
    // A rollback that was cut off is gone on with by the next sync; one that failed says nothing about the commit that
    // the stack is back at.
    let lifted = result.stacks.filter { $0.outcome == .rolledBack || !Task.isCancelled }.map(\.name)
      .filter { undone.contains($0) && before[$0] != new[$0] }
    if !lifted.isEmpty {
      try await ledger.change { state in
        for name in lifted {
          state.pins[name] = before[name]
          state.holds[name] = held[name]
        }
      }
    }
    if whole, undone.isEmpty {
      let (commit, policy) = (plan.commit, policy)
      try await ledger.change {
        $0.commit = commit
        $0.policy = policy
      }
    }
    return result
  }

  private func one(_ stack: StackPlan, _ deploy: Deploy, _ turns: Turns, _ working: Set<String>) async -> Deploy.Result
  {
    guard case .deploy(let desired) = stack.work else {
      return Deploy.Result(stack: stack.report(stack.aim.idle), links: stack.links.map(\.report))
    }
    for earlier in stack.after where working.contains(earlier) {
      guard await turns.end(of: earlier) else {
        var report = stack.report(.skipped)
        report.error = "it comes after \(earlier), which is not at its commit"
        return Deploy.Result(stack: report, links: [])
      }
    }
    await turns.take()
    if Task.isCancelled {
      await turns.give()
      var report = stack.report(.skipped)
      report.error = "the sync was interrupted"
      return Deploy.Result(stack: report, links: [])
    }
    say("\(stack.name): \(stack.reasons.joined(separator: ", "))")
    let ended = await deploy.bring(stack, to: desired)
    say("\(stack.name): \(ended.stack.outcome.rawValue)\(ended.stack.error.map { ": " + $0 } ?? "")")
    return ended
  }

  /// Every path that the release of a commit must hold.
  private func needed(of commit: String) -> Set<String> {
    var paths = commit == plan.commit ? Set(plan.hostLinks.values.map(\.from)) : []
    for stack in plan.stacks {
      switch stack.work {
      case .deploy(let desired) where desired.commit == commit: paths.formUnion(desired.tracked.keys)
      case .deploy, .none, .remove: break
      }
    }
    return paths
  }

  /// The configuration's links and the shared ones come first: stacks may stand on them.
  private func bringHostLinks(_ links: Links, _ ledger: Ledger) async throws(Failure) -> [LinkReport] {
    let wishes = plan.hostLinks
    guard plan.links.contains(where: { $0.action != .keep }) || plan.hostLinksChange else {
      return plan.links.map(\.report)
    }
    let commit = plan.commit
    try await ledger.change { state in
      state.links.merge(wishes) { $0.becoming($1) }
      for (name, stack) in state.stacks { state.stacks[name]?.links = stack.links.filter { wishes[$0.key] == nil } }
    }
    if !wishes.isEmpty { try checkout.point(LinkPlanning.host, to: commit) }
    let reports = try await links.apply(plan.links)
    try await ledger.change { state in
      state.links = wishes.mapValues { wish in
        var wish = wish
        wish.replaces = nil
        return wish
      }
    }
    return reports
  }
}
