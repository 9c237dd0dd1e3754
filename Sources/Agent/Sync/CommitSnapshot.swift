import Core
import Git

/// One commit as a sync looks at it: its stacks, and how Compose is shown it. A stack that is pinned is looked at in
/// another commit than the rest.
struct CommitSnapshot: Sendable {
  let tree: CommitTree
  let discovery: Discovery
  let tracked: Tracked
  let resolve: Resolve
  /// The unfinished release.
  let stage: String
  /// The directory in which Compose is shown the stacks.
  let view: ProjectOverlay

  func source(_ stack: String) -> StackSource? { discovery.stacks.first { $0.name == stack } }
}

/// Every commit that one sync looks at.
struct CommitSnapshots: Sendable {
  let settings: Settings
  let programs: Programs
  let mirror: Mirror
  let external: ExternalContent
  let observe: Observe
  /// The directories of the unfinished releases and of the views, one for each commit; both go away with the sync.
  let stage: String
  let view: String
  let today: String
  /// What clup knows of stacks, those that left the repository included.
  let state: State
  private(set) var all: [String: CommitSnapshot] = [:]

  /// Looks at a commit; nothing when the mirror does not hold it.
  mutating func look(at commit: String) async throws(Failure) -> CommitSnapshot? {
    if let snapshot = all[commit] { return snapshot }
    guard await mirror.contains(commit) else { return nil }
    return try await look(
      at: try await settings.inMirror { () throws(GitError) in try await CommitTree(of: commit, in: mirror, settings) })
  }

  mutating func look(at tree: CommitTree) async throws(Failure) -> CommitSnapshot {
    let stage = "\(stage)/\(tree.commit)"
    try Files.makeDirectories(stage)
    let tracked = Tracked.commit(mirror, stage: stage)
    let discovery = try await Discovery.of(
      tree, tracked, settings: settings, running: Set(state.standing.keys))
    let settings = settings.sparing(discovery.stacks)
    let (observe, protected) = (observe, settings.protectedPaths)
    let view = ProjectOverlay(
      directory: "\(self.view)/\(tree.commit)", liveRoot: settings.liveRoot, tree: tree, tracked: tracked,
      owns: { observe.links.isOwn($0) }, external: external, isProtected: { protected.glob(protecting: $0) != nil },
      backup: { observe.backup(of: $0) })
    let snapshot = CommitSnapshot(
      tree: tree, discovery: discovery, tracked: tracked,
      resolve: Resolve(
        programs: programs, view: view, settings: settings, observe: observe, discovery: discovery, today: today,
        neighbours: state.standing.reduce(into: [:]) { $0[$1.key] = $1.value.place(of: $1.key).directory },
        wellKnown: state.wellKnown, recorded: Set(state.stacks.keys)),
      stage: stage, view: view)
    all[tree.commit] = snapshot
    return snapshot
  }
}
