/// Lets a stack that gives up a container name, a port or a service go before the one that takes it over.
public enum Handover {
  /// A claim that a stack takes from one that cannot give it up first.
  public struct Deadlock: Sendable, Equatable {
    /// The stack that takes it.
    public let taker: String
    /// The stack that has it, and comes after the other one.
    public let giver: String
    /// The container name or the port.
    public let claim: Claim
  }

  /// Adds to the order of stacks that are deployed what they hand to each other; an order that was asked for wins. Gives the claims
  /// for which there is no order.
  public static func order(_ stacks: inout [StackPlan], known: [String: Deployment]) -> [Deadlock] {
    var deadlocks: [Deadlock] = []
    let deployed = stacks.compactMap { stack -> (name: String, old: [Claim], new: [Claim])? in
      guard let desired = stack.desired else { return nil }
      return (stack.name, known[stack.name]?.services.flatMap(\.claims) ?? [], desired.services.flatMap(\.claims))
    }
    func append(_ giver: String, to taker: String) -> Bool {
      guard let index = stacks.firstIndex(where: { $0.name == taker }), !comes(giver, after: taker, stacks) else {
        return false
      }
      if !stacks[index].after.contains(giver) { stacks[index].after.append(giver) }
      return true
    }
    // What the engine has once decides; a service alone may run twice for a moment.
    for taker in deployed {
      let taken = taker.new.filter { !taker.old.contains($0) }
      for giver in deployed where giver.name != taker.name {
        let given = giver.old.filter { !giver.new.contains($0) }
        guard let claim = taken.first(where: { new in given.contains { new.excludes($0) } }) else { continue }
        if !append(giver.name, to: taker.name) {
          deadlocks.append(Deadlock(taker: taker.name, giver: giver.name, claim: claim))
        }
      }
    }
    for taker in deployed {
      for giver in stacks where giver.name != taker.name && giver.handsTo[taker.name] != nil {
        _ = append(giver.name, to: taker.name)
      }
    }
    return deadlocks
  }

  /// Finds what each stack hands to others: the stacks that have a service of it from now on which it no longer has, with that
  /// service. `gone` are the stacks that the repository no longer has.
  public static func takers(
    of desired: [String: DesiredStack], gone: Set<String>, state: State
  ) -> [String: [String: String]] {
    var takers: [String: [String: String]] = [:]
    for (name, stack) in desired {
      let coming = stack.coming(beside: state)
      if coming.isEmpty { continue }
      for giver in gone.union(desired.keys) where giver != name {
        guard let known = state.former(giver, project: desired[giver]?.project), known.project != stack.project else {
          continue
        }
        let kept = Set(desired[giver]?.services.map(\.name) ?? [])
        let given = known.services.filter { old in !kept.contains(old.name) && coming.contains(where: old.isMoved) }
        if let service = given.map(\.name).min() { takers[giver, default: [:]][name] = service }
      }
    }
    return takers
  }

  /// Whether all services of a stack that left the repository run in other stacks from now on, and these need a name, a port or
  /// a volume of it: both cannot run. Where it was begun to be handed over, they may run there already.
  public static func isWhole(
    _ name: String, _ known: Deployment, _ desired: [String: DesiredStack], state: State
  ) -> Bool {
    var coming = desired.values.filter { $0.project != known.project }.flatMap {
      $0.coming(beside: state)
    }
    if state.stacks[name]?.change != nil {
      let others = state.stacks.filter { $0.key != name && $0.value.isDeployed }.compactMap(\.value.standing)
      coming += others.filter { $0.project != known.project }.flatMap(\.services)
    }
    let (claims, volumes) = (coming.flatMap(\.claims), Set(coming.flatMap(\.volumeNames.values)))
    return known.services.allSatisfy { service in coming.contains { service.isContinued(by: $0) } }
      && known.services.contains { service in
        !volumes.isDisjoint(with: service.volumeNames.values)
          || service.claims.contains { held in claims.contains { $0.excludes(held) } }
      }
  }

  /// Finds the stacks that would give up a service for one that is held, and therefore does not run it.
  public static func conflicts(
    _ desired: [String: DesiredStack], holds: [String: Hold], good: (String) -> Deployment?
  ) -> [String: SharedPathConflict] {
    var conflicts: [String: SharedPathConflict] = [:]
    for (name, hold) in holds.sorted(by: { $0.key < $1.key }) {
      for (giver, service) in hold.takes ?? [:] where conflicts[giver] == nil {
        func has(_ services: [DesiredService]?) -> Bool { services?.contains { $0.name == service } == true }
        guard let stack = desired[giver], !has(stack.services), has(good(giver)?.services) else { continue }
        conflicts[giver] = SharedPathConflict(stack: name, .service(service))
      }
    }
    return conflicts
  }

  /// Finds the stacks that wait for a name or a port which another one would give up, and does not, since it stays where it
  /// is; of those that have `left` the repository, also for a service.
  public static func conflicts(
    _ desired: [String: DesiredStack], left: Set<String> = [], state: State = State(), staying: [String: Deployment]
  ) -> [String: SharedPathConflict] {
    var conflicts: [String: SharedPathConflict] = [:]
    for (name, stack) in desired {
      let (claims, coming) = (stack.services.flatMap(\.claims), stack.coming(beside: state))
      for (other, known) in staying.sorted(by: { $0.key < $1.key }) where other != name && conflicts[name] == nil {
        let held = known.services.flatMap(\.claims)
        let service =
          left.contains(other) ? known.services.first { old in coming.contains(where: old.isContinued) } : nil
        if let service { conflicts[name] = SharedPathConflict(stack: other, .service(service.name)) }
        guard service == nil, let claim = claims.first(where: { claim in held.contains { $0.excludes(claim) } }) else {
          continue
        }
        conflicts[name] = SharedPathConflict(stack: other, .claim(claim))
      }
    }
    return conflicts
  }

  private static func comes(_ name: String, after earlier: String, _ stacks: [StackPlan]) -> Bool {
    let after = Dictionary(stacks.map { ($0.name, $0.after) }) { first, _ in first }
    var (queue, seen) = ([name], Set<String>())
    while let next = queue.popLast() {
      if next == earlier { return true }
      if seen.insert(next).inserted { queue += after[next] ?? [] }
    }
    return false
  }
}

extension DesiredStack {
  /// The services that it has not had yet.
  fileprivate func coming(beside state: State) -> [DesiredService] {
    let own = Set(state.former(name, project: project)?.services.map(\.name) ?? [])
    return services.filter { !own.contains($0.name) }
  }
}
