import Core
import Engine
import Git

/// What is looked at once more right before something is touched.
extension Execute {
  /// Compose makes a changed network again, which the engine refuses while a container of somebody else is in it: then the
  /// stack's own would be left without any.
  func check(_ networks: Set<String>, of project: String) async throws(Failure) {
    let listed = try await programs.ask { engine throws(EngineError) in try await engine.containers() }
    for container in listed where container.labels[ComposeLabel.project] != project {
      guard let network = container.networks.intersection(networks).min() else { continue }
      throw Failure(
        .host, "the network \(network) must be recreated, but the container \(container.name) is in it",
        help: "disconnect it (`docker network disconnect \(network) \(container.name)`); the next sync continues")
    }
  }

  /// Refuses to bring a stack back whose images are gone.
  func checkImages(of good: DesiredStack) async throws(Failure) {
    let own = good.images.filter { image in good.services.contains { $0.name == image.key } }
    let found = try await Images(programs: programs).ids(of: own.values)
    guard let gone = own.sorted(by: { $0.key < $1.key }).first(where: { found[$0.value] == Fingerprint.absent }) else {
      return
    }
    throw Failure(
      .deploy,
      "the image of \(gone.key) in its last good deployment is no longer on this host "
        + "(\(good.references[gone.key].map { "\($0), " } ?? "")\(gone.value.prefix(19)))",
      help: "pull or load that image and run `clup sync --retry`, or push a commit that works")
  }

  /// Asks Compose in the live directory, and goes on only when it answers what was validated. What goes by a record of what was
  /// good is not judged again: Compose must read the same files and make the same of them, and what it mounts must be there.
  ///
  /// Equal sources give equal answers: with `onlyChanged` nobody asks again where the host's own files are what they were.
  func check(
    _ stack: DesiredStack, _ services: [ServicePlan], onlyChanged: Bool, _ progress: inout Progress
  ) async throws(Failure) {
    guard let validated = stack.resolved else { return try await checkGood(stack, services, &progress) }
    if let lost = try await lostMounts(of: stack, services).min(by: { $0.key < $1.key }) { throw lost.value }
    if stack.model != nil { return }
    // What a container may write to need not be the commit's.
    let copies = stack.links.merging(stack.shared) { $1 }.filter { $0.value.kind == .copy }
    if onlyChanged, stack.untracked.allSatisfy({ links.observe.untracked($0.key) == $0.value }),
      copies.allSatisfy({ links.observe.live($0.key) == .file($0.value.id) })
    {
      return
    }
    let directory = Path.join(settings.liveRoot, stack.place.directory)
    try Files.makeDirectories(directory)
    let found = modelDigests(try await liveModel(of: stack))
    let others = Set(found.keys).union(validated.keys).filter { found[$0] != validated[$0] }.sorted()
    if others.isEmpty { return }
    throw Failure(
      .host, "\(directory) changed after validation: \(others.joined(separator: ", "))",
      help: "find out what changes files there, and sync again")
  }

  /// Finds what of a stack that was good can be made again. Where the host's own files are others now, or a container could have
  /// written the stack's, Compose gets the model of the services that are what they were, and reads none of them again.
  private func checkGood(
    _ stack: DesiredStack, _ services: [ServicePlan], _ progress: inout Progress
  ) async throws(Failure) {
    if services.allSatisfy({ [.keep, .remove].contains($0.action) }) { return }
    let obstacle = otherFile(than: stack)
    let isOther = obstacle != nil || hasOtherValues(stack)
    var unrestorable = UnrestorableServices()
    if obstacle != nil || isOther && !services.contains(where: \.isMade) {
      let all = Set(stack.services.map(\.name))
      unrestorable = UnrestorableServices(services: all, failure: obstacle ?? notJudged(all.min() ?? "", stack))
    } else if stack.isExposed || isOther {
      progress.model = try await checkModel(of: stack, &unrestorable)
    }
    let able = services.filter { $0.isMade && !unrestorable.services.contains($0.name) }.map(\.name)
    unrestorable.lose(try await lostMounts(of: stack, services))
    unrestorable.lose(try await lostBinds(of: stack.running(progress.model), able))
    if !unrestorable.lost.isEmpty, progress.model == nil, !isOther {
      progress.model = try await checkModel(of: stack, &unrestorable)
    }
    if unrestorable.failure == nil { return }
    let names = stack.services.map(\.name).filter { !unrestorable.services.contains($0) }
    progress.model = progress.model?.running(names)
    progress.unrestorable = unrestorable
  }

