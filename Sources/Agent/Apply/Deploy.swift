import Core
import FoundationEssentials

/// Brings one stack to what its plan says, and back to what was good when that does not end well.
struct Deploy: Sendable {
  let execute: Execute
  /// The containers that were listed for the plan.
  let containers: [Container]
  let sharedLinks: SharedLinks
  /// The live paths that have pointers of their own, and those of them that are not yet what they are to be.
  let shared: [String: SharedPath]
  let moving: Set<String>

  var settings: Settings { execute.settings }
  var checkout: Checkout { execute.checkout }
  var programs: Programs { execute.programs }
  var links: Links { execute.links }
  var records: Records { execute.records }

  struct Result: Sendable {
    var stack: StackReport
    var links: [LinkReport]
    /// Whether somebody else has worked on the stack meanwhile.
    var isOvertaken = false
  }

  /// A deploy while it is under way.
  struct Attempt: Sendable {
    let plan: StackPlan
    let desired: DesiredStack
    /// What has been done and seen.
    var progress = Execute.Progress()
    /// What there is to know where it fails.
    var change: FailedChange
    /// What to go back to.
    var former = Baseline.nothing
    /// What hides the values of its `.env`, once it has failed; and what is kept of that.
    var mask = Mask(assignments: [], all: false)
    var hold: Hold?

    /// The stacks that give it services, with such a service.
    let takes: [String: String]

    /// The stack that this one was moved from; its record stays what it was.
    var origin: String? { if case .moved(let old, _) = former { old } else { nil } }

    /// Whether a rollback tries another commit, which is given up where that fails.
    var isTrial: Bool { if case .pin(let pin, _) = plan.target { pin.replaces != nil } else { false } }

    /// The same as it has failed by now.
    var failed: FailedChange {
      var failed = change
      (failed.reached, failed.isStopped) = (progress.reached, progress.isStopped)
      failed.backups = progress.links.reduce(into: [:]) { $0[$1.live] = $1.backup }
      return failed
    }

    /// Begins what a plan says; nothing when that is no deploy.
    init?(_ plan: StackPlan, in group: [StackPlan]) {
      guard let desired = plan.desired else { return nil }
      takes = Dictionary(
        group.compactMap { giver in giver.handsTo[plan.name].map { (giver.name, $0) } }
      ) { first, _ in first }
      (self.plan, self.desired, change) = (plan, desired, FailedChange(desired))
      progress.links = plan.links.map(\.report)
    }
  }

  /// Finds out what there is to go back to, and does the steps that touch nothing of the stack. The slot that was taken is
  /// released.
  func prepare(_ attempt: inout Attempt) async throws(Failure) {
    let own = containers.filter { $0.project == attempt.desired.project }
    attempt.progress.hasSlot = true
    do throws(Failure) {
      attempt.former = try await former(attempt)
      let record = await records.state.stacks[attempt.plan.name]
      if case .adopted(let adopted) = attempt.former, record?.standing == nil,
        let obstacle = try await Takeover(settings: settings, programs: programs).obstacle(adopted, attempt.plan)
      {
        throw obstacle
      }
      attempt.change.known = record?.standing?.services
      attempt.change.isResumed = record?.change != nil
      attempt.change.before = Set(own.map(\.id))
      attempt.progress.before = attempt.change.before
      if record?.change == nil { attempt.change.ran = Set(own.filter { $0.state == "running" }.map(\.id)) }
    } catch {
      await execute.releaseSlot(&attempt.progress)
      throw error
    }
    let steps = attempt.plan.steps.prefix { $0.reaches == .nothing }
    try await execute.run(Array(steps), of: attempt.desired, &attempt.progress)
    await execute.releaseSlot(&attempt.progress)
  }

  /// Stops what may write into the paths that are led on for several stacks.
  func stopWriters(_ attempt: inout Attempt, replacing wishes: [String: DesiredLink]) async throws(Failure) {
    let good = await records.state.lastGood(attempt.plan.name)
    let writers = Step.writers(of: good, replacing: wishes, among: containers, isOwnLink: links.isOwnLink)
    if writers.isEmpty { return }
    attempt.progress.isStopped = true
    try await Up(settings: settings, programs: programs).stop(writers)
  }

