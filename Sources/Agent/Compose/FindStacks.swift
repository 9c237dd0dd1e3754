import Core

extension Discovery {
  /// Finds the stacks of a commit; `running` are those that run already, which stay stacks whoever uses their files.
  static func of(
    _ tree: CommitTree, _ tracked: Tracked, settings: Settings, running: Set<String> = []
  ) async throws(Failure) -> Discovery {
    var discovery = Discovery(tree, settings: settings)
    // What a single stack uses is no other one's.
    if discovery.stacks.count < 2 { return discovery }
    var uses: [String: Set<String>] = [:]
    var queue = discovery.stacks.flatMap { stack in stack.composeFiles.map { ($0, stack.place.directory) } }
    while let (path, base) = queue.popLast() {
      guard uses[path] == nil, let entry = tree[path], entry.isRegular else { continue }
      uses[path] = []
      guard let bytes = try await tracked.smallContents(of: entry), ComposeSource.mayUseOthers(bytes) else { continue }
      for document in ComposeSource.documents(path: path, bytes: bytes).compactMap(\.document) {
        let found = Discovery.uses(in: document, base: base)
        uses[path, default: []].formUnion(found)
        queue += found.map { ($0, Path.parent($0)) }
      }
    }
    discovery.leaveOutParts(uses, settings: settings, running: running)
    return discovery
  }
}
