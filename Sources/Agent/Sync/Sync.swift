import Core
import FoundationEssentials
import Git
import Glibc
import Processes

/// One sync: fetch, trust, discover, observe, validate, plan, apply, verify, report.
public struct Sync: Sendable {
  let settings: Settings
  let request: SyncRequest
  let environment: [String: String]
  let say: @Sendable (String) -> Void

  /// What a sync ended with.
  public struct Ended: Sendable {
    /// What it did.
    public var report: Report
    /// Why it ended early.
    public var failure: Failure?
    /// What would change in the files, where that was asked for.
    public var diffs: [String] = []
    /// Lines of the sources, to show with findings.
    public var excerpts = Excerpts(sources: [])
  }

  /// Prepares a sync; `environment` is clup's own, `say` takes lines of progress.
  public init(
    settings: Settings, request: SyncRequest, environment: [String: String], say: @escaping @Sendable (String) -> Void
  ) {
    self.settings = settings
    self.request = request
    self.environment = environment
    self.say = say
  }

  /// Runs it to its end.
  public func run() async -> Ended {
    // What the start alone needed of libraries is most of what a short sync would hold.
    Memory.rest()
    let way = Task(executorPreference: WorkExecutor()) { await work() }
    let clock = Task {
      try await Task.sleep(for: settings.sync.timeout)
      way.cancel()
    }
    defer { clock.cancel() }
    return await withTaskCancellationHandler {
      await way.value
    } onCancel: {
      way.cancel()
    }
  }

  private func work() async -> Ended {
    let start = ContinuousClock.now
    var began = timespec()
    clock_gettime(CLOCK_REALTIME, &began)
    var ended = Ended(report: Report(starting: Date(), request: request, settings: settings))
    let checkout = Checkout(path: settings.checkout)
    do throws(Failure) {
      var programs = try Programs(environment: environment)
      if let unused = Programs.unused(environment) { say("warning: \(unused)") }
      try checkout.prepare()
      let lock = try checkout.lock()
      defer { close(lock) }
      var seen: Seen?
      do throws(Failure) {
        let early = try await early(checkout, programs)
        if let same = early?.same {
          ended.report.take(same)
          return ended.closed(start)
        }
        if let file = settings.registryAuthFile {
          programs = try programs.showing(file, settings: settings, environment: environment, checkout)
        }
        seen = try await locked(checkout, programs, early, &ended)
      } catch {
        ended.fail(error)
      }
      if Task.isCancelled, start.duration(to: .now) >= settings.sync.timeout {
        ended.report.error =
          "the sync took longer than \(settings.sync.timeout.text) and was ended; see `sync: {timeout: …}`"
      }
      ended = ended.closed(start)
      // What was asked for in a wrong way has no place among what was done.
      if !request.dryRun, ended.failure?.kind != .configuration { try record(&ended, checkout) }
      if let seen { remember(seen, ended.report, programs, checkout, began: began) }
    } catch {
      if ended.failure == nil { ended.fail(error) }
    }
    return ended.closed(start)
  }

  /// Adds the report to the history. A poll that ended just as the one before leaves no line, nor does a plain sync
  /// that found nothing to do after one that ended well.
  private func record(_ ended: inout Ended, _ checkout: Checkout) throws(Failure) {
    if Trigger(rawValue: request.trigger) != nil || request.isPlain && ended.report.outcome == .unchanged {
      let before = checkout.newest
      if ended.report.repeats(before) {
        ended.report.sameAs = ended.report.outcome == .unchanged ? nil : before?.id
        return
      }
    }
    try checkout.append(ended.report)
  }