  /// Remembers what stacks were seen in place.
  func settle(_ attempts: [Attempt]) async throws(Failure) -> [String: StackReport] {
    var (reports, entries): ([String: StackReport], [String: Deployment]) = ([:], [:])
    for attempt in attempts where !attempt.plan.isHandedOver {
      let name = attempt.plan.name
      let entry = Deployment(attempt.desired.seen(as: attempt.progress.containers ?? []))
      entries[name] = attempt.desired.images.isEmpty ? entry : try await forgettingStaleBuilds(entry)
      // Put right where it is, which is not where the repository wants it.
      reports[name] = attempt.plan.report(attempt.plan.target.isKeptBack ? attempt.plan.target.idle : .deployed)
      reports[name]?.show(attempt.progress.containers)
      reports[name]?.noteUnplannedRestarts(attempt)
    }
    let targets = Dictionary(attempts.map { ($0.plan.name, $0.plan.target) }) { first, _ in first }
    let pinned = Set(attempts.filter(\.plan.target.isPin).map(\.plan.name))
    try await records.change { [entries] state throws(IllegalTransition) in
      for (name, entry) in entries {
        try state.record(.deployed(entry), of: name)
        // What failed at another commit than the one that stands now still counts.
        if let hold = state.stacks[name]?.held, hold.commit == entry.commit, targets[name]?.lifts(hold) ?? true {
          try state.record(.lifted, of: name)
        }
        if pinned.contains(name), state.stacks[name]?.pin != nil {
          try state.record(.pinConfirmed(entry.images ?? [:]), of: name)
        }
      }
    }
    for attempt in attempts where attempt.plan.isHandedOver {
      reports[attempt.plan.name] = await removeHandedOver(attempt)
    }
    return reports
  }

  /// Ends a stack that was handed over, once the others run its services.
  private func removeHandedOver(_ attempt: Attempt) async -> StackReport {
    var (report, progress) = (attempt.plan.report(.removed), attempt.progress)
    var rest = attempt.plan
    rest.services = []
    let steps = Step.removal(rest, taker: nil, isShared: false)
    do throws(Failure) { try await execute.run(steps, of: attempt.desired, &progress) } catch {
      report.outcome = .failed
      report.error = "\(error.message); \(error.help)"
    }
    return report
  }

  /// Removes what was started under names that the stacks need again which were to give their services to this one.
  func letGo(
    _ attempt: Attempt, but others: Set<String>, _ progress: inout Execute.Progress
  ) async throws(Failure) {
    let state = await records.state
    let claims = attempt.takes.keys.flatMap { state.lastGood($0)?.services.flatMap(\.claims) ?? [] }
    if claims.isEmpty { return }
    let started = try await programs.containers(ofProject: attempt.desired.project).compactMap(Container.init)
    let ids = started.filter { claims.contains(.containerName($0.name)) && !others.contains($0.id) }.map(\.id)
    try await execute.run([.remove(ids)], of: attempt.desired, &progress)
  }

  /// Goes the way to the commit, as far as it leads; the slot that was taken is released while the stack is watched.
  func reach(_ attempt: inout Attempt) async throws(Failure) {
    attempt.progress.hasSlot = true
    let steps = attempt.plan.steps.drop { $0.reaches == .nothing }
    do throws(Failure) {
      try await execute.run(Array(steps), of: attempt.desired, &attempt.progress)
    } catch {
      guard attempt.progress.reached == .containers, !attempt.progress.isWatched, error.kind != .interrupted else {
        throw error
      }
      let why = await inspect(&attempt)
      // An engine that answers was kept waiting by the containers.
      guard error.kind == .timeout, let why else { throw error }
      let seconds = (attempt.desired.deployTimeout ?? settings.sync.deployTimeout).components.seconds
      throw Failure(.deploy, "not ready after \(seconds) s: \(why)", help: "fix it, and push again")
    }
  }

  /// Finds the container that shows why `up` failed; says what the containers lack, nothing when they cannot be seen.
  private func inspect(_ attempt: inout Attempt) async -> String? {
    let verify = Verify(programs: programs)
    guard let now = try? await verify.look(attempt.desired.project) else { return nil }
    attempt.progress.containers = now
    let kept = now.filter { attempt.change.before.contains($0.id) }
    let restarts = Dictionary(kept.map { ($0.id, $0.restarts) }) { first, _ in first }
    switch Verdict.of(attempt.desired.services, containers: now, restarts: restarts) {
    case .failed(let why, let id):
      attempt.progress.logTail = await verify.tail(id)
      return why
    case .wait(_, let why, _):
      // What waits for another one to become healthy was not even started.
      guard let slow = now.first(where: { $0.health == "starting" || $0.health == "unhealthy" }) else { return why }
      attempt.progress.logTail = await verify.tail(slow.id)
      return "\(slow.service) is not healthy yet"
    case .good: return "docker compose up did not end"
    }
  }
}
