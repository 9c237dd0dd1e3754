import Core

/// Where a stack's files are, and how Compose is brought to them.
extension Resolve {
  /// Gives the directory of a stack or a job file.
  func directory(of name: String) -> String {
    discovery.stacks.first { $0.name == name }?.place.directory ?? Path.parent(name)
  }

  /// What names a stack's Compose files and its project to Compose, where it does not find them by itself. The project is
  /// called as the live `.env` or the Compose file says, or else as the file.
  func naming(_ source: StackSource, _ gather: ComposeSources) async throws(Failure) -> [String] {
    guard let project = source.project else { return source.place.options }
    let written = gather.sources.filter { source.composeFiles.contains($0.path) }
      .compactMap { $0.document?["name"]?.string }.last
    let known = try await interpolate(
      ["${COMPOSE_PROJECT_NAME}"], source.place.directory, [], written ?? project
    ).first
    return source.place.options + ["-p", known.flatMap { $0 } ?? project]
  }

  /// Finds an untracked Compose file that Compose would take instead of the tracked one.
  func hidden(_ source: StackSource, _ gather: ComposeSources) -> Diagnostic? {
    if source.layout != nil { return nil }
    let first = ComposeFileName.main.map { Path.join(source.name, $0) }.first { path in
      view.tree[path] != nil || gather.untracked[path].map { $0 != Fingerprint.absent } ?? false
    }
    guard let first, view.tree[first] == nil, let hidden = source.composeFiles.first else { return nil }
    return Diagnostic(
      rule: "compose", file: hidden, stack: source.name,
      message: "the host's own \(first) comes before \(hidden) in Compose's order",
      help: "move \(Path.join(settings.liveRoot, first)) aside, or commit it", isFinal: true)
  }
}
