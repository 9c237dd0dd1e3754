/// What a stack was brought to, as it was seen in place; for a stack that is being changed, what may stand there.
public struct Deployment: Codable, Sendable, Equatable {
  /// The commit that its pointer names.
  public var commit: String
  /// Compose's project name.
  public var project: String
  /// Each path of the repository that it depends on, with the id of what stood there.
  @Packed public var tracked: [String: String]
  /// Each untracked path under the live root that it depends on, with the id of what stood there.
  @Packed public var untracked: [String: String]
  /// Its services.
  public var services: [DesiredService]
  /// Its live paths.
  public var links: [String: DesiredLink]
  /// The live paths that it stands on and that are not its alone.
  public var shared: [String: DesiredLink]?
  /// The stacks that must be in place first, as its Compose file says.
  public var after: [String]
  /// The fingerprint of the host's policy that it was checked against.
  var policy: String?
  /// One id for all that `tracked` says.
  public var contents: String?
  /// The id of the image that each service was seen with.
  public var images: [String: String]?
  /// How long it may take to become healthy.
  var deployTimeout: Duration?
  /// Whether probes are asked of it; which ones is read from its files, since values of its `.env` may stand in them.
  var isProbed: Bool?
  /// What it has for itself beside its directory; unknown in what an earlier version wrote.
  public var belongings: OwnedResources?
  /// The live paths that its containers may write to; unknown in what an earlier version wrote.
  public var writes: [String]?
  /// Where its project lies; nothing where that is the directory that it is called after, and Compose finds its files.
  public var layout: ProjectPlace?
  /// The live paths that its containers mount; unknown in what an earlier version wrote.
  public var reads: [String]?
  /// Whether a container of it has what is above its directory.
  var exposed: Bool?
}

extension Deployment {
  /// Keeps what was found in place, or is on its way there.
  public init(_ desired: DesiredStack) {
    self.init(
      commit: desired.commit, project: desired.project, tracked: desired.tracked, untracked: desired.untracked,
      services: desired.services, links: desired.links, shared: desired.shared, after: desired.after,
      policy: desired.policy, contents: desired.contents, images: desired.images, deployTimeout: desired.deployTimeout,
      isProbed: desired.readsProbes || !desired.probes.isEmpty, belongings: desired.belongings, writes: desired.writes,
      layout: desired.layout, reads: desired.reads, exposed: desired.isExposed ? true : nil)
  }

  /// Every live path that it stands on, each with the commit that leads it.
  public var paths: [String: DesiredLink] {
    links.mapValues { $0.withCommit($0.commit ?? commit) }.merging(shared ?? [:]) { own, _ in own }
  }

  /// Returns the record of a stack that was judged again and is what it was, with all that is known of it now; nothing
  /// where it is to be made from something else.
  public func judged(as desired: DesiredStack) -> Deployment? {
    guard project == desired.project, after == desired.after, layout == desired.layout,
      desired.inputs.differences(from: inputs).isEmpty
    else { return nil }
    var record = Deployment(desired)
    (record.commit, record.links, record.shared, record.images) = (commit, links, shared, images)
    record.services = desired.services.map { service in
      guard let known = services.first(where: { $0.name == service.name }) else { return service }
      var service = service
      (service.hash, service.running, service.resting) = (known.hash, known.running, known.resting)
      (service.containers, service.volumes) = (known.containers, known.volumes)
      return service
    }
    return record
  }

  /// Whether a container is one that was seen in place, whatever directory it was started from.
  public func has(_ container: Container) -> Bool {
    project == container.project
      && services.contains { $0.name == container.service && [$0.hash, $0.running].contains(container.hash) }
  }

  /// Its services, and those of others that it does not have: what their containers were made from, if somebody else has
  /// started any, nobody knows.
  func all(of others: [DesiredService]) -> [DesiredService] {
    services + others.filter { other in !services.contains { $0.name == other.name } }.map(\.unseen)
  }

  /// Remembers that services are being worked on: what their containers are made from is not known until that has ended.
  mutating func markUncertain(_ affected: Set<String>) {
    for index in services.indices where affected.contains(services[index].name) {
      services[index].mounts = services[index].mounts.mapValues { _ in Fingerprint.absent }
      services[index].builds = services[index].builds.mapValues { _ in Fingerprint.absent }
    }
  }

  /// Returns the record for a host on which directories stand where it has links to directories now: their files are
  /// copies. `files` gives the files below a path of a commit, nothing where that is not known.
  public func materialized(
    where isDirectory: (String) -> Bool, files: (String, String) -> [TrackedPath]?
  ) -> Deployment {
    func materialized(_ links: [String: DesiredLink]) -> [String: DesiredLink] {
      var all = links
      for (path, link) in links where link.kind == .link && isDirectory(path) {
        guard let files = files(link.commit ?? commit, link.from) else { continue }
        all[path] = nil
        for file in files where file.isRegular {
          guard let rest = Path.relative(file.path, to: link.from) else { continue }
          all[Path.join(path, rest)] = DesiredLink(kind: .copy, file).withCommit(link.commit)
        }
      }
      return all
    }
    var stack = self
    stack.links = materialized(links)
    stack.shared = shared.map(materialized)
    return stack
  }

  /// Returns the same where other live paths have pointers of their own now.
  public func following(_ led: [String: DesiredLink]) -> Deployment {
    var deployment = self
    deployment.follow(led)
    return deployment
  }

  /// Tells its own paths from those that have pointers of their own now.
  mutating func follow(_ led: [String: DesiredLink]) {
    let all = paths
    links = [:]
    shared = [:]
    for (path, link) in all {
      if let leading = (Path.ancestors(path) + [path]).first(where: { led[$0] != nil }) {
        shared?[leading] = led[leading]
      } else {
        links[path] = link.withCommit(nil)
      }
    }
  }
}
