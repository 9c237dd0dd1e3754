import Core

/// Executes a plan.
struct Apply: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let target: Fetch.Target
  let plan: Plan
  let state: State
  let policy: String
  let whole: Bool
  let say: @Sendable (String) -> Void

  struct Result: Sendable {
    var stacks: [StackReport] = []
    var links: [LinkReport] = []
  }

  func run(stage: String) async throws(Failure) -> Result {
    let ledger = Ledger(state, checkout: checkout)
    let release = Release(checkout: checkout, target: target, stage: stage)
    try await release.complete(needed)
    let links = Links(
      settings: settings, mirror: target.mirror,
      observe: Observe(settings: settings, checkout: checkout, links: LinkPlanning(pointers: checkout.pointers)))
    var result = Result()
    result.links = try await bringHostLinks(links, ledger)
    let turns = Turns(slots: settings.sync.concurrency)
    let deploy = Deploy(
      settings: settings, checkout: checkout, programs: programs, links: links, ledger: ledger, turns: turns)
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
          await turns.report(stack.name, good: ended.stack.outcome != .failed && ended.stack.outcome != .skipped)
          return ended
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    result.stacks += ended.map(\.stack)
    result.links += ended.flatMap(\.links)
    result.stacks.sort { $0.name < $1.name }
    result.links.sort { $0.live < $1.live }
    if whole, result.stacks.allSatisfy({ $0.outcome != .failed && $0.outcome != .skipped }) {
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
      return Deploy.Result(stack: stack.report(.unchanged), links: stack.links.map(\.report))
    }
    for earlier in stack.after where working.contains(earlier) {
      guard await turns.end(of: earlier) else {
        var report = stack.report(.skipped)
        report.error = "it comes after \(earlier), which is not in place"
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

  /// Every path that the release must hold.
  private var needed: Set<String> {
    var paths = Set(plan.hostLinks.values.map(\.from))
    for stack in plan.stacks {
      switch stack.work {
      case .deploy(let desired): paths.formUnion(desired.tracked.keys)
      case .none, .remove: break
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
      state.links.merge(wishes) { _, new in new }
      for (name, stack) in state.stacks { state.stacks[name]?.links = stack.links.filter { wishes[$0.key] == nil } }
    }
    if !wishes.isEmpty { try checkout.point(LinkPlanning.host, to: commit) }
    let reports = try await links.apply(plan.links)
    try await ledger.change { state in
      state.links = wishes
    }
    return reports
  }
}
