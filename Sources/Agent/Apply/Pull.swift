import Core
import Engine
import Processes

/// Brings the images of a stack.
extension Up {
  /// Brings images that the host lacks, before anything of the stack is touched. Compose is shown the coming state.
  ///
  /// `present` are references that need no look; those of the services in `anew` are asked for although they are here. `lending` does
  /// what waits for a registry.
  func pull(
    _ desired: DesiredStack, _ snapshot: CommitSnapshot?, but present: Set<String>, anew: [String],
    lending: (() async throws(Failure) -> Void) async throws(Failure) -> Void
  ) async throws(Failure) {
    let references = desired.references.filter { service, reference in
      desired.images[service] == nil && !present.contains(reference)
        && desired.services.first { $0.name == service }?.isBuilt == false
    }
    func missing() async throws(Failure) -> [String] {
      let found = try await Images(programs: programs).ids(of: references.values)
      return references.filter { found[$0.value] == Fingerprint.absent }.map(\.key).sorted()
    }
    let lacking = try await missing()
    guard let snapshot else { return }
    if !lacking.isEmpty || !anew.isEmpty {
      try await lending { () throws(Failure) in
        try await pull(lacking.filter { !anew.contains($0) }, desired, snapshot)
        try await pull(anew, desired, snapshot, policy: "always")
      }
    }
    if let service = try await missing().first {
      throw Self.waiting("the image \(references[service] ?? "") of \(service) is not on this host, and was not pulled")
    }
  }

  /// Pulls the images of services, and says as whom their registries were asked where they do not give them.
  private func pull(
    _ wanted: [String], _ desired: DesiredStack, _ snapshot: CommitSnapshot, policy: String = "missing"
  ) async throws(Failure) {
    if wanted.isEmpty { return }
    let references = desired.references
    // What nothing changed about is not in the view, and stands at its live paths.
    let coming = Path.join(snapshot.view.root, desired.place.directory)
    let directory = Files.status(coming) == nil ? live(desired) : coming
    let disk = DiskWatch(of: programs.engine)
    let outcome = try await pull(wanted, of: desired, in: directory, policy)
    guard outcome.succeeded else {
      let said = PullProgress.sentences(in: outcome.errorText)
      let failure = await programs.failure("docker compose pull", said, rewriting: snapshot.view.rebased)
      guard failure.kind == .deploy else { throw failure }
      if let full = await disk.explaining(failure) { throw full }
      let asked = await Registries(environment: programs.asCalled.environment).facts(
        of: wanted.compactMap { references[$0] })
      throw Self.waiting("\(failure.message); \(asked.text)", help: asked.help)
    }
  }

  /// Has Compose pull the images of services, and tells of the bytes where it does.
  private func pull(
    _ services: [String], of desired: DesiredStack, in directory: String, _ policy: String
  ) async throws(Failure) -> Outcome {
    let event = SyncEvent.now(.step, of: desired.name, "pulling images", limit: settings.sync.pullTimeout)
    tell(event)
    let (tell, progress) = (tell, PullProgress())
    let tap = LineTap(.errors) { line in
      progress.take(line) { bytes, total in
        var event = event
        (event.bytes, event.totalBytes) = (bytes, total)
        tell(event)
      }
    }
    let isOld = ComposeVersion.isBefore((2, 29), await programs.composeVersion.value)
    let pull = ["pull", "--policy", policy, "--ignore-buildable"]
    let named = ["-p", desired.project] + desired.place.options
    do throws(Failure) {
      return try await programs.asCalled.compose(
        named + (isOld ? pull + ["--quiet"] : ["--progress", "json"] + pull) + services, in: directory,
        limits: .init(deadline: settings.sync.pullTimeout), tap: tap)
    } catch {
      if error.kind != .timeout { throw error }
      throw Self.waiting(late(error, "docker compose pull").message)
    }
  }

  /// An image that cannot be had now may be there tomorrow, and nothing was touched: the commit is not held for it.
  static func waiting(
    _ message: String, help: String = "check that the registry answers and has the image"
  ) -> Failure {
    Failure(.host, message, help: "\(help); clup tries again by itself", outage: .registry)
  }
}
