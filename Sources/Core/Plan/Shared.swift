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
    let all = desired.mapValues(\.links).merging(untouched.mapValues(\.links)) { new, _ in new }
    for path in all.values.flatMap(\.keys) { wanted[path, default: 0] += 1 }
    // Below a directory that is one link, nothing else can be linked: its owner and the others then share it.
    let directories = Set(wanted.keys).union(configured.keys)
    var below: Set<String> = []
    for (name, own) in all {
      for path in own.keys {
        guard let directory = Path.ancestors(path).first(where: directories.contains) else { continue }
        below.insert(path)
        if all[name]?[directory] == nil { wanted[directory, default: 0] += 1 }
      }
    }
    for (path, link) in state.links where configured[path] == nil {
      // A stack that goes back to a record of what was good names it nowhere else: its own links are without it.
      let needed = (untouched.values.map(\.tracked) + desired.values.map(\.tracked)).contains { tracked in
        tracked.contains { $0.value != Fingerprint.absent && Path.relative(link.from, to: $0.key) != nil }
      }
      if needed { links[path] = link }
    }
    for (name, stack) in desired.sorted(by: { $0.key < $1.key }) {
      for path in stack.links.keys where below.contains(path) { desired[name]?.links[path] = nil }
      for (path, link) in stack.links.sorted(by: { $0.key < $1.key })
      where !below.contains(path) && (links[path] != nil || state.links[path] != nil || wanted[path, default: 0] > 1) {
        desired[name]?.links[path] = nil
        // Where one needs a copy and the other a link, the copy serves both.
        if configured[path] == nil, links[path]?.kind != .copy { links[path] = link }
      }
    }
    return links
  }
}
