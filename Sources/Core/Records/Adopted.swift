/// What a person ran before clup's first deploy of a stack, and what stood at its live paths then.
public struct Adopted: Codable, Sendable, Equatable {
  /// The services, as their containers show them.
  public var stack: Deployment
  /// Each container as it was found; nothing in what an earlier version wrote.
  public var containers: [FoundContainer]?
  /// What stood at each live path that clup has worked on.
  public var found: [String: LiveEntry] = [:]

  /// Remembers what runs; the live paths are added as they are worked on.
  public init(_ desired: DesiredStack, _ containers: [FoundContainer]) {
    let services = Dictionary(grouping: containers) { $0.service }.sorted { $0.key < $1.key }.map { service, own in
      DesiredService(
        name: service, hash: own[0].hash, image: own[0].reference, fields: [:], mounts: [:], builds: [:],
        replicas: own.count, restarts: own[0].restarts, volumes: own.compactMap(\.volumes).orNothing)
    }
    var running = DesiredStack(name: desired.name, commit: "", project: desired.project)
    running.layout = desired.layout
    running.services = services
    running.images = Dictionary(containers.map { ($0.service, $0.image) }) { first, _ in first }
    stack = Deployment(running)
    self.containers = containers
  }
}

/// A container that ran, or had ended, before clup came.
public struct FoundContainer: Codable, Sendable, Equatable {
  /// How Compose was called for it, as its labels say.
  public struct Call: Codable, Sendable, Hashable {
    /// The project directory.
    public var directory: String
    var files: [String]
    /// The files of variables that were named.
    var environmentFiles: [String]

    /// The options that bring Compose to the same files again.
    public var options: [String] {
      ["--project-directory", directory] + environmentFiles.flatMap { ["--env-file", $0] }
        + files.flatMap { ["-f", $0] }
    }
  }

  var id: String
  /// The container's name.
  public var name: String
  /// The service.
  public var service: String
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  var state: String
  /// `healthy`, `unhealthy`, `starting` or `none`.
  var health: String
  /// Compose's hash of the configuration that it was made with.
  public var hash: String
  var reference: String
  /// The id of its image.
  public var image: String
  /// Whether the engine starts it again when it ends.
  var restarts: Bool
  /// How Compose was called for it; nothing where the labels do not say it.
  public var call: Call?
  /// Whether the same call would give the same configuration again.
  public var isKnown = false
  /// The hash that the same call gave when it was found; unknown in what an earlier version wrote.
  public var given: String?
  /// The volumes that the engine made for it alone; unknown in what an earlier version wrote.
  var volumes: AnonymousVolumes?

  /// Whether it was up: such a container is up again when a takeover fails, and another one is not started.
  public var isUp: Bool { state == "running" || state == "restarting" }
  /// Whether it was up and well, which a recovery has to reach again.
  var isGood: Bool { state == "running" && health != "unhealthy" }
}
