import Core

extension PolicyCheck {
  /// Finds files that look like Compose files and that no stack uses, in what `known` does not hold already; `uses` are the
  /// paths that stacks stand on.
  func unmanaged(
    in tree: CommitTree, discovery: Discovery, tracked: Tracked, uses: Set<String> = [], known: CommitTree? = nil
  ) async throws(Failure) -> [Diagnostic] {
    try await UnmanagedFile.findings(
      unmanagedFiles(in: tree, discovery: discovery, tracked: tracked, uses: uses, known: known).files,
      in: tree, stacks: discovery.stacks, isAll: discovery.stacks.isEmpty)
      + linkedStacks(in: tree, discovery: discovery, tracked: tracked, known: known)
  }

  /// Finds symbolic links to directories that hold a Compose file.
  func linkedStacks(
    in tree: CommitTree, discovery: Discovery, tracked: Tracked, known: CommitTree? = nil
  ) async throws(Failure) -> [Diagnostic] {
    var found: [Diagnostic] = []
    for file in tree.files where file.kind == .symlink && known?[file.path]?.id != file.id {
      guard settings.selection.contains(Path.join(file.path, "compose.yaml")),
        let bytes = try await tracked.smallContents(of: file)
      else { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      let directory = Path.join(Path.parent(file.path), text)
      guard !Path.isAbsolute(text), ComposeFileName.main.contains(where: { tree[Path.join(directory, $0)] != nil })
      else {
        continue
      }
      found.append(UnmanagedFile.finding(link: file.path, to: directory, isAll: discovery.stacks.isEmpty))
    }
    return found
  }

  /// The same, before anything is said about them, with the variants of stacks' own files.
  func unmanagedFiles(
    in tree: CommitTree, discovery: Discovery, tracked: Tracked, uses: Set<String> = [], known: CommitTree? = nil
  ) async throws(Failure) -> (files: [UnmanagedFile], variants: [Variant]) {
    let (selection, uses) = (settings.selection, uses.union(discovery.used).union(discovery.elsewhere))
    let candidates = tree.files.filter { file in
      let path = file.path
      return file.isRegular && UnmanagedFile.isCandidate(path) && selection.contains(path) && !Discovery.isJob(path)
        && !uses.contains(path) && !Path.ancestors(path).contains(where: uses.contains)
    }
    var found: [String: UnmanagedFile] = [:]
    func read(_ file: TrackedPath) async throws(Failure) {
      guard found[file.path] == nil, let bytes = try await tracked.smallContents(of: file) else { return }
      found[file.path] = UnmanagedFile(file.path, bytes)
    }
    let new = candidates.filter { known?[$0.path]?.id != $0.id }
    for file in new { try await read(file) }
    if found.isEmpty { return ([], []) }
    // One that was there before may use one that is new.
    for file in candidates { try await read(file) }
    let parts = parts(of: &found, in: tree, stacks: uses)
    let unused = new.compactMap { parts.contains($0.path) ? nil : found[$0.path] }
    let directories = Set(unused.flatMap { [Path.parent($0.path), "."] + Path.ancestors($0.path) })
    var services: [String: Set<String>] = [:]
    for stack in discovery.stacks where stack.place.directory == stack.name && directories.contains(stack.name) {
      services[stack.name] = try await tracked.services(
        of: discovery.made[stack.name] ?? Set(stack.composeFiles), in: tree)
    }
    var (files, variants) = ([UnmanagedFile](), [Variant]())
    for file in UnmanagedFile.withBases(unused, stacks: discovery.stacks, services: services) {
      let (directory, base) = (Path.parent(file.path), file.base.flatMap { $0.isStack ? $0.directory : nil })
      let own = services[directory] ?? []
      let name = file.isVariant(besideServices: own) ? directory : file.isOverlay ? base : nil
      if let stack = discovery.stacks.first(where: { $0.name == name }), let services = services[stack.name] {
        variants.append(Variant(file, of: stack, services: services))
      } else if file.base != nil || file.bare.isEmpty || file.bare != file.services {
        files.append(file)
      }
    }
    return Variant.takingSiblings(files, variants, services: services)
  }

  /// Returns the files that others of them use; those that only include something else than Compose files are left out.
  private func parts(of found: inout [String: UnmanagedFile], in tree: CommitTree, stacks: Set<String>) -> Set<String> {
    let usedFiles = UsedFiles(tree, liveRoot: settings.liveRoot)
    let targets = found.mapValues { file in
      let base = Path.parent(file.path)
      return Set(
        file.uses.compactMap { usedFiles.target(of: $0, base: base) }
          + file.uses.flatMap { usedFiles.candidates(for: $0, base: base) }
      ).subtracting([file.path])
    }
    let files = found
    found = found.filter { path, file in
      !file.services.isEmpty || file.kind != .compose
        || (targets[path] ?? []).contains { files[$0] != nil || stacks.contains($0) }
    }
    let users = found.keys
    return users.reduce(into: []) { parts, user in
      // Of those that use one another, all stay.
      parts.formUnion((targets[user] ?? []).filter { targets[$0]?.contains(user) != true })
    }
  }
}
