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

  private static func plan(
    _ service: DesiredService, known: DesiredService?, containers: [Container], stale: Set<String>, imageID: String?
  ) -> ServicePlan {
    let shown = containers.worst
    var plan = ServicePlan(
      name: service.name, action: .keep, reason: nil, state: shown?.state ?? "absent", health: shown?.health ?? "none")
    func decide(_ action: ServiceReport.Action, _ reason: String, _ way: ServicePlan.Way = .up) -> ServicePlan {
      plan.action = action
      plan.reason = reason
      plan.way = way
      return plan
    }
    // What is to run an image of before is not built for it.
    if let known, imageID == nil, let path = changed(from: known.builds, to: service.builds) {
      return decide(containers.isEmpty ? .create : .recreate, "build context \(path) changed", .build)
    }
    if let known, known.isSeen, imageID == nil, service.isBuilt, known.isBuilt,
      known.fields["build"] != service.fields["build"]
    {
      return decide(containers.isEmpty ? .create : .recreate, "build changed", .build)
    }
    let mounted =
      known.flatMap { changed(from: $0.mounts, to: service.mounts) }
      ?? service.mounts.keys.sorted().first(where: stale.contains)
    let resource = changedResource(from: known, to: service)
    // Compose counts containers, and does not look into what they mount.
    let isForced = mounted != nil || resource.map { !$0.hasPrefix("network ") && !$0.hasPrefix("volume ") } ?? false
    let counted: ServicePlan.Way = isForced && !containers.isEmpty ? .force : .up
    if containers.count < service.replicas {
      // An image of its name may be from any commit.
      if known?.isSeen != true {
        return decide(.create, "new service", service.isBuilt && imageID == nil ? .build : .up)
      }
      if let known, known.hash == service.hash, known.replicas != service.replicas {
        return decide(.create, "replicas changed", counted)
      }
      return decide(.create, known?.hash == service.hash ? "drift: container removed" : why(service, known), counted)
    }
    if containers.count > service.replicas {
      return decide(
        .recreate,
        known?.hash == service.hash && known?.replicas == service.replicas
          ? "drift: more containers than replicas"
          : known?.replicas == service.replicas ? why(service, known) : "replicas changed", counted)
    }
    let running = known?.hash == service.hash ? known?.running : nil
    if containers.contains(where: { $0.hash != service.hash && $0.hash != running }) {
      return decide(.recreate, known?.hash == service.hash ? "drift: configuration differs" : why(service, known))
    }
    if let imageID, containers.contains(where: { $0.imageID.map { $0 != imageID } ?? false }) {
      return decide(.recreate, "the image of \(service.image.isEmpty ? service.name : service.image) as it was before")
    }
    if imageID == nil, !service.image.isEmpty,
      containers.contains(where: { isID($0.image) && $0.image != service.image })
    {
      return decide(.recreate, "image \(service.image) has a new build")
    }
    if let path = mounted {
      return decide(.recreate, "mounted file \(path) changed", .force)
    }
    if let resource { return decide(.recreate, "\(resource) changed", counted) }
    if let (network, lost) = lostNetwork(service, containers) {
      return decide(.recreate, "drift: \(lost.name) left the network \(network)", .force)
    }
    if let orphan = containers.first(where: { $0.sharesDeadNetwork ?? false }) {
      return decide(.recreate, "drift: the container whose network \(orphan.name) uses was started anew", .force)
    }
    if let stopped = containers.first(where: {
      $0.state != "running" && $0.state != "restarting" && !service.rests($0.id)
    }) {
      if stopped.isDone && !service.restarts { return plan }
      return decide(.start, "drift: container \(stopped.state)")
    }
    return plan
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
