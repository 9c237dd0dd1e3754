import YAML

/// A stack or a job file as the rules see it: what Compose resolved, and the sources that it came from.
public struct Subject: Sendable {
  /// Whether it is deployed, or only read by whoever starts jobs.
  public enum Kind: Sendable { case stack, job }

  /// The stack's name, or the job file's path.
  public let stack: String
  /// What it is.
  public let kind: Kind
  /// The model with every profile switched on.
  public let model: JSON
  /// The Compose files that it was made from, and those that they include or extend.
  public let sources: [ComposeSource]
  /// The host's paths.
  public let paths: HostPaths
  /// The host's policy.
  public let policy: Policy
  /// The day, `YYYY-MM-DD`.
  public let today: String
  /// What the engine has, where it was asked.
  public var present: Present?
  /// The stacks that must be in place first, with all those before them.
  public var after: Set<String> = []
  /// What a stack that was moved lacks where it is now: the place where it still is, by the bind source that is missing.
  public var left: [String: String] = [:]
  /// The tracked `env_file`s: path and text.
  public let environmentFiles: [String: String]

  /// Describes a stack for the rules.
  public init(
    stack: String, kind: Kind, model: JSON, sources: [ComposeSource], paths: HostPaths, policy: Policy, today: String,
    present: Present? = nil, environmentFiles: [String: String] = [:]
  ) {
    self.stack = stack
    self.kind = kind
    self.model = model
    self.sources = sources
    self.paths = paths
    self.policy = policy
    self.today = today
    self.present = present
    self.environmentFiles = environmentFiles
  }

  /// The names of the networks and volumes that it makes.
  public var makes: Set<String> {
    Set(
      ["networks", "volumes"].flatMap { section in
        (model[section]?.object ?? [:]).filter { $0.value["external"]?.bool != true }.map {
          $0.value["name"]?.string ?? $0.key
        }
      })
  }

  /// Where it says which stacks must be in place first.
  public var afterPlace: Order.Place {
    let (path, mark) = place(topLevel: ["x-clup", "after"])
    return Order.Place(file: path, mark: mark)
  }

  /// Whether rules about it need to know what the engine has.
  public var needsEngine: Bool {
    let external = ["networks", "volumes"].contains { section in
      (model[section]?.object ?? [:]).values.contains { $0["external"]?.bool == true }
    }
    return kind == .stack && (external || services.contains { Image.isLocal($0.json) })
  }

  /// The services, sorted by name.
  var services: [(name: String, json: JSON)] {
    (model["services"]?.object ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

/// Where the host keeps what, as far as rules care.
public struct HostPaths: Sendable {
  /// The live root.
  public let liveRoot: String
  /// clup's own directory.
  public let checkout: String?
  /// The names of all stacks.
  public let stacks: [String]
  /// Live paths that clup leads, relative to the live root.
  public let live: Set<String>
  /// Where a path leads once its symbolic links are followed, for those that lead elsewhere.
  public let real: [String: String]
  /// Bind sources that the host does not have.
  public let missing: Set<String>
  /// Whether the live root is a real host's, not a work tree that stands for one.
  public let isHost: Bool

  /// Describes a host.
  public init(
    liveRoot: String, checkout: String? = nil, stacks: [String] = [], live: Set<String> = [],
    real: [String: String] = [:], missing: Set<String> = [], isHost: Bool = true
  ) {
    self.liveRoot = liveRoot
    self.checkout = checkout
    self.stacks = stacks
    self.live = live
    self.real = real
    self.missing = missing
    self.isHost = isHost
  }

  /// A path as written and as it is after its links.
  func forms(_ path: String) -> [String] {
    let plain = Path.normalized(path)
    return [plain] + (real[plain].map { [$0] } ?? [])
  }
}

/// What the engine has, by name.
public struct Present: Sendable, Equatable {
  /// The networks.
  public var networks: Set<String>
  /// The volumes.
  public var volumes: Set<String>
  /// The images, each as `name:tag`.
  public var images: Set<String>
  /// The networks and volumes that stacks of the same commit make, with the stack.
  public var coming: [String: String] = [:]

  /// Names what is there.
  public init(networks: Set<String>, volumes: Set<String>, images: Set<String>) {
    self.networks = networks
    self.volumes = volumes
    self.images = images
  }
}
