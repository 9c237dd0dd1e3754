extension Planning {
  /// Returns all that brings a stack to what is planned for it, in order.
  func steps(_ desired: DesiredStack, _ services: [ServicePlan], _ links: [LinkPlan]) -> [Step] {
    let record = state.stacks[desired.name]
    let own = (observed.containers ?? []).filter { $0.project == desired.project }
    var steps: [Step] = []
    let networks = desired.networksMadeAnew(since: record?.standing)
    if !networks.isEmpty { steps.append(.checkNetworks(networks)) }
    steps.append(.pull(anew: anew(desired, record?.standing)))
    if !desired.images.isEmpty { steps.append(.checkImages) }
    let writers = Step.writers(
      of: record?.good, replacing: desired.links, among: observed.containers ?? []
    ) { path in if case .link(let text)? = observed.live[path] { self.links.isOwn(text) } else { false } }
    if !writers.isEmpty { steps.append(.stopWriters(writers)) }
    let isBare = desired.untracked.values.allSatisfy { $0 == Fingerprint.absent }
    steps += [
      .files(links, commit: desired.commit), .check(services, onlyChanged: record.map(\.isDeployed) ?? isBare),
    ]
    if desired.services.contains(where: { $0.isBuilt && desired.images[$0.name] == nil }) {
      steps.append(.build(services))
    }
    let names = Set(services.map(\.name))
    let paused = own.filter { names.contains($0.service) && $0.state == "paused" }.map(\.id)
    if !paused.isEmpty { steps.append(.resume(paused)) }
    if record?.change != nil || own.contains(where: \.isLeftOver) { steps.append(.clear(project: desired.project)) }
    // A project that has got another name leaves its containers behind.
    let leaving = (observed.containers ?? []).filter { container in services.contains { $0.way.removes(container.id) } }
    let room = Step.makeRoom(services, of: desired, among: own + leaving.filter { $0.project != desired.project })
    steps += room
    if let carry = carry(desired, services, but: Set(room.flatMap(\.removed))) { steps.append(carry) }
    steps.append(.up(services))
    // From here on the containers are this commit's, whatever becomes of them; those that go are only stopped.
    let dropped = (record?.standing?.services ?? []).filter { old in
      !desired.services.contains { $0.name == old.name }
    }
    steps.append(.record(.replaced(desired.services + dropped), of: desired.name, isNeeded: true))
    return steps
      + Step.settle(
        .commit, services, leaving: [record?.standing?.project, record?.change?.targetProject].compactMap { $0 },
        for: desired.project)
  }

  /// Keeps the volumes without a name of containers that are gone, or that an earlier change has replaced without them.
  private func carry(_ desired: DesiredStack, _ services: [ServicePlan], but removed: Set<String>) -> Step? {
    let own = (observed.containers ?? []).filter { $0.project == desired.project && !removed.contains($0.id) }
    let record = state.stacks[desired.name]
    let known = Set((record?.good?.services ?? []).flatMap { $0.containers ?? [] })
    let kept = record?.change == nil ? Set(own.map(\.id)) : known
    let acting = Set(services.filter { ![.keep, .remove].contains($0.action) }.map(\.name))
    let carried = desired.carried(for: acting, kept: kept, now: own)
    return carried.isEmpty ? nil : .carry(carried, but: kept)
  }

  /// Lists the services that ask for a newer image with each change. What has only drifted comes back with the image that it ran.
  private func anew(_ desired: DesiredStack, _ known: Deployment?) -> [String] {
    desired.services.filter { service in
      guard service.pullsAnew == true, desired.images[service.name] == nil else { return false }
      return known?.services.first { $0.name == service.name }.map { !service.differences(from: $0).isEmpty } ?? true
    }.map(\.name)
  }

  /// Plans how stacks end, once it is known where each stack goes.
  public func planRemovals(_ stacks: inout [StackPlan]) {
    for index in stacks.indices where stacks[index].work == .remove {
      let removal = stacks[index]
      let moved = stacks.first { $0.work != .remove && $0.project == removal.project }
      let taker =
        moved?.name ?? state.standing.first { $0.key != removal.name && $0.value.project == removal.project }?.key
      let isShared = (observed.containers ?? []).contains { container in
        container.project == removal.project && !removal.services.contains { $0.way.removes(container.id) }
      }
      stacks[index].taker = taker
      stacks[index].steps = Step.removal(
        removal, taker: taker.map { moved?.desired?.services ?? state.standing($0)?.services ?? [] }, isShared: isShared
      )
    }
  }
}

