/// What a stack has for itself, or does, that decides what other stacks may have: names of the engine and paths.
public struct Belongings: Codable, Sendable, Equatable {
  /// The engine's names of the volumes that it makes.
  public var volumes: Set<String> = []
  /// The references of the images that it builds.
  public var builds: Set<String> = []
  /// The references of the images that it runs.
  public var runs: Set<String> = []
  /// What it mounts below the live root that no stack's directory holds, relative to the live root.
  public var places: Set<String> = []
  /// The absolute host paths that its containers may write to.
  public var writes: Set<String> = []
  /// The networks through which its Docker socket is spoken to, by the engine's names.
  public var socketNetworks: Set<String> = []
  /// The names that it gives to containers.
  public var containers: Set<String> = []
  /// Its Compose project.
  public var projects: Set<String> = []

  private enum CodingKeys: String, CodingKey {
    case volumes, builds, runs, places, writes, socketNetworks, containers, projects
  }

  /// Starts from nothing.
  public init() {}

  /// Reads what an earlier version wrote, too.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func names(_ key: CodingKeys) throws -> Set<String> {
      try container.decodeIfPresent(Set<String>.self, forKey: key) ?? []
    }
    volumes = try names(.volumes)
    builds = try names(.builds)
    runs = try names(.runs)
    places = try names(.places)
    writes = try names(.writes)
    socketNetworks = try names(.socketNetworks)
    containers = try names(.containers)
    projects = try names(.projects)
  }

  /// Writes the names in order, so that equal values give equal texts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(volumes.sorted(), forKey: .volumes)
    try container.encode(builds.sorted(), forKey: .builds)
    try container.encode(runs.sorted(), forKey: .runs)
    try container.encode(places.sorted(), forKey: .places)
    try container.encode(writes.sorted(), forKey: .writes)
    try container.encode(socketNetworks.sorted(), forKey: .socketNetworks)
    try container.encode(containers.sorted(), forKey: .containers)
    try container.encode(projects.sorted(), forKey: .projects)
  }

  /// Adds what another reading of the same stack found.
  public mutating func formUnion(_ other: Belongings) {
    volumes.formUnion(other.volumes)
    builds.formUnion(other.builds)
    runs.formUnion(other.runs)
    places.formUnion(other.places)
    writes.formUnion(other.writes)
    socketNetworks.formUnion(other.socketNetworks)
    containers.formUnion(other.containers)
    projects.formUnion(other.projects)
  }
}

extension Subject {
  /// Reads what the stack has for itself from its model.
  public var belongings: Belongings {
    var found = Belongings()
    let project = model["name"]?.string ?? stack
    found.projects.insert(project)
    for (key, volume) in model["volumes"]?.object ?? [:] where volume["external"]?.bool != true {
      found.volumes.insert(volume["name"]?.string ?? key)
    }
    for (service, json) in services {
      let image = json["image"]?.string
      found.containers.insert(json["container_name"]?.string ?? "\(project)-\(service)-1")
      if let build = json["build"] {
        found.builds.insert(image ?? "\(model["name"]?.string ?? stack)-\(service)")
        found.builds.formUnion((build["tags"]?.array ?? []).compactMap(\.string))
      } else if let image {
        found.runs.insert(image)
      }
      let mounts = mounts(of: service, json)
      found.writes.formUnion(mounts.filter { !$0.readOnly }.flatMap { paths.forms($0.source) })
      for mount in mounts {
        if let place = Path.relative(mount.source, to: paths.liveRoot), standing(of: place) == .nobody {
          found.places.insert(place)
        }
      }
      if holdsSocket(service, json) {
        let own = (json["networks"]?.object ?? [:]).keys
        found.socketNetworks.formUnion(own.map { model["networks"]?[$0]?["name"]?.string ?? $0 })
      }
    }
    found.builds = Set(found.builds.map { Image($0).reference })
    found.runs = Set(found.runs.map { Image($0).reference })
    return found
  }

  /// The engine's names of the volumes that are not called after the project: somebody else may have made them.
  public var namedVolumes: Set<String> {
    let project = model["name"]?.string ?? ""
    return Set(
      (model["volumes"]?.object ?? [:]).compactMap { key, volume in
        let name = volume["name"]?.string ?? key
        return volume["external"]?.bool == true || name != "\(project)_\(key)" ? name : nil
      })
  }

  /// Whether a service's container reaches the Docker socket.
  func holdsSocket(_ service: String, _ json: JSON) -> Bool {
    json["use_api_socket"]?.bool == true
      || mounts(of: service, json).contains { DockerSocket.way($0.source, paths) != nil }
  }
}
