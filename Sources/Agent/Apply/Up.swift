import Core
import Engine
import Processes

/// Runs `docker compose` for one stack in its live directory.
struct Up: Sendable {
  let settings: Settings
  let programs: Programs
  var tell: @Sendable (SyncEvent) -> Void = { _ in }

  /// Returns the same stack without the ids of images that are no longer on this host: then their names decide.
  func lacking(_ stack: DesiredStack) async throws(Failure) -> DesiredStack {
    if stack.images.isEmpty { return stack }
    let found = try await Images(programs: programs).ids(of: stack.images.values)
    var lacking = stack
    lacking.images = stack.images.filter { found[$0.value] != Fingerprint.absent }
    return lacking
  }

  /// Builds what has to be built; the containers that run are not touched.
  func build(_ services: [ServicePlan], _ desired: DesiredStack) async throws(Failure) {
    var names = Set(services.filter { $0.way == .build }.map(\.name))
    let built = desired.services.filter { $0.isBuilt && desired.images[$0.name] == nil && !names.contains($0.name) }
    if !built.isEmpty {
      let references = desired.references
      let found = try await Images(programs: programs).ids(of: built.compactMap { references[$0.name] })
      names.formUnion(built.map(\.name).filter { found[references[$0] ?? ""] == Fingerprint.absent })
    }
    if names.isEmpty { return }
    let what = "building \(names.sorted().joined(separator: ", "))"
    tell(.now(.step, of: desired.name, what, limit: settings.sync.pullTimeout))
    do throws(Failure) {
      try await compose(["build", "--quiet"] + names.sorted(), desired, deadline: settings.sync.pullTimeout)
    } catch {
      let failure = late(error, "docker compose build")
      guard failure.kind == .deploy, let base = try await unanswered(names.flatMap { desired.bases[$0] ?? [] }) else {
        throw failure
      }
      throw Self.waiting("\(failure.message); the registry of \(base) does not answer")
    }
  }

  /// Finds an image that is not on this host and whose registry does not answer: then a build cannot go well.
  private func unanswered(_ bases: [String]) async throws(Failure) -> String? {
    let bases = Set(bases).subtracting(["scratch"]).sorted()
    let found = try await Images(programs: programs).ids(of: bases)
    for base in bases where found[base] == Fingerprint.absent {
      let answers = try? await programs.engine.registryAnswers(for: base)
      if answers == false { return base }
    }
    return nil
  }

  /// A build that does not end in time is the commit's affair, as one that fails.
  func late(_ failure: Failure, _ what: String) -> Failure {
    guard failure.kind == .timeout else { return failure }
    return Failure(
      .deploy, "\(what) did not end within \(settings.sync.pullTimeout.text)",
      help: "see what it waits for (a registry, a slow build), or give it longer: `sync: {pull_timeout: …}`")
  }

  /// Removes what a Compose that was cut off had made and never started: it would be taken for the container that it was to
  /// replace, under a name that nobody knows.
  func clear(_ project: String) async throws(Failure) {
    let listed = try await programs.containers(ofProject: project)
    try await remove(listed.compactMap(Container.init).filter(\.isLeftOver).map(\.id))
  }

