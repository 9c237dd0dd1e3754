/// Decides what is done to the containers of one stack.
public enum ServicePlanning {
  /// Plans each service, sorted by name; a service that the stack no longer has is removed when clup knows it.
  ///
  /// `stale` holds the mounted paths whose content on the host is not the commit's; `images` the ids of images that
  /// services are to run whatever their references name now; `isCutOff` says that an earlier change did not come to its end.
  public static func plan(
    desired: [DesiredService], known: [DesiredService], containers: [Container], stale: Set<String> = [],
    images: [String: String] = [:], isCutOff: Bool = false
  ) -> [ServicePlan] {
    let former = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
    let running = Dictionary(grouping: containers) { $0.service }
    var plans = desired.map {
      plan(
        $0, known: former[$0.name], containers: running[$0.name] ?? [], stale: stale, imageID: images[$0.name])
    }
    for index in plans.indices where plans[index].startsAsItIs {
      let own = running[plans[index].name] ?? []
      let isUnstarted = !own.isEmpty && own.allSatisfy { $0.cannotStart || isCutOff && $0.state == "created" }
      if isUnstarted { plans[index].way = .remake }
    }
    join(&plans, desired)
    let wanted = Set(desired.map(\.name))
    for service in known where !wanted.contains(service.name) {
      guard let left = running[service.name], let first = left.worst else { continue }
      plans.append(
        ServicePlan(
          name: service.name, action: .remove, reason: "service removed", way: .remove(left.map(\.id)),
          state: first.state, health: first.health))
    }
    return plans.sorted { $0.name < $1.name }
  }

  /// What lives in another service's network or volumes goes with its containers. Compose sees that by itself where it is
  /// told of all services, and not where it is told to make one of them again.
  private static func join(_ plans: inout [ServicePlan], _ desired: [DesiredService]) {
    let joins = Dictionary(desired.map { ($0.name, $0.joins ?? []) }) { first, _ in first }
    while true {
      // What is only paused goes on in the network that it has.
      let acting = Dictionary(
        plans.filter { $0.action != .keep && !($0.action == .start && $0.state == "paused") }.map { ($0.name, $0) }
      ) { first, _ in first }
      let index = plans.firstIndex { plan in
        plan.action == .keep && joins[plan.name]?.contains { acting[$0] != nil } == true
      }
      guard let index, let base = joins[plans[index].name]?.lazy.compactMap({ acting[$0] }).first else { return }
      plans[index].action = .recreate
      plans[index].reason = "it uses the network or the volumes of \(base.name), whose container is replaced"
      plans[index].way = base.way == .force || base.action == .start ? .force : .up
    }
  }

  private typealias Decision = (action: ServiceReport.Action, reason: String, way: ServicePlan.Way)

  private static func plan(
    _ service: DesiredService, known: DesiredService?, containers: [Container], stale: Set<String>, imageID: String?
  ) -> ServicePlan {
    let shown = containers.worst
    var plan = ServicePlan(
      name: service.name, action: .keep, reason: nil, state: shown?.state ?? "absent", health: shown?.health ?? "none")
    var changes = known.map(service.differences) ?? []
    if let path = service.mounts.keys.sorted().first(where: stale.contains) { changes.append(.mount(path)) }
    let unseen = changes.first { if case .mount = $0 { true } else { false } } ?? changes.first(where: \.isUnseen)
    // Compose does not bring a container back into a network that was removed under it, nor does it see that a volume gives way
    // to another one, unless it has made both.
    let isForced =
      unseen?.isForced == true || lostNetwork(service, containers) != nil
      || unseen != nil && containers.contains(where: service.lacksVolume)
    let way: ServicePlan.Way = isForced && !containers.isEmpty ? .force : .up
    let decision =
      rebuilt(known, changes, containers, imageID) ?? counted(service, known, changes, containers, way, imageID)
      ?? differing(service, known, changes, containers, way, imageID)
      ?? unseen.map { (.recreate, $0.text, way) } ?? drifted(service, containers)
    if let decision { (plan.action, plan.reason, plan.way) = decision }
    return plan
  }

  /// What is to run an image of before is not built for it.
  private static func rebuilt(
    _ known: DesiredService?, _ changes: [DesiredService.Difference], _ containers: [Container], _ imageID: String?
  ) -> Decision? {
    guard imageID == nil, known?.isSeen == true || !containers.isEmpty, let change = changes.first(where: \.isOfBuild)
    else { return nil }
    return (containers.isEmpty ? .create : .recreate, change.text, .build)
  }

  /// Compares how many containers there are with how many there should be.
  private static func counted(
    _ service: DesiredService, _ known: DesiredService?, _ changes: [DesiredService.Difference],
    _ containers: [Container], _ way: ServicePlan.Way, _ imageID: String?
  ) -> Decision? {
    if containers.count == service.replicas { return nil }
    let why = known.flatMap { service.isMade(as: $0) ? nil : definition(changes) }
    let scaled = changes.contains(.replicas)
    if containers.count < service.replicas {
      // An image of its name may be from any commit.
      guard let known, known.isSeen else {
        return (.create, "new service", service.isBuilt && imageID == nil ? .build : way)
      }
      return (.create, why ?? (scaled ? "replicas changed" : "drift: container removed"), way)
    }
    if scaled || known?.isSeen != true { return (.recreate, "replicas changed", way) }
    return (.recreate, why ?? "drift: more containers than replicas", way)
  }

