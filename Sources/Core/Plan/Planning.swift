/// Makes the plan of a sync from what is wished, what is known and what was found.
public struct Planning: Sendable {
  let observed: Observed
  /// What clup remembers.
  let state: State
  let links: LinkPlanning
  /// Whose pointer each live path goes through from now on: a stack, or `LinkPlanning.shared` for a path that has its own pointer.
  let leaders: [String: String]
  /// The order that the host asks for, by stack; it wins over the Compose file's own.
  let after: [String: [String]]

  /// Plans for one host.
  public init(
    observed: Observed, state: State, links: LinkPlanning, leaders: [String: String] = [:],
    after: [String: [String]] = [:]
  ) {
    self.observed = observed
    self.state = state
    self.links = links
    self.leaders = leaders
    self.after = after
  }

  /// Plans a stack that is in place already.
  public func unchanged(_ name: String, known: Deployment) -> StackPlan {
    let commit = observed.pointers[name] ?? known.commit
    return StackPlan(
      name: name, work: .none, from: commit, to: commit, project: known.project,
      services: services(
        known.services, known: known.services, project: known.project, stale: [], images: known.images ?? [:],
        isCutOff: false),
      links: plan(name, known.links.filter { leads(name, $0.key) }, known: known.links),
      after: after[name] ?? known.after)
  }

  /// Plans a stack that is to be brought to the commit, for the reasons that led to looking closer.
  ///
  /// `shared` are the host's own links, which the stack's services may mount as well; `directory` is the live one.
  public func deploy(
    _ desired: DesiredStack, because reasons: [String], shared: [LinkPlan], directory: String = ""
  ) -> StackPlan {
    let known = state.standing(desired.name)
    var desired = desired
    desired.services = resting(desired, known, directory).map { $0.holding(as: state.stacks[desired.name]) }
    for (path, link) in desired.links {
      desired.links[path] = link.covering(
        observed.live[path] ?? .absent, known: known?.links[path], isOwn: self.links.isOwn)
    }
    let links = plan(desired.name, desired.links, known: known?.links ?? [:], uses: desired.uses)
    let services =
      finished(
        services(
          desired.services, known: known?.project == desired.project ? known?.all(of: desired.services) ?? [] : [],
          project: desired.project, stale: stale(desired, links + shared), images: desired.images,
          isCutOff: state.stacks[desired.name]?.change != nil), desired)
      + renamed(desired, known, directory) + dropped(desired)
    let causes = services.compactMap(\.reason)
    var listed: Set<String> = []
    let first = known == nil ? reasons : []
    let left = known == nil ? desired.services.filter { $0.resting != nil } : []
    var plan = StackPlan(
      name: desired.name, work: .deploy(desired), from: observed.pointers[desired.name], to: desired.commit,
      project: desired.project,
      reasons: (first + (causes.isEmpty && known != nil ? reasons : causes)
        + left.map { "\($0.name) had failed before, and is left as it is" }).filter { listed.insert($0).inserted },
      services: services, links: links, after: after[desired.name] ?? desired.after)
    plan.steps = steps(desired, services, links)
    return plan
  }

  /// Names the services whose containers are not those of before, and need nothing more: no report has told of them yet.
  private func finished(_ plans: [ServicePlan], _ desired: DesiredStack) -> [ServicePlan] {
    guard case .changing(let change)? = state.stacks[desired.name]?.runs else { return plans }
    func ranBefore(_ container: Container) -> Bool {
      if case .adopted(let adopted) = change.from, let found = adopted.containers {
        return found.contains { $0.id == container.id }
      }
      guard let before = change.from.deployment else { return false }
      let known = before.services.first { $0.name == container.service }?.containers
      return known?.contains(container.id) ?? before.has(container)
    }
    let own = Dictionary(grouping: (observed.containers ?? []).filter { $0.project == desired.project }) { $0.service }
    return plans.map { plan in
      guard plan.action == .keep, let containers = own[plan.name],
        !containers.contains(where: ranBefore)
      else { return plan }
      var plan = plan
      plan.reason = "changed since the last report: a sync was cut off"
      return plan
    }
  }

  /// Leaves what had failed before clup came, and has not changed since: it was no reason for anybody to stop the others.
  private func resting(_ desired: DesiredStack, _ known: Deployment?, _ directory: String) -> [DesiredService] {
    let own = (observed.containers ?? []).filter { $0.project == desired.project && $0.directory == directory }
    let isNew = known == nil && state.origin(of: desired.name, project: desired.project) == nil
    return desired.services.map { service in
      var service = service
      let before = service.resting ?? known?.services.first { $0.name == service.name }?.resting ?? []
      let left = own.filter { container in
        guard container.service == service.name else { return false }
        let isFailed =
          isNew && container.state == "exited" && !container.isDone && !service.restarts
          && container.hash == service.hash
        return before.contains(container.id) || isFailed
      }
      service.resting = left.isEmpty ? nil : left.map(\.id)
      return service
    }
  }

  /// A stack that moved here and dropped a service on the way still has that one's containers.
  private func dropped(_ desired: DesiredStack) -> [ServicePlan] {
    guard state.standing(desired.name) == nil,
      let origin = state.origin(of: desired.name, project: desired.project)
    else { return [] }
    return remove(origin.name, known: origin.good, directory: "").services.filter { service in
      !desired.services.contains { $0.name == service.name }
    }.map { service in
      var service = service
      service.reason = "service removed"
      return service
    }
  }

