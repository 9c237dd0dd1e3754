import Core
import Engine
import FoundationEssentials

/// Brings one stack to what its plan says, and back to what was good when that does not end well.
struct Deploy: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let links: Links
  let records: Records
  let gate: DependencyGate
  let snapshots: [String: CommitSnapshot]
  /// The containers that were listed for the plan.
  let containers: [Container]
  let sharedLinks: SharedLinks
  /// The live paths that have pointers of their own, and those of them that are not yet what they are to be.
  let shared: [String: SharedPath]
  let moving: Set<String>

  struct Result: Sendable {
    var stack: StackReport
    var links: [LinkReport]
  }

  /// How far a deploy came before it failed; what it did not reach needs no way back.
  enum Reached: Comparable, Sendable { case nothing, files, containers }

  /// A deploy while it is under way.
  struct Attempt: Sendable {
    let plan: StackPlan
    let desired: DesiredStack
    var reached = Reached.nothing
    /// What to go back to.
    var former = Baseline.nothing
    /// What the containers from before were last known to be made from; nothing when clup had not touched them.
    var known: [DesiredService]?
    /// Whether an earlier deploy was cut off: what stands there may be neither what was good nor the commit's.
    var isResumed = false
    /// The projects that it had before, or was on the way to.
    var left: [String] = []
    /// The live paths that were links into a release and are directories by now: the containers from before still have
    /// the release's.
    var turned: Set<String> = []
    /// Whether containers were stopped, so that they write no more into what is copied.
    var isStopped = false
    /// The ids of the containers from before.
    var before: Set<String> = []
    /// Those of them that ran, and that are not what a sync that was cut off has left.
    var ran: Set<String> = []
    var links: [LinkReport]
    /// The last look at the containers; nothing when there was none since the plan.
    var containers: [WatchedContainer]?
    /// When the containers began to be changed.
    var began: ContinuousClock.Instant?
    /// The end of the log of what failed.
    var logTail: [String] = []
    /// What hides the values of its `.env`, once it has failed; and what is kept of that.
    var mask = Mask(assignments: [], all: false)
    var hold: Hold?

    /// Whether the containers from before run on as they were, and have what stands at the live paths.
    var isUntouched: Bool { turned.isEmpty && !isStopped }

    /// The stack that this one was moved from; its record stays what it was.
    var origin: String? { if case .moved(let old, _) = former { old } else { nil } }

    /// Begins what a plan says; nothing when that is no deploy.
    init?(_ plan: StackPlan) {
      guard case .deploy(let desired) = plan.work else { return nil }
      self.plan = plan
      self.desired = desired
      links = plan.links.map(\.report)
    }
  }

  /// Finds out what there is to go back to, and brings the images, before anything is changed. The turn that was taken
  /// is given on.
  func prepare(_ attempt: inout Attempt) async throws(Failure) {
    attempt.before = Set(containers.filter { $0.project == attempt.desired.project }.map(\.id))
    do throws(Failure) {
      attempt.former = try await former(attempt)
      let record = await records.state.stacks[attempt.plan.name]
      let entry = record?.standing
      if case .adopted(let adopted) = attempt.former, entry == nil,
        let obstacle = try await Takeover(settings: settings, programs: programs).obstacle(adopted, attempt.plan)
      {
        throw obstacle
      }
      attempt.known = entry?.services
      attempt.isResumed = record?.change != nil
      if !attempt.isResumed {
        attempt.ran = Set(containers.filter { attempt.before.contains($0.id) && $0.state == "running" }.map(\.id))
      }
      attempt.left = [entry?.project, record?.change?.towards].compactMap { $0 }
      try await check(attempt)
      // What a container runs at is on the host.
      try await Up(settings: settings, programs: programs).pull(
        attempt.desired, snapshots[attempt.desired.commit], but: Set(containers.map(\.image)))
    } catch {
      await gate.give()
      throw error
    }
    await gate.give()
  }

  /// Reads the probes of a stack that goes by a record of what was good.
  func withProbes(_ desired: DesiredStack) async throws(Failure) -> DesiredStack {
    guard desired.readsProbes else { return desired }
    var desired = desired
    desired.readsProbes = false
    if let own = settings.stacks[desired.name]?.probes {
      desired.probes = own
      return desired
    }
    desired.probes = ComposeModel(try await liveModel(of: desired.name)).own.probes
    return desired
  }

  /// Remembers what stacks were seen in place.
  func settle(_ attempts: [Attempt]) async throws(Failure) -> [String: StackReport] {
    var (reports, entries): ([String: StackReport], [String: Deployment]) = ([:], [:])
    for attempt in attempts {
      let name = attempt.plan.name
      let entry = Deployment(attempt.desired.seen(as: attempt.containers ?? []))
      entries[name] = attempt.desired.images.isEmpty ? entry : try await honest(entry)
      // Put right where it is, which is not where the repository wants it.
      reports[name] = attempt.plan.report(attempt.plan.aim.isKeptBack ? .held : .deployed)
      reports[name]?.show(attempt.containers)
      reports[name]?.admit(attempt)
    }
    let aims = Dictionary(attempts.map { ($0.plan.name, $0.plan.aim) }) { first, _ in first }
    let pinned = Set(attempts.filter(\.plan.aim.isPin).map(\.plan.name))
    try await records.change { [entries] state throws(IllegalTransition) in
      for (name, entry) in entries {
        try state.record(.deployed(entry), of: name)
        // What failed at another commit than the one that stands now still counts.
        if let hold = state.stacks[name]?.held, aims[name]?.lifts(hold) ?? true { try state.record(.lifted, of: name) }
        if pinned.contains(name), state.stacks[name]?.pin != nil {
          try state.record(.pinProved(entry.images ?? [:]), of: name)
        }
      }
    }
    return reports
  }

  /// Goes the way to the commit, as far as it leads; the turn that was taken is given on while the stack is watched.
  func reach(_ attempt: inout Attempt) async throws(Failure) {
    let (plan, desired) = (attempt.plan, attempt.desired)
    let verify = Verify(programs: programs)
    let up = Up(settings: settings, programs: programs)
    let (began, end): (ContinuousClock.Instant, ContinuousClock.Instant)
    do throws(Failure) {
      attempt.reached = .files
      try await stopWriters(&attempt)
      try await links.apply(plan.links, noting: &attempt.links) { () throws(Failure) in
        try checkout.point(plan.name, to: desired.commit)
      }
      try await compare(attempt)
      try await up.build(plan.services, desired)
      attempt.reached = .containers
      began = .now
      end = began + (desired.deployTimeout ?? settings.sync.deployTimeout)
      attempt.began = began
      do throws(Failure) {
        let left = containers.filter { $0.project == desired.project && $0.isLeftOver }
        try await up.resume(paused(of: plan))
        if attempt.isResumed || !left.isEmpty { try await up.clear(desired.project) }
        try await up.run(plan.services, desired, claimed: claimed(by: desired, among: containers), until: end)
      } catch {
        if error.kind == .interrupted { throw error }
        let why = await inspect(&attempt)
        // An engine that answers was kept waiting by the containers.
        guard error.kind == .late, let why else { throw error }
        let seconds = (desired.deployTimeout ?? settings.sync.deployTimeout).components.seconds
        throw Failure(.deploy, "not in place after \(seconds) s: \(why)", help: "fix it, and push again")
      }
      // From here on the containers are this commit's, whatever becomes of them; those that go are only stopped.
      let leaving = (attempt.known ?? []).filter { old in !desired.services.contains { $0.name == old.name } }
      try await records.change { state throws(IllegalTransition) in
        try state.record(.replaced(desired.services + leaving), of: plan.name)
      }
    } catch {
      await gate.give()
      throw error
    }
    await gate.give()
    let watched = try await verify.settle(
      try await withProbes(desired), before: attempt.before, since: began, until: end)
    attempt.containers = watched.containers.filter { seen in !plan.services.contains { $0.way.removes(seen.id) } }
    attempt.logTail = watched.logTail
    if let failure = watched.failure(help: "fix it, and push again") { throw failure }
    for service in plan.services { try await up.remove(service) }
    for project in attempt.left where project != desired.project { try await removeNetworks(of: project) }
  }

  /// The containers of the stack's services that somebody has paused.
  private func paused(of plan: StackPlan) -> [String] {
    let services = Set(plan.services.map(\.name))
    return containers.filter { container in
      container.project == plan.project && services.contains(container.service) && container.state == "paused"
    }.map(\.id)
  }

  /// The containers whose names the stack claims for others: they cannot wait for its end to be removed.
  func claimed(by desired: DesiredStack, among containers: [some SeenContainer]) -> Set<String> {
    let claims = Set(desired.services.flatMap(\.claims))
    return Set(containers.filter { claims.contains(.containerName($0.name)) }.map(\.id))
  }

  /// Asks Compose in the live directory, and goes on only when it answers what was validated.
  ///
  /// Equal sources give equal answers: of a stack that was in place, nobody asks again whose host's own files are what they were.
  private func compare(_ attempt: Attempt) async throws(Failure) {
    let desired = attempt.desired
    guard let validated = desired.resolved else {
      try checkFiles(of: desired)
      return try await checkBinds(of: desired, attempt.plan.services)
    }
    let isKnown = attempt.known != nil && !attempt.isResumed
    // What a container may write to need not be the commit's.
    let copies = desired.links.merging(desired.shared) { $1 }.filter { $0.value.kind == .copy }
    if isKnown, desired.untracked.allSatisfy({ links.observe.untracked($0.key) == $0.value }),
      copies.allSatisfy({ links.observe.live($0.key) == .file($0.value.id) })
    {
      return
    }
    let directory = Path.join(settings.liveRoot, desired.name)
    try Files.makeDirectories(directory)
    let found = modelDigests(try await liveModel(of: desired.name))
    let others = Set(found.keys).union(validated.keys).filter { found[$0] != validated[$0] }.sorted()
    if others.isEmpty { return }
    throw Failure(
      .host, "\(directory) is not what was validated a moment ago: \(others.joined(separator: ", "))",
      help: "see who changes files there, and sync again")
  }

  /// Gives what Compose makes of the files that stand in a stack's live directory.
  func liveModel(of stack: String) async throws(Failure) -> JSON {
    let asked = try await programs.compose(
      ["config", "--format", "json"], in: Path.join(settings.liveRoot, stack))
    guard asked.succeeded, let model = try? JSON(parsing: asked.output) else {
      throw await programs.failure("docker compose config", asked.errorText)
    }
    return model
  }

  /// Finds the container that shows why `up` failed; says what the containers lack, nothing when they cannot be seen.
  private func inspect(_ attempt: inout Attempt) async -> String? {
    let verify = Verify(programs: programs)
    guard let now = try? await verify.look(attempt.desired.project) else { return nil }
    attempt.containers = now
    let kept = now.filter { attempt.before.contains($0.id) }
    let restarts = Dictionary(kept.map { ($0.id, $0.restarts) }) { first, _ in first }
    switch Verdict.of(attempt.desired.services, containers: now, restarts: restarts) {
    case .failed(let why, let id):
      attempt.logTail = await verify.tail(id)
      return why
    case .wait(_, let why):
      // What waits for another one to become healthy was not even started.
      guard let slow = now.first(where: { $0.health == "starting" || $0.health == "unhealthy" }) else { return why }
      attempt.logTail = await verify.tail(slow.id)
      return "\(slow.service) is not healthy yet"
    case .good: return "docker compose up did not end"
    }
  }
}
