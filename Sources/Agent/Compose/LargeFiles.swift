import Core

/// Finds tracked files that cannot be handed to a host as they are meant.
struct LargeFiles: Sendable {
  let tree: CommitTree
  let tracked: Tracked
  let policy: Policy

  /// Looks at the files at and below paths; what the host lets be tracked is taken as it is, whatever it holds.
  func findings(in paths: some Sequence<String>, stack: String?) async throws(Failure) -> [Diagnostic] {
    let lifted = policy.tracked.map { Glob($0.path) }
    var (found, seen): ([Diagnostic], Set<String>) = ([], [])
    for path in paths.sorted() {
      for file in tree.files(under: path) where file.isRegular && seen.insert(file.path).inserted {
        let size = try await tracked.size(of: file)
        if size > LargeFile.mostBytes {
          found.append(LargeFile.tooLarge(file.path, size, stack: stack))
        } else if try await isPointer(file, size), !lifted.contains(where: { $0.covers(file.path) }) {
          found.append(LargeFile.pointer(file.path, stack: stack))
        }
      }
    }
    return found
  }

  private func isPointer(_ file: TrackedPath, _ size: Int) async throws(Failure) -> Bool {
    if file.id == TrackedPath.keptByLFS { return true }
    // Shorter than the first line and a digest.
    guard size <= LargeFile.mostPointerBytes, size > 100 else { return false }
    return LargeFile.isPointer(try await tracked.contents(of: file, limit: LargeFile.mostPointerBytes))
  }
}

extension Resolve {
  /// What the commit's files are asked before Compose reads them.
  var large: LargeFiles { LargeFiles(tree: view.tree, tracked: view.tracked, policy: settings.policy) }

  /// Refuses tracked files that a container would get in another form than they are meant: `paths` that are encrypted, and
  /// what git cannot hand over of all that the stack stands on.
  func unusable(_ name: String, _ paths: some Sequence<String>, _ gather: ComposeSources) async throws(Failure)
    -> [Diagnostic]
  {
    try await encrypted(name, paths, gather) + large.findings(in: gather.tracked.keys, stack: name)
  }
}