  /// Goes the whole way; gives what was seen where there was nothing to do.
  private func locked(
    _ checkout: Checkout, _ programs: Programs, _ early: EarlyLook?, _ ended: inout Ended
  ) async throws(Failure) -> Seen? {
    var state = try checkout.state()
    if let other = state.liveRoot, other != settings.liveRoot {
      throw Failure(
        .configuration, "the checkout \(checkout.path) belongs to the live root \(other), not to \(settings.liveRoot)",
        help: "give each configuration a `checkout:` of its own")
    }
    state.unpinFailed()
    var request = request
    if request.resume { try resume(&state, checkout) }
    let fetch = fetch(checkout)
    let target: Fetch.Target
    if let rollback = request.rollback {
      target = try await fetch.known()
      let goal = try await Rollback(
        settings: settings, checkout: checkout, mirror: target.mirror, state: state, stacks: request.stacks,
        sources: fetch.sources
      ).goal(of: rollback.revision, head: target.tree.commit)
      request.rollback?.goal = goal
      let pins = goal.pins
      let commits = Set(pins.values.map(\.commit))
      ended.report.commit = commits.count == 1 ? commits.first : nil
      for name in state.stacks.keys.sorted() where pins[name] == nil && request.stacks.isEmpty {
        let why = rollback.revision == nil ? "has run nothing else before" : "is no stack of that commit"
        say("warning: \(name) \(why), and stays as it is")
      }
    } else {
      let head = if let early { early.head } else { try await fetch.head() }
      target = try await fetch.target(head: head, request: request, deployed: state.hasDeployed)
      ended.report.commit = target.tree.commit
    }
    let before = state
    state.liveRoot = settings.liveRoot
    for (name, pin) in request.rollback?.goal.pins ?? [:] {
      let former = state.pins[name].map { $0.replaces ?? [$0] } ?? []
      state.pins[name] = pin
      state.pins[name]?.replaces = former
      state.pins[name]?.held = state.holds[name]
    }
    let name = String(UInt64.random(in: .min ... .max), radix: 36)
    let (stage, view) = ("\(checkout.releases)/.new.\(name)", "\(checkout.path)/view.\(name)")
    try Files.makeDirectories(stage)
    try Files.makeDirectories(view, mode: 0o700)
    defer {
      Files.remove(stage)
      Files.remove(view)
    }
    let stored = StoredContent(settings: settings, checkout: checkout, mirror: target.mirror)
    let prepare = try Prepare(
      settings: settings, request: request, checkout: checkout, programs: programs, target: target, state: state,
      external: ExternalContent(stored, access: fetch.sources.access), stage: stage, view: view)
    async let ahead = prepare.ahead()
    let containers: [Container]?
    do throws(Failure) {
      containers = if let fresh = early?.fresh() { fresh } else { try await programs.containers(of: settings.liveRoot) }
    } catch {
      guard request.dryRun, error.kind != .interrupted else { throw error }
      ended.report.error = "\(error.message); planned as if nothing were running"
      containers = nil
    }
    let prepared = try await prepare.plan(containers, try await ahead.get())
    var plan = prepared.plan
    let refusing = prepared.diagnostics.filter(\.refuses)
    let refused = Set(refusing.compactMap(\.stack))
    let gated = settings.sync.gate == .commit || refusing.contains { $0.stack == nil } || request.rollback != nil
    if !gated { plan.holdBack(refused, state) }
    let warnings = warnings(of: prepared, state)
    for warning in warnings { say("warning: \(warning)") }
    ended.report.diagnostics = prepared.diagnostics
    ended.excerpts = prepared.excerpts
    ended.report.links = plan.allLinks.map(\.report)
    if request.diff {
      ended.diffs = try await Diffs(stored: stored, state: state, snapshots: prepared.snapshots).of(plan)
    }
    if gated, !refusing.isEmpty {
      ended.refuse(prepared)
      return nil
    }
    if request.dryRun {
      ended.report.outcome = .planned
      ended.report.stacks = plan.stacks.map { $0.report($0.work == .none ? $0.aim.idle : .planned) }
      return nil
    }
    let names = Set(prepared.discovery.stacks.map(\.name)).union(state.pins.keys)
    state.holds = state.holds.filter { name, hold in
      names.contains(name) && !plan.stacks.contains { $0.name == name && $0.aim.lifts(hold) }
    }
    for stack in plan.stacks where stack.work == .none && stack.aim.isPin { state.pins[stack.name]?.prove() }
    state.stacks.merge(plan.judged) { $1 }
    let isWhole = request.stacks.isEmpty && request.rollback == nil && plan.stacks.allSatisfy { $0.aim == .target }
    if plan.isEmpty {
      ended.report.outcome = refused.isEmpty ? .unchanged : .refused
      ended.report.stacks = plan.stacks.map { $0.report($0.aim.idle) }
      if isWhole {
        state.commit = plan.commit
        state.policy = prepared.policy
      }
      state.note(ended.report)
      if state != before { try checkout.write(state) }
      guard request.isPlain, isWhole, warnings.isEmpty, state.pins.isEmpty, state.holds.isEmpty else { return nil }
      return Seen(head: target.head, observed: prepared.observed, containers: containers ?? [], state: state)
    }
    await sweep(checkout, programs, state, coming: Set(prepared.snapshots.keys))
    ended.report.fence = try WriteSandbox(settings: settings, checkout: checkout, programs: programs).raise(
      around: plan, state)
    if ended.report.fence == false {
      say("warning: this kernel has no Landlock: only clup's own checks keep it from writing elsewhere")
    }
    // A rollback that is cut off is gone on with, not undone.
    if state != before { try checkout.write(state) }
    await keepImages(of: state, others: true, programs)
    let result = try await Apply(
      settings: settings, checkout: checkout, programs: programs, mirror: target.mirror, snapshots: prepared.snapshots,
      plan: plan, state: state, containers: containers ?? [], policy: prepared.policy, whole: isWhole,
      say: say
    ).run()
    ended.report.stacks = result.stacks
    ended.report.links = result.links
    var known = result.state
    known.note(ended.report)
    try checkout.write(known)
    await keepImages(of: known, others: false, programs)
    let failed = result.stacks.contains { [.failed, .rolledBack, .skipped].contains($0.outcome) }
    ended.report.outcome = failed ? .failed : refused.isEmpty ? .deployed : .refused
    return nil
  }

