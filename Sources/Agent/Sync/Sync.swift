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
      let plain = try Programs(environment: environment)
      var programs = plain
      if let unused = Programs.unused(environment) { say("warning: \(unused)") }
      try checkout.prepare()
      let lock = try checkout.lock()
      defer { close(lock) }
      var seen: HostCheck?
      do throws(Failure) {
        let early = try await early(checkout, plain)
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
      if let seen { remember(seen, ended.report, plain, checkout, began: began) }
    } catch {
      if ended.failure == nil { ended.fail(error) }
    }
    return ended.closed(start)
  }

  /// Adds the report to the history. A poll that ended just as the one before leaves no line, nor does a plain sync that found
  /// nothing to do at the commit that the one before came to.
  private func record(_ ended: inout Ended, _ checkout: Checkout) throws(Failure) {
    let isPoll = Trigger(rawValue: request.trigger) != nil
    if isPoll || request.isPlain && ended.report.outcome == .unchanged {
      let before = checkout.newest
      if isPoll || before?.commit == ended.report.commit, ended.report.repeats(before) {
        ended.report.sameAs = ended.report.outcome == .unchanged ? nil : before?.id
        return
      }
    }
    try checkout.append(ended.report)
  }

  /// Goes the whole way; gives what was seen where there was nothing to do.
  private func locked(
    _ checkout: Checkout, _ programs: Programs, _ early: EarlyCheck?, _ ended: inout Ended
  ) async throws(Failure) -> HostCheck? {
    var state = try checkout.state()
    checkout.sweepDeployments()
    if let other = state.liveRoot, other != settings.liveRoot {
      throw Failure(
        .configuration, "the checkout \(checkout.path) belongs to the live root \(other), not to \(settings.liveRoot)",
        help: "give each configuration a `checkout:` of its own")
    }
    try recording { () throws(IllegalTransition) in try state.unpinFailed() }
    var request = request
    if request.resume { try resume(&state, checkout) }
    let fetch = fetch(checkout)
    let target = try await target(of: &request, fetch, early, state, &ended)
    let before = state
    state.liveRoot = settings.liveRoot
    try recording { () throws(IllegalTransition) in try state.pin(request.rollback?.goal.pins ?? [:]) }
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
    guard let gated = try await gate(prepared, stored, state, &ended) else { return nil }
    try recording { () throws(IllegalTransition) in try state.take(gated.plan, of: prepared.discovery) }
    if gated.plan.isEmpty {
      let isWhole = try end(gated, prepared, &state, &ended)
      if state != before { try checkout.write(state) }
      guard request.isPlain, isWhole, !gated.warns, state.pins.isEmpty, state.holds.isEmpty else { return nil }
      return HostCheck(head: target.head, observed: prepared.observed, containers: containers ?? [], state: state)
    }
    await sweep(checkout, programs, state, coming: Set(prepared.snapshots.keys))
    // A rollback that is cut off is gone on with, not undone.
    let isNew = state != before
    try await apply(gated, prepared, target, state, isNew: isNew, containers ?? [], programs, checkout, &ended)
    return nil
  }

  /// Finds the commit that the host is brought to; a rollback finds one for each stack.
  private func target(
    of request: inout SyncRequest, _ fetch: Fetch, _ early: EarlyCheck?, _ state: State, _ ended: inout Ended
  ) async throws(Failure) -> Fetch.Target {
    guard let rollback = request.rollback else {
      let head = if let early { early.head } else { try await fetch.head() }
      let target = try await fetch.target(head: head, request: request, deployed: state.hasDeployed)
      ended.report.commit = target.tree.commit
      return target
    }
    let target = try await fetch.known()
    let goal = try await Rollback(
      settings: settings, checkout: fetch.checkout, mirror: target.mirror, state: state, stacks: request.stacks,
      sources: fetch.sources
    ).goal(of: rollback.revision, head: target.tree.commit)
    request.rollback?.goal = goal
    let commits = Set(goal.pins.values.map(\.commit))
    ended.report.commit = commits.count == 1 ? commits.first : nil
    for name in state.standing.keys.sorted() where goal.pins[name] == nil && request.stacks.isEmpty {
      let why = rollback.revision == nil ? "has run nothing else before" : "is no stack of that commit"
      say("warning: \(name) \(why), and stays as it is")
    }
    return target
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
  func keepImages(of state: State, others: Bool, _ programs: Programs) async {
    do throws(Failure) { try await KeptImages(programs: programs).keep(state, others: others) } catch {
      say("warning: \(error.message); images to go back to may be lost to a prune")
    }
  }

  /// Lifts the pins first, so that they are lifted whatever becomes of the sync that follows.
  private func resume(_ state: inout State, _ checkout: Checkout) throws(Failure) {
    for name in request.stacks where state.stacks[name]?.pin == nil {
      throw Failure(
        .configuration, "\(name) is not pinned",
        help: state.pins.isEmpty ? "no stack is" : "pinned are " + state.pins.keys.sorted().joined(separator: ", "))
    }
    let lifted = request.stacks.isEmpty ? state.pins.keys.sorted() : request.stacks
    try recording { () throws(IllegalTransition) in
      for name in lifted { try state.record(.unpinned, of: name) }
    }
    say(lifted.isEmpty ? "no stack was pinned" : "no longer pinned: \(lifted.joined(separator: ", "))")
    if !lifted.isEmpty { try checkout.write(state) }
  }
}