  /// Compares what containers were made from with what they should be made from.
  ///
  /// Compose makes only those again that differ: the others go with them where what they hold is not what it should be.
  private static func differing(
    _ service: DesiredService, _ known: DesiredService?, _ changes: [DesiredService.Difference],
    _ containers: [Container], _ way: ServicePlan.Way, _ imageID: String?
  ) -> Decision? {
    func decision(_ reason: String, _ differing: [Container]) -> Decision {
      (.recreate, reason, differing.count < containers.count ? way : .up)
    }
    let isSame = known.map(service.isMade) ?? false
    let expected = [service.hash, isSame ? known?.hash : nil, isSame ? known?.running : nil]
    let others = containers.filter { !expected.contains($0.hash) }
    if !others.isEmpty {
      let cover = service.covers?.first { cover in
        containers.contains { $0.mounts?.write(to: [cover.source]) == true }
      }
      let change = cover.map { "it may write to \(Path.parent($0.source)): \($0.target) becomes read-only" }
      return decision(isSame && change == nil ? "drift: configuration differs" : change ?? definition(changes), others)
    }
    if let imageID {
      let others = containers.filter { $0.imageID.map { $0 != imageID } ?? false }
      let image = service.image.isEmpty ? service.name : service.image
      return others.isEmpty ? nil : decision("the image of \(image) as it was before", others)
    }
    let built = containers.filter { !service.image.isEmpty && isID($0.image) && $0.image != service.image }
    return built.isEmpty ? nil : decision("image \(service.image) has a new build", built)
  }

  /// Names the keys whose value is not what it was.
  private static func definition(_ changes: [DesiredService.Difference]) -> String {
    let change = changes.first { if case .definition = $0 { true } else { false } }
    return (change ?? .definition([])).text
  }

  /// Finds what became of containers that were made as they should be.
  private static func drifted(_ service: DesiredService, _ containers: [Container]) -> Decision? {
    if let (network, lost) = lostNetwork(service, containers) {
      return (.recreate, "drift: \(lost.name) left the network \(network)", .force)
    }
    if let orphan = containers.first(where: { $0.sharesDeadNetwork ?? false }) {
      return (
        .recreate, "drift: the container whose network \(orphan.name) uses was restarted, recreated or removed", .force
      )
    }
    if let found = containers.lazy.compactMap({ $0.decay(as: service) }).first {
      return (.recreate, "drift: \(found)", .force)
    }
    if let path = containers.lazy.compactMap(\.movedBind).first {
      return (.recreate, "it mounts \(path), which has moved", .force)
    }
    if let stuck = containers.first(where: \.cannotStart) {
      return (
        .recreate, "drift: Docker Engine was stopped while it started \(stuck.name), and cannot start it again", .remake
      )
    }
    let stopped = containers.first {
      $0.state != "running" && $0.state != "restarting" && !service.rests($0.id)
    }
    guard let stopped, !stopped.isDone || service.restarts else { return nil }
    return (.start, "drift: container \(stopped.state)", .up)
  }

  /// Finds a container that is not in a network of its service; one that is stopped would be started without it.
  private static func lostNetwork(_ service: DesiredService, _ containers: [Container]) -> (String, Container)? {
    let networks = service.networks
    for container in containers {
      guard let present = container.networks else { continue }
      if let lost = networks.subtracting(present).min() { return (lost, container) }
    }
    return nil
  }

  private static func isID(_ image: String) -> Bool {
    let digits = image.hasPrefix("sha256:") ? image.dropFirst(7) : image[...]
    return digits.count >= 12 && digits.allSatisfy { $0.isHexDigit }
  }
}

extension ServicePlan {
  /// Whether a container that stands there is to be started, alone or beside new ones.
  fileprivate var startsAsItIs: Bool { way == .up && (action == .start || action == .create) }
}

extension Container {
  /// What it has lost since it was made, and only a new container has again.
  fileprivate func decay(as service: DesiredService) -> String? {
    if let (lost, network) = service.lost(in: attachments) {
      return "\(name) is not known as \(lost) in the network \(network) any more"
    }
    if let deadNamespace {
      return "the container whose \(deadNamespace) \(name) uses was restarted, recreated or removed"
    }
    return lostFile.map { "the file that \(name) mounts at \($0) was removed from clup's releases" }
  }
}

extension DesiredService.Difference {
  /// Whether the image has to be built.
  fileprivate var isOfBuild: Bool {
    switch self {
    case .build, .buildContext: true
    case .definition, .mount, .resource, .replicas: false
    }
  }

  /// Whether the hash of a service's configuration does not show it.
  fileprivate var isUnseen: Bool {
    switch self {
    case .mount, .resource: true
    case .definition, .build, .buildContext, .replicas: false
    }
  }

  /// Whether Compose does not see it by itself: it looks neither into what containers mount nor into configs and secrets.
  fileprivate var isForced: Bool {
    switch self {
    case .mount: true
    case .resource(let name): !name.hasPrefix("network ") && !name.hasPrefix("volume ")
    case .definition, .build, .buildContext, .replicas: false
    }
  }
}
