/// Directories side by side that may be those of several hosts: each holds stacks, some of them under the same name.
enum HostTrees {
  /// Returns how to keep two stacks apart: on two hosts, or by `way` on this one; `places` are the stacks' Compose files.
  static func help(_ stack: String, _ other: String?, in places: [String: String], otherwise way: String) -> String {
    guard let other else { return way }
    guard let (own, foreign) = pair(stack, other, among: Set(places.keys)) else {
      let file = places[other] ?? other
      let left = Path.parent(file) == other || file == other ? other : file
      return "\(way); or, if \(other) runs on another host, leave it out on this one: `stacks: {exclude: [\(left)]}`"
    }
    return
      "if \(own) and \(foreign) are for two hosts, `stacks: {include: [\(own)/**]}` on one of them leaves out the "
      + "other; otherwise \(way)"
  }

  /// Returns the directories at which the ways to two stacks part, if some stack of each is called alike below them and one of
  /// them holds more than that.
  static func pair(_ one: String, _ other: String, among stacks: Set<String>) -> (String, String)? {
    let (ways, others) = (Path.components(one), Path.components(other))
    guard let index = zip(ways, others).enumerated().first(where: { $1.0 != $1.1 })?.offset else { return nil }
    func tree(_ parts: [Substring]) -> (path: String, stacks: Set<String>) {
      let path = parts[...index].joined(separator: "/")
      return (path, Set(stacks.compactMap { stack in stack == path ? nil : Path.relative(stack, to: path) }))
    }
    let (own, foreign) = (tree(ways), tree(others))
    if stacks.contains(own.path) || stacks.contains(foreign.path) { return nil }
    guard !own.stacks.isDisjoint(with: foreign.stacks), max(own.stacks.count, foreign.stacks.count) > 1 else {
      return nil
    }
    return (own.path, foreign.path)
  }
}
