/// What a stack of the target commit is to be.
public struct DesiredStack: Sendable, Equatable {
  /// The stack's name.
  public var name: String
  /// The target commit.
  public var commit: String
  /// Compose's project name.
  public var project: String
  /// Each path of the repository that it depends on, with the id of what stands there.
  public var tracked: [String: String] = [:]
  /// Each untracked path under the live root that it depends on, with the id of what stands there.
  public var untracked: [String: String] = [:]
  /// Its services, sorted by name.
  public var services: [DesiredService] = []
  /// Its live paths.
  public var links: [String: DesiredLink] = [:]
  /// The live paths that it stands on and that are not its alone.
  public var shared: [String: DesiredLink] = [:]
  /// The stacks that must be in place first, as its Compose file says.
  public var after: [String] = []
  /// How long it may take to become healthy; nothing where the host's own setting counts.
  public var deployTimeout: Duration?
  /// What is asked once Compose calls everything up.
  public var probes: [Probe] = []
  /// A digest of each part of the model that was judged; nothing where it goes by a record of what was good.
  public var resolved: [String: String]?
  /// Whether the probes are yet to be read from its files.
  public var readsProbes = false
  /// The ids of the images that its services are to run, by service; none where the references decide.
  public var images: [String: String] = [:]
  /// One id for all that `tracked` says.
  public var contents: String?
  /// The fingerprint of the host's policy that it was checked against.
  public var policy: String?
  /// What it has for itself beside its directory; unknown where it goes by a record of an earlier version.
  public var belongings: OwnedResources?
  /// The live paths that its containers may write to; unknown in what an earlier version wrote.
  public var writes: [String]?
  /// Where its project lies; nothing where that is the directory that it is called after, and Compose finds its files.
  public var layout: ProjectPlace?
  /// All that its containers mount, the same way.
  public var reads: [String]?
  /// The ids of the host's own files with which what was good was judged as well: they may stand there when it comes back.
  public var alsoJudged: [String: String] = [:]
  /// The references of the images that services are built from, as far as they are known, by service.
  public var bases: [String: [String]] = [:]
  /// Whether a container has what is above its directory, and nothing but a mount laid over it keeps the files there: Compose
  /// gets the model that was judged, and reads none of them again.
  public var isExposed = false
  /// That model; nothing where Compose reads the files. It never comes onto a disk.
  public var model: JudgedModel?
}

/// A resolved model as it was judged, for Compose to run.
public struct JudgedModel: Sendable, Equatable {
  /// The model.
  public var json: JSON
  /// The values of variables of which its configs and secrets are made.
  public var values: [String: String]
  /// Takes a model.
  public init(_ json: JSON, values: [String: String]) { (self.json, self.values) = (json, values) }

  /// The same with further fields of services.
  public func laying(_ fields: [String: [String: JSON]]) -> JSON {
    json.changing("services") { services in
      for (name, service) in services {
        services[name] = .object(service.object.merging(fields[name] ?? [:]) { $1 })
      }
    }
  }

  /// The same with these services alone, which run images that are there and wait for none of the others.
  public func running(_ services: [String]) -> JudgedModel {
    let model = json.changing("services") { all in
      all = all.filter { services.contains($0.key) }
      for (name, service) in all {
        var fields = service.object.filter { $0.key != "build" }
        if fields["image"] == nil { fields["image"] = .string("\(json["name"]?.string ?? "")-\(name)") }
        fields["depends_on"] = fields["depends_on"].map { .object($0.object.filter { services.contains($0.key) }) }
        all[name] = .object(fields)
      }
    }
    return JudgedModel(model, values: values)
  }
}

extension DesiredStack {
  /// Begins to say what a stack is to be.
  public init(name: String, commit: String, project: String) {
    self.init(name: name, commit: commit, project: project, tracked: [:])
  }

