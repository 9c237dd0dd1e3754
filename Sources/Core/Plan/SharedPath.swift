/// A live path that has a pointer of its own (`stacks/+links+common+conf`), since the configuration names it or several stacks
/// need it.
public struct SharedPath: Sendable, Equatable {
  /// What is to stand there, with the commit that its pointer is to name.
  public var link: DesiredLink
  /// The stacks that stand on it.
  public var users: Set<String>
  /// Whether some of them know it with another content: then they go to the new one together, or none does.
  public var mustMoveTogether: Bool

  /// Moves the live paths that more than one stack needs out of the stacks, and gives them together with the configured ones.
  ///
  /// `remaining` names every stack that stays; those not in `desired` are in place and keep what the state says.
  /// `commit` is the one that the configured paths follow.
  public static func extract(
    from desired: inout [String: DesiredStack], configured: [String: DesiredLink], state: State, remaining: Set<String>,
    commit: String
  ) -> [String: SharedPath] {
    var wishes = desired.mapValues { stack in
      stack.links.mapValues { $0.withCommit(stack.commit) }.merging(stack.shared) { own, _ in own }
    }
    for (name, known) in state.standing where desired[name] == nil && remaining.contains(name) {
      wishes[name] = known.paths
    }
    // Below a directory that is one link nothing else can be linked: whoever needs a file there shares the directory.
    let all = Set(wishes.values.flatMap(\.keys)).union(configured.keys)
    func leading(_ path: String) -> String { Path.ancestors(path).first(where: all.contains) ?? path }
    var users: [String: Set<String>] = [:]
    for (name, paths) in wishes { for path in paths.keys { users[leading(path), default: []].insert(name) } }

    for name in desired.keys { desired[name]?.shared = [:] }
    var shared: [String: SharedPath] = [:]
    for path in all where leading(path) == path {
      let own = users[path] ?? []
      guard configured[path] != nil || own.count > 1 || (state.links[path] != nil && !own.isEmpty) else { continue }
      let moving = own.filter { desired[$0] != nil }.sorted().compactMap { wishes[$0]?[path] }
      let staying = own.filter { desired[$0] == nil }.sorted {
        (state.isDeployed($0) ? 0 : 1, $0) < (state.isDeployed($1) ? 0 : 1, $1)
      }
      .compactMap { wishes[$0]?[path] }
      let present = own.isEmpty ? nil : state.links[path]
      guard var link = moving.first ?? present ?? staying.first ?? configured[path] else { continue }
      link = link.withCommit(link.commit ?? commit)
      // Where one needs a copy and the other a link, the copy serves both.
      let isCopy = configured[path].map { $0.kind == .copy } ?? (moving + staying).contains { $0.kind == .copy }
      link.kind = isCopy ? .copy : .link
      link.isWritable = isCopy && (moving + staying).contains { $0.isWritable == true } ? true : nil
      if let present = state.links[path], present.commit != nil, present.isSame(as: link) {
        link.commit = present.commit
      }
      let mustMoveTogether = own.contains { name in
        let good = state.lastGood(name) ?? desired[name].flatMap { state.origin(of: name, project: $0.project)?.good }
        return good?.paths[path].map { $0.id != link.id } ?? false
      }
      shared[path] = SharedPath(link: link, users: own, mustMoveTogether: mustMoveTogether)
      for name in own { desired[name]?.shared[path] = link }
    }
    for name in desired.keys {
      desired[name]?.links = (wishes[name] ?? [:]).filter { shared[leading($0.key)] == nil }
        .mapValues { $0.withCommit(nil) }
    }
    return shared
  }
}

extension DesiredLink {
  /// Returns the link with the commit that its own pointer is to name.
  func withCommit(_ commit: String?) -> DesiredLink {
    var link = self
    link.commit = commit
    return link
  }
}
