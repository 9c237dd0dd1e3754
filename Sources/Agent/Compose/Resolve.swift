import Core
import Engine
import Git
import Processes
import YAML

/// Asks Compose what a stack or a job file is, with the live directory's own settings.
struct Resolve: Sendable {
  let programs: Programs
  let view: ProjectOverlay
  let settings: Settings
  let observe: Observe
  let discovery: Discovery
  /// The day, `YYYY-MM-DD`.
  let today: String
  /// The directories of the stacks that clup knows beside those of the commit, by name.
  var neighbours: [String: String] = [:]
  /// The services of stacks of whose containers all is known that decides about them: their hashes are not asked for.
  var wellKnown: [String: Set<String>] = [:]
  /// The stacks that have a record.
  var recorded: Set<String> = []
  /// Files of values that count beside the live `.env`, as `--env-file` names them.
  var environmentFiles: [String] = []
  /// Whether what is not there is not on the host either; on a plain work tree nobody knows.
  var knowsHost = true
  /// Whether the settings are those of a host, and not made up for a plain work tree.
  var knowsSettings = true
  /// The live paths that containers of other stacks may write to.
  var written: Set<String> = []

  struct Answer: Sendable {
    var desired: DesiredStack?
    /// What the rules see: once with placeholders, and once with the defaults that these would hide.
    var subjects: [Subject] = []
    /// What the rules see of a stack that Compose cannot resolve: its text alone.
    var textSubjects: [Subject] = []
    var diagnostics: [Diagnostic] = []
    /// The variables that a placeholder stood for.
    var placeholders: Set<String> = []
    /// The placeholders with their values.
    var invented: [String: String] = [:]
    /// What was read, to show lines of it.
    var sources: [ComposeSource] = []
    /// The paths of the repository that it stands on.
    var uses: Set<String> = []
  }

  func stack(_ source: StackSource) async throws(Failure) -> Answer {
    do throws(Failure) { return try await resolve(source) } catch {
      return try refuse(source.name, source.composeFiles.first ?? source.name, error)
    }
  }

  /// Resolves a job file, which nobody deploys; its `params` have no value yet.
  func job(_ path: String) async throws(Failure) -> Answer {
    do throws(Failure) { return try await resolve(job: path) } catch { return try refuse(path, path, error) }
  }

  private func resolve(_ source: StackSource) async throws(Failure) -> Answer {
    let (name, place) = (source.name, source.place)
    if let file = source.composeFiles.first, let obstacle = Obstacle.file(above: file, in: settings.liveRoot) {
      return Answer(diagnostics: [
        Diagnostic(
          rule: "forbidden-file", file: file, stack: name, message: obstacle.message, help: obstacle.help, isFinal: true
        )
      ])
    }
    var gather = ComposeSources(view: view, observe: observe, home: programs.home, stack: source)
    for path in source.lookedFor + [Path.join(place.directory, ".env")] { try await gather.note(path) }
    if let hidden = hidden(source, gather) { return Answer(diagnostics: [hidden]) }
    if let found = try await large.findings(in: source.composeFiles, stack: name).first {
      return Answer(diagnostics: [found.asFinal])
    }
    if let refusal = try await gather.read(source.composeFiles, in: place.directory, interpolate) {
      return try await refuse(name, .stack, refusal, gather)
    }
    if let refusal = refusalBeforeAsking(source, gather) { return try await refuse(name, .stack, refusal, gather) }
    if let answer = try await refusedReads(name, .stack, &gather) { return answer }
    try await gather.noteReferences()
    let unusable = try await self.unusable(name, gather.environmentFiles.keys, gather)
    var asked = Asked(
      name, directory: Path.join(view.root, place.directory), files: source.composeFiles,
      naming: try await naming(source, gather), values: goTuning, invents: view.invents)
    let outcome = try await ask(&asked, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
      return try await refuse(name, .stack, outcome.errorText, asked, &gather, unusable: unusable)
    }
    var answer = Answer(
      diagnostics: unset(name, outcome.errorText, gather) + unreadable(name, gather) + unusable, sources: gather.sources
    )
    if view.invents { answer.diagnostics += invented(name, asked, gather) }
    let whole = model(json, asked, gather)
    var rebased = whole
    if let climbing = try await climbing(name, asked, json, gather) {
      answer.diagnostics.append(climbing)
      return answer
    }
    if whole["services"].object.values.contains(where: { $0["profiles"] != nil }) {
      asked.options = []
      let outcome = try await ask(&asked, &gather)
      guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
        return try await refuse(name, .stack, outcome.errorText, asked, &gather)
      }
      rebased = self.model(json, asked, gather)
    }
    (answer.placeholders, answer.invented) = (asked.placeholders, asked.invented)
    let covers = covers(source, whole)
    let managed = try await manage(
      source, ComposeModel(rebased), ComposeModel(whole), isCovered: !covers.isEmpty, &gather)
    answer.diagnostics += managed.diagnostics.filter { !unusable.contains($0) }
    answer.uses = Set(gather.tracked.keys)
    let seen = try await withPlaceholders(source, asked, outcome, &gather)
    if let seen {
      answer.subjects = [seen]
    } else {
      answer.subjects = [try await subject(name, .stack, whole.covered(by: covers), gather, asked)]
    }
    if let other = try await withDefaults(asked, &gather) {
      answer.subjects.append(
        try await subject(name, .stack, other.covered(by: self.covers(source, other)), gather, asked)
      )
    }
    if view.invents { return answer }

