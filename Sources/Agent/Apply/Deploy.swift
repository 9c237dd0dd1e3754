import Core
import FoundationEssentials

/// Brings one stack to what its plan says, and back to what was good when that does not end well.
struct Deploy: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let links: Links
  let ledger: Ledger
  let turns: Turns
  let looks: [String: Look]
  /// The live paths that the host's own pointer leads.
  let shared: Set<String>

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
    var former = Former.nothing
    /// What the containers from before were last known to be made from; nothing when clup had not touched them.
    var known: [DesiredService]?
    /// The containers from before.
    var before: [WatchedContainer] = []
    var links: [LinkReport]
    /// The last look at the containers, and the end of the log of what failed.
    var containers: [WatchedContainer] = []
    var logTail: [String] = []
  }

  /// Deploys and watches a stack whose turn was taken already; the turn is given on while it is watched.
  func bring(_ plan: StackPlan, to desired: DesiredStack) async -> Result {
    let start = ContinuousClock.now
    var attempt = Attempt(plan: plan, desired: desired, links: plan.links.map(\.report))
    var report = plan.report(.deployed)
    do throws(Failure) {
      try await reach(&attempt)
      let seen = desired.seen(as: attempt.containers)
      let entry = StackState(seen, verified: true)
      let settled = desired.images.isEmpty ? entry : try await honest(entry)
      try await ledger.change {
        $0.settle(plan.name, as: settled)
        // What failed at another commit than the one that stands now still counts.
        if !plan.aim.isHeld { $0.holds[plan.name] = nil }
        if let pin = $0.pins[plan.name], pin.commit == seen.commit { $0.pins[plan.name]?.images = seen.images }
      }
      report.show(attempt.containers)
    } catch {
      await leave(attempt, because: error, &report)
    }
    report.durationMs = (ContinuousClock.now - start).milliseconds
    return Result(stack: report, links: attempt.links)
  }

  /// Goes the way to the commit, as far as it leads.
  private func reach(_ attempt: inout Attempt) async throws(Failure) {
    let (plan, desired) = (attempt.plan, attempt.desired)
    let verify = Verify(programs: programs)
    let up = Up(settings: settings, programs: programs)
    let end: ContinuousClock.Instant
    do throws(Failure) {
      attempt.former = try await former(desired)
      try await up.pull(desired, looks[desired.commit])
      attempt.known = await ledger.state.stacks[plan.name]?.services
      try await open(&attempt)
      attempt.reached = .files
      try checkout.point(plan.name, to: desired.commit)
      try await links.apply(plan.links, noting: &attempt.links)
      if !plan.aim.isHeld { try await compare(desired) }
      try await up.build(plan.services, desired)
      attempt.before = try await verify.look(desired.project)
      attempt.reached = .containers
      end = .now + (desired.deployTimeout ?? settings.sync.deployTimeout)
      do throws(Failure) {
        try await up.run(plan.services, desired, deadline: ContinuousClock.now.duration(to: end))
      } catch {
        if error.kind == .interrupted { throw error }
        let why = await inspect(&attempt)
        // An engine that answers was kept waiting by the containers.
        guard error.kind == .late, let why else { throw error }
        let seconds = (desired.deployTimeout ?? settings.sync.deployTimeout).components.seconds
        throw Failure(.deploy, "not in place after \(seconds) s: \(why)", help: "mend it, and push again")
      }
      // From here on the containers are this commit's, whatever becomes of them.
      try await ledger.change { $0.stacks[plan.name]?.services = desired.services }
    } catch {
      await turns.give()
      throw error
    }
    await turns.give()
    let watched = try await verify.settle(desired, before: attempt.before, until: end)
    attempt.containers = watched.containers
    attempt.logTail = watched.logTail
    if let error = watched.error { throw Failure(.deploy, error, help: "mend it, and push again") }
  }

  /// Ends a stack that the commit no longer has; volumes stay.
  func remove(_ plan: StackPlan, takenOver: Bool) async -> Result {
    let start = ContinuousClock.now
    var result = Result(stack: plan.report(.removed), links: plan.links.map(\.report))
    do throws(Failure) {
      if !takenOver {
        let up = Up(settings: settings, programs: programs)
        await up.stop(plan.name)
        for service in plan.services { try await up.take(down: service) }
        try await removeNetworks(of: plan.project)
      }
      result.links = try await links.apply(plan.links)
      checkout.removePointer(of: plan.name)
      try await ledger.change { $0.forget(plan.name) }
    } catch {
      result.stack.outcome = .failed
      result.stack.error = "\(error.message); \(error.help)"
    }
    result.stack.durationMs = (ContinuousClock.now - start).milliseconds
    return result
  }

  /// Says first that the stack is being worked on, so that a crash is never taken for success.
  private func open(_ attempt: inout Attempt) async throws(Failure) {
    let (plan, desired) = (attempt.plan, attempt.desired)
    var adopted: Adopted?
    if case .adopted(var former) = attempt.former {
      for link in plan.links where link.action != .keep && former.found[link.live] == nil {
        let found = links.observe.live(link.live)
        if case .link(let text) = found, links.observe.links.isOwn(text) { continue }
        former.found[link.live] = found
      }
      attempt.former = .adopted(former)
      adopted = former
    }
    try await ledger.change { [adopted] state in
      state.adopted[plan.name] = adopted
      var entry = state.stacks[plan.name] ?? StackState(desired, verified: false)
      if state.stacks[plan.name] == nil { entry.services = [] }
      // What these were made from is not known until `up` has ended.
      let acting = Set(plan.services.filter { $0.action != .keep }.map(\.name))
      for index in entry.services.indices where acting.contains(entry.services[index].name) {
        entry.services[index].mounts = entry.services[index].mounts.mapValues { _ in Fingerprint.absent }
        entry.services[index].builds = entry.services[index].builds.mapValues { _ in Fingerprint.absent }
      }
      entry.links.merge(desired.links) { $0.becoming($1) }
      state.open(plan.name, entry)
    }
  }

  /// Asks Compose in the live directory, and goes on only when it answers what was validated.
  private func compare(_ desired: DesiredStack) async throws(Failure) {
    let directory = Path.join(settings.liveRoot, desired.name)
    try Files.makeDirectories(directory)
    let outcome = try await programs.compose(["config", "--hash", "*"], in: directory)
    guard outcome.succeeded else { throw Up.failure("docker compose config", outcome.errorText) }
    let found = Set(outcome.outputText.split(separator: "\n").map(String.init))
    let validated = Set(desired.services.map { "\($0.name) \($0.hash)" })
    guard found == validated else {
      let names = found.symmetricDifference(validated).compactMap { $0.split(separator: " ").first.map(String.init) }
      throw Failure(
        .host, "\(directory) is not what was validated a moment ago: \(Set(names).sorted().joined(separator: ", "))",
        help: "see who changes files there, and sync again")
    }
  }

  /// Finds the container that shows why `up` failed; says what the containers lack, nothing when they cannot be seen.
  private func inspect(_ attempt: inout Attempt) async -> String? {
    let verify = Verify(programs: programs)
    guard let now = try? await verify.look(attempt.desired.project) else { return nil }
    attempt.containers = now
    switch Verdict.of(attempt.desired.services, containers: now, restarts: [:]) {
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

  /// Removes the networks that Compose made for a project; one that a container still uses stays.
  private func removeNetworks(of project: String) async throws(Failure) {
    let listed = try await programs.docker(
      ["network", "ls", "-q", "--filter", "label=com.docker.compose.project=\(project)"])
    let ids = listed.outputText.split(separator: "\n").map(String.init)
    if !ids.isEmpty { _ = try await programs.docker(["network", "rm"] + ids) }
  }
}

extension StackPlan {
  func report(_ outcome: StackReport.Outcome) -> StackReport {
    var report = StackReport(name: name, outcome: outcome)
    report.from = from
    report.to = to
    report.project = project.isEmpty ? nil : project
    report.reasons = work == .none ? (aim.reason.map { [$0] } ?? reasons) : reasons
    report.services = services.map(\.report)
    if case .hold(let hold) = aim { report.error = hold.error }
    return report
  }
}

extension StackReport {
  mutating func show(_ containers: [WatchedContainer]) {
    for index in services.indices {
      let own = containers.filter { $0.service == services[index].name }
      let shown = own.first { $0.state != "running" } ?? own.first
      services[index].state = shown?.state ?? "absent"
      services[index].health = shown?.health ?? "none"
    }
  }
}
