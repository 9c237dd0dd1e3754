import Core

/// Runs `docker compose` for one stack in its live directory.
struct Up: Sendable {
  let settings: Settings
  let programs: Programs

  /// Brings images that the host lacks, before anything of the stack is touched. Compose is shown the coming state.
  ///
  /// `present` are references that need no look.
  func pull(_ desired: DesiredStack, _ look: Look?, but present: Set<String>) async throws(Failure) {
    let references = desired.references.filter { service, reference in
      desired.images[service] == nil && !present.contains(reference)
        && desired.services.first { $0.name == service }?.isBuilt == false
    }
    func missing() async throws(Failure) -> [String] {
      let found = try await Images(programs: programs).ids(of: references.values)
      return references.filter { found[$0.value] == Fingerprint.absent }.map(\.key).sorted()
    }
    let wanted = try await missing()
    guard !wanted.isEmpty, let look else { return }
    let outcome = try await programs.compose(
      ["-p", desired.project, "pull", "--quiet", "--policy", "missing", "--ignore-buildable"] + wanted,
      in: Path.join(look.view.root, desired.name), deadline: settings.sync.pullTimeout)
    guard outcome.succeeded else {
      throw Self.failure("docker compose pull", outcome.errorText, rewriting: look.view.rebased)
    }
    if let service = try await missing().first {
      throw Failure(
        .deploy, "the image \(references[service] ?? "") of \(service) is not on this host, and was not pulled",
        help: "build or pull it, and sync again")
    }
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
    try await compose(["build", "--quiet"] + names.sorted(), desired, deadline: settings.sync.pullTimeout)
  }

  /// Does to the containers what the plan says.
  func run(_ services: [ServicePlan], _ desired: DesiredStack, deadline: Duration) async throws(Failure) {
    for service in services { try await take(down: service) }
    let acting = services.filter { $0.action != .keep && $0.action != .remove }
    let forced = acting.filter { $0.way == .force }.map(\.name)
    let others = acting.filter { $0.way != .force }.map(\.name)
    let moved = try await moved(desired)
    let keeps = services.contains { $0.action == .keep && moved[$0.name] != nil }
    // Where a service is to be left alone although its image's name has moved on, it must not be named.
    let names = keeps ? ["--no-deps"] + others : []
    // With nothing but mounted files to take up, one call is enough; without anything to do, none.
    if !others.isEmpty {
      try await compose(["up", "-d", "--quiet-pull"] + names, desired, images: moved, deadline: deadline)
    }
    if !forced.isEmpty {
      try await compose(
        ["up", "-d", "--force-recreate", "--no-deps"] + forced, desired, images: moved, deadline: deadline)
    }
  }

  /// Stops a stack that is to go in the order that its last release asks for; what that misses is stopped one by one.
  func stop(_ stack: String) async {
    let directory = Path.join(settings.liveRoot, stack)
    if Files.status(directory) != nil {
      _ = try? await programs.compose(["stop"], in: directory, deadline: .seconds(120))
    }
  }

  /// Stops what a first deploy has started; it stays to be looked at.
  func stop(_ desired: DesiredStack) async throws(Failure) {
    try await compose(["stop"], desired, deadline: .seconds(120))
  }

  /// The ids to run, for services whose references have moved on to other images.
  private func moved(_ desired: DesiredStack) async throws(Failure) -> [String: String] {
    if desired.images.isEmpty { return [:] }
    let references = desired.references
    let found = try await Images(programs: programs).ids(of: desired.images.keys.compactMap { references[$0] })
    // A container that somebody else put into the project is not in the stack's files, and must not come into them.
    return desired.images.filter { service, id in references[service].map { found[$0] != id } ?? false }
  }

  private func compose(
    _ arguments: [String], _ desired: DesiredStack, images: [String: String] = [:], deadline: Duration
  ) async throws(Failure) {
    let directory = Path.join(settings.liveRoot, desired.name)
    var (options, input): ([String], [UInt8]) = ([], [])
    if !images.isEmpty {
      // Laid over the stack's own files, so that its tags are left to whoever else uses them. An id cannot be pulled.
      let services = JSON.object(
        images.mapValues { .object(["image": .string($0), "pull_policy": .string("missing")]) })
      input = JSON.object(["services": services]).canonical
      options = try await files(in: directory).flatMap { ["-f", $0] } + ["-f", "-"]
    }
    let outcome = try await programs.compose(options + arguments, in: directory, input: input, deadline: deadline)
    guard outcome.succeeded else { throw Self.failure("docker compose \(arguments[0])", outcome.errorText) }
  }

  /// The files that Compose takes by itself, which it no longer does once one is named.
  private func files(in directory: String) async throws(Failure) -> [String] {
    let asked = try await programs.compose(["config", "--environment"], in: directory)
    var values: [String: String] = [:]
    for line in asked.outputText.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    if let named = values["COMPOSE_FILE"], !named.isEmpty {
      return named.components(separatedBy: values["COMPOSE_PATH_SEPARATOR"] ?? ":")
    }
    return [ComposeFileName.main, ComposeFileName.override].compactMap { names in
      names.first { Files.status(Path.join(directory, $0)) != nil }
    }
  }

  /// Stops and removes the containers of a service that is to go, and no others.
  func take(down service: ServicePlan) async throws(Failure) {
    guard case .remove(let ids) = service.way else { return }
    let stopped = try await programs.docker(["stop"] + ids, deadline: .seconds(120))
    guard stopped.succeeded else { throw Self.failure("docker stop", stopped.errorText) }
    let outcome = try await programs.docker(["rm", "-f"] + ids)
    guard outcome.succeeded else { throw Self.failure("docker rm", outcome.errorText) }
  }

  /// Turns the words of a program that failed into what a person needs.
  static func failure(_ what: String, _ errors: String, rewriting rewrite: (String) -> String = { $0 }) -> Failure {
    let lines = errors.split(separator: "\n").map(String.init).filter { !$0.contains("level=warning") }
    let line = rewrite(lines.last ?? "it gave no reason")
    if lines.contains(where: {
      $0.contains("error during connect") || $0.contains("Cannot connect to the Docker daemon")
    }) {
      return Failure(.host, "\(what) failed: \(line)", help: "see that Docker Engine runs, and sync again")
    }
    return Failure(.deploy, "\(what) failed: \(line)", help: "mend it, and push again")
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator).map(String.init)
  }
}
