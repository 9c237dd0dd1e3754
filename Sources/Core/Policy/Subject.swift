import YAML

/// A stack or a job file as the rules see it: what Compose resolved, and the sources that it came from.
public struct Subject: Sendable {
  /// Whether it is deployed, or only read by whoever starts jobs.
  public enum Kind: Sendable { case stack, job }

  /// The stack's name, or the job file's path.
  public let stack: String
  /// The project directory, relative to the live root.
  public let directory: String
  /// What it is.
  public let kind: Kind
  /// The model with every profile switched on.
  public private(set) var model: JSON
  /// The Compose files that it was made from, and those that they include or extend.
  public let sources: [ComposeSource]
  /// The host's paths.
  public var paths: HostPaths
  let policy: Policy
  /// The day, `YYYY-MM-DD`.
  let today: String
  /// What the engine has, where it was asked.
  public var present: Present?
  /// The stacks that must be in place first, with all those before them.
  public var after: Set<String> = []
  /// What a stack that was moved lacks where it is now: the place where it still is, by the bind source that is missing.
  public var left: [String: String] = [:]
  /// Whether it goes back to an older commit, whose state must still be there.
  public var isReturning = false
  /// What the other stacks have for themselves, by stack.
  public var others: [String: OwnedResources] = [:]
  /// What the stack's containers may have written to before.
  public var formerWrites: Set<String> = []
  /// The names that its projects had before.
  public var formerProjects: Set<String> = []
  /// The stack whose containers mount the directory that this one would have from now on.
  public var mountedBy: String?
  /// Whether the stack was moved here from another directory, so that nothing kept them from this one.
  public var isMoved = false
  /// What was kept from them below that.
  public var formerlyKept: Set<String> = []
  /// The volumes that the stack was deployed with before.
  public var kept: Set<String> = []
  /// The volumes that its own project made for it, and that it did not use any more.
  public var formerVolumes: Set<String> = []
  /// The volumes, as the model calls them, that are another thing under the same name than what the stack was deployed with.
  public var changedVolumes: Set<String> = []
  /// The volumes that would stay behind under the name of the project's former name, by what the model calls them.
  public var leftVolumes: [String: String] = [:]
  /// The volumes of containers over which a service has another mount from now on.
  var coveredVolumes: [CoveredVolume] = []
  /// The services that the commit takes from other stacks.
  public var moved: [MovedService] = []
  /// The services that run an image by its id, whatever their references name.
  public var hasImage: Set<String> = []
  /// Each service's Dockerfile, as far as validation may know what is built.
  var dockerfiles: [String: Dockerfile] = [:]
  /// What Compose reads beside the stack's own Compose files.
  public var references: [Reference] = []
  /// The tracked `env_file`s: path and text.
  let environmentFiles: [String: String]

  /// What stands for variables that nobody gave a value, by their names.
  public var invented: [String: String] = [:]
  /// Whether a variable without a value is refused by itself, so that nothing has to be said of what stands for it.
  public var refusesUnset = false

  /// Describes a stack for the rules.
  public init(
    stack: String, kind: Kind, directory: String? = nil, model: JSON, sources: [ComposeSource], paths: HostPaths,
    policy: Policy, today: String, present: Present? = nil, environmentFiles: [String: String] = [:]
  ) {
    self.stack = stack
    self.directory = directory ?? (kind == .job ? Path.parent(stack) : stack)
    self.kind = kind
    self.model = model
    self.sources = sources
    self.paths = paths
    self.policy = policy
    self.today = today
    self.present = present
    self.environmentFiles = environmentFiles
  }

  /// Takes external volumes for what they are on the host: those that are a directory of it, by their names.
  public mutating func resolve(volumes directories: [String: String]) {
    model = model.changing("volumes") { volumes in
      for (key, volume) in volumes where volume["external"]?.bool == true {
        guard let path = directories[volume["name"]?.string ?? key] else { continue }
        let options = JSON.object(["type": .string("none"), "o": .string("bind"), "device": .string(path)])
        volumes[key] = .object(volume.object.merging(["driver_opts": options]) { $1 })
      }
    }
  }

  /// The names of the networks and volumes that it makes.
  public var makes: Set<String> {
    Set(
      ["networks", "volumes"].flatMap { section in
        model[section].object.filter { $0.value["external"]?.bool != true }.map { $0.value["name"]?.string ?? $0.key }
      })
  }

  /// Whether rules about it need to know what the engine has.
  public var needsEngine: Bool {
    let external = ["networks", "volumes"].contains { section in
      model[section].object.values.contains { $0["external"]?.bool == true }
    }
    if kind == .job { return !model["volumes"].object.isEmpty }
    return external || !namedNetworkModes.isEmpty || !namedVolumes.isEmpty || !changedVolumes.isEmpty
      || !leftVolumes.isEmpty || !coveredVolumes.isEmpty || !moved.isEmpty
      || isReturning && !model["volumes"].object.isEmpty
      || services.contains { Image.isLocal($0.json) || $0.json["build"] != nil } || !chosenNetworks.isEmpty
  }

  /// The services, sorted by name.
  var services: [(name: String, json: JSON)] { model["services"].members.map { ($0.key, $0.value) } }
}

/// What the engine has, by name.
public struct Present: Sendable, Equatable {
  var networks: Set<String>
  var volumes: Set<String>
  /// The images, each as `name:tag`.
  var images: Set<String>
  /// The networks and volumes that stacks of the same commit make, with the stack.
  public var coming: [String: String] = [:]
  /// The host's own network interfaces, with the networks that it reaches through each.
  public var interfaces: [String: [AddressRange]] = [:]
  /// The Compose project that made each volume, for those that one made.
  public var volumeProjects: [String: String] = [:]
  /// The Compose projects whose containers run each image, by its reference; an empty name for containers of no project.
  private(set) var imageUsers: [String: Set<String>] = [:]
  /// The Compose projects whose containers use each volume; an empty name for containers of no project.
  public var volumeUsers: [String: Set<String>] = [:]

  /// Adds a container of a project that runs an image.
  public mutating func add(user project: String, of image: String) {
    imageUsers[Image(image).reference, default: []].insert(project)
  }

  /// Names what is there.
  public init(networks: Set<String>, volumes: Set<String>, images: Set<String>) {
    self.networks = networks
    self.volumes = volumes
    self.images = images
  }
}
