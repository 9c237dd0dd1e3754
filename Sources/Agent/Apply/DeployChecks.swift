import Core
import Engine

extension Deploy {
  /// Compose makes a changed network anew, which the engine refuses while a container of somebody else is in it: then the
  /// stack's own would be left without any.
  func checkNetworks(of attempt: Attempt) async throws(Failure) {
    let changed = attempt.desired.networksMadeAnew(since: await records.state.standing(attempt.plan.name))
    if changed.isEmpty { return }
    let listed = try await programs.ask { engine throws(EngineError) in try await engine.containers() }
    for container in listed where container.labels[ComposeLabel.project] != attempt.desired.project {
      guard let network = container.networks.intersection(changed).min() else { continue }
      throw Failure(
        .host, "the network \(network) would be made anew, and the container \(container.name) is in it",
        help: "take it off (`docker network disconnect \(network) \(container.name)`); the next sync goes on")
    }
  }

  /// Finds what the host lacks before anything is changed.
  func check(_ attempt: Attempt) async throws(Failure) {
    try await checkNetworks(of: attempt)
    // What a stack is kept at is what was good, and no other image behind the same name.
    if attempt.plan.aim.isHeld {
      let images = Images(programs: programs)
      var missing = attempt.desired
      let found = try await images.ids(of: missing.images.values)
      missing.images = missing.images.filter { found[$0.value] != Fingerprint.absent }
      try await Up(settings: settings, programs: programs).pull(
        missing, snapshots[missing.commit], but: Set(containers.map(\.image)))
      try await have(attempt.desired)
    }
  }

  /// Refuses to bring a stack back whose images are gone.
  func have(_ desired: DesiredStack) async throws(Failure) {
    let own = desired.images.filter { image in desired.services.contains { $0.name == image.key } }
    let found = try await Images(programs: programs).ids(of: own.values)
    guard let gone = own.sorted(by: { $0.key < $1.key }).first(where: { found[$0.value] == Fingerprint.absent }) else {
      return
    }
    throw Failure(
      .deploy, "the image that \(gone.key) was good with is no longer on this host (\(gone.value.prefix(19)))",
      help: "build or pull it, or push a commit that works")
  }

  /// Goes on to what was good only when Compose will read no other files than it did then. Values that the host's own files
  /// have by now count, as they would for a person; a Compose file that nobody judged does not.
  func checkFiles(of good: DesiredStack) throws(Failure) {
    for name in ComposeFileName.all {
      let path = Path.join(good.name, name)
      guard let known = good.untracked[path], links.observe.untracked(path) != known else { continue }
      throw Failure(
        .host, "\(Path.join(settings.liveRoot, path)) is another than when the stack was good",
        help: "see who put it there, move it aside, and sync again")
    }
  }

  /// The engine would make an empty directory of a bind source that is gone, and a service would start with nothing.
  func checkBinds(of good: DesiredStack, _ plans: [ServicePlan]) async throws(Failure) {
    let acting = Set(plans.filter { ![.keep, .remove].contains($0.action) }.map(\.name))
    if acting.isEmpty { return }
    for service in ComposeModel(try await liveModel(of: good.name)).services where acting.contains(service.name) {
      guard let gone = service.binds.first(where: { HostPaths.isShared($0) && Files.isMissing($0) }) else { continue }
      throw Failure(
        .host, "\(service.name) was good with \(gone), which this host no longer has",
        help: "bring it back, from a backup or empty with its owner, and sync again")
    }
  }
}
