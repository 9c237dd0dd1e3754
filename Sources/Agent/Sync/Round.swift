import Core
import Encoding
import Git

extension Sync {
  /// What a sync works with as long as it goes on.
  struct Session: Sendable {
    let checkout: Checkout
    let programs: Programs
    let records: Records
  }
}

/// From the records to the end: plan, lock what is to be worked on, and do it. Nothing is locked while a plan is made; where
/// somebody else has changed by then what it was made from, it is made again.
struct Round: Sendable {
  let sync: Sync
  let session: Sync.Session
  /// With the pins that a rollback leads to.
  let request: SyncRequest
  let target: Fetch.Target
  let early: EarlyCheck?

  /// What it came to.
  enum End {
    /// To its end; with what was seen where there was nothing to do.
    case ended(Sync.HostCheck?)
    /// It has to be done again.
    case overtaken
  }

  private var checkout: Checkout { session.checkout }

  func run(_ ended: inout Sync.Ended) async throws(Failure) -> End {
    let base = try await session.records.now()
    let names = Set(base.stacks.keys).union(request.rollback?.goal.pins.keys.map { $0 } ?? [])
    let busy = names.filter { checkout.isBusy($0) || keepsClear(of: $0) }
    let first = beforePlanning(busy)
    var using = try ReleaseUse(in: checkout)
    defer { using.end() }
    var state = base
    try recording { () throws(IllegalTransition) in try first(&state) }
    sync.tell(.now(.phase, "comparing the host with the commit"))
    let (stage, view) = try scratch()
    defer {
      Files.remove(stage)
      Files.remove(view)
    }
    let stored = StoredContent(settings: sync.settings, checkout: checkout, mirror: target.mirror)
    let prepare = try await Prepare(
      settings: sync.settings, request: request, checkout: checkout, programs: session.programs, target: target,
      state: state, busy: busy, external: ExternalContent(stored: stored, access: sync.fetch(checkout).sources.access),
      stage: stage, view: view)
    async let ahead = prepare.ahead()
    let containers = try await containers(state, &ended)
    let prepared = try await prepare.plan(try await prepare.draft(containers), try await ahead.get())
    ended.judged = judged(prepared, state)
    guard let approved = try await sync.approve(prepared, stored, state, &ended) else { return .ended(nil) }
    if approved.plan.isEmpty {
      let all = findings(of: approved.plan, prepared, base, after: first)
      return .ended(try await finishUnchanged(approved, prepared, containers ?? [], base, after: all, &ended))
    }
    return try await work(approved, prepared, containers ?? [], base, after: first, &using, &ended)
  }

  /// The host's own files that were judged with the files of what was good, and in which nothing was found that refuses a stack.
  private func judged(_ prepared: Prepare.Prepared, _ state: State) -> [String: [String: String]] {
    let refusing = prepared.diagnostics.filter(\.refuses)
    if refusing.contains(where: { $0.stack == nil }) { return [:] }
    let refused = Set(refusing.compactMap(\.stack))
    return prepared.plan.stacks.filter { !refused.contains($0.name) }.reduce(into: [:]) { judged, stack in
      guard let desired = stack.desired, let good = state.standing(stack.name) else { return }
      judged[stack.name] = desired.judged(with: good)
    }
  }

  /// Whether a sync that has lent the lock of a stack is waited for all the same.
  private func keepsClear(of stack: String) -> Bool {
    switch checkout.lending(of: stack) {
    case .pull: !request.isRepair && request.rollback == nil
    case .watch: request.rollback?.goal.pins[stack] == nil
    case nil: false
    }
  }

  /// What a plan has found out, together with what was known before.
  private func findings(
    of plan: Plan, _ prepared: Prepare.Prepared, _ base: State, after first: @escaping Records.Change
  ) -> Records.Change {
    let (discovery, isRepair) = (prepared.discovery, request.isRepair)
    let isHead = target.tree.commit == target.head.commit || request.retry
    return { state throws(IllegalTransition) in
      // What another sync has changed meanwhile is not what this one has found.
      let same = state.stacks(unchangedSince: base)
      try first(&state)
      // What a commit changes is not asked for.
      if !isRepair { try state.take(plan, of: discovery, only: same, isHead: isHead) }
    }
  }

  /// What is known before a plan is made, and written down only when it is carried out.
  private func beforePlanning(_ busy: Set<String>) -> Records.Change {
    let (liveRoot, checkout) = (sync.settings.liveRoot, checkout.path)
    let pins = request.rollback?.goal.pins ?? [:]
    return { state throws(IllegalTransition) in
      try state.unpinFailed(but: busy)
      state.settle(liveRoot: liveRoot, checkout: checkout)
      try state.pin(pins.filter { !busy.contains($0.key) })
    }
  }

