import Core

/// Where a stack's files are, and how Compose is brought to them.
extension Resolve {
  /// Returns the directory of a stack or a job file.
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

  /// Finds why Compose need not be asked about a stack: its file stays out of the host, is ciphertext, or gives no project a name.
  func refusalBeforeAsking(_ source: StackSource, _ gather: ComposeSources) -> Diagnostic? {
    for path in source.composeFiles {
      if let glob = settings.protectedPaths.glob(protecting: path) {
        return Discovery.landsOnState(path, glob: glob, stack: source.name).asFinal
      }
    }
    for text in gather.sources {
      guard let kind = Ciphertext.kind(of: text.bytes) else { continue }
      return Diagnostic(
        rule: "compose", file: text.path, line: 1, column: 1, stack: source.name,
        message: "\(text.path) is encrypted (\(kind)), and clup decrypts nothing",
        help: "commit the Compose file unencrypted, and keep its secrets in the live `.env`", isFinal: true)
    }
    let name = source.project ?? Path.name(source.place.directory)
    let isNamed =
      name == "." || name.lowercased().utf8.contains { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
    let values = Files.text(Path.join(view.root, Path.join(source.place.directory, ".env"))) ?? ""
    if isNamed || values.contains("COMPOSE_PROJECT_NAME") || !environmentFiles.isEmpty
      || gather.sources.contains(where: { $0.document?["name"] != nil })
    {
      return nil
    }
    return Diagnostic(
      rule: "compose", file: source.composeFiles.first ?? source.name, line: 1, column: 1, stack: source.name,
      message: "Compose makes the project's name from the letters a to z and the digits of `\(name)`, which has none",
      help: "give the stack a top-level `name:`", isFinal: true)
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
      message: "Compose would use the host's own \(first) instead of \(hidden)",
      help: "move \(Path.join(settings.liveRoot, first)) aside, or commit it", isFinal: true)
  }
}
