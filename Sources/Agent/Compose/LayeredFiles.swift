import Core

extension Resolve {
  /// Returns the line to write on the host for a stack whose services say nothing of what they run, where a Compose file next to
  /// it, or that of a directory above, does.
  func layeredHelp(_ name: String, _ gather: ComposeSources) async throws(Failure) -> String? {
    let bare = UnmanagedFile.bareServices(in: gather.sources.compactMap(\.document))
    guard let source = discovery.stacks.first(where: { $0.name == name }), let own = source.composeFiles.first,
      !bare.isEmpty
    else { return nil }
    let read = Set(gather.sources.map(\.path))
    for directory in Path.ancestors(own).reversed() + ["."] {
      for base in bases(in: directory, beside: own) where !base.contains(where: read.contains) {
        guard try await bare.isSubset(of: runnable(base)) else { continue }
        return "it looks made to be laid over \(base[0]): write on the host "
          + "`stacks: {\(StackSource.layered(base + source.composeFiles, in: directory))}`; or leave it out: "
          + "`stacks: {exclude: [\(source.excluding)]}`"
      }
    }
    return nil
  }

  /// The Compose files of a directory over which one of it, or of a directory below, may be laid.
  private func bases(in directory: String, beside own: String) -> [[String]] {
    if directory == Path.parent(own) {
      return view.tree.children(of: directory).filter { $0.isRegular && $0.path != own }.map { [$0.path] }
    }
    // Where the host has laid others over it already, these are another choice.
    return discovery.stacks.filter { $0.name == directory }.map { stack in
      stack.layout == nil ? stack.composeFiles : Array(stack.composeFiles.prefix(1))
    }
  }

  /// The services of files that say what they run.
  private func runnable(_ files: [String]) async throws(Failure) -> Set<String> {
    var services: Set<String> = []
    for file in files {
      guard let entry = view.tree[file], entry.isRegular, UnmanagedFile.isCandidate(file),
        let bytes = try await view.tracked.smallContents(of: entry), let found = UnmanagedFile(file, bytes)
      else { continue }
      services.formUnion(found.services.subtracting(found.bare))
    }
    return services
  }
}
