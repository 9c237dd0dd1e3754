import Core

/// What is done to each stack and each live path.
extension Prepare {
  /// Plans the stacks and the shared paths, and finds what stands in the way on this host.
  func stacks(_ draft: inout PlanDraft) async throws(Failure) -> Plan {
    let ending = ending(draft)
    let host = SharedPath.extract(
      from: &draft.desired, configured: draft.wishes, state: state,
      remaining: Set(state.standing.keys).union(draft.names).subtracting(ending.keys), commit: target.tree.commit)
    let wanted = draft.desired.values.flatMap(\.links.keys) + host.keys
    observe.look(at: Set(wanted.flatMap(Path.ancestors)).union(wanted), &draft.observed)
    let planning = Planning(
      observed: draft.observed, state: state, links: links, leaders: leaders(draft, host),
      after: settings.stacks.compactMapValues(\.after))
    let shared = planning.shared(host)
    var plan = Plan(commit: target.tree.commit)
    (plan.links, plan.shared, plan.moving) = (shared, host, planning.moving(host))
    for name in draft.chosen.union(draft.targets.filter { $0.value == .busy }.keys).sorted() {
      guard let stack = stack(name, draft, planning, shared, &plan.judged) else { continue }
      plan.stacks.append(stack)
    }
    for (name, known) in gone(draft.names, draft.projects) where request.includes(name) {
      if isTied(name, draft) {
        plan.stacks.append(kept(name, known, draft, planning, shared))
      } else if ending[name] != nil {
        plan.stacks.append(try await planRemoval(name, known, planning, &draft))
      } else {
        plan.stacks.append(try await left(name, known, planning, shared, &draft))
      }
    }
    plan.stacks.sort { $0.name < $1.name }
    planning.planRemovals(&plan.stacks)
    let gone = Set(plan.stacks.filter(\.isHandedOver).map(\.name))
    for (giver, takers) in Handover.takers(of: draft.desired, gone: gone, state: state) {
      guard let index = plan.stacks.firstIndex(where: { $0.name == giver }) else { continue }
      plan.stacks[index].handsTo = takers
    }
    let former = draft.desired.compactMapValues { state.origin(of: $0.name, project: $0.project)?.good }
    let deadlocks = Handover.order(&plan.stacks, known: state.standing.merging(former) { known, _ in known })
    draft.diagnostics += deadlocked(deadlocks, places: places(head.discovery))
    draft.diagnostics += try await foreseen(plan.stacks, draft.containers, places: places(head.discovery))
    draft.diagnostics += LivePathCheck(
      settings: settings, checkout: checkout, observed: draft.observed, links: links
    ).problems(of: plan)
    return plan
  }

  /// Plans the end of a stack that the repository no longer has.
  private func planRemoval(
    _ name: String, _ known: Deployment, _ planning: Planning, _ draft: inout PlanDraft
  ) async throws(Failure) -> StackPlan {
    let directory = directory(known, name)
    let isGiven =
      isPruned(name, known, draft) && Handover.takers(of: draft.desired, gone: [name], state: state)[name] != nil
    guard isGiven || isHandedOver(name, known, draft.desired), let good = try await good(name) else {
      return planning.remove(name, known: known, directory: directory)
    }
    // Its recovery leads to what it runs.
    _ = try await draft.snapshots.look(at: good.commit)
    var stack = planning.handOver(name, known: good, directory: directory)
    stack.reasons = ["its services run in other stacks from now on"]
    return stack
  }

  /// Plans a stack that the repository no longer has, and that stays for the sake of another one: what was good is kept up.
  private func kept(
    _ name: String, _ known: Deployment, _ draft: PlanDraft, _ planning: Planning, _ shared: [LinkPlan]
  ) -> StackPlan {
    var stack =
      draft.desired[name].map {
        planning.deploy($0, because: draft.reasons[name] ?? [], shared: shared, directory: directory(known, name))
      } ?? planning.unchanged(name, known: known)
    stack.target = draft.targets[name] ?? .target
    return stack
  }

  /// Plans a stack that the repository no longer has: it is left as it is, but for links from before the live root or the
  /// checkout was moved, which lead nowhere, and for what a sync that was cut off has left half done.
  private func left(
    _ name: String, _ known: Deployment, _ planning: Planning, _ shared: [LinkPlan], _ draft: inout PlanDraft
  ) async throws(Failure) -> StackPlan {
    var stack = planning.unchanged(name, known: known)
    let down = stack.services.down
    let moved = stack.links.filter { link in
      if case .link(let text) = link.found { link.action == .replace && links.isOwn(text) } else { false }
    }
    let isLost = !moved.isEmpty && stack.services.allSatisfy { $0.action == .keep } && state.isDeployed(name)
    let isOpen = if case .changing? = state.stacks[name]?.runs { true } else { false }
    if isLost || isOpen, let good = try await good(name) {
      _ = try await draft.snapshots.look(at: good.commit)
      stack = planning.deploy(
        DesiredStack(name, good),
        because: isOpen ? ["an earlier sync was cut off"] : moved.map { "\($0.live) is not in place" }, shared: shared,
        directory: directory(known, name))
    } else {
      stack.links.removeAll { $0.action != .keep }
    }
    stack.target = .gone(down: down)
    return stack
  }

  /// Plans one stack; nothing where there is nothing to say of it.
  private func stack(
    _ name: String, _ draft: PlanDraft, _ planning: Planning, _ shared: [LinkPlan], _ judged: inout [String: Deployment]
  ) -> StackPlan? {
    let known = state.standing(name)
    var stack: StackPlan
    if let wish = draft.desired[name] {
      stack = planning.deploy(
        wish, because: draft.reasons[name] ?? [], shared: shared,
        directory: Path.join(settings.liveRoot, wish.place.directory))
      if draft.abandoned.contains(name) {
        stack = stack.abandoned(because: "its takeover was interrupted, and the commit is refused now")
      }
      if draft.judgedAgain.contains(name), stack.touchesNothing, let record = known?.judged(as: wish) {
        judged[name] = record
        stack = planning.unchanged(name, known: record)
      }
    } else if let known {
      stack = planning.unchanged(name, known: known)
    } else if draft.targets[name]?.staysAtLastGood == true || draft.targets[name] == .busy {
      stack = StackPlan(idle: name, project: draft.projects[name] ?? "")
    } else {
      return nil
    }
    stack.target = draft.targets[name] ?? .target
    stack.reasons += draft.lost[name] ?? []
    return stack
  }

  /// The live directory of a stack as it was deployed.
  func directory(_ known: Deployment, _ name: String) -> String {
    Path.join(settings.liveRoot, known.place(of: name).directory)
  }

  /// Returns whose pointer each live path goes through from now on.
  private func leaders(_ draft: PlanDraft, _ host: [String: SharedPath]) -> [String: String] {
    var leaders: [String: String] = [:]
    for (name, known) in state.standing where draft.desired[name] == nil && draft.names.contains(name) {
      for path in known.links.keys { leaders[path] = name }
    }
    for (name, stack) in draft.desired { for path in stack.links.keys { leaders[path] = name } }
    for path in host.keys { leaders[path] = LinkPlanning.shared(path) }
    return leaders
  }
}
