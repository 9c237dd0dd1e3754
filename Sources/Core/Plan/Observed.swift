/// A container as the engine lists it.
public struct Container: Sendable, Equatable {
  /// The engine's id.
  public var id: String
  /// The container's name.
  public var name: String
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  public var state: String
  /// The engine's sentence about it, `Up 3 minutes (healthy)` or `Exited (0) 2 hours ago`.
  public var status: String
  /// The image's reference, or its id when the reference has moved on to another image.
  public var image: String
  /// Compose's project name.
  public var project: String
  /// The service.
  public var service: String
  /// Compose's hash of the configuration that the container was made with.
  public var hash: String
  /// The directory that `docker compose` was run for.
  public var directory: String
  /// The id of its image, where that was asked for.
  public var imageID: String?

  /// Describes a container.
  public init(
    id: String, name: String, state: String, status: String, image: String, project: String, service: String,
    hash: String, directory: String
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.status = status
    self.image = image
    self.project = project
    self.service = service
    self.hash = hash
    self.directory = directory
  }

  /// Whether it ended by itself and well.
  public var isDone: Bool { state == "exited" && status.hasPrefix("Exited (0)") }

  /// `healthy`, `unhealthy`, `starting`, or `none` without a health check.
  public var health: String {
    if status.hasSuffix("(healthy)") { return "healthy" }
    if status.hasSuffix("(unhealthy)") { return "unhealthy" }
    return status.contains("(health: starting)") ? "starting" : "none"
  }
}

/// What stands at a live path.
public enum LiveEntry: Codable, Sendable, Equatable {
  case absent
  /// A symbolic link with its text.
  case link(String)
  /// A regular file with the id of its content.
  case file(String)
  case directory
  /// A socket, a device or a pipe.
  case other
}

/// The host as it was found.
public struct Observed: Sendable {
  /// The commit that each stack's pointer names.
  public var pointers: [String: String] = [:]
  /// What stands at each live path of interest, relative to the live root.
  public var live: [String: LiveEntry] = [:]
  /// The id of what stands at each untracked path that a known stack depends on.
  public var untracked: [String: String] = [:]
  /// Every container that Compose made, or nothing when the engine could not be asked.
  public var containers: [Container]?

  /// Starts from nothing.
  public init() {}
}
