import Core

/// Finds tracked files that cannot be handed to a host as they are meant.
struct LargeFiles: Sendable {
  let tree: CommitTree
  let tracked: Tracked
  let settings: Settings

  /// Looks at the files at and below paths; what the host lets be tracked is taken as it is, whatever it holds.
  func findings(in paths: some Sequence<String>, stack: String?) async throws(Failure) -> [Diagnostic] {
    let lifted = settings.policy.tracked.map { Glob($0.path) }
    var (found, seen): ([Diagnostic], Set<String>) = ([], [])
    for path in paths.sorted() {
      for file in tree.files(under: path) where file.isRegular && seen.insert(file.path).inserted {
        let size = try await tracked.size(of: file)
        if size > LargeFile.mostBytes {
          found.append(LargeFile.tooLarge(file.path, size, stack: stack))
        } else if let finding = try await finding(file, size, stack), !lifted.contains(where: { $0.covers(file.path) })
        {
          found.append(finding)
        }
      }
    }
    return found
  }

  private func finding(_ file: TrackedPath, _ size: Int, _ stack: String?) async throws(Failure) -> Diagnostic? {
    if file.id == TrackedPath.keptByLFS { return LargeFile.pointer(file.path, stack: stack) }
    // Shorter than the first line and a digest.
    guard size <= LargeFile.mostPointerBytes, size > 100 else { return nil }
    let bytes = try await tracked.contents(of: file, limit: LargeFile.mostPointerBytes)
    guard LargeFile.isPointer(bytes) else { return nil }
    var refusal = tree.refusal(at: file.path)
    if case .workTree = tracked, settings.git.lfs {
      // A sync would fetch it.
      refusal = LargeFile.refusal(of: bytes, file.path, isInSubmodule: !tree.modules(around: file.path).isEmpty)
      if refusal == nil { return nil }
    }
    return LargeFile.pointer(file.path, stack: stack, refusal)
  }
}

extension Resolve {
  /// What the commit's files are asked before Compose reads them.
  var large: LargeFiles { LargeFiles(tree: view.tree, tracked: view.tracked, settings: settings) }

  /// Refuses tracked files that a container would get in another form than they are meant: `paths` that are encrypted, and
  /// what git cannot hand over of all that the stack stands on.
  func unusable(_ name: String, _ paths: some Sequence<String>, _ gather: ComposeSources) async throws(Failure)
    -> [Diagnostic]
  {
    try await encrypted(name, paths, gather) + large.findings(in: gather.tracked.keys, stack: name)
      + unfetched(name, gather)
  }

  /// Refuses what lies in a submodule that was not fetched, where the host has nothing of its own there.
  private func unfetched(_ name: String, _ gather: ComposeSources) -> [Diagnostic] {
    let modules = gather.untracked.filter { $0.value == Fingerprint.absent }.keys.compactMap { path in
      Path.ancestors(path).lazy.compactMap { view.tree[$0] }.first { $0.kind == .submodule }
    }
    return Set(modules).sorted { $0.path < $1.path }.map { ManagedPaths.refusal(of: $0, in: view.tree, stack: name) }
  }
}