  /// Does to the containers what the plan says, but for those of services that go.
  func run(
    _ services: [ServicePlan], _ desired: DesiredStack, until end: ContinuousClock.Instant
  ) async throws(Failure) {
    let older = services.contains { $0.action != .remove } ? try await madeByAnotherCompose(desired) : [:]
    // An up would make them again.
    let starting = services.filter { $0.action == .start && $0.way != .remake && older[$0.name] != nil }
    if !starting.isEmpty { try await start(starting.flatMap { older[$0.name] ?? [] }) }
    let acting = services.filter { service in
      ![.keep, .remove].contains(service.action) && !starting.contains { $0.name == service.name }
    }
    let forced = acting.filter { $0.way == .force }
    let others = acting.filter { $0.way != .force }.map(\.name)
    var moved = try await moved(desired)
    if desired.hasOtherValues {
      // Other values may name another image.
      for service in acting where service.isMade { moved[service.name] = desired.images[service.name] }
    }
    // A service that is to be left alone must not be named where Compose would make it again: its image's name has moved on,
    // or another version of Compose has hashed it in another way.
    let keeps = services.contains { $0.action == .keep && (moved[$0.name] != nil || older[$0.name] != nil) }
    // What is left as it failed would be started by a call for all of them, and by one that names what depends on it.
    let resting = desired.services.filter { service in
      service.resting != nil && services.contains { $0.name == service.name && $0.action == .keep }
    }.map(\.name)
    let awake = resting.isEmpty ? [] : desired.services.map(\.name).filter { !resting.contains($0) }
    let names = keeps ? ["--no-deps"] + others : awake.isEmpty ? [] : ["--no-deps"] + awake
    func force(_ services: [ServicePlan]) async throws(Failure) {
      if services.isEmpty { return }
      let options = ["up", "-d", "--force-recreate", "--no-deps", "--pull", "missing"]
      try await compose(options + services.map(\.name), desired, moved: moved, until: end)
    }
    let unstarted = acting.filter { $0.way == .remake }.map(\.name)
    if !unstarted.isEmpty {
      let options = ["up", "--no-start", "--force-recreate", "--no-deps", "--quiet-pull", "--pull", "missing"]
      try await compose(options + unstarted, desired, moved: moved, until: end)
    }
    // A call for all would start what does not run as it is, which may be what it cannot.
    try await force(forced.filter { $0.state != "running" })
    // With nothing but mounted files to take up, one call is enough; without anything to do, none.
    if !others.isEmpty {
      try await compose(["up", "-d", "--quiet-pull", "--pull", "missing"] + names, desired, moved: moved, until: end)
    }
    let unnamed = try await unnamed(Set(others), desired)
    try await force(acting.filter { unnamed.contains($0.name) })
    try await force(forced.filter { $0.state == "running" })
  }

  /// Finds the services that are not known by their names in one of their networks: where Compose makes a network again it
  /// connects the containers again as they are, without the names that others find them by.
  private func unnamed(_ services: Set<String>, _ desired: DesiredStack) async throws(Failure) -> Set<String> {
    let connected = desired.services.filter { services.contains($0.name) && !$0.networks.isEmpty }
    if connected.isEmpty { return [] }
    let known = Dictionary(connected.map { ($0.name, $0) }) { first, _ in first }
    let listed = try await programs.containers(ofProject: desired.project)
    let ids = listed.compactMap(Container.init).filter { known[$0.service] != nil && $0.state == "running" }.map(
      \.id)
    return try await programs.inspections(of: ids).reduce(into: []) { found, seen in
      guard let service = seen["Config"]?["Labels"]?[ComposeLabel.service]?.string, let own = known[service] else {
        return
      }
      if own.lost(in: Programs.attachments(of: seen)) != nil { found.insert(service) }
    }
  }

  /// Returns the containers of each service that another version of Compose has made, by their ids.
  private func madeByAnotherCompose(_ desired: DesiredStack) async throws(Failure) -> [String: [String]] {
    let listed = try await programs.containers(ofProject: desired.project)
    let present = await programs.composeVersion.value
    return listed.reduce(into: [:]) { found, container in
      guard let service = container.labels[ComposeLabel.service] else { return }
      let version = container.labels[ComposeLabel.version]
      if !ComposeVersion.isSame(version, present) { found[service, default: []].append(container.id) }
    }
  }

