/// Lets a stack that gives up a container name or a port go before the one that takes it over.
public enum Handover {
  /// Adds to the order of stacks that are deployed what they hand to each other; an order that was asked for wins.
  public static func order(_ stacks: inout [StackPlan], known: [String: Deployment]) {
    let deployed = stacks.compactMap { stack -> (name: String, old: [Claim], new: [Claim])? in
      guard let desired = stack.desired else { return nil }
      return (stack.name, known[stack.name]?.services.flatMap(\.claims) ?? [], desired.services.flatMap(\.claims))
    }
    for taker in deployed {
      let taken = taker.new.filter { !taker.old.contains($0) }
      if taken.isEmpty { continue }
      for giver in deployed where giver.name != taker.name {
        let given = giver.old.filter { !giver.new.contains($0) }
        guard given.contains(where: { old in taken.contains { $0.excludes(old) } }),
          let index = stacks.firstIndex(where: { $0.name == taker.name }), !stacks[index].after.contains(giver.name),
          !comes(giver.name, after: taker.name, stacks)
        else { continue }
        stacks[index].after.append(giver.name)
      }
    }
  }

  /// Finds the stacks that wait for a name or a port which another one would give up, and does not, since it stays where it
  /// is.
  public static func ties(_ desired: [String: DesiredStack], staying: [String: Deployment]) -> [String:
    SharedPathConflict]
  {
    var ties: [String: SharedPathConflict] = [:]
    for (name, stack) in desired {
      let claims = stack.services.flatMap(\.claims)
      for (other, known) in staying.sorted(by: { $0.key < $1.key }) where other != name && ties[name] == nil {
        let held = known.services.flatMap(\.claims)
        guard let claim = claims.first(where: { claim in held.contains { $0.excludes(claim) } }) else { continue }
        ties[name] = SharedPathConflict(stack: other, path: claim.description)
      }
    }
    return ties
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
