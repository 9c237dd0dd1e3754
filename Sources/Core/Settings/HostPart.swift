/// The part of a repository for several hosts that belongs to one of them, told by what runs there.
public struct HostPart: Sendable, Equatable {
  /// Globs for `stacks: {include: …}`, sorted.
  var include: [String] = []
  /// The directories of which nothing runs there, although something of a directory next to them does.
  var others: [String] = []

  /// Compares the directories of the stacks that run with those of all; nothing where no directory looks like that of
  /// another host.
  public init?(running: Set<String>, of stacks: Set<String>) {
    add("", running.intersection(stacks).map(Path.components), stacks.map(Path.components))
    if others.isEmpty || include.isEmpty { return nil }
    include.sort()
    others.sort()
  }

  /// Adds what is below a directory; the paths go on from there.
  private mutating func add(_ directory: String, _ running: [[Substring]], _ stacks: [[Substring]]) {
    // What is a stack itself is a directory of no host.
    let groups = Dictionary(grouping: stacks.filter { $0.count > 1 }) { $0[0] }
    let live = Dictionary(grouping: running) { $0.first ?? "" }
    let own = groups.keys.filter { live[$0] != nil }
    let foreign = own.isEmpty ? [] : groups.keys.filter { live[$0] == nil }
    others += foreign.map { Path.join(directory, String($0)) }
    let before = others.count
    var below = self
    below.include = []
    for group in own {
      let rest = { (paths: [[Substring]]?) in (paths ?? []).map { Array($0.dropFirst()) } }
      below.add(Path.join(directory, String(group)), rest(live[group]), rest(groups[group]))
    }
    others = below.others
    guard !foreign.isEmpty || others.count > before else {
      include.append(directory.isEmpty ? "**" : "\(directory)/**")
      return
    }
    include += below.include
    include += live.keys.filter { groups[$0] == nil }.map { Path.join(directory, String($0)) + "/**" }
  }
}