  private func scratch() throws(Failure) -> (stage: String, view: String) {
    let name = randomName()
    let (stage, view) = ("\(checkout.releases)/.new.\(name)", "\(checkout.path)/view.\(name)")
    // What runs is kept up, and goes back, on a full disk as well.
    if request.isRepair || request.rollback != nil { checkout.reserve.makeRoom() }
    try checkout.reserve.givingRoom { () throws(Failure) in
      try Files.makeDirectories(stage)
      try Files.makeDirectories(view, mode: 0o700)
    }
    return (stage, view)
  }

  /// Lists the containers; a dry run goes on without an engine.
  private func containers(_ state: State, _ ended: inout Sync.Ended) async throws(Failure) -> [Container]? {
    let liveRoot = sync.settings.liveRoot
    do throws(Failure) {
      let listed =
        if let fresh = await early?.fresh() { fresh } else { try await session.programs.containers(of: liveRoot) }
      // What a container was seen to have it still has, as long as neither it nor the disk is another.
      let known = early?.sameDisk?.unchanged(among: listed) ?? []
      let seen = try await session.programs.decayed(
        listed, of: Set(state.standing.values.map(\.project)), but: known, checkout)
      return Programs.marking(seen, moved: state.formerPlaces, to: liveRoot)
    } catch {
      guard request.dryRun, error.kind != .interrupted else { throw error }
      ended.report.error = "\(error.message); planned as if nothing were running"
      return nil
    }
  }

  /// Ends where there is nothing to do.
  private func finishUnchanged(
    _ approved: Sync.ApprovedPlan, _ prepared: Prepare.Prepared, _ containers: [Container], _ base: State,
    after first: @escaping Records.Change, _ ended: inout Sync.Ended
  ) async throws(Failure) -> Sync.HostCheck? {
    if approved.plan.isBusy { throw checkout.taken(approved.plan.busy) }
    ended.report.outcome = approved.refused.isEmpty ? .unchanged : .refused
    // Of what an engine that is away runs, nobody knows.
    if request.dryRun, ended.report.error != nil { ended.report.outcome = .failed }
    ended.report.stacks = approved.plan.stacks.map { $0.report($0.target.idle) }
    let (isWhole, report, plan, policy) = (sync.isWhole(approved.plan), ended.report, approved.plan, prepared.policy)
    ended.isNewCommit = isWhole && base.commit != plan.commit
    try await session.records.change { state throws(IllegalTransition) in
      let isSame = state.stacks(unchangedSince: base).isSuperset(of: plan.stacks.map(\.name))
      try first(&state)
      if isWhole, isSame { (state.commit, state.policy) = (plan.commit, policy) }
      try state.note(report, but: plan.busy.union(request.waiting))
    }
    let state = try await session.records.now()
    guard request.isPlain, isWhole, !approved.warns, state.pins.isEmpty, state.holds.isEmpty else { return nil }
    return Sync.HostCheck(head: target.head, observed: prepared.observed, containers: containers, state: state)
  }

  /// Works on what is free of what was planned.
  private func work(
    _ approved: Sync.ApprovedPlan, _ prepared: Prepare.Prepared, _ containers: [Container], _ base: State,
    after first: @escaping Records.Change, _ using: inout ReleaseUse, _ ended: inout Sync.Ended
  ) async throws(Failure) -> End {
    var approved = approved
    let locking = approved.plan.locking(base)
    let locks = try StackLocks(of: locking, in: checkout, keepsClear: keepsClear)
    defer { locks.release() }
    let busy = locks.busy
    let now = try await session.records.now()
    if now.links != base.links || locking.subtracting(busy).contains(where: { now.stacks[$0] != base.stacks[$0] }) {
      return .overtaken
    }
    let stacks = Set(approved.plan.stacks.map(\.name))
    // What is not a stack's alone, or is where one comes from, is free again in a moment.
    if !busy.isSubset(of: stacks) { return .overtaken }
    if !busy.isEmpty {
      approved.plan.holdBack(busy, as: .busy, now)
      if approved.plan.isEmpty { throw checkout.taken(busy) }
    }
    try await session.records.change(findings(of: approved.plan, prepared, base, after: first))
    using.end()
    await sweep(coming: Set(prepared.snapshots.keys))
    try using.begin(in: checkout)
    try await sync.noting(locks).apply(approved, prepared, target, session, containers, locks, &ended)
    return .ended(nil)
  }

  /// Makes room for the release that comes. Behind the fence nobody can see what containers mount.
  private func sweep(coming: Set<String>) async {
    do throws(Failure) {
      let state = try await session.records.now()
      let sweep = Sweep(checkout: checkout, programs: session.programs, keep: sync.settings.sync.keepReleases - 1)
      try await ReleaseUse.whileNone(in: checkout) { () throws(Failure) in
        try await sweep.run(state)
        let kept = Files.names(in: checkout.releases).filter { !$0.hasPrefix(".") }
        try await StoredContent.sweep(checkout, keeping: coming.union(kept).union(state.reachableCommits))
      }
    } catch {
      sync.say("warning: \(error.message); the next deploy tries again to remove old releases")
    }
  }
}
