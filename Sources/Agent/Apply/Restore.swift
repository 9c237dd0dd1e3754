import Core
import Engine

extension Deploy {
  /// Forgets what a service was built from whose name leads to another build than the one that runs: the next deploy
  /// that goes by the name builds it first.
  func honest(_ entry: Deployment) async throws(Failure) -> Deployment {
    guard let images = entry.images, entry.services.contains(where: \.isBuilt) else { return entry }
    let references = DesiredStack("", entry).references
    let found = try await Images(programs: programs).ids(of: references.values)
    var entry = entry
    for index in entry.services.indices where entry.services[index].isBuilt {
      let name = entry.services[index].name
      guard let image = images[name], let reference = references[name], found[reference] != image else { continue }
      entry.services[index].builds = entry.services[index].builds.mapValues { _ in Fingerprint.absent }
    }
    return entry
  }

  func services(_ attempt: Attempt, _ desired: DesiredStack, _ now: [WatchedContainer]) -> [ServicePlan] {
    let origin = Dictionary(
      (attempt.known ?? desired.services).map { ($0.name, $0.doubting(attempt.turned)) }
    ) { first, _ in first }
    let containers = now.map { Container($0, project: attempt.desired.project) }
    let wanted = Set(desired.services.map(\.name))
    // A container from before still has what it was made with; a new one has what the failed deploy gave it.
    let known =
      (attempt.desired.services
      + (desired.services + (attempt.known ?? [])).filter { old in
        !attempt.desired.services.contains { $0.name == old.name }
      }).compactMap { service -> DesiredService? in
        let own = now.filter { $0.service == service.name }
        guard own.allSatisfy({ attempt.before.contains($0.id) }) else { return service }
        // What a person has started besides is not clup's to take away.
        return origin[service.name] ?? (wanted.contains(service.name) ? service : nil)
      }
    if attempt.desired.project == desired.project {
      return ServicePlanning.plan(
        desired: desired.services, known: known, containers: containers, images: desired.images)
    }
    let gone = ServicePlanning.plan(desired: [], known: known, containers: containers)
    return gone + ServicePlanning.plan(desired: desired.services, known: [], containers: [], images: desired.images)
  }

  /// Brings the containers back to what was good, touching none that the deploy left alone, and watches them.
  func restore(_ attempt: Attempt, _ desired: DesiredStack) async throws(Failure) -> [WatchedContainer] {
    await gate.take()
    let verify = Verify(programs: programs)
    let end = ContinuousClock.now + (desired.deployTimeout ?? settings.sync.deployTimeout)
    let (now, plans): ([WatchedContainer], [ServicePlan])
    let began: ContinuousClock.Instant
    do throws(Failure) {
      try await have(desired)
      try checkFiles(of: desired)
      let up = Up(settings: settings, programs: programs)
      try await up.clear(attempt.desired.project)
      now = try await verify.look(attempt.desired.project)
      plans = services(attempt, desired, now)
      try await checkBinds(of: desired, plans)
      began = .now
      // Whoever finds this cut off does not take what half went back for what the commit made. On a full disk it goes back
      // without.
      let acting = Set(plans.filter { $0.action != .keep }.map(\.name))
      try? await records.change { state throws(IllegalTransition) in
        try state.record(.recovering(acting), of: attempt.plan.name)
      }
      try await up.run(plans, desired, claimed: claimed(by: desired, among: now), until: end)
    } catch {
      await gate.give()
      throw error
    }
    await gate.give()
    let watched = try await verify.settle(
      try await withProbes(desired), before: Set(now.map(\.id)), since: began, until: end)
    if let failure = watched.failure(help: "see what it needs, and sync again") { throw failure }
    let other = watched.containers.first { seen in desired.images[seen.service].map { $0 != seen.image } ?? false }
    if let other, desired.services.contains(where: { $0.name == other.service }) {
      throw Failure(
        .deploy, "\(other.service) runs another image than it was good with",
        help: "see what changes it, and sync again")
    }
    for service in plans { try await Up(settings: settings, programs: programs).remove(service) }
    if attempt.desired.project != desired.project { try await removeNetworks(of: attempt.desired.project) }
    return watched.containers.filter { seen in !plans.contains { $0.way.removes(seen.id) } }
  }
}

extension Container {
  fileprivate init(_ seen: WatchedContainer, project: String) {
    self.init(
      id: seen.id, name: "", state: seen.state, health: seen.health, image: "", project: project, service: seen.service,
      hash: seen.hash, directory: seen.directory)
    imageID = seen.image
    isDone = seen.state == "exited" && seen.exitCode == 0
  }
}
