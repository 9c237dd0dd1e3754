import Core
import Engine

/// Does the steps of a stack. It knows steps, and nothing of commits that follow each other, of pins or policies: a deploy, the way
/// back of one that failed and the end of a stack are steps alike.
struct Execute: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let links: Links
  let records: Records
  let scheduler: StackScheduler
  let locks: StackLocks
  let snapshots: [String: CommitSnapshot]
  /// The references of images that containers run with, which are on the host.
  let present: Set<String>
  let tell: @Sendable (SyncEvent) -> Void

  /// What was seen while the steps were done.
  struct Progress: Sendable {
    var reached = Reached.nothing
    /// Whether containers were stopped, so that they write no more into what is copied.
    var isStopped = false
    /// The ids of the containers from before.
    var before: Set<String> = []
    var links: [LinkReport] = []
    /// The last look at the containers; nothing when there was none since the plan.
    var containers: [WatchedContainer]?
    /// When the containers began to be changed.
    var began: ContinuousClock.Instant?
    var isWatched = false
    /// Whether a rollback may go first while the stack is watched.
    var yields = false
    var logTail: [String] = []
    /// What Compose makes of the files of a stack that goes by a record, where it is not to read them itself: the services that are
    /// what they were.
    var model: JudgedModel?
    /// What keeps the other services from being made; they can only be started as they are.
    var unrestorable: UnrestorableServices?
    /// Whether a slot was taken, which is released while the stack is watched.
    var hasSlot = false
    /// How the text of each event begins.
    var purpose = ""
  }

  /// Does steps; the slot that was taken is released where one of them fails.
  func run(_ steps: [Step], of stack: DesiredStack, _ progress: inout Progress) async throws(Failure) {
    let going = Set(steps.flatMap(\.removed))
    let events = ProjectEvents(of: stack.project, programs.engine)
    do throws(Failure) {
      for step in steps {
        progress.reached = max(progress.reached, step.reaches)
        if step.reaches == .containers {
          events.begin()
          if progress.began == nil { progress.began = .now }
        }
        if let doing = step.doing { tell(.now(.step, of: stack.name, progress.purpose + doing)) }
        try await run(step, of: stack, but: going, events, &progress)
      }
    } catch {
      await releaseSlot(&progress)
      throw await classify(error, events, stack)
    }
  }

  /// Finds out whether containers failed by themselves: an engine that stops, or is started again, ends them as well, one that was
  /// ended in the middle of a start cannot start that container again, and none is made on a full disk.
  private func classify(_ failure: Failure, _ events: ProjectEvents, _ stack: DesiredStack) async -> Failure {
    guard failure.kind == .deploy else { return failure }
    do throws(EngineError) { try await programs.engine.ping() } catch { return Failure(error) }
    if let name = try? await programs.stuck(of: stack) {
      return Failure(
        .host, "Docker Engine was stopped while it started \(name), and cannot start it again: \(failure.message)",
        help: "sync again: clup recreates it", outage: .engine)
    }
    guard events.hasBroken else { return await events.disk.explaining(failure) ?? failure }
    return Failure(
      .host, "Docker Engine stopped or was restarted meanwhile: \(failure.message)", help: "sync again",
      outage: .engine)
  }

  func acquireSlot(_ progress: inout Progress) async {
    await scheduler.take()
    progress.hasSlot = true
  }

  /// Releases the slot, if there is one.
  func releaseSlot(_ progress: inout Progress) async {
    guard progress.hasSlot else { return }
    progress.hasSlot = false
    await scheduler.give()
  }

  /// The time until which a stack has to be in place.
  func deadline(for stack: DesiredStack, _ progress: Progress) -> ContinuousClock.Instant {
    (progress.began ?? .now) + (stack.deployTimeout ?? settings.sync.deployTimeout)
  }

  private func run(
    _ step: Step, of stack: DesiredStack, but going: Set<String>, _ events: ProjectEvents, _ progress: inout Progress
  ) async throws(Failure) {
    let up = Up(settings: settings, programs: programs, tell: tell)
    let stack = stack.running(progress.model)
    switch step {
    case .checkNetworks(let networks): try await check(networks, of: stack.project)
    case .pull(let anew):
      let lacking = try await up.lacking(stack)
      try await up.pull(lacking, snapshots[stack.commit], but: present, anew: anew) { work throws(Failure) in
        try await locks.lending(stack.name, during: .pull, work)
      }
    case .checkImages: try await checkImages(of: stack)
    case .abandon(let why): throw Failure(.host, why, help: "push a commit that is not refused")
    case .stopWriters(let ids):
      progress.isStopped = true
      try await up.stop(ids)
    case .files(let plans, let commit): try await applyLinkPlans(plans, commit, stack, &progress)
    case .putBack(let found, let made, let backups): try links.undo(found, links: made, backups)
    case .removePointer(let name): checkout.removePointer(of: name)
    case .check(let services, let onlyChanged):
      try await check(stack, services, onlyChanged: onlyChanged, &progress)
    case .build(let services): try await up.build(services, stack)
    case .resume(let ids): try await up.resume(ids)
    case .clear(let project): try await up.clear(project)
    case .carry(let volumes, let kept): try await up.carry(volumes, but: kept, of: stack)
    case .stop(let ids): try await up.stop(ids)
    case .stopInOrder(let services): await up.stop(services, of: stack)
    case .stopStarted(let others): try await up.stop(stack, but: others)
    case .start(let ids): try await up.start(ids)
    case .up(let services): try await updateContainers(services, stack, progress)
    case .upAsFound(let services):
      try await recreateAdopted(services, stack, until: deadline(for: stack, progress))
    case .verify(let expected): try await verify(stack, expected, but: going, events, &progress)
    case .remove(let ids): try await up.remove(ids)
    case .removeNetworks(let project): try await removeNetworks(of: project)
    case .record(let event, let name, let isNeeded):
      do throws(Failure) {
        try await records.change { state throws(IllegalTransition) in try state.record(event, of: name) }
      } catch {
        if isNeeded { throw error }
      }
    }
  }

  /// Does to containers what is planned; what nobody has judged is only started, as it is.
  private func updateContainers(
    _ services: [ServicePlan], _ stack: DesiredStack, _ progress: Progress
  ) async throws(Failure) {
    let up = Up(settings: settings, programs: programs, tell: tell)
    guard let unrestorable = progress.unrestorable else {
      return try await up.run(services, stack, until: deadline(for: stack, progress))
    }
    let others = services.filter { unrestorable.services.contains($0.name) }
    try await up.run(
      services.filter { !unrestorable.services.contains($0.name) }, stack, until: deadline(for: stack, progress))
    let kept = unrestorable.lost.union(stack.joined(to: unrestorable.lost))
    // Compose would start what they depend on, too.
    try await up.start(others.filter { !kept.contains($0.name) }, of: stack, isAlone: !kept.isEmpty)
    // A new start brings it into the network as that is now.
    let again = others.filter { $0.action == .recreate && unrestorable.joined.contains($0.name) }
    try await up.restart(again, of: stack)
    let left = others.contains { service in
      !again.contains(service)
        && (service.isMade || service.action == .start && unrestorable.lost.contains(service.name))
    }
    if left, let failure = unrestorable.failure { throw failure }
  }

  private func applyLinkPlans(
    _ plans: [LinkPlan], _ commit: String?, _ stack: DesiredStack, _ progress: inout Progress
  ) async throws(Failure) {
    progress.links = plans.map(\.report)
    try await links.apply(plans, noting: &progress.links) { () throws(Failure) in
      if let commit { try checkout.point(stack.name, to: commit) }
    }
  }

  /// Watches a stack until it is what it promises; containers that go are no longer part of it.
  private func verify(
    _ stack: DesiredStack, _ expected: Expectation, but going: Set<String>, _ events: ProjectEvents,
    _ progress: inout Progress
  ) async throws(Failure) {
    await releaseSlot(&progress)
    progress.isWatched = true
    let began = progress.began ?? .now
    let (tell, end, purpose) = (tell, deadline(for: stack, progress), progress.purpose)
    let (wanted, before) = (try await withProbes(stack, isUnrestorable: progress.unrestorable != nil), progress.before)
    var watched = Verify.Result()
    func watch() async throws(Failure) {
      watched = try await Verify(programs: programs) { locks.isTaken(stack.name) }.settle(
        wanted, before: before, since: began, by: events, until: end
      ) { goal in
        var event = SyncEvent.now(.step, of: stack.name, "\(purpose)waiting for \(goal)", limit: end - began)
        event.since -= Double(began.duration(to: .now).milliseconds) / 1000
        tell(event)
      }
    }
    if progress.yields { try await locks.lending(stack.name, during: .watch, watch) } else { try await watch() }
    progress.logTail = watched.logTail
    progress.containers = watched.containers.filter { !going.contains($0.id) }
    let help = expected == .commit ? "fix it, and push again" : "see its log (`docker compose logs`), and sync again"
    if let failure = watched.failure(help: help) { throw failure }
    guard expected == .good else { return }
    let other = progress.containers?.first { seen in
      stack.images[seen.service].map { $0 != seen.image } ?? false
        && stack.services.contains { $0.name == seen.service }
    }
    if let other {
      throw Failure(
        .deploy, "\(other.service) does not run the image of its last good deployment",
        help: "somebody retagged the image or replaced the container meanwhile: sync again")
    }
  }

  /// Recreates services as a person had called Compose for them.
  private func recreateAdopted(
    _ services: AdoptedServices, _ stack: DesiredStack, until end: ContinuousClock.Instant
  ) async throws(Failure) {
    if let lost = services.lost {
      throw Failure(
        .deploy, "the configuration that \(lost) ran with before is in no file on this host",
        help: "recreate it by hand")
    }
    var needed = stack
    needed.services = stack.services.filter { services.names.contains($0.name) }
    try await checkImages(of: needed)
    let up = Up(settings: settings, programs: programs)
    for call in services.calls {
      try await Takeover(settings: settings, programs: programs).check(call, of: stack)
      func recreate(_ counts: [String: Int], force: Bool, start: Bool) async throws(Failure) {
        try await up.recreate(counts, of: stack, by: call.call, force: force, start: start, until: end)
      }
      do throws(Failure) { try await recreate(call.counts, force: call.forces, start: call.starts) } catch {
        guard [.deploy, .host].contains(error.kind), call.others.count > call.counts.count else { throw error }
        try await up.remove(call.new)
        try await recreate(call.others, force: false, start: true)
        try await recreate(call.counts, force: call.forces, start: call.starts)
      }
    }
  }

  /// Removes the networks that Compose made for a project; one that a container still uses stays.
  private func removeNetworks(of project: String) async throws(Failure) {
    try await programs.ask { engine throws(EngineError) in
      for network in try await engine.networks(labels: [ComposeLabel.of(project)]) {
        _ = try await engine.removeNetwork(network.id ?? network.name)
      }
    }
  }
}
