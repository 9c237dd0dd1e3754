import Core
import Git
import Glibc

/// What the checkout keeps of content that the repository only names: the repositories of submodules, and the files that Git
/// LFS keeps, each as a blob.
///
/// The mirror reads these repositories as its own; `refs/clup/kept/COMMIT/` there says for which commits a blob stays.
struct StoredContent: Sendable {
  let settings: Settings
  let checkout: Checkout
  let mirror: Mirror

  /// What is not there yet.
  struct Missing: Sendable {
    var modules: [TrackedPath] = []
    var files: [LargeFile.Pointer: [TrackedPath]] = [:]
  }

  /// Opens one of the repositories, or makes it.
  static func open(_ path: String) throws(Failure) -> Mirror {
    do throws(GitError) { return try Mirror(at: path, branch: "clup/none", create: true) } catch {
      throw Failure(
        .host, error.message,
        help: "check that \(path) can be written and has room; if it is damaged, delete it: clup fetches it again")
    }
  }

  /// Lets the mirror read all that is kept.
  func include() async throws(Failure) {
    try await settings.inMirror { () throws(GitError) in
      for store in checkout.stores { try await mirror.include(store) }
    }
  }

  /// Adds to a tree what is kept of what these paths need, and says what is not. Asks nobody.
  func recall(_ paths: [String], in tree: CommitTree) async throws(Failure) -> Missing {
    var missing = Missing()
    guard tree.isGrowing else { return missing }
    try await settings.inMirror { () throws(GitError) in
      if settings.git.submodules {
        for module in Set(paths.flatMap(tree.modules)).sorted(by: { $0.path < $1.path })
        where tree[module.path]?.kind == .submodule && tree.refusal(at: module.path) == nil {
          if try await !recall(module, in: tree) { missing.modules.append(module) }
        }
      }
      if settings.git.lfs { missing.files = try await recallFiles(paths, in: tree) }
    }
    return missing
  }

  private func recall(_ module: TrackedPath, in tree: CommitTree) async throws(GitError) -> Bool {
    guard await mirror.contains(module.id) else { return false }
    do throws(GitError) {
      tree.add(try await mirror.entries(of: module.id).map(TrackedPath.init), at: module.path)
    } catch {
      guard error.kind == .unsafePath else { throw error }
      tree.refuse(
        module.path,
        CommitTree.Refusal(
          "clup cannot use the submodule \(module.path): \(error.message)", help: "remove that file from the submodule")
      )
    }
    for path in checkout.stores where path != checkout.largeFiles {
      let store = try Mirror(at: path, branch: "clup/none", create: false)
      if await store.contains(module.id) { try await store.keep(module.id, as: "submodule", for: tree.commit) }
    }
    return true
  }

  private func recallFiles(
    _ paths: [String], in tree: CommitTree
  ) async throws(GitError) -> [LargeFile.Pointer: [TrackedPath]] {
    var found: [LargeFile.Pointer: [TrackedPath]] = [:]
    for file in Set(paths.flatMap { tree.files(under: $0) }) where file.isRegular && !tree.isBrought(file.path) {
      guard let pointer = try await pointer(file, in: tree) else { continue }
      found[pointer, default: []].append(file)
    }
    if found.isEmpty || Files.status(checkout.largeFiles) == nil { return found }
    let store = try Mirror(at: checkout.largeFiles, branch: "clup/none", create: false)
    for (pointer, files) in found {
      // Two pointers to one content may tell two sizes.
      guard let id = try await store.kept(pointer.oid), try await store.size(of: id) == pointer.size else { continue }
      try await store.keep(id, as: pointer.oid, for: tree.commit)
      put(id, files, in: tree)
      found[pointer] = nil
    }
    return found
  }

  /// Puts a stored content in the place of its pointers.
  func put(_ id: String, _ files: [TrackedPath], in tree: CommitTree) {
    for file in files { tree.replace(TrackedPath(path: file.path, kind: file.kind, id: id)) }
    tree.setBrought(files.map(\.path))
  }

  /// Reads a pointer whose content can be fetched; of any other one the tree keeps why not.
  private func pointer(_ file: TrackedPath, in tree: CommitTree) async throws(GitError) -> LargeFile.Pointer? {
    let size = try await mirror.size(of: file.id)
    guard size > 100, size <= LargeFile.mostPointerBytes else { return nil }
    let bytes = try await mirror.contents(of: file.id, limit: LargeFile.mostPointerBytes)
    guard LargeFile.isPointer(bytes), tree.refusal(at: file.path) == nil else { return nil }
    let isInSubmodule = !tree.modules(around: file.path).isEmpty
    if let refusal = LargeFile.refusal(of: bytes, file.path, isInSubmodule: isInSubmodule) {
      tree.refuse(file.path, refusal)
      return nil
    }
    return LargeFile.Pointer(bytes)
  }

  /// Removes what none of these commits needs.
  static func sweep(_ checkout: Checkout, keeping commits: Set<String>) async throws(Failure) {
    for path in checkout.stores {
      let store = try open(path)
      let isNeeded: Bool
      do throws(GitError) { isNeeded = try await store.keepOnly(for: commits) } catch {
        throw Failure(
          .host,
          "cannot clean up the \(path == checkout.largeFiles ? "Git LFS" : "submodule") store \(path): \(error.message)",
          help: "delete \(path), and sync again: clup fetches it again")
      }
      // Under its name a repository is whole: it loses the name first.
      if !isNeeded {
        let gone = "\(checkout.path)/view.\(Path.name(path))"
        if rename(path, gone) == 0 { Files.remove(gone) }
      }
    }
  }
}
