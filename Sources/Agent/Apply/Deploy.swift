import Core
import FoundationEssentials

/// Brings one stack to what its plan says.
struct Deploy: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs
  let links: Links
  let ledger: Ledger
  let turns: Turns

  struct Result: Sendable {
    var stack: StackReport
    var links: [LinkReport]
  }

  /// Deploys and watches a stack whose turn was taken already; the turn is given on while it is watched.
  func bring(_ plan: StackPlan, to desired: DesiredStack) async -> Result {
    let start = ContinuousClock.now
    var result = Result(stack: plan.report(.deployed), links: plan.links.map(\.report))
    do throws(Failure) {
      let verify = Verify(programs: programs)
      let before: [String: Int]
      do throws(Failure) {
        try await open(plan, desired)
        try checkout.point(plan.name, to: desired.commit)
        result.links = try await links.apply(plan.links)
        try await compare(desired)
        before = try await verify.restarts(project: desired.project)
        try await up(plan)
        // From here on the containers are this commit's, whatever becomes of them.
        try await ledger.change { $0.stacks[plan.name]?.services = desired.services }
      } catch {
        await turns.give()
        throw error
      }
      await turns.give()
      let watched = try await verify.watch(
        desired, restarts: before, deadline: desired.deployTimeout ?? settings.sync.deployTimeout)
      result.stack.show(watched.containers)
      if let error = watched.error {
        result.stack.outcome = .failed
        result.stack.error = error
        let mask = await programs.mask(for: Path.join(settings.liveRoot, plan.name))
        result.stack.logTail = watched.logTail.map(mask.hide)
      } else {
        let seen = desired.seen(as: watched.containers)
        try await ledger.change { $0.stacks[plan.name] = StackState(seen, verified: true) }
      }
    } catch {
      let mask = await programs.mask(for: Path.join(settings.liveRoot, plan.name))
      result.stack.fail(Failure(error.kind, mask.hide(error.message), help: error.help))
    }
    result.stack.durationMs = (ContinuousClock.now - start).milliseconds
    return result
  }

  /// Ends a stack that the commit no longer has; volumes stay.
  func remove(_ plan: StackPlan, takenOver: Bool) async -> Result {
    let start = ContinuousClock.now
    var result = Result(stack: plan.report(.removed), links: plan.links.map(\.report))
    do throws(Failure) {
      if !takenOver {
        for service in plan.services { try await take(down: service) }
        try await removeNetworks(of: plan.project)
      }
      result.links = try await links.apply(plan.links)
      checkout.removePointer(of: plan.name)
      try await ledger.change { $0.stacks[plan.name] = nil }
    } catch {
      result.stack.fail(error)
    }
    result.stack.durationMs = (ContinuousClock.now - start).milliseconds
    return result
  }

  /// Says first that the stack is being worked on, so that a crash is never taken for success.
  private func open(_ plan: StackPlan, _ desired: DesiredStack) async throws(Failure) {
    try await ledger.change { state in
      var entry = state.stacks[plan.name] ?? StackState(desired, verified: false)
      if state.stacks[plan.name] == nil { entry.services = [] }
      // What these were made from is not known until `up` has ended.
      let acting = Set(plan.services.filter { $0.action != .keep }.map(\.name))
      for index in entry.services.indices where acting.contains(entry.services[index].name) {
        entry.services[index].mounts = entry.services[index].mounts.mapValues { _ in Fingerprint.absent }
        entry.services[index].builds = entry.services[index].builds.mapValues { _ in Fingerprint.absent }
      }
      entry.verified = false
      entry.links.merge(desired.links) { _, new in new }
      state.stacks[plan.name] = entry
    }
  }

  /// Asks Compose in the live directory, and goes on only when it answers what was validated.
  private func compare(_ desired: DesiredStack) async throws(Failure) {
    let directory = Path.join(settings.liveRoot, desired.name)
    try Files.makeDirectories(directory)
    let outcome = try await programs.compose(["config", "--hash", "*"], in: directory)
    guard outcome.succeeded else { throw Self.failure("docker compose config", outcome.errorText) }
    let found = Set(outcome.outputText.split(separator: "\n").map(String.init))
    let validated = Set(desired.services.map { "\($0.name) \($0.hash)" })
    guard found == validated else {
      let names = found.symmetricDifference(validated).compactMap { $0.split(separator: " ").first.map(String.init) }
      throw Failure(
        .host, "\(directory) is not what was validated a moment ago: \(Set(names).sorted().joined(separator: ", "))",
        help: "see who changes files there, and sync again")
    }
  }

  private func up(_ plan: StackPlan) async throws(Failure) {
    let directory = Path.join(settings.liveRoot, plan.name)
    let acting = plan.services.filter { $0.action != .keep && $0.action != .remove }
    let forced = acting.filter { $0.way == .force }.map(\.name)
    let built = acting.filter { $0.way == .build }.map(\.name)
    func compose(_ arguments: [String]) async throws(Failure) {
      let outcome = try await programs.compose(arguments, in: directory, deadline: .seconds(3600))
      guard outcome.succeeded else { throw Self.failure("docker compose \(arguments[0])", outcome.errorText) }
    }
    for service in plan.services { try await take(down: service) }
    if !built.isEmpty { try await compose(["build", "--quiet"] + built) }
    // With nothing but mounted files to take up, one call is enough; without anything to do, none.
    if acting.contains(where: { $0.way != .force }) { try await compose(["up", "-d", "--quiet-pull"]) }
    if !forced.isEmpty { try await compose(["up", "-d", "--force-recreate", "--no-deps"] + forced) }
  }

  /// Stops and removes the containers of a service that is to go, and no others.
  private func take(down service: ServicePlan) async throws(Failure) {
    guard case .remove(let ids) = service.way else { return }
    let stopped = try await programs.docker(["stop"] + ids, deadline: .seconds(120))
    guard stopped.succeeded else { throw Self.failure("docker stop", stopped.errorText) }
    let outcome = try await programs.docker(["rm", "-f"] + ids)
    guard outcome.succeeded else { throw Self.failure("docker rm", outcome.errorText) }
  }

  /// Removes the networks that Compose made for a project; one that a container still uses stays.
  private func removeNetworks(of project: String) async throws(Failure) {
    let listed = try await programs.docker(
      ["network", "ls", "-q", "--filter", "label=com.docker.compose.project=\(project)"])
    let ids = listed.outputText.split(separator: "\n").map(String.init)
    if !ids.isEmpty { _ = try await programs.docker(["network", "rm"] + ids) }
  }

  private static func failure(_ what: String, _ errors: String) -> Failure {
    let lines = errors.split(separator: "\n").map(String.init).filter { !$0.contains("level=warning") }
    return Failure(.host, "\(what) failed: \(lines.last ?? "it gave no reason")", help: "mend it, and sync again")
  }
}

extension StackPlan {
  func report(_ outcome: StackReport.Outcome) -> StackReport {
    var report = StackReport(name: name, outcome: outcome)
    report.from = from
    report.to = to
    report.project = project
    report.reasons = reasons
    report.services = services.map(\.report)
    return report
  }
}

extension StackReport {
  fileprivate mutating func fail(_ failure: Failure) {
    outcome = .failed
    error = "\(failure.message); \(failure.help)"
  }

  fileprivate mutating func show(_ containers: [WatchedContainer]) {
    for index in services.indices {
      let own = containers.filter { $0.service == services[index].name }
      let shown = own.first { $0.state != "running" } ?? own.first
      services[index].state = shown?.state ?? "absent"
      services[index].health = shown?.health ?? "none"
    }
  }
}
