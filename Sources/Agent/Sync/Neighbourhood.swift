import Core

/// What stacks have beside one another, and what belongs to the engine and to clup: what one subject alone cannot tell.
struct Neighbourhood: Sendable {
  private var belongings: [String: Belongings] = [:]
  private let records: [String: StackState]
  private var mounted: [String: Set<String>] = [:]
  private var engine: Set<String> = []
  private let liveRoot: String

  /// Collects it; without `programs` nothing is asked of the engine.
  init(
    of subjects: [Subject], records: [String: StackState], settings: Settings, programs: Programs?
  ) async throws(Failure) {
    self.records = records
    liveRoot = settings.liveRoot
    for (name, record) in records { belongings[name] = record.belongings }
    var found: [String: Belongings] = [:]
    for subject in subjects where subject.kind == .stack {
      found[subject.stack, default: Belongings()].formUnion(subject.belongings)
    }
    belongings.merge(found) { _, new in new }
    guard let programs else { return }
    let beyond = subjects.contains { subject in
      subject.hostPaths.contains { Path.relative($0, to: liveRoot) == nil }
    }
    if beyond { engine = try await Self.places(programs) }
    for subject in subjects where subject.kind == .stack {
      let unproved = subject.belongings.places.filter { place in
        records[subject.stack]?.belongings?.places.contains(place) != true
          && !subject.paths.missing.contains(Path.join(settings.liveRoot, place))
      }
      guard !unproved.isEmpty, let project = subject.model["name"]?.string else { continue }
      mounted[subject.stack] = try await Self.mounts(of: project, programs)
    }
  }

  /// Tells a subject of the others.
  func place(_ subject: inout Subject) {
    let own = subject.stack
    subject.others = belongings.filter { $0.key != own || subject.kind == .job }
    subject.paths.stacks = Set(subject.paths.stacks).union(records.keys).sorted()
    subject.paths.engine = engine
    subject.kept = records[own]?.belongings?.volumes ?? []
    subject.paths.used = (records[own]?.belongings?.places ?? []).union(
      (mounted[own] ?? []).compactMap { Path.relative($0, to: liveRoot) }.filter { $0 != "." })
  }

  /// The sources of the mounts of a project's containers: what a person let them have before.
  private static func mounts(of project: String, _ programs: Programs) async throws(Failure) -> Set<String> {
    let listed = try await programs.docker([
      "ps", "-aq", "--no-trunc", "--filter", "label=com.docker.compose.project=\(project)",
    ])
    let ids = listed.outputText.split(separator: "\n").map(String.init)
    if ids.isEmpty { return [] }
    let format = "{{range .Mounts}}{{println .Source}}{{end}}"
    let outcome = try await programs.docker(["inspect", "--type", "container", "--format", format] + ids)
    return Set(
      outcome.outputText.split(separator: "\n").map { Path.normalized(String($0)) }.filter { $0.hasPrefix("/") })
  }

  /// The engine's data directory, the directory that it runs from, and its socket.
  private static func places(_ programs: Programs) async throws(Failure) -> Set<String> {
    let outcome = try await programs.docker(["info", "--format", "{{.DockerRootDir}}"])
    var found = Set(outcome.outputText.split(separator: "\n").map(String.init))
    // The engine keeps a mount for the network of each container there; nothing else tells where that is.
    for line in (Files.text("/proc/self/mountinfo") ?? "").split(separator: "\n") where line.contains(" - nsfs ") {
      let fields = line.split(separator: " ")
      guard fields.count > 4, let range = fields[4].ranges(of: "/netns/").last else { continue }
      found.insert(String(fields[4][..<range.lowerBound]))
    }
    if let host = programs.environment["DOCKER_HOST"], host.hasPrefix("unix://") {
      found.insert(String(host.dropFirst(7)))
    }
    for place in found { if let real = Files.resolved(place) { found.insert(real) } }
    return found.filter { $0.hasPrefix("/") && $0 != "/" }
  }
}