  /// Wishes for what was in place before, with the images of that time.
  public init(_ name: String, _ good: Deployment) {
    self.init(
      name: name, commit: good.commit, project: good.project, tracked: good.tracked, untracked: good.untracked,
      services: good.services, links: good.links, shared: good.shared ?? [:], after: good.after,
      deployTimeout: good.deployTimeout, readsProbes: good.isProbed ?? true, images: good.images ?? [:],
      contents: good.contents, policy: good.policy, belongings: good.belongings, writes: good.writes,
      layout: good.layout, reads: good.reads, isExposed: good.exposed ?? false)
  }

  /// The ids of the host's own files that were judged together with the files of what was good.
  public func judged(with good: Deployment) -> [String: String] {
    resolved != nil && tracked == good.tracked ? untracked : alsoJudged
  }

  /// Whether the host's own files may be others than when it was good.
  public var hasOtherValues: Bool { alsoJudged.contains { path, id in untracked[path] != id } }

  /// Returns the engine's names of the networks that are another thing under the same name than was recorded.
  func networksMadeAnew(since known: Deployment?) -> Set<String> {
    func networks(_ services: [DesiredService]) -> [String: Set<String>] {
      services.flatMap { $0.resources ?? [:] }.filter { $0.key.hasPrefix("network ") }.reduce(into: [:]) {
        found, entry in
        let name = String(entry.value.prefix { $0 != " " })
        found[name, default: []].insert(entry.value)
      }
    }
    let now = networks(services)
    return Set(networks(known?.services ?? []).filter { name, former in now[name].map { $0 != former } ?? false }.keys)
  }

  /// Remembers the containers that were seen, and the hashes and images of them.
  public func seen(as containers: [WatchedContainer]) -> DesiredStack {
    var seen = self
    seen.images = Dictionary(containers.map { ($0.service, $0.image) }) { first, _ in first }
    for index in services.indices {
      seen.services[index] = services[index].hashed(as: containers)
      seen.services[index].running = nil
      let own = containers.filter { $0.service == services[index].name }
      seen.services[index].containers = own.isEmpty ? nil : own.map(\.id).sorted()
      if !own.isEmpty { seen.services[index].volumes = own.compactMap(\.volumes).orNothing }
      let hashes = Set(own.map(\.hash))
      if let hash = hashes.first, hashes.count == 1, hash != seen.services[index].hash, !hash.isEmpty {
        seen.services[index].running = hash
      }
    }
    return seen
  }
}

/// A service as Compose will run it.
public struct DesiredService: Codable, Sendable, Equatable {
  /// The service's name.
  public var name: String
  /// Compose's hash of its configuration.
  public var hash: String
  /// The image's reference.
  public var image: String
  /// The id of each of its keys' values, to say what changed.
  @Packed public var fields: [String: String]
  /// The id of each file that it mounts, by path.
  @Packed public var mounts: [String: String]
  /// The id of each tracked directory that it is built from, by path.
  @Packed public var builds: [String: String]
  /// What it uses beside files, as `network NAME`, `volume NAME`, `config NAME` and `secret NAME`, each with the engine's name
  /// for it and a digest of what it is to be; unknown in what an earlier version wrote.
  public var resources: [String: String]?
  /// The further names and the fixed IPv4 address that its containers have, by the engine's name of the network; unknown in what
  /// an earlier version wrote.
  public var attachments: [String: [String]]?
  /// Whether its image is built; unknown in what an earlier version wrote.
  var built: Bool?
  /// How many containers it has.
  public var replicas: Int
  /// Whether the engine starts it again when it ends.
  var restarts: Bool
  /// The services whose network, processes or volumes it shares: it cannot outlive their containers.
  public var joins: [String]?
  /// What no other service can have beside it: container names and host ports.
  public var claims: [Claim] = []
  /// The hash that its containers carry, where that is another one: Compose puts the id of another service's container
  /// into what it hashes when a service shares that one's network or volumes.
  var running: String?
  /// The ids of containers that had failed before clup came and are not to be started again: they are left as they were
  /// found until the service changes.
  public var resting: [String]?
  /// What is mounted over its own mounts to keep it from the stack's directory; nothing where that is not needed.
  public var covers: [CoverMount]?
  /// Whether its image is pulled with each change although it is on the host.
  var pullsAnew: Bool?
  /// The ids of the containers that it was seen in place with; unknown in what an earlier version wrote.
  var containers: [String]?
  /// The volumes that the engine made for each of these containers alone; nothing where there are none, unknown in what an
  /// earlier version wrote.
  var volumes: [AnonymousVolumes]?