  /// Returns what Compose makes of the files of a stack that was good, and notes what of it is another now.
  private func checkModel(of stack: DesiredStack, _ unrestorable: inout UnrestorableServices) async throws(Failure)
    -> JudgedModel?
  {
    do throws(Failure) {
      let (model, others) = try await goodModel(of: stack)
      unrestorable.joined = stack.joined(to: others)
      unrestorable.services.formUnion(others.union(unrestorable.joined))
      if let other = others.min() { unrestorable.failure = notJudged(other, stack) }
      return model
    } catch {
      guard error.kind == .deploy else { throw error }
      unrestorable.services = Set(stack.services.map(\.name))
      let directory = Path.join(settings.liveRoot, stack.place.directory)
      unrestorable.failure = Failure(
        .host, error.message, help: "find out who changed the files in \(directory), and put them back or push a fix")
      return nil
    }
  }

  private func notJudged(_ service: String, _ stack: DesiredStack) -> Failure {
    let directory = Path.join(settings.liveRoot, stack.place.directory)
    return Failure(
      .host, "the files in \(directory) define \(service) differently from its last good deploy, and were not checked",
      help: "put them back, or sync: a sync that reaches the repository checks them")
  }

  /// Whether the host's own files have values now that were judged neither then nor for what is gone back from.
  private func hasOtherValues(_ good: DesiredStack) -> Bool {
    good.untracked.contains { path, known in
      let now = links.observe.untracked(path)
      return now != known && now != good.alsoJudged[path]
    }
  }

  /// Finds a Compose file that Compose would read, and did not when the stack was good.
  private func otherFile(than good: DesiredStack) -> Failure? {
    for path in ComposeFileName.all.map({ Path.join(good.place.directory, $0) }) {
      let now = links.observe.untracked(path)
      guard let known = good.untracked[path], now != known, now != good.alsoJudged[path] else { continue }
      let (what, way) =
        known == Fingerprint.absent
        ? ("added since, and Compose would read it", "move it aside")
        : now == Fingerprint.absent
          ? ("deleted since, and Compose would read other files", "put it back")
          : ("changed since, and Compose would read it", "put back what was in it")
      return Failure(
        .host, "cannot restore the last good deploy: \(Path.join(settings.liveRoot, path)) was \(what)",
        help: "find out who did it, \(way), and sync again")
    }
    return nil
  }

  /// Finds services that are to be made and whose bind source is gone: the engine would make an empty directory of it, and they
  /// would start with nothing.
  private func lostBinds(of good: DesiredStack, _ names: [String]) async throws(Failure) -> [String: Failure] {
    if names.isEmpty { return [:] }
    return ComposeModel(try await liveModel(of: good)).services.reduce(into: [:]) { lost, service in
      if names.contains(service.name) { lost[service.name] = loss(among: service.binds, of: service.name) }
    }
  }

  /// The same for containers that are started as they are.
  private func lostMounts(of stack: DesiredStack, _ plans: [ServicePlan]) async throws(Failure) -> [String: Failure] {
    let starting = Set(plans.filter { $0.action == .start }.map(\.name))
    if starting.isEmpty { return [:] }
    let listed = try await programs.containers(ofProject: stack.project)
    return listed.reduce(into: [:]) { lost, container in
      guard let service = container.labels[ComposeLabel.service], starting.contains(service) else { return }
      if let loss = loss(among: container.mounts.filter { $0.type == "bind" }.map(\.source), of: service) {
        lost[service] = loss
      }
    }
  }

