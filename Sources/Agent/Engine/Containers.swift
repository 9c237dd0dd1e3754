import Core
import Engine

extension Programs {
  /// Lists every container that Compose made. Whoever reached the live root by another name started it there all the same.
  func containers(of liveRoot: String) async throws(Failure) -> [Container] {
    var real: [String: String] = [:]
    let root = Files.resolved(liveRoot)
    let listed = try await ask { engine throws(EngineError) in
      try await engine.containers(labels: [ComposeLabel.project])
    }
    var containers = listed.compactMap(Container.init)
    let (done, dead) = (try await done(listed), try await withDeadNetwork(listed))
    let (uncovered, removed) = (try await uncovered(listed), try await inRemovedNetworks(listed))
    for index in containers.indices {
      let (id, directory) = (containers[index].id, containers[index].directory)
      containers[index].isDone = containers[index].state == "exited" && done.contains(id)
      if dead.contains(id) { containers[index].sharesDeadNetwork = true }
      containers[index].movedBind = uncovered[id]
      containers[index].networks?.subtract(removed[id] ?? [])
      guard let root, Path.relative(directory, to: liveRoot) == nil else { continue }
      let found = real[directory] ?? Files.resolved(directory) ?? directory
      real[directory] = found
      if let place = Path.relative(found, to: root) { containers[index].directory = Path.join(liveRoot, place) }
    }
    return containers
  }

  /// Lists the containers of a project, also those of `docker compose run`.
  func containers(ofProject name: String) async throws(Failure) -> [ListedContainer] {
    try await ask { engine throws(EngineError) in try await engine.containers(labels: [ComposeLabel.of(name)]) }
  }

  /// Returns which containers mount what has moved away since; the engine would make an empty directory in its place.
  static func marking(_ containers: [Container], moved places: [String], to liveRoot: String) -> [Container] {
    if places.isEmpty { return containers }
    return containers.map { container in
      var container = container
      container.movedBind =
        container.movedBind
        ?? container.mounts?.map(\.source).first { bind in
          places.contains { Path.relative(bind, to: $0) != nil } && Path.relative(bind, to: liveRoot) == nil
        }
      return container
    }
  }

  /// Finds the containers that ended by themselves and well.
  private func done(_ listed: [ListedContainer]) async throws(Failure) -> Set<String> {
    if !listed.contains(where: { $0.state == "exited" }) { return [] }
    let ended = try await ask { engine throws(EngineError) in
      try await engine.containers(labels: [ComposeLabel.project], exited: 0)
    }
    return Set(ended.filter { $0.state == "exited" }.map(\.id))
  }

  /// Finds the networks of containers that do not run which are no longer there: the engine cannot start such a container.
  func inRemovedNetworks(_ listed: [ListedContainer]) async throws(Failure) -> [String: Set<String>] {
    let still = listed.filter {
      ["exited", "created"].contains($0.state) && $0.networkIDs.values.contains { !$0.isEmpty }
    }
    if still.isEmpty { return [:] }
    let present = Set(
      try await ask { engine throws(EngineError) in try await engine.networks() }.compactMap(\.id))
    return still.reduce(into: [:]) { found, container in
      let gone = container.networkIDs.filter { !$0.value.isEmpty && !present.contains($0.value) }
      if !gone.isEmpty { found[container.id] = Set(gone.keys) }
    }
  }

  /// Finds the running containers that live in the network of one that was started after them, or is no longer there.
  private func withDeadNetwork(_ listed: [ListedContainer]) async throws(Failure) -> Set<String> {
    let bases = listed.reduce(into: [String: String]()) { bases, container in
      guard container.state == "running", container.networkMode.hasPrefix("container:") else { return }
      bases[container.id] = String(container.networkMode.dropFirst(10))
    }
    if bases.isEmpty { return [] }
    let ids = Set(bases.keys).union(bases.values)
    var started: [String: String] = [:]
    for seen in try await inspections(of: ids.sorted()) {
      if let id = seen["Id"]?.string {
        started[id] = seen["State"]?["StartedAt"]?.string.map { String($0.prefix { $0 != "Z" }) }
      }
    }
    // The engine's times are all in UTC and of one form: as texts they are in the order of time.
    return Set(bases.filter { id, base in started[base].map { $0 > started[id] ?? "" } ?? true }.keys)
  }

  /// Says each time that something happens to a container of Compose's, until the reader stops or the engine is away.
  public func containerEvents() -> AsyncThrowingStream<Void, any Error> {
    let events = engine.events([
      "type": ["container", "network"],
      "event": [
        "create", "start", "die", "stop", "destroy", "rename", "pause", "unpause", "health_status", "disconnect",
      ],
    ])
    return AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let reader = Task {
        do {
          // A network's events carry no labels.
          for try await event in events where event.type == "network" || event.labels[ComposeLabel.project] != nil {
            continuation.yield()
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in reader.cancel() }
    }
  }

  /// Returns what the engine knows of each container, as it says it; those that are gone by then are left out.
  func inspections(of ids: [String]) async throws(Failure) -> [JSON] {
    try await each(ids, atOnce: 8) { id throws(Failure) in
      try await ask { engine throws(EngineError) in try await engine.inspection(ofContainer: id, as: JSON.self) }
    }.compactMap { $0 }
  }
}

/// The labels by which Compose knows its own.
enum ComposeLabel {
  static let project = "com.docker.compose.project"
  static let service = "com.docker.compose.service"
  static let number = "com.docker.compose.container-number"
  static let hash = "com.docker.compose.config-hash"
  static let directory = "com.docker.compose.project.working_dir"
  static let files = "com.docker.compose.project.config_files"
  static let version = "com.docker.compose.version"
  /// `True` for a container of `docker compose run`.
  static let oneOff = "com.docker.compose.oneoff"

  static func of(_ project: String) -> String { "\(Self.project)=\(project)" }
}

extension Container {
  /// Takes a container of Compose's; nothing for one of `docker compose run`.
  init?(_ listed: ListedContainer) {
    let labels = listed.labels
    if labels[ComposeLabel.oneOff] == "True" { return nil }
    self.init(
      id: listed.id, name: listed.name, state: listed.state, health: listed.health, image: listed.image,
      project: labels[ComposeLabel.project] ?? "", service: labels[ComposeLabel.service] ?? "",
      hash: labels[ComposeLabel.hash] ?? "", directory: labels[ComposeLabel.directory] ?? "")
    imageID = listed.imageID
    networks = listed.networks
    endpoints = listed.endpoints
    mounts = listed.hostMounts
    number = labels[ComposeLabel.number].flatMap { Int($0) } ?? 1
    volumes = AnonymousVolumes(number: number, mounted: listed.volumes)
    volumesByPath = listed.volumes
  }
}
