import Core

/// Brings the live paths that have pointers of their own.
struct SharedLinks: Sendable {
  let checkout: Checkout
  let links: Links
  let records: Records
  /// Groups that have paths in common lead them one after the other.
  let scheduler = StackScheduler(slots: 1)

  /// Switches paths to what they are to be; `members` are the stacks that are brought there with them.
  func switchPaths(_ wishes: [String: DesiredLink], with members: Set<String> = []) async throws(Failure)
    -> [LinkReport]
  {
    if wishes.isEmpty { return [] }
    return try await scheduler.turn { () throws(Failure) in try await switchNow(wishes, with: members) }
  }

  private func switchNow(
    _ wishes: [String: DesiredLink], with members: Set<String>
  ) async throws(Failure) -> [LinkReport] {
    try await records.change { state throws(IllegalTransition) in
      for (path, wish) in wishes { try state.record(.began(wish, over: own(path, state)), at: path) }
    }
    let state = await records.state
    var plans: [LinkPlan] = []
    for (path, wish) in wishes.sorted(by: { $0.key < $1.key }) {
      let pointer = LinkPlanning.shared(path)
      let around = Path.ancestors(path) + [path]
      plans += links.observe.links.plan(
        pointer: LinkPlanning.fileName(of: pointer), desired: [path: wish],
        known: state.links[path].map { [path: $0] } ?? [:],
        live: Dictionary(uniqueKeysWithValues: around.map { ($0, links.observe.live($0)) })
      ).filter { plan in !plan.materializes || !plans.contains { $0.live == plan.live } }
    }
    let reports = try await links.apply(plans) { () throws(Failure) in
      for (path, wish) in wishes.sorted(by: { $0.key < $1.key }) where wish.kind == .link {
        if let commit = wish.commit { try checkout.point(LinkPlanning.shared(path), to: commit) }
      }
    }
    for (path, wish) in wishes where wish.kind == .copy { checkout.removePointer(of: LinkPlanning.shared(path)) }
    try await records.change { state throws(IllegalTransition) in
      for (path, wish) in wishes { try state.record(.placed(wish), at: path) }
      let led = state.links
      for name in state.standing.keys where !members.contains(name) {
        try state.record(.sharedLinksChanged(led), of: name)
      }
    }
    return reports
  }

  /// Puts paths back to what the stacks that go back stood on; what was theirs alone is so again.
  func putBack(_ paths: some Collection<String>, for formers: [Baseline]) async throws(Failure) {
    var wishes: [String: DesiredLink] = [:]
    var released: Set<String> = []
    for path in paths {
      let goods = formers.compactMap(\.deployment)
      if let link = goods.lazy.compactMap({ $0.shared?[path] }).first {
        wishes[path] = link
      } else if formers.contains(where: { $0.content(of: path) != nil }) {
        released.insert(path)
      }
    }
    _ = try await switchPaths(wishes, with: Set(await records.state.standing.keys))
    try await records.change { [released] state throws(IllegalTransition) in
      for path in released where state.links[path] != nil { try state.record(.released, at: path) }
    }
  }

  /// Takes away the paths that nobody needs any more.
  func drop(keeping configured: Set<String>) async throws(Failure) -> [LinkReport] {
    let state = try await records.now()
    let known = Array(state.standing.values) + state.baselines
    let needed = Set(known.flatMap(\.paths.keys)).union(configured)
    var reports: [LinkReport] = []
    for (path, link) in state.links.sorted(by: { $0.key < $1.key }) where !needed.contains(path) {
      let pointer = LinkPlanning.shared(path)
      // Below a directory that is a link itself now, the path leads into the release: nothing of ours stands there.
      if !Path.ancestors(path).contains(where: needed.contains) {
        reports += try await links.apply(
          links.observe.links.plan(
            pointer: LinkPlanning.fileName(of: pointer), desired: [:], known: [path: link],
            live: [path: links.observe.live(path)]))
      }
      checkout.removePointer(of: pointer)
      try await records.change { state throws(IllegalTransition) in
        if state.links[path] != nil { try state.record(.released, at: path) }
      }
    }
    return reports
  }

  /// Returns what a stack has there that had the path alone until now.
  private func own(_ path: String, _ state: State) -> DesiredLink? {
    (Array(state.standing.values) + state.baselines).lazy.compactMap { $0.links[path] }.first
  }
}
