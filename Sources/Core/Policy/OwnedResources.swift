/// What a stack has for itself, or does, that decides what other stacks may have: names of the engine and paths.
public struct OwnedResources: Codable, Sendable, Equatable {
  /// The engine's names of the volumes that it makes.
  public var volumes: Set<String> = []
  /// The references of the images that it builds.
  var builds: Set<String> = []
  /// The references of the images that it runs.
  var runs: Set<String> = []
  /// What it mounts below the live root that no stack's directory holds, relative to the live root.
  public var places: Set<String> = []
  /// The absolute host paths that its containers may write to.
  public var writes: Set<String> = []
  /// The absolute paths below those that a read-only mount keeps from its containers.
  public var kept: Set<String> = []
  /// The networks through which its Docker socket is spoken to, by the engine's names.
  public var socketNetworks: Set<String> = []
  /// The names that it gives to containers.
  var containers: Set<String> = []
  /// Its Compose project.
  public var projects: Set<String> = []

  /// The networks that it makes, by the engine's names.
  var networks: Set<String> = []
  /// The names that its services have on networks, `NETWORK NAME`.
  var hosts: Set<String> = []
  /// What it mounts of the live root beside its own directory, unless the commit or the host has that for all.
  var outside: Set<String> = []

  /// The ports of the host that it publishes, `PORT/TRANSPORT`.
  var ports: Set<String> = []

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private static let fields: [(key: String, path: WritableKeyPath<OwnedResources, Set<String>> & Sendable)] = [
    ("volumes", \.volumes), ("builds", \.builds), ("runs", \.runs), ("places", \.places), ("writes", \.writes),
    ("kept", \.kept),
    ("socketNetworks", \.socketNetworks), ("containers", \.containers), ("projects", \.projects),
    ("networks", \.networks), ("hosts", \.hosts), ("outside", \.outside),
    ("ports", \.ports),
  ]

  /// Starts from nothing.
  public init() {}

  /// Reads what an earlier version wrote, too.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for (key, path) in Self.fields {
      self[keyPath: path] = try container.decodeIfPresent(Set<String>.self, forKey: Key(stringValue: key)) ?? []
    }
  }

  /// Writes the names in order, so that equal values give equal texts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (key, path) in Self.fields { try container.encode(self[keyPath: path].sorted(), forKey: Key(stringValue: key)) }
  }

  /// Leaves out what another stack had first: a claim that is refused must not hold back the one whose it is.
  ///
  /// `before` is what this one had by then.
  public func without(_ owner: OwnedResources, unless before: OwnedResources) -> OwnedResources {
    var own = self
    func leave(_ path: WritableKeyPath<OwnedResources, Set<String>>, _ theirs: Set<String>) {
      own[keyPath: path].subtract(theirs.subtracting(before[keyPath: path]))
    }
    let claims: [WritableKeyPath<OwnedResources, Set<String>>] = [
      \.volumes, \.builds, \.containers, \.projects, \.networks, \.hosts, \.ports,
    ]
    for path in claims { leave(path, owner[keyPath: path]) }
    leave(\.runs, owner.builds)
    leave(\.builds, owner.runs)
    own.outside.formIntersection(before.outside)
    return own
  }

  /// Adds what another reading of the same stack found.
  public mutating func formUnion(_ other: OwnedResources) {
    for (_, path) in Self.fields { self[keyPath: path].formUnion(other[keyPath: path]) }
  }
}

extension Subject {
  /// Reads what the stack has for itself from its model.
  public var belongings: OwnedResources {
    var found = OwnedResources()
    let project = model["name"]?.string ?? stack
    found.projects.insert(project)
    for (key, volume) in model["volumes"].object where volume["external"]?.bool != true {
      found.volumes.insert(volume["name"]?.string ?? key)
    }
    for (service, json) in services {
      let image = json["image"]?.string
      found.containers.insert(json["container_name"]?.string ?? "\(project)-\(service)-1")
      if let build = json["build"] {
        found.builds.insert(image ?? "\(model["name"]?.string ?? stack)-\(service)")
        found.builds.formUnion(build["tags"].strings)
        found.runs.formUnion(bases(of: service))
      } else if let image {
        found.runs.insert(image)
      }
      let mounts = mounts(of: service, json)
      found.writes.formUnion(mounts.filter { !$0.readOnly }.flatMap { paths.forms($0.source) })
      for mount in mounts {
        guard let place = Path.relative(mount.source, to: paths.liveRoot) else { continue }
        let ownership = ownership(of: place)
        if ownership == .nobody { found.places.insert(place) }
        if ownership == .nobody || ownership == .free, Path.relative(place, to: home) == nil, paths.tree?[place] == nil,
          !policy.shares(path: place, with: stack)
        {
          found.outside.insert(place)
        }
      }
      for case .port(let port, let transport, _) in ComposeService(name: service, json, files: [:]).claims {
        found.ports.insert("\(port)/\(transport)")
      }
      for (network, names) in hostNames(of: service, json) {
        found.hosts.formUnion((names.given + [names.service]).map { "\(network) \($0)" })
      }
      if holdsSocket(service, json) {
        found.socketNetworks.formUnion(networks(of: json).map(\.name))
      }
    }
    for (key, network) in model["networks"].object where network["external"]?.bool != true {
      found.networks.insert(network["name"]?.string ?? key)
    }
    let own = Set(paths.forms(Path.join(paths.liveRoot, directory)))
    let above = found.writes.filter { write in own.contains { Path.relative($0, to: write) != nil } }
    found.kept = above.isEmpty ? [] : own.filter { path in above.allSatisfy { isKept(path, below: $0) } }
    found.builds = Set(found.builds.map { Image($0).reference })
    found.runs = Set(found.runs.map { Image($0).reference })
    return found
  }

  /// The engine's names of the volumes that are not called after the project, or all where the repository chose the
  /// project's name: somebody else may have made them.
  public var namedVolumes: Set<String> {
    let project = model["name"]?.string ?? ""
    return Set(
      model["volumes"].object.compactMap { key, volume in
        let name = volume["name"]?.string ?? key
        return volume["external"]?.bool == true || choosesItsName || name != "\(project)_\(key)" ? name : nil
      })
  }

  /// Whether a service's container reaches the Docker socket.
  func holdsSocket(_ service: String, _ json: JSON) -> Bool {
    json["use_api_socket"]?.bool == true
      || mounts(of: service, json).contains { DockerSocket.way($0, paths) != nil }
  }
}