    var deployed = try await deployable(answer, source, rebased, covers, managed.links, asked, &gather)
    deployed.desired?.writes = managed.writes.sorted()
    deployed.desired?.reads = managed.reads.sorted()
    return deployed
  }

  /// Adds to what was judged what is to be deployed, with the hashes that `up` will compare.
  private func deployable(
    _ judged: Answer, _ source: StackSource, _ written: JSON, _ covers: [String: [CoverMount]],
    _ links: [String: DesiredLink], _ asked: Asked, _ gather: inout ComposeSources
  ) async throws(Failure) -> Answer {
    var answer = judged
    let resolved = written.covered(by: covers)
    let (name, model) = (source.name, ComposeModel(written))
    let (hashes, refusal) = try await hashes(of: resolved, model, source, asked)
    if let refusal {
      var refused = try await refuse(name, .stack, refusal, asked, &gather)
      refused.diagnostics += answer.diagnostics
      (refused.subjects, refused.textSubjects) = (answer.subjects, [])
      return refused
    }
    for path in model.services.flatMap(\.files).compactMap(view.relative) where view.tree[path] == nil {
      gather.depend(onHostFile: path)
    }
    let values = try await environmentValues(of: model, source.place.directory)
    var desired = DesiredStack(name: name, commit: view.tree.commit, project: model.project)
    (desired.tracked, desired.untracked, desired.links) = (gather.tracked, gather.untracked, links)
    desired.layout = source.layout
    desired.services = model.services.map {
      service($0, of: source.place.directory, hash: hashes[$0.name] ?? "", values: values)
        .covered(by: covers[$0.name], resolved["services"]?[$0.name])
    }
    desired.after = model.own.after
    desired.deployTimeout = settings.stacks[name]?.deployTimeout ?? model.own.deployTimeout
    desired.resolved = modelDigests(resolved)
    desired.belongings = answer.subjects.reduce(into: OwnedResources()) { $0.formUnion($1.belongings) }
    desired.probes = settings.stacks[name]?.probes ?? model.own.probes
    let contents = gather.tracked.sorted { $0.key < $1.key }.map { "\($0.key) \(Fingerprint.id(of: $0.value))\n" }
    desired.contents = digest(of: contents.joined())
    desired.policy = policyFingerprint(settings, today: today)
    for service in desired.services where service.isBuilt {
      desired.bases[service.name] = answer.subjects.first?.bases(of: service.name)
    }
    desired.isExposed = !covers.isEmpty
    if desired.isExposed { desired.model = JudgedModel(resolved, values: values) }
    answer.desired = desired
    return answer
  }

  /// Asks for the hashes that containers will carry. Where the containers are known by what they were made from, or where there
  /// is none yet, nobody goes by them before they are seen.
  private func hashes(
    of resolved: JSON, _ model: ComposeModel, _ source: StackSource, _ asked: Asked
  ) async throws(Failure) -> (found: [String: String], refusal: String?) {
    // Of a service that is new to the stack somebody may run a container already.
    if let known = wellKnown[source.name], model.services.allSatisfy({ known.contains($0.name) }) { return ([:], nil) }
    if await isNew(source.name, model) { return ([:], nil) }
    return try await programs.hashes(
      of: resolved, project: model.project, directory: Path.join(settings.liveRoot, source.place.directory),
      in: asked.directory
    ) { path in
      guard let tracked = view.relative(path).flatMap({ view.tree[$0] }) else { return true }
      return Files.read(path).map { blobID(of: $0) } == tracked.id
    }
  }

  /// Whether clup has never worked on a stack, and each of its services will get its first container.
  private func isNew(_ stack: String, _ model: ComposeModel) async -> Bool {
    if recorded.contains(stack) || model.services.contains(where: { $0.replicas < 1 }) { return false }
    let found = try? await programs.engine.containers(labels: [ComposeLabel.of(model.project)])
    return found?.isEmpty ?? false
  }

  /// Asks for the variables that configs and secrets of a model are made of.
  private func environmentValues(of model: ComposeModel, _ directory: String) async throws(Failure) -> [String: String]
  {
    let definitions = model.services.flatMap(\.resources.values)
    let variables = Set(definitions.compactMap { $0["environment"]?.string }).sorted()
    if variables.isEmpty { return [:] }
    let texts = variables.map { "${\($0)-}" }
    let found = try await interpolate(texts, directory, [], model.project)
    return Dictionary(zip(variables, found).compactMap { key, value in value.map { (key, $0) } }) { first, _ in first }
  }

  /// Hides what a stack's `.env` holds from what is told about it.
  func mask(for name: String) async -> Mask {
    let directory = Path.join(view.root, directory(of: name))
    if environmentFiles.isEmpty, Files.resolved(Path.join(directory, ".env")) == nil {
      return Mask(assignments: [], all: true)
    }
    return await programs.mask(
      for: directory,
      options: environmentFiles.flatMap { ["--env-file", $0] })
  }

  /// Refuses what Compose reads and clup does not: nothing could be said about it.
  func unreadable(_ name: String, _ gather: ComposeSources) -> [Diagnostic] {
    gather.sources.compactMap { source in
      let mark = source.error?.mark ?? source.document?.firstBinary
      guard source.error != nil || mark != nil else { return nil }
      return Diagnostic(
        rule: "compose", at: (source.path, mark), stack: name,
        message: source.error.map { "clup cannot read it: \($0.message)" } ?? "`!!binary` hides what is written there",
        help: source.kindForOthers?.words?.help ?? "write it as plain YAML", isFinal: true)
    }
  }

  // MARK: answers

  private func service(
    _ service: ComposeService, of directory: String, hash: String, values: [String: String]
  ) -> DesiredService {
    func ids(_ paths: [String]) -> [String: String] {
      var ids: [String: String] = [:]
      for path in paths {
        let id = view.tree.fingerprint(path)
        if id != Fingerprint.absent { ids[path] = id }
      }
      return ids
    }
    // A job is read when it is started: a new one is no reason to start whoever mounts them all.
    var mounts = ids(tracked(service.binds, directory) + service.files.compactMap(view.relative)).filter { path, _ in
      view.tree[path]?.kind != .directory
        || !discovery.jobs.contains { Path.relative(path, to: Discovery.jobDirectory(of: $0)) != nil }
    }
    for path in service.files where mounts[view.relative(path) ?? path] == nil {
      mounts[view.relative(path) ?? path] = Files.read(path).map { blobID(of: $0) } ?? Fingerprint.absent
    }
    var desired = DesiredService(
      service, hash: hash, mounts: mounts, builds: ids(service.buildContexts.compactMap(view.relative))
    ) {
      blobID(of: $0.canonical)
    }
    desired.resources = service.digests(values)
    return desired
  }
}