  private func loss(among binds: [String], of service: String) -> Failure? {
    binds.first { HostPaths.isShared($0) && Files.isMissing($0) }.map { gone in
      Failure(
        .host, "\(service) mounts \(gone), which is no longer on this host",
        help: "restore it from a backup, or create it empty with the right owner, and sync again")
    }
  }

  /// Returns what Compose makes of the files of a stack that was good, as far as that is what was deployed, and the services that
  /// are others now.
  private func goodModel(of good: DesiredStack) async throws(Failure) -> (JudgedModel, others: Set<String>) {
    let written = try await liveModel(of: good)
    let resolved = written.covered(by: good.covers)
    let services = ComposeModel(written).services
    let directory = Path.join(settings.liveRoot, good.place.directory)
    var others: Set<String> = []
    let needed = services.flatMap(\.resources.values).compactMap { $0["environment"]?.string }
    let values = needed.isEmpty ? [:] : try await programs.values(in: directory).filter { needed.contains($0.key) }
    for known in good.services {
      let service = services.first { $0.name == known.name }
      let now = service.map { service in
        DesiredService(service, hash: "", mounts: [:], builds: [:]) { blobID(of: $0.canonical) }
          .covered(by: known.covers, resolved["services"]?[known.name])
      }
      if now?.isMade(as: known) != true || now?.replicas != known.replicas
        || service?.digests(values) != known.resources ?? [:]
      {
        others.insert(known.name)
      }
    }
    return (JudgedModel(resolved, values: values), others)
  }

  /// Reads the probes of a stack that goes by a record of what was good.
  func withProbes(_ desired: DesiredStack, isUnrestorable: Bool) async throws(Failure) -> DesiredStack {
    guard desired.readsProbes else { return desired }
    var desired = desired
    desired.readsProbes = false
    // They may ask for what only other values make of the stack.
    if isUnrestorable { return desired }
    if let own = settings.stacks[desired.name]?.probes {
      desired.probes = own
      return desired
    }
    desired.probes = ComposeModel(try await liveModel(of: desired)).own.probes
    return desired
  }

  /// Returns what Compose makes of the files that stand in a stack's live directory.
  private func liveModel(of stack: DesiredStack) async throws(Failure) -> JSON {
    if let model = stack.model { return model.json }
    let place = stack.place
    // Where Compose finds the files itself, it finds the project's name, too.
    let named = place.files.isEmpty ? [] : ["-p", stack.project] + place.options
    let asked = try await programs.compose(
      named + ["config", "--format", "json"], in: Path.join(settings.liveRoot, place.directory),
      variables: ["COMPOSE_PROJECT_NAME": stack.project])
    guard asked.succeeded, let model = try? JSON(parsing: asked.output) else {
      throw await programs.failure("docker compose config", asked.errorText)
    }
    return model
  }
}

/// The services of a stack that cannot be made as they were at its last good deploy, and why.
struct UnrestorableServices: Sendable {
  var services: Set<String> = []
  /// Those among them that are as they were, and live in the network of one that is not.
  var joined: Set<String> = []
  /// Those that cannot be started either, since what they mount is gone.
  var lost: Set<String> = []
  var failure: Failure?

  mutating func lose(_ found: [String: Failure]) {
    lost.formUnion(found.keys)
    services.formUnion(found.keys)
    failure = found.min { $0.key < $1.key }?.value ?? failure
  }
}

extension DesiredStack {
  /// The services that live in the network or the volumes of some of these, or of one that does, and are none of them.
  func joined(to others: Set<String>) -> Set<String> {
    var all = others
    while let next = services.first(where: { !all.contains($0.name) && !all.isDisjoint(with: $0.joins ?? []) }) {
      all.insert(next.name)
    }
    return all.subtracting(others)
  }

  /// The same stack with the model that Compose gets for it.
  func running(_ model: JudgedModel?) -> DesiredStack {
    guard let model else { return self }
    var stack = self
    stack.model = model
    return stack
  }
}
