import Core

extension Settings {
  /// Reads what the configuration's `links:` are to be; job files come along, for whoever starts jobs.
  ///
  /// What a container has in a directory that it mounts is copied whatever the configuration says: a link would lead
  /// nowhere there, or let it write into a release. Whoever starts jobs is such a container.
  func hostLinks(
    _ tree: CommitTree, _ discovery: Discovery, written: MountedPaths, seen: MountedPaths,
    _ diagnostics: inout [Diagnostic]
  ) -> [String: DesiredLink] {
    var wishes: [String: DesiredLink] = [:]
    for directory in Set(discovery.jobs.map(Discovery.jobDirectory(of:))) {
      var managed = ManagedPaths(
        tree: tree, stack: "", protected: protectedPaths, written: written,
        seen: MountedPaths([Path.parent(directory)]),
        isDirectory: { Files.status(Path.join(liveRoot, $0)).map(Files.isDirectory) })
      managed.add(directory, .plain)
      diagnostics += managed.diagnostics
      wishes.merge(managed.outermost) { _, new in new }
    }
    for link in links {
      guard let entry = tree[link.from], entry.isRegular || entry.kind == .directory else {
        diagnostics.append(
          Diagnostic(
            rule: "forbidden-file", file: link.from,
            message: "`links:` names \(link.from), which is not a file of the commit",
            help: "commit it, or take it out of the host's configuration"))
        continue
      }
      diagnostics += tree.files(under: link.from).filter { !$0.isRegular }.map {
        ManagedPaths.refusal(of: $0, in: tree, stack: nil)
      }
      let isCopy = link.mode == .copy || written.touches(link.to) || seen.holds(link.to)
      guard isCopy, entry.kind == .directory else {
        wishes[link.to] = DesiredLink(kind: isCopy ? .copy : .link, entry)
        if written.covers(link.to) { wishes[link.to]?.isWritable = true }
        continue
      }
      for file in tree.files(under: link.from) where file.isRegular {
        let live = Path.join(link.to, Path.relative(file.path, to: link.from) ?? "")
        wishes[live] = DesiredLink(kind: .copy, file)
        if written.covers(live) { wishes[live]?.isWritable = true }
      }
    }
    return wishes
  }
}