  /// Stops services in the order that their last release asks for; what that misses is stopped one by one.
  func stop(_ services: [String], of stack: DesiredStack) async {
    // Where a container could have written its files, Compose goes by the labels of containers.
    let directory = stack.isExposed ? "/" : live(stack)
    guard Files.status(directory) != nil else { return }
    _ = try? await programs.compose(
      ["-p", stack.project] + (stack.isExposed ? [] : stack.place.options) + ["stop"] + services, in: directory,
      limits: .init(deadline: patience))
  }

  /// How long containers may take to stop: as long as their stack may take to start, and two minutes at least.
  private var patience: Duration { max(settings.sync.deployTimeout, .seconds(120)) }

  /// Stops what a first deploy has started; it stays to be looked at. `others` ran before, and run on.
  func stop(_ desired: DesiredStack, but others: Set<String>) async throws(Failure) {
    if others.isEmpty {
      try await compose(["stop"], desired, deadline: patience)
    } else {
      let names = Set(desired.services.map(\.name))
      let started = try await Verify(programs: programs).look(desired.project)
        .filter { names.contains($0.service) && !others.contains($0.id) }
      try await stop(started.map(\.id))
    }
  }

  /// Stops containers, and nothing beside them.
  func stop(_ ids: [String]) async throws(Failure) {
    try await change(ids, "stopped") { engine, id throws(EngineError) in try await engine.stop(id, deadline: patience) }
  }

  /// Starts containers as they are.
  func start(_ ids: [String]) async throws(Failure) {
    try await change(ids, "started") { engine, id throws(EngineError) in try await engine.start(id, deadline: patience)
    }
  }

  /// Starts the containers of services that are to be started, as they are: with what they depend on, in the order that their
  /// labels say, or alone.
  func start(_ services: [ServicePlan], of stack: DesiredStack, isAlone: Bool) async throws(Failure) {
    let starting = services.filter { $0.action == .start }
    if !isAlone { return try await composeAsFound(["start"], starting, of: stack) }
    let own = try await programs.containers(ofProject: stack.project).compactMap(Container.init).filter { container in
      starting.contains { $0.name == container.service } && !container.isLeftOver && container.state != "running"
    }
    try await start(own.map(\.id))
  }

  /// Starts the containers of services again, as they are.
  func restart(_ services: [ServicePlan], of stack: DesiredStack) async throws(Failure) {
    try await composeAsFound(["restart", "--no-deps"], services, of: stack)
  }

  /// Runs Compose for what the labels of a project's containers say, without its files.
  private func composeAsFound(
    _ arguments: [String], _ services: [ServicePlan], of stack: DesiredStack
  ) async throws(Failure) {
    if services.isEmpty { return }
    let outcome = try await programs.compose(
      ["-p", stack.project] + arguments + services.map(\.name), in: "/", limits: .init(deadline: patience))
    guard outcome.succeeded else { throw await programs.failure("docker compose \(arguments[0])", outcome.errorText) }
  }

  /// Lets paused containers go on: Compose can neither start nor replace them.
  func resume(_ ids: [String]) async throws(Failure) {
    try await change(ids, "resumed") { engine, id throws(EngineError) in try await engine.unpause(id) }
  }

  func remove(_ ids: [String]) async throws(Failure) {
    try await change(ids, "removed") { engine, id throws(EngineError) in try await engine.remove(id) }
  }

  /// Does one thing to each container, side by side. What the engine refuses is the affair of the container, not the host's.
  private func change(
    _ ids: [String], _ what: String,
    _ change: @escaping @Sendable (EngineClient, String) async throws(EngineError) -> Void
  ) async throws(Failure) {
    let engine = programs.engine
    _ = try await each(ids, atOnce: 8) { id throws(Failure) in
      do throws(EngineError) { try await change(engine, id) } catch {
        guard case .status = error.kind, !error.isAway else { throw Failure(error) }
        throw Failure(
          .deploy, "the container \(id.prefix(12)) cannot be \(what): \(error.message)",
          help: "see `docker inspect \(id.prefix(12))`, and sync again")
      }
    }
  }

