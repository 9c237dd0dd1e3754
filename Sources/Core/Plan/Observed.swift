/// A container as the engine lists it.
public struct Container: Sendable, Equatable {
  /// The engine's id.
  public var id: String
  /// The container's name.
  public var name: String
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  public var state: String
  /// `healthy`, `unhealthy`, `starting`, or `none` without a health check.
  public var health: String
  /// Whether it ended by itself and well.
  public var isDone = false
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
  /// The engine's names of the networks that it is in, where that was asked for.
  public var networks: Set<String>?
  /// Whether it lives in the network of a container that was restarted, recreated or removed since; then it reaches nobody.
  public var sharesDeadNetwork: Bool?

  /// The ids of what connects it to its networks, where that was asked for.
  public var endpoints: Set<String> = []
  /// The names, and the fixed IPv4 address, by which it is known in each of its networks, where that was asked for.
  public var attachments: [String: Set<String>] = [:]
  /// What it shares with a container that was restarted, recreated or removed since: its `ipc` or its `pid`.
  public var deadNamespace: String?
  /// Where it mounts a file of a release that was removed since.
  public var lostFile: String?
  /// Whether the engine cannot start it as it is: the engine was killed while it started it, and what it had begun is
  /// still there.
  public var cannotStart = false

  /// The paths of the host that it mounts, where that was asked for.
  public var mounts: [HostMount]?
  /// The path that it mounts although that has moved away since.
  public var movedBind: String?
  /// Which of its service's containers it is, as Compose counts.
  public var number = 1
  /// The volumes that the engine made for it alone, where that was asked for.
  public var volumes: AnonymousVolumes?
  /// The engine's names of all volumes that it mounts, by the path in the container, where that was asked for.
  public var volumesByPath: [String: String] = [:]

  /// Describes a container.
  public init(
    id: String, name: String, state: String, health: String = "none", image: String, project: String, service: String,
    hash: String, directory: String
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.health = health
    self.image = image
    self.project = project
    self.service = service
    self.hash = hash
    self.directory = directory
  }

  /// Whether a Compose that was cut off had made it to take the place of another one, and never started it. Until then such
  /// a container is called after that one's id: `0123456789ab_app-web-1`.
  public var isLeftOver: Bool {
    let bytes = Array(name.utf8)
    return state == "created" && bytes.count > 13 && bytes[12] == UInt8(ascii: "_")
      && bytes[..<12].allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

/// A path of the host in a container.
public struct HostMount: Sendable, Hashable {
  /// The path on the host.
  public let source: String
  /// The path in the container.
  public let target: String
  /// Whether the container may write there.
  public let isWritable: Bool

  /// Describes a mount.
  public init(source: String, target: String, isWritable: Bool) {
    (self.source, self.target, self.isWritable) = (source, target, isWritable)
  }
}

extension [HostMount] {
  /// Whether one of them lets a container write to a directory, known by the paths `forms`, since it holds that and no
  /// other one covers it.
  func write(to forms: Set<String>) -> Bool {
    contains { mount in
      mount.isWritable
        && forms.contains { path in
          guard let rest = Path.relative(path, to: mount.source) else { return false }
          let cover = CoverMount(source: path, target: Path.join(mount.target, rest))
          return !cover.isRightBelow(mount.source, mount.target)
            || !contains { !$0.isWritable && $0.source == path && $0.target == cover.target }
        }
    }
  }
}

/// What a look at a container tells.
public protocol SeenContainer {
  var id: String { get }
  var name: String { get }
  var service: String { get }
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  var state: String { get }
  /// `healthy`, `unhealthy`, `starting` or `none`.
  var health: String { get }
  /// Which of its service's containers it is, as Compose counts.
  var number: Int { get }
  /// The volumes that the engine made for it alone.
  var volumes: AnonymousVolumes? { get }
}

extension Container: SeenContainer {}
extension WatchedContainer: SeenContainer {}

extension Sequence where Element: SeenContainer {
  /// The one of a service's containers that tells how the service stands.
  public var worst: Element? {
    self.min { $0.rank < $1.rank }
  }
}

extension SeenContainer {
  fileprivate var rank: Int {
    state != "running" ? 0 : ["unhealthy": 1, "starting": 2, "healthy": 3][health] ?? 4
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