extension Step {
  /// Returns all that ends a stack. Where it moved, only what its `taker` does not have is taken down.
  public static func removal(_ plan: StackPlan, taker: [DesiredService]?, isShared: Bool = true) -> [Step] {
    let end: [Step] = [
      .files(plan.links, commit: nil), .removePointer(of: plan.name),
      .record(.removed, of: plan.name, isNeeded: true),
    ]
    let leaving = plan.services.filter { service in taker?.contains { $0.name == service.name } != true }
    let ids = leaving.flatMap(\.way.removed)
    let down: [Step] = ids.isEmpty ? [] : [.stop(ids), .remove(ids)]
    if taker != nil { return down + end }
    return (plan.services.isEmpty ? [] : [.stopInOrder(plan.services.map(\.name))]) + down
      + (isShared ? [] : [.removeNetworks(project: plan.project)]) + end
  }

  /// Finds the containers that may write into a release by a link that is to become a directory or a copy: what they wrote
  /// after that was copied would be lost. Only what an earlier version deployed has such containers.
  public static func writers(
    of good: Deployment?, replacing wishes: [String: DesiredLink], among containers: [Container],
    isOwnLink: (String) -> Bool
  ) -> [String] {
    guard let good else { return [] }
    let leaving = good.paths.filter { path, link in
      guard link.kind == .link, isOwnLink(path) else { return false }
      return wishes.contains { wish, next in
        wish == path ? next.kind == .copy : Path.relative(wish, to: path) != nil
      }
    }.keys
    let written = good.writes.map { MountedPaths($0) }
    let paths = Set(leaving.filter { written?.touches($0) ?? true })
    if paths.isEmpty { return [] }
    let services = Set(good.services.filter { $0.mounts(any: paths) }.map(\.name))
    return containers.filter {
      $0.project == good.project && services.contains($0.service) && ["running", "restarting"].contains($0.state)
    }.map(\.id)
  }

  /// Stops the containers of services that go, which are removed only once the others were seen in place: going back brings them
  /// with what they hold. Whose name another service needs at once is removed at once, although its own one may stay: Compose makes
  /// containers side by side, and each under its name.
  static func makeRoom(
    _ services: [ServicePlan], of stack: DesiredStack, among containers: [some SeenContainer]
  ) -> [Step] {
    let going = services.map(\.way.removed).filter { !$0.isEmpty }
    let acting = Set(services.filter { $0.action != .keep && $0.way.removed.isEmpty }.map(\.name))
    let ends = Set(going.flatMap { $0 })
    let claimed = containers.filter { container in
      stack.services.contains { service in
        service.claims.contains(.containerName(container.name))
          && (ends.contains(container.id) || service.name != container.service && acting.contains(container.service))
      }
    }.map(\.id)
    let (names, traded) = (Set(claimed), claimed.filter { !ends.contains($0) })
    let stopped = going.flatMap { $0 } + traded
    let removed = going.filter { !names.isDisjoint(with: $0) }.flatMap { $0 } + traded
    return (stopped.isEmpty ? [] : [.stop(stopped)]) + (removed.isEmpty ? [] : [.remove(removed)])
  }

  /// Sees the stack in place, and takes away what it no longer has.
  static func settle(
    _ expected: Expectation, _ services: [ServicePlan], leaving projects: [String], for project: String
  ) -> [Step] {
    let going = services.flatMap(\.way.removed)
    return [.verify(expected)] + (going.isEmpty ? [] : [.remove(going)])
      + Set(projects).subtracting([project]).sorted().map { .removeNetworks(project: $0) }
  }
}

extension StackPlan {
  /// The same stack where nothing goes on, so that what was there before comes back.
  public func abandoned(because why: String) -> StackPlan {
    var plan = self
    plan.steps = [.abandon(why)]
    return plan
  }
}
