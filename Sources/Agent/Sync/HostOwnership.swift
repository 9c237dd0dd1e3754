import Core
import Engine

/// What stacks have beside one another, and what belongs to the engine and to clup: what one subject alone cannot tell.
struct HostOwnership: Sendable {
  private var belongings: [String: OwnedResources] = [:]
  /// The networks on which services of each stack have the Docker socket although the host excuses none of them: the stack
  /// is refused for it, and none comes to be there.
  private var refusedNetworks: [String: Set<String>] = [:]
  private let records: [String: Deployment]
  private var mounted: [String: Mounted] = [:]
  private var engine: Set<String> = []
  private let liveRoot: String
  private let moved: MovedServices

  /// Collects it; without `programs` nothing is asked of the engine.
  init(
    of subjects: [Subject], records: [String: Deployment], removed: RemovedStacks, settings: Settings,
    programs: Programs?
  ) async throws(Failure) {
    self.records = records
    moved = try await MovedServices(among: subjects, records: records, removed: removed, programs: programs)
    liveRoot = settings.liveRoot
    for (name, record) in records { belongings[name] = record.belongings }
    var found: [String: OwnedResources] = [:]
    for subject in subjects {
      var own = subject.belongings
      // A job has nothing for itself, and writes all the same.
      if subject.kind == .job {
        let writes = own.writes
        own = OwnedResources()
        own.writes = writes
      }
      found[subject.stack, default: OwnedResources()].formUnion(own)
    }
    belongings.merge(found) { _, new in new }
    for (name, own) in found where !settings.policy.excuses("docker-socket", in: name) {
      let refused = own.socketNetworks.subtracting(records[name]?.belongings?.socketNetworks ?? [])
      // Such a service may run all the same, started by hand.
      if !refused.isEmpty, try await !Self.runs(own.projects, programs) { refusedNetworks[name] = refused }
    }
    guard let programs else { return }
    let beyond = subjects.contains { subject in
      subject.hostPaths.contains { path in
        subject.paths.forms(path).contains { Path.relative($0, to: settings.liveRoot) == nil }
      }
    }
    if beyond { engine = try await Self.places(programs) }
    for subject in subjects where subject.kind == .stack {
      let unproved = subject.belongings.places.filter { place in
        records[subject.stack]?.belongings?.places.contains(place) != true
          && !subject.paths.missing.contains(Path.join(settings.liveRoot, place))
      }
      let strange = subject.namedVolumes.subtracting(records[subject.stack]?.belongings?.volumes ?? [])
      guard !unproved.isEmpty || !strange.isEmpty, let project = subject.model["name"]?.string else { continue }
      mounted[subject.stack] = try await Self.mounts(of: project, programs)
    }
  }

  /// Tells a subject of the others; what it was moved from, under `origin`, is itself.
  func place(_ subject: inout Subject, origin: String?) {
    let own = subject.stack
    let record = (records[own] ?? origin.flatMap { records[$0] })?.belongings
    subject.others = belongings.filter { $0.key != own && $0.key != origin }
    if let record {
      for (other, its) in subject.others {
        subject.others[other] = its.without(record, unless: records[other]?.belongings ?? OwnedResources())
      }
    }
    // Until a stack is in place its containers may do what they could before, and again where it goes back.
    for (name, known) in records { subject.others[name]?.writes.formUnion(known.belongings?.writes ?? []) }
    for (name, refused) in refusedNetworks { subject.others[name]?.socketNetworks.subtract(refused) }
    for (name, record) in records where subject.paths.stacks[name] == nil {
      subject.paths.stacks[name] = record.place(of: name).directory
    }
    if let origin { subject.paths.stacks[origin] = nil }
    subject.isMoved = records[own] == nil && origin != nil
    subject.paths.engine = engine
    if record == nil {
      subject.mountedBy =
        records.sorted { $0.key < $1.key }.first { other, known in
          other != own && other != origin && Self.uses(known, of: other, around: subject.directory)
        }?.key
    }
    (subject.formerWrites, subject.formerlyKept) = (record?.writes ?? [], record?.kept ?? [])
    subject.formerProjects = record?.projects ?? []
    compareVolumes(&subject, records[own] ?? origin.flatMap { records[$0] })
    subject.kept = (record?.volumes ?? []).union(mounted[own]?.volumes ?? [])
    moved.place(&subject, origin: origin)
    subject.paths.used = (record?.places ?? []).union(
      (mounted[own]?.sources ?? []).compactMap { Path.relative($0, to: liveRoot) }.filter { $0 != "." })
  }