  /// Recreates the containers of services as a person's own call of Compose had made them: so many of each, and not started
  /// where none was up.
  func recreate(
    _ counts: [String: Int], of desired: DesiredStack, by call: FoundContainer.Call, force: Bool, start: Bool,
    until end: ContinuousClock.Instant
  ) async throws(Failure) {
    let names = counts.keys.sorted()
    let moved = try await moved(desired)
    let laid = moved.filter { names.contains($0.key) }.mapValues { JSON.object(["image": .string($0)]) }
    let options =
      (start ? ["-d"] : ["--no-start"]) + (force ? ["--force-recreate"] : []) + ["--pull", "missing"]
      + names.flatMap { ["--scale", "\($0)=\(counts[$0] ?? 1)"] }
    let outcome = try await programs.compose(
      ["-p", desired.project] + call.options + (laid.isEmpty ? [] : ["-f", "-"]) + ["up", "--no-deps", "--no-build"]
        + options + names,
      in: live(desired),
      input: laid.isEmpty ? [] : JSON.object(["services": .object(laid)]).canonical,
      limits: .init(deadline: max(ContinuousClock.now.duration(to: end), .seconds(1))))
    guard outcome.succeeded else { throw await programs.failure("docker compose up", outcome.errorText) }
  }

  /// The ids to run, for services whose references have moved on to other images.
  private func moved(_ desired: DesiredStack) async throws(Failure) -> [String: String] {
    if desired.images.isEmpty { return [:] }
    let references = desired.references
    let found = try await Images(programs: programs).ids(of: desired.images.keys.compactMap { references[$0] })
    // A container that somebody else put into the project is not in the stack's files, and must not come into them.
    return desired.images.filter { service, id in references[service].map { found[$0] != id } ?? false }
  }

  /// Runs Compose for services that are to have their images of before, where those are known; `moved` are those whose
  /// names lead elsewhere now.
  private func compose(
    _ arguments: [String], _ desired: DesiredStack, moved: [String: String], until end: ContinuousClock.Instant
  ) async throws(Failure) {
    var laid: [String: [String: JSON]] = [:]
    for service in desired.services where desired.images[service.name] != nil {
      // An id cannot be pulled, and no name is to bring another image.
      laid[service.name] = ["pull_policy": .string("missing")]
      laid[service.name]?["image"] = moved[service.name].map(JSON.string)
    }
    let left = max(ContinuousClock.now.duration(to: end), .seconds(1))
    try await compose(arguments, desired, laid: laid, deadline: left)
  }

  private func compose(
    _ arguments: [String], _ desired: DesiredStack, laid: [String: [String: JSON]] = [:], deadline: Duration
  ) async throws(Failure) {
    let directory = live(desired)
    var (options, input): ([String], [UInt8]) = (desired.place.options, [])
    if let model = desired.model {
      options = ["--project-directory", directory, "--env-file", "/dev/null", "--profile", "*", "-f", "-"]
      input = model.laying(laid).canonical
    } else if desired.isExposed {
      throw Failure(.host, "the Compose files in \(directory) were not validated, and are not run", help: "sync again")
    } else if !laid.isEmpty {
      // Laid over the stack's own files, so that its tags are left to whoever else uses them.
      input = JSON.object(["services": .object(laid.mapValues { .object($0) })]).canonical
      if options.isEmpty { options = try await files(in: directory).flatMap { ["-f", $0] } }
      options += ["-f", "-"]
    }
    var variables = desired.model?.values ?? [:]
    // By the name that was planned, also where the live `.env` gives another one now.
    variables["COMPOSE_PROJECT_NAME"] = desired.project
    let outcome = try await (arguments[0] == "build" ? programs.asCalled : programs).compose(
      options + arguments, in: directory, variables: variables, input: input, limits: .init(deadline: deadline))
    guard outcome.succeeded else { throw await programs.failure("docker compose \(arguments[0])", outcome.errorText) }
  }
}
