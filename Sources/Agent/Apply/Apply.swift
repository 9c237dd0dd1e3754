import Core
import Git

/// Executes a plan.
struct Apply: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let mirror: Mirror
  let snapshots: [String: CommitSnapshot]
  let plan: Plan
  /// The records as they were when this began.
  let state: State
  let records: Records
  /// The containers that were listed for the plan.
  let containers: [Container]
  let locks: StackLocks
  let tell: @Sendable (SyncEvent) -> Void
  /// Writes down how stacks ended that are done, before others may work on them.
  let note: @Sendable ([StackReport]) async throws(Failure) -> Void

  struct Result: Sendable {
    var stacks: [StackReport] = []
    var links: [LinkReport] = []
    /// The stacks that somebody else has worked on meanwhile.
    var overtaken: Set<String> = []
    /// The stacks whose end is written down, and that others may have worked on since.
    var released: Set<String> = []
  }

  func run() async throws(Failure) -> Result {
    if !plan.isEmpty { checkout.reserve.keep() }
    for snapshot in snapshots.values.sorted(by: { $0.tree.commit < $1.tree.commit }) {
      let paths = needed(of: snapshot.tree.commit)
      if paths.isEmpty { continue }
      try await Release(checkout: checkout, snapshot: snapshot, contexts: contexts(of: snapshot.tree.commit)).complete(
        paths)
    }
    var links = Links(
      settings: settings, mirror: mirror,
      observe: Observe(settings: settings, checkout: checkout, links: checkout.linkPlanning(state)))
    links.wanted = Set(plan.allLinks.filter { $0.desired != nil }.map(\.live)).union(plan.shared.keys)
    links.written = MountedPaths(
      state.stacks.values.flatMap { $0.standing?.writes ?? [] } + plan.stacks.flatMap { $0.desired?.writes ?? [] })
    let sharedLinks = SharedLinks(checkout: checkout, links: links, records: records)
    var result = Result()
    // Stacks may stand on what nobody in particular does; what a person or a container changed there is put back.
    let changed = plan.moving.union(plan.links.filter { $0.action != .keep }.map(\.live))
    let alone = plan.shared.filter { path, shared in
      changed.contains(path) && !plan.groups.contains { group in group.contains { shared.users.contains($0.name) } }
    }
    result.links = try await sharedLinks.switchPaths(alone.mapValues(\.link))
    let scheduler = StackScheduler(slots: settings.sync.concurrency)
    let execute = Execute(
      settings: settings, checkout: checkout, programs: programs, links: links, records: records, scheduler: scheduler,
      locks: locks, snapshots: snapshots, present: Set(containers.map(\.image)), tell: tell)
    for stack in plan.stacks where stack.work != .none {
      tell(.now(.planned, of: stack.name, stack.reasons.joined(separator: ", ")))
    }
    let deploy = Deploy(
      execute: execute, containers: containers, sharedLinks: sharedLinks, shared: plan.shared, moving: plan.moving)
    let removals = plan.stacks.filter { $0.work == .remove }
    for removal in removals where removal.taker == nil && !Task.isCancelled {
      await remove(removal, removal.steps, execute, &result)
    }
    await deployGroups(deploy, scheduler, but: removals, &result)
    for removal in removals where removal.taker != nil { await leave(removal, execute, &result) }
    if !Task.isCancelled {
      let configured = Set(plan.shared.filter { $0.value.users.isEmpty }.keys)
      do throws(Failure) { result.links += try await sharedLinks.drop(keeping: configured) } catch {
        tell(.now(.message, "warning: \(error.message); the next sync tries again"))
      }
    }
    try await finish(&result, records)
    return result
  }

  /// Ends a stack that the commit no longer has; volumes stay.
  private func remove(_ removal: StackPlan, _ steps: [Step], _ execute: Execute, _ result: inout Result) async {
    let start = ContinuousClock.now
    var report = removal.report(.removed)
    var progress = Execute.Progress()
    progress.links = removal.links.map(\.report)
    let nothing = DesiredStack(name: removal.name, commit: "", project: removal.project)
    do throws(Failure) { try await execute.run(steps, of: nothing, &progress) } catch {
      report.outcome = .failed
      report.error = "\(error.message); \(error.help)"
      if let outage = error.outage { report.wait(for: outage, report.error ?? "") }
    }
    report.durationMs = (ContinuousClock.now - start).milliseconds
    tell(.end(of: report))
    result.stacks.append(report)
    result.links += progress.links
  }

  /// Brings each group of stacks to where it is to be, side by side.
  private func deployGroups(
    _ deploy: Deploy, _ scheduler: StackScheduler, but removals: [StackPlan], _ result: inout Result
  ) async {
    let working = Set(plan.stacks.map(\.name)).subtracting(removals.map(\.name))
    for stack in plan.stacks where stack.work == .none {
      let report = stack.report(stack.target.idle)
      await scheduler.report(stack.name, good: [.unchanged, .pinned].contains(report.outcome))
      result.stacks.append(report)
      result.links += stack.links.map(\.report)
    }
    typealias End = (results: [Deploy.Result], isReleased: Bool)
    let ends = await withTaskGroup(of: End.self) { group in
      for stacks in plan.groups {
        group.addTask {
          let ended = await deployWhenReady(stacks, deploy, scheduler, working)
          let isReleased = await release(ended.map(\.stack))
          for end in ended {
            tell(.end(of: end.stack))
            await scheduler.report(end.stack.name, good: [.unchanged, .deployed, .pinned].contains(end.stack.outcome))
          }
          return (ended, isReleased)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let ended = ends.flatMap(\.results)
    result.released = Set(ends.filter(\.isReleased).flatMap(\.results).map(\.stack.name))
    result.stacks += ended.map(\.stack)
    result.links += ended.flatMap(\.links)
    result.overtaken = Set(ended.filter(\.isOvertaken).map(\.stack.name))
  }

  /// Lets others work on stacks that are in place and that nothing else of this plan comes after, while this sync goes on with the
  /// rest. What failed is not done yet.
  private func release(_ stacks: [StackReport]) async -> Bool {
    let names = Set(stacks.map(\.name))
    let isAwaited = plan.stacks.contains { other in
      other.work != .none && !names.contains(other.name)
        && (!names.isDisjoint(with: other.after) || other.taker.map(names.contains) == true)
    }
    guard !isAwaited, stacks.allSatisfy({ $0.outcome == .deployed }) else { return false }
    do throws(Failure) { try await note(stacks) } catch { return false }
    locks.release(names)
    return true
  }

  /// Leaves the old place of a stack that moved, once the new one is in place.
  private func leave(_ removal: StackPlan, _ execute: Execute, _ result: inout Result) async {
    guard let taker = removal.taker else { return }
    let now = await records.state
    if let new = now.standing(taker), now.isDeployed(taker), new.project == removal.project {
      tell(.now(.step, of: removal.name, "removing its old links: it moved to \(taker)"))
      // It may be in place as it was before, and not as this plan wanted it.
      return await remove(removal, Step.removal(removal, taker: new.services), execute, &result)
    }
    let report = removal.skipped("it stays until \(taker), where it moved to, is in place")
    tell(.end(of: report))
    result.stacks.append(report)
  }

  /// Puts the result in order, and says how far the host is.
  private func finish(_ result: inout Result, _ records: Records) async throws(Failure) {
    let worked = Set(result.links.map(\.live))
    result.links += plan.links.filter { !worked.contains($0.live) }.map(\.report)
    result.stacks.sort { $0.name < $1.name }
    result.links.sort { $0.live < $1.live }
    let undone = result.stacks.filter { [.failed, .rolledBack, .skipped, .waiting].contains($0.outcome) }.map(\.name)
    // A rollback that was cut off, or waits, is gone on with by the next sync; one that failed says nothing about the commit
    // that the stack is back at.
    let lifted = result.stacks.filter { $0.outcome == .rolledBack || $0.outcome != .waiting && !Task.isCancelled }
      .map(\.name)
      .filter { name in
        undone.contains(name) && !result.overtaken.contains(name) && state.stacks[name]?.pin?.replaces != nil
      }
    if !lifted.isEmpty {
      try await records.change { state throws(IllegalTransition) in
        for name in lifted where state.stacks[name]?.pin?.replaces != nil { try state.record(.pinFailed, of: name) }
      }
    }
  }

  /// Brings a group when all that it comes after is in place.
  private func deployWhenReady(
    _ group: [StackPlan], _ deploy: Deploy, _ scheduler: StackScheduler, _ working: Set<String>
  ) async -> [Deploy.Result] {
    let own = Set(group.map(\.name))
    var missing: (stack: String, earlier: String)?
    for stack in group {
      for earlier in stack.after where working.contains(earlier) && !own.contains(earlier) {
        // What is repaired where it is already does not come after anything.
        if await !scheduler.end(of: earlier), !isRepair(stack) { missing = missing ?? (stack.name, earlier) }
      }
    }
    if let missing {
      return group.map { stack in
        let why = "comes after \(missing.earlier), which is not at its commit"
        let isIt = stack.name == missing.stack
        return stack.skipped(isIt ? "it \(why)" : "it shares files with \(missing.stack), which \(why)")
      }.map { Deploy.Result(stack: $0, links: []) }
    }
    if Task.isCancelled {
      return group.map { Deploy.Result(stack: $0.skipped("the sync was interrupted"), links: []) }
    }
    return await deploy.deployGroup(group)
  }

  private func isRepair(_ stack: StackPlan) -> Bool {
    guard let desired = stack.desired, let good = state.lastGood(stack.name) else { return false }
    return desired.inputs.differences(from: good.inputs).isEmpty
  }

  /// What is brought to a commit.
  private func desired(at commit: String) -> [DesiredStack] {
    plan.stacks.compactMap(\.desired).filter { $0.commit == commit }
  }

  /// What images are built from at a commit, and what containers mount of it.
  private func contexts(of commit: String) -> Release.Contexts {
    let services = desired(at: commit).flatMap(\.services)
    return Release.Contexts(built: Set(services.flatMap(\.builds.keys)), mounted: Set(services.flatMap(\.mounts.keys)))
  }

  /// Every path that the release of a commit must hold.
  private func needed(of commit: String) -> Set<String> {
    let shared = plan.shared.values.map(\.link).filter { $0.commit == commit }
    return Set(shared.map(\.from)).union(desired(at: commit).flatMap(\.tracked.keys))
  }
}