  /// Whether a container was left as it was found.
  func rests(_ id: String) -> Bool { resting?.contains(id) ?? false }

  /// The engine's names of the networks that its containers are in.
  public var networks: Set<String> { names(of: "network ") }

  /// Whether a container mounts volumes, and not all that the service names.
  func lacksVolume(_ container: Container) -> Bool {
    let mounted = Set(container.volumesByPath.values)
    return !mounted.isEmpty && !names(of: "volume ").isSubset(of: mounted)
  }

  private func names(of kind: String) -> Set<String> {
    Set((resources ?? [:]).filter { $0.key.hasPrefix(kind) }.compactMap { $0.value.split(separator: " ").first })
      .reduce(into: []) { $0.insert(String($1)) }
  }

  /// Finds a name or address that a container no longer has in one of the service's networks; `present` are those that it has,
  /// by network.
  public func lost(in present: [String: Set<String>]) -> (name: String, network: String)? {
    for network in networks.sorted() {
      guard let own = present[network] else { continue }
      let lost = ([name] + (attachments?[network] ?? [])).first { !own.contains($0) }
      if let lost { return (lost, network) }
    }
    return nil
  }

  /// Whether its image is built.
  public var isBuilt: Bool { built ?? !builds.isEmpty }

  /// The same service before any container of it was seen in place: of it nothing is known but the name.
  var unseen: DesiredService {
    var service = self
    (service.hash, service.fields, service.mounts, service.builds) = ("", [:], [:], [:])
    service.resources = nil
    return service
  }

  /// The same service when it is not known what its containers have at mounted paths: these lead elsewhere now.
  func markingUncertain(_ paths: Set<String>) -> DesiredService {
    var service = self
    for mount in mounts.keys where paths.contains(where: { Path.overlap($0, mount) }) {
      service.mounts[mount] = Fingerprint.absent
    }
    return service
  }

  /// The same service with the hash that its containers carry, where it is known what they were made from and not the hash.
  public func hashed(as containers: [WatchedContainer]) -> DesiredService {
    let hashes = Set(containers.filter { $0.service == name }.map(\.hash))
    guard hash.isEmpty, !fields.isEmpty, hashes.count == 1, let found = hashes.first else { return self }
    var service = self
    service.hash = found
    return service
  }

  /// Whether it mounts a path, or something above or below it.
  func mounts(any paths: Set<String>) -> Bool {
    mounts.keys.contains { mount in paths.contains { Path.overlap($0, mount) } }
  }

  /// Whether what its containers are made from is known.
  var isSeen: Bool { !hash.isEmpty }
}

extension DesiredService {
  /// Takes what Compose has resolved; `digest` gives the id of a value.
  public init(
    _ service: ComposeService, hash: String, mounts: [String: String], builds: [String: String],
    digest: (JSON) -> String
  ) {
    self.init(
      name: service.name, hash: hash, image: service.image, fields: service.fields.mapValues(digest), mounts: mounts,
      builds: builds, attachments: service.attachments, built: service.isBuilt, replicas: service.replicas,
      restarts: service.restarts, joins: service.joins.isEmpty ? nil : service.joins, claims: service.claims,
      pullsAnew: service.pullsAnew ? true : nil)
  }
}