  /// A project that has got another name leaves its containers behind, which hold its ports and names.
  private func renamed(_ desired: DesiredStack, _ known: Deployment?, _ directory: String) -> [ServicePlan] {
    guard let known else { return [] }
    let targetProject = state.stacks[desired.name]?.change?.targetProject
    return [known.project, targetProject].compactMap { $0 }.filter { $0 != desired.project }.flatMap { project in
      var former = known
      former.project = project
      return remove(desired.name, known: former, directory: directory).services.map { service in
        var service = service
        service.reason = "the project \(project) is named \(desired.project) now"
        return service
      }
    }
  }

  /// Plans the end of a stack that the commit no longer has.
  ///
  /// A container of a project with the same name that was started elsewhere is not the stack's.
  public func remove(_ name: String, known: Deployment, directory: String) -> StackPlan {
    let own = (observed.containers ?? []).filter {
      $0.project == known.project && ($0.directory == directory || $0.directory.isEmpty || known.has($0))
    }
    let services = Dictionary(grouping: own) { $0.service }.sorted { $0.key < $1.key }.map { service, containers in
      ServicePlan(
        name: service, action: .remove, reason: "stack removed", way: .remove(containers.map(\.id)),
        state: containers[0].state, health: containers[0].health)
    }
    return StackPlan(
      name: name, work: .remove, from: observed.pointers[name], to: nil, project: known.project,
      reasons: ["stack removed"],
      services: services, links: plan(name, [:], known: known.links))
  }

  /// Plans the end of a stack whose services others run from now on; what it has beside its containers goes once they do.
  public func handOver(_ name: String, known: Deployment, directory: String) -> StackPlan {
    var plan = remove(name, known: known, directory: directory)
    var rest = DesiredStack(name, known)
    rest.services = []
    plan.work = .handOver(rest)
    let ids = plan.services.flatMap(\.way.removed)
    plan.steps =
      (plan.services.isEmpty ? [] : [.stopInOrder(plan.services.map(\.name))])
      + (ids.isEmpty ? [] : [.stop(ids), .remove(ids)])
    return plan
  }

  /// Plans the live paths that the configuration names or several stacks need.
  public func shared(_ desired: [String: SharedPath]) -> [LinkPlan] {
    var materialized: Set<String> = []
    return Set(desired.keys).union(state.links.keys).sorted().flatMap { path in
      // Below a directory that is a link itself from now on, nothing of ours stands.
      if desired[path] == nil, Path.ancestors(path).contains(where: { leaders[$0] != nil }) { return [LinkPlan]() }
      return plan(
        LinkPlanning.shared(path), desired[path].map { [path: $0.link] } ?? [:],
        known: state.links[path].map { [path: $0] } ?? [:]
      ).filter { !$0.materializes || materialized.insert($0.live).inserted }
    }
  }

  /// Finds the shared paths that are not what they are to be, or whose pointer does not lead there.
  public func moving(_ desired: [String: SharedPath]) -> Set<String> {
    let changed = desired.filter { path, shared in
      guard let known = state.links[path], known.isSame(as: shared.link), known.commit == shared.link.commit else {
        return true
      }
      return shared.link.kind == .link && observed.pointers[LinkPlanning.shared(path)] != shared.link.commit
    }
    return Set(changed.keys).union(state.links.keys.filter { desired[$0] == nil })
  }

  private func plan(
    _ name: String, _ desired: [String: DesiredLink], known: [String: DesiredLink],
    uses: (String) -> Bool = { _ in false }
  ) -> [LinkPlan] {
    // A path that another one leads from now on, itself or what comes below it, is not this one's to remove.
    links.plan(
      pointer: LinkPlanning.fileName(of: name), desired: desired,
      known: known.filter { path, _ in
        leads(name, path)
          && (desired[path] != nil || !leaders.contains { isOther($0.value, name, $0.key, below: path) })
      },
      live: observed.live, uses: uses)
  }

  private func isOther(_ leader: String, _ name: String, _ path: String, below directory: String) -> Bool {
    leader != name && path != directory && Path.relative(path, to: directory) != nil
  }

  private func leads(_ name: String, _ path: String) -> Bool { leaders[path].map { $0 == name } ?? true }

  private func services(
    _ desired: [DesiredService], known: [DesiredService], project: String, stale: Set<String>, images: [String: String],
    isCutOff: Bool
  ) -> [ServicePlan] {
    let own = (observed.containers ?? []).filter { $0.project == project && !$0.isLeftOver }
    return ServicePlanning.plan(
      desired: desired, known: known, containers: own, stale: stale, images: images, isCutOff: isCutOff)
  }

  /// Finds the mounted paths under which a live file has another content than the commit's.
  private func stale(_ desired: DesiredStack, _ links: [LinkPlan]) -> Set<String> {
    let materialized = links.filter { link in
      if link.materializes, case .link = link.found { true } else { false }
    }.map(\.live)
    let changed = links.filter { link in
      guard link.action == .replace || link.action == .create, let wish = link.desired else { return false }
      switch observed.live[link.live] ?? .absent {
      case .file(let id): return id != wish.id
      // What a person's container has of a file that is gone, nobody knows.
      case .absent: return wish.kind == .copy || state.standing(desired.name) == nil
      // The container has the release's file, not the copy.
      case .link: return wish.kind == .copy
      default: return false
      }
    }
    let mounts = Set(desired.services.flatMap(\.mounts.keys))
    return mounts.filter { mount in
      changed.contains { Path.relative($0.live, to: mount) != nil }
        || materialized.contains { Path.overlap($0, mount) }
    }
  }
}
