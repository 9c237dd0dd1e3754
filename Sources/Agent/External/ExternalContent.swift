import Core
import Git

/// Fetches what stacks use of what the repository only names, one thing after the other: which of it that is shows while
/// stacks are looked at side by side.
struct ExternalContent: Sendable {
  let stored: StoredContent
  let access: Access
  let scheduler = StackScheduler(slots: 1)

  /// Adds to a tree all that these paths need. What the repository is to blame for is kept in the tree, for whoever uses it.
  func bring(_ paths: [String], in tree: CommitTree) async throws(Failure) {
    let paths = Set(paths).filter { !tree.isBrought($0) }.sorted()
    guard tree.isGrowing, !paths.isEmpty else { return }
    try await scheduler.turn { () throws(Failure) in
      var missing = try await stored.recall(paths, in: tree)
      for module in missing.modules {
        try await SubmoduleFetch(stored: stored, access: access).fetch(module, in: tree)
      }
      if !missing.modules.isEmpty { missing = try await stored.recall(paths, in: tree) }
      if !missing.files.isEmpty {
        try await LargeFileFetch(stored: stored, access: access).fetch(missing.files, in: tree)
      }
      tree.setBrought(paths)
    }
  }
}
