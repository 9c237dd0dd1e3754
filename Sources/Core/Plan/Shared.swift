/// Moves live paths that more than one stack needs to the host's own links, so that one pointer leads them.
public enum Shared {
  /// Takes the shared paths out of the stacks and gives them together with the configured ones.
  ///
  /// `remaining` names every stack of the commit; those not in `desired` are in place and keep what the state says.
  public static func take(
    from desired: inout [String: DesiredStack], configured: [String: DesiredLink], state: State, remaining: Set<String>
  ) -> [String: DesiredLink] {
    let untouched = state.stacks.filter { desired[$0.key] == nil && remaining.contains($0.key) }
    var links = configured
    var wanted: [String: Int] = [:]
    for path in untouched.values.flatMap(\.links.keys) { wanted[path, default: 0] += 1 }
    for path in desired.values.flatMap(\.links.keys) { wanted[path, default: 0] += 1 }
    for (path, link) in state.links where configured[path] == nil {
      let needed = untouched.values.contains { stack in
        stack.tracked.keys.contains { Path.relative(link.from, to: $0) != nil }
      }
      if needed { links[path] = link }
    }
    for (name, stack) in desired {
      for (path, link) in stack.links
      where links[path] != nil || state.links[path] != nil || wanted[path, default: 0] > 1 {
        desired[name]?.links[path] = nil
        if configured[path] == nil { links[path] = link }
      }
    }
    return links
  }
}