  /// Makes room for the release that comes. Behind the fence nobody can see what containers mount.
  private func sweep(_ checkout: Checkout, _ programs: Programs, _ state: State, coming: Set<String>) async {
    do throws(Failure) {
      try await Sweep(checkout: checkout, programs: programs, keep: settings.sync.keepReleases - 1).run(state)
      let kept = Files.names(in: checkout.releases).filter { !$0.hasPrefix(".") }
      try await StoredContent.sweep(checkout, keeping: coming.union(kept).union(state.reachableCommits))
    } catch {
      say("warning: \(error.message); the next deploy tries again to remove old releases")
    }
  }

  /// Keeps the images of what was good; without it a sync is as good, and only the way back is less sure.
  private func keepImages(of state: State, others: Bool, _ programs: Programs) async {
    do throws(Failure) { try await KeptImages(programs: programs).keep(state, others: others) } catch {
      say("warning: \(error.message); images to go back to may be lost to a prune")
    }
  }

  /// Lifts the pins first, so that they are lifted whatever becomes of the sync that follows.
  private func resume(_ state: inout State, _ checkout: Checkout) throws(Failure) {
    for name in request.stacks where state.pins[name] == nil {
      throw Failure(
        .configuration, "\(name) is not pinned",
        help: state.pins.isEmpty ? "no stack is" : "pinned are " + state.pins.keys.sorted().joined(separator: ", "))
    }
    let lifted = request.stacks.isEmpty ? state.pins.keys.sorted() : request.stacks
    for name in lifted { state.pins[name] = nil }
    say(lifted.isEmpty ? "no stack was pinned" : "no longer pinned: \(lifted.joined(separator: ", "))")
    if !lifted.isEmpty { try checkout.write(state) }
  }

  private func warnings(of prepared: Prepare.Prepared, _ state: State) -> [String] {
    let known = Set(prepared.discovery.stacks.map(\.name))
    var found = settings.stacks.keys.sorted().filter { !known.contains($0) }.map { name in
      "the configuration's `stacks:` names \(name), which is no stack of this commit"
    }
    for stack in prepared.plan.stacks where stack.aim == .gone {
      found.append("\(stack.name) is \(stack.aim.reason ?? "")")
    }
    for name in state.stacks.keys.sorted()
    where !known.contains(name) && !prepared.plan.stacks.contains(where: { $0.name == name }) {
      if request.stacks.isEmpty, request.rollback == nil {
        found.append("\(name) is excluded: its containers keep running, and clup leaves them alone")
      }
    }
    return found
  }
}