  /// Whether a stack has for its own what lies in a directory below its own one, or above that.
  private static func uses(_ known: Deployment, of stack: String, around directory: String) -> Bool {
    let own = known.place(of: stack).directory
    guard directory != own, Path.relative(directory, to: own) != nil else { return false }
    return Set(known.reads ?? []).union(known.untracked.keys).contains { path in
      path != own && Path.relative(path, to: own) != nil
        && (Path.relative(directory, to: path) ?? Path.relative(path, to: directory)) != nil
    }
  }

  /// Tells a subject which of its volumes are another thing than what it was deployed with.
  private func compareVolumes(_ subject: inout Subject, _ record: Deployment?) {
    guard let record, let project = subject.model["name"]?.string else { return }
    let former = record.services.flatMap { $0.resources ?? [:] }.filter { $0.key.hasPrefix("volume ") }
    let digests = Set(former.map(\.value))
    let names = Set(digests.compactMap { $0.split(separator: " ").first.map(String.init) })
    for (key, volume) in subject.model["volumes"].object {
      guard let name = volume["name"]?.string, volume["external"]?.bool != true else { continue }
      // Compose takes a volume as it is that it has not made.
      let asExternal = JSON.object(["name": .string(name), "external": .bool(true)])
      if names.contains(name), digests.isDisjoint(with: [resourceDigest(volume), resourceDigest(asExternal)]) {
        subject.changedVolumes.insert(key)
      }
      let old = "\(record.project)_\(key)"
      if record.project != project, name == "\(project)_\(key)", names.contains(old) { subject.leftVolumes[key] = old }
    }
  }

  /// Whether a project has containers; nothing is known of that without an engine.
  private static func runs(_ projects: Set<String>, _ programs: Programs?) async throws(Failure) -> Bool {
    guard let programs else { return false }
    for project in projects where try await !programs.containers(ofProject: project).isEmpty { return true }
    return false
  }

  /// What a project's containers mount: what a person let them have before.
  private struct Mounted {
    var sources: Set<String> = []
    var volumes: Set<String> = []
  }

  private static func mounts(of project: String, _ programs: Programs) async throws(Failure) -> Mounted {
    var mounted = Mounted()
    for mount in try await programs.containers(ofProject: project).flatMap(\.mounts) {
      if mount.type == "volume", let name = mount.name {
        mounted.volumes.insert(name)
      } else {
        mounted.sources.insert(Path.normalized(mount.source))
      }
    }
    return mounted
  }

  /// The engine's data directory, the directory that it runs from, and its socket.
  private static func places(_ programs: Programs) async throws(Failure) -> Set<String> {
    var found: Set = [try await programs.ask { engine throws(EngineError) in try await engine.info() }.root]
    // The engine keeps a mount for the network of each container there; nothing else tells where that is.
    for line in (Files.text("/proc/self/mountinfo") ?? "").split(separator: "\n") where line.contains(" - nsfs ") {
      let fields = line.split(separator: " ")
      guard fields.count > 4, let range = fields[4].ranges(of: "/netns/").last else { continue }
      found.insert(String(fields[4][..<range.lowerBound]))
    }
    if let socket = programs.environment["DOCKER_HOST"].flatMap(Programs.socket) { found.insert(socket) }
    for place in found { if let real = Files.resolved(place) { found.insert(real) } }
    // Others keep their mounts of networks there, too; what belongs to the system is refused anyhow.
    return found.filter { Path.isAbsolute($0) && !["/", "/run", "/var/run"].contains($0) }
  }
}
