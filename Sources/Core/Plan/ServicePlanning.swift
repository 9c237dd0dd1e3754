/// Decides what is done to the containers of one stack.
public enum ServicePlanning {
  /// Plans each service, sorted by name; a service that the stack no longer has is removed when clup knows it.
  ///
  /// `stale` holds the mounted paths whose content on the host is not the commit's; `images` the ids of images that
  /// services are to run whatever their references name by now.
  public static func plan(
    desired: [DesiredService], known: [DesiredService], containers: [Container], stale: Set<String> = [],
    images: [String: String] = [:]
  ) -> [ServicePlan] {
    let former = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
    let running = Dictionary(grouping: containers) { $0.service }
    var plans = desired.map {
      plan(
        $0, known: former[$0.name], containers: running[$0.name] ?? [], stale: stale, imageID: images[$0.name])
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
  /// told of all services, and not where it is told to make one of them anew.
  private static func join(_ plans: inout [ServicePlan], _ desired: [DesiredService]) {
    let joins = Dictionary(desired.map { ($0.name, $0.joins ?? []) }) { first, _ in first }
    while true {
      let acting = Dictionary(plans.filter { $0.action != .keep }.map { ($0.name, $0) }) { first, _ in first }
      let index = plans.firstIndex { plan in
        plan.action == .keep && joins[plan.name]?.contains { acting[$0] != nil } == true
      }
      guard let index, let base = joins[plans[index].name]?.lazy.compactMap({ acting[$0] }).first else { return }
      plans[index].action = .recreate
      plans[index].reason = "it lives in the network or the volumes of \(base.name), whose container changes"
      plans[index].way = base.way == .force || base.action == .start ? .force : .up
    }
  }

  /// What is done, why, and how.
  private typealias Decision = (action: ServiceReport.Action, reason: String, way: ServicePlan.Way)

  private static func plan(
    _ service: DesiredService, known: DesiredService?, containers: [Container], stale: Set<String>, imageID: String?
  ) -> ServicePlan {
    let shown = containers.worst
    var plan = ServicePlan(
      name: service.name, action: .keep, reason: nil, state: shown?.state ?? "absent", health: shown?.health ?? "none")
    let mounted =
      known.flatMap { changed(from: $0.mounts, to: service.mounts) }
      ?? service.mounts.keys.sorted().first(where: stale.contains)
    let resource = changedResource(from: known, to: service)
    // Compose counts containers, and does not look into what they mount.
    let isForced = mounted != nil || resource.map { !$0.hasPrefix("network ") && !$0.hasPrefix("volume ") } ?? false
    let way: ServicePlan.Way = isForced && !containers.isEmpty ? .force : .up
    let decision =
      rebuilt(service, known, containers, imageID) ?? counted(service, known, containers, way, imageID)
      ?? differing(service, known, containers, imageID) ?? mounted.map {
        (.recreate, "mounted file \($0) changed", .force)
      }
      ?? resource.map { (.recreate, "\($0) changed", way) } ?? drifted(service, containers)
    if let decision { (plan.action, plan.reason, plan.way) = decision }
    return plan
  }

  /// What is to run an image of before is not built for it.
  private static func rebuilt(
    _ service: DesiredService, _ known: DesiredService?, _ containers: [Container], _ imageID: String?
  ) -> Decision? {
    guard let known, imageID == nil else { return nil }
    let action: ServiceReport.Action = containers.isEmpty ? .create : .recreate
    if let path = changed(from: known.builds, to: service.builds) {
      return (action, "build context \(path) changed", .build)
    }
    let isOther = known.isSeen && known.isBuilt && service.isBuilt && known.fields["build"] != service.fields["build"]
    return isOther ? (action, "build changed", .build) : nil
  }

  /// Compares how many containers there are with how many there should be.
  private static func counted(
    _ service: DesiredService, _ known: DesiredService?, _ containers: [Container], _ way: ServicePlan.Way,
    _ imageID: String?
  ) -> Decision? {
    let isSame = known?.hash == service.hash
    if containers.count < service.replicas {
      // An image of its name may be from any commit.
      guard let known, known.isSeen else {
        return (.create, "new service", service.isBuilt && imageID == nil ? .build : .up)
      }
      if isSame, known.replicas != service.replicas { return (.create, "replicas changed", way) }
      return (.create, isSame ? "drift: container removed" : why(service, known), way)
    }
    guard containers.count > service.replicas else { return nil }
    if known?.replicas != service.replicas { return (.recreate, "replicas changed", way) }
    return (.recreate, isSame ? "drift: more containers than replicas" : why(service, known), way)
  }

  /// Compares what containers were made from with what they should be made from.
  private static func differing(
    _ service: DesiredService, _ known: DesiredService?, _ containers: [Container], _ imageID: String?
  ) -> Decision? {
    let running = known?.hash == service.hash ? known?.running : nil
    if containers.contains(where: { $0.hash != service.hash && $0.hash != running }) {
      return (.recreate, known?.hash == service.hash ? "drift: configuration differs" : why(service, known), .up)
    }
    if let imageID, containers.contains(where: { $0.imageID.map { $0 != imageID } ?? false }) {
      let image = service.image.isEmpty ? service.name : service.image
      return (.recreate, "the image of \(image) as it was before", .up)
    }
    let hasNewBuild =
      imageID == nil && !service.image.isEmpty
      && containers.contains { isID($0.image) && $0.image != service.image }
    return hasNewBuild ? (.recreate, "image \(service.image) has a new build", .up) : nil
  }

  /// Finds what became of containers that were made as they should be.
  private static func drifted(_ service: DesiredService, _ containers: [Container]) -> Decision? {
    if let (network, lost) = lostNetwork(service, containers) {
      return (.recreate, "drift: \(lost.name) left the network \(network)", .force)
    }
    if let orphan = containers.first(where: { $0.sharesDeadNetwork ?? false }) {
      return (.recreate, "drift: the container whose network \(orphan.name) uses was started anew", .force)
    }
    let stopped = containers.first {
      $0.state != "running" && $0.state != "restarting" && !service.rests($0.id)
    }
    guard let stopped, !stopped.isDone || service.restarts else { return nil }
    return (.start, "drift: container \(stopped.state)", .up)
  }

  /// Names the keys whose value is not what it was.
  private static func why(_ service: DesiredService, _ known: DesiredService?) -> String {
    guard let known, known.isSeen else { return "configuration changed" }
    let keys = Set(service.fields.keys).union(known.fields.keys).sorted()
      .filter { service.fields[$0] != known.fields[$0] }
    return keys.isEmpty ? "configuration changed" : keys.joined(separator: ", ") + " changed"
  }

  private static func changed(from old: [String: String], to new: [String: String]) -> String? {
    Set(old.keys).union(new.keys).sorted().first { !Fingerprint.isSame(old[$0], new[$0]) }
  }

  /// Finds a network, volume, config or secret that is another one than was recorded.
  private static func changedResource(from known: DesiredService?, to service: DesiredService) -> String? {
    guard let old = known?.resources, let new = service.resources else { return nil }
    return changed(from: old, to: new)
  }

  /// Finds a running container that is not in a network of its service.
  private static func lostNetwork(_ service: DesiredService, _ containers: [Container]) -> (String, Container)? {
    let networks = service.networks
    for container in containers where container.state == "running" {
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
