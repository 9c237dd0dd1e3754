import Core

extension Prepare {
  /// Reads what the configuration's `links:` are to be; job files come along, for whoever starts jobs.
  func hostLinks(
    _ tree: CommitTree, _ discovery: Discovery, _ diagnostics: inout [Diagnostic]
  ) -> [String: DesiredLink] {
    var wishes: [String: DesiredLink] = [:]
    for directory in Set(discovery.jobs.map(Discovery.jobDirectory(of:))) {
      var managed = ManagedPaths(
        tree: tree, stack: "", protected: settings.protectedPaths,
        isDirectory: { Files.status(Path.join(settings.liveRoot, $0)).map(Files.isDirectory) })
      managed.add(directory, .plain)
      diagnostics += managed.diagnostics
      wishes.merge(managed.outermost) { _, new in new }
    }
    for link in settings.links {
      guard let entry = tree[link.from], entry.kind == .file || entry.kind == .executable || entry.kind == .directory
      else {
        diagnostics.append(
          Diagnostic(
            rule: "forbidden-file", file: link.from,
            message: "`links:` names \(link.from), which is no file of the commit",
            help: "commit it, or take it out of the host's configuration"))
        continue
      }
      if link.mode == .copy && entry.kind == .directory {
        for file in tree.files(under: link.from) where file.kind == .file || file.kind == .executable {
          let rest = Path.relative(file.path, to: link.from) ?? ""
          wishes[Path.join(link.to, rest)] = DesiredLink(kind: .copy, file)
        }
      } else {
        wishes[link.to] = DesiredLink(kind: link.mode == .copy ? .copy : .link, entry)
      }
    }
    return wishes
  }
}
