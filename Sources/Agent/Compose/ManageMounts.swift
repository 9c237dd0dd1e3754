import Core

/// What a stack's containers have of the repository, and how that reaches its live paths.
extension Resolve {
  /// Decides how the tracked paths that a stack stands on reach their live paths; `whole` has the services of every
  /// profile. With `isCovered` its own directory is mounted read-only over what its containers may write to.
  func manage(
    _ source: StackSource, _ model: ComposeModel, _ whole: ComposeModel, isCovered: Bool, _ gather: inout ComposeSources
  ) async throws(Failure) -> Managed {
    let (name, directory) = (source.name, source.place.directory)
    let mine = model.services.flatMap {
      tracked($0.binds, directory) + ($0.files + $0.buildContexts).compactMap(view.relative)
    }
    try await view.bring(whole.hostPaths.compactMap(view.relative) + mine)
    // Where there is nothing yet a commit may bring something; of its own directory as a whole, a file more.
    for path in Set(mine).sorted() { try await gather.depend(on: path) }
    let own = model.services.flatMap(\.binds).compactMap(view.relative).contains {
      Path.relative(directory, to: $0) != nil
    }
    if own { try await gather.depend(on: directory) }
    let unusable = try await self.unusable(name, mine, gather)
    // A service of a profile that is off writes once somebody starts it.
    let writes = try await inside(whole.services.flatMap(\.writable))
    let reads = try await inside(whole.services.flatMap(\.binds))
    // What the host keeps in a directory of the repository would come to lie in a release, too.
    let hosts = whole.hostPaths.compactMap(view.relative).filter { view.tree[$0] == nil }
    var managed = ManagedPaths(
      tree: view.tree, stack: name, directory: directory, protected: settings.protectedPaths,
      written: MountedPaths(writes.union(written).union(hosts).union(gather.untracked.keys)),
      seen: MountedPaths(reads), composeFiles: Set(discovery.stacks.flatMap(\.composeFiles)),
      isDirectory: { path in
        isCopied(path) || discovery.jobs.contains { Discovery.jobDirectory(of: $0) == path }
          ? true : Files.status(Path.join(settings.liveRoot, path)).map(Files.isDirectory)
      })
    managed.isCovered = isCovered
    let mounted = Set(
      model.services.flatMap { tracked($0.binds, directory) + $0.buildContexts.compactMap(view.relative) })
    for path in gather.tracked.keys.sorted() where path != directory || mounted.contains(path) {
      managed.add(path, mounted.contains(path) ? .mounted : .plain)
    }
    // What the host has there itself is mounted all the same.
    for path in model.hostPaths.compactMap(view.relative)
    where view.tree[path] == nil && (view.invents || Files.status(Path.join(settings.liveRoot, path)) == nil) {
      managed.check(above: path)
    }
    return Managed(links: managed.outermost, writes: writes, reads: reads, diagnostics: unusable + managed.diagnostics)
  }

  /// How the tracked paths of a stack reach their live paths, and the live paths that its containers have.
  struct Managed {
    let links: [String: DesiredLink]
    let writes: Set<String>
    let reads: Set<String>
    let diagnostics: [Diagnostic]
  }

  /// Returns what the repository has for a stack at the paths that it mounts. Of its own directory and of one above that is what
  /// lies in its own, but for its Compose files: it looks out on the rest, and does not run from it.
  func tracked(_ binds: [String], _ directory: String) -> [String] {
    binds.compactMap(view.relative).flatMap { path in
      guard Path.relative(directory, to: path) != nil else { return [path] }
      let composeFiles = Set(discovery.stacks.flatMap(\.composeFiles))
      return view.tree.files(under: directory).map(\.path).filter { !composeFiles.contains($0) }
    }
  }

  /// Finds the live paths among those that containers mount, as they are written and as they lead through links.
  private func inside(_ mounted: [String]) async throws(Failure) -> Set<String> {
    let resolver = SymlinkResolver(view: view)
    let root = Files.resolved(settings.liveRoot) ?? settings.liveRoot
    var found: Set<String> = []
    for path in Set(mounted) {
      for form in [path, try await resolver.real(path)].compactMap({ $0 }) {
        if let inside = view.relative(form) ?? Path.relative(form, to: root) { found.insert(inside) }
      }
    }
    return found
  }

  /// Whether the configuration wants files of their own at a live directory, or somewhere in it.
  private func isCopied(_ path: String) -> Bool {
    // What is a link of clup's already stays one.
    if case .link(let text) = observe.live(path), observe.links.isOwn(text) { return false }
    return settings.links.contains { link in
      link.mode == .copy && view.tree[link.from]?.kind == .directory
        && (Path.relative(path, to: link.to) ?? Path.relative(link.to, to: path)) != nil
    }
  }
}
