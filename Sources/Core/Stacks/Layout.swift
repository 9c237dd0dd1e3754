import YAML

/// Which files of a commit are a stack.
extension Discovery {
  /// Finds the directories in which Compose finds a file by itself, or whose files the host names.
  static func directories(
    _ tree: CommitTree, _ settings: Settings, _ selection: PathSelection
  ) -> [StackSource] {
    var directories: Set<String> = []
    for file in tree.files {
      let parts = Path.components(file.path).map(String.init)
      // A directory under a Compose file's name: Compose would take it for the file and fail.
      guard let index = parts.firstIndex(where: ComposeFileName.main.contains), !isJob(file.path) else { continue }
      let directory = index == 0 ? "." : parts[..<index].joined(separator: "/")
      if selection.contains(file.path) { directories.insert(directory) }
    }
    let found = directories.sorted().filter { settings.stacks[$0]?.composeFiles == nil }.map { directory in
      let files = [ComposeFileName.main, ComposeFileName.override].compactMap { names in
        names.map { Path.join(directory, $0) }.first { tree[$0] != nil }
      }
      return StackSource(name: directory, composeFiles: files)
    }
    let named = settings.stacks.compactMap { name, stack -> StackSource? in
      guard let files = stack.composeFiles, tree[name]?.kind == .directory else { return nil }
      let paths = files.map { Path.join(name, $0) }
      guard selection.contains(paths[0]), paths.contains(where: { tree[$0] != nil }) else { return nil }
      return StackSource(name: name, composeFiles: paths, layout: ProjectPlace(directory: name, files: files))
    }
    return found + named
  }

  /// Finds the files that the host makes a stack of each. What Compose finds by itself is its directory's.
  static func files(
    _ tree: CommitTree, _ settings: Settings, _ selection: PathSelection, beside stacks: [StackSource]
  ) -> [StackSource] {
    if settings.files.isEmpty { return [] }
    let globs = settings.files.map(Glob.init)
    let taken = Set(stacks.flatMap(\.composeFiles))
    let directories = Set(stacks.filter { $0.layout == nil }.map(\.name))
    return tree.files.compactMap { file -> StackSource? in
      let (path, directory) = (file.path, Path.parent(file.path))
      guard let glob = globs.first(where: { $0.matches(path) }), glob.isLiteral || isYAML(path),
        !taken.contains(path), selection.contains(path), !isJob(path),
        !(directories.contains(directory) && ComposeFileName.override.contains(Path.name(path)))
      else { return nil }
      let name = withoutEnding(path)
      let files = settings.stacks[name]?.composeFiles ?? [Path.name(path)]
      return StackSource(
        name: name, composeFiles: files.map { Path.join(directory, $0) },
        layout: ProjectPlace(directory: directory, files: files),
        project: project(of: path, takenBy: glob))
    }
  }

  /// Returns the name of the project of a file that a glob of `files:` takes: the file's, or that of its directory where the glob
  /// takes files of many directories that are called alike.
  static func project(of path: String, takenBy glob: Glob) -> String {
    let directory = Path.parent(path)
    let isAlike = !glob.isLiteral && Glob(Path.name(glob.pattern)).isLiteral && directory != "."
    return Path.name(isAlike ? directory : withoutEnding(path)).asProjectName
  }

  /// The same for a file that is named by itself.
  static func project(of path: String) -> String { Path.name(withoutEnding(path)).asProjectName }

  /// Returns whether the host names a stack by itself, or the file that it is made of.
  public static func isNamed(_ source: StackSource, _ settings: Settings) -> Bool {
    settings.stacks[source.name] != nil || settings.files.contains { source.composeFiles.first == $0 }
  }

  /// Returns whether a path belongs to job files.
  public static func isJob(_ path: String) -> Bool { Path.components(path).dropLast().contains(jobDirectory[...]) }

  /// Returns whether a file is YAML by its name.
  static func isYAML(_ path: String) -> Bool {
    let path = path.lowercased()
    return path.hasSuffix(".yml") || path.hasSuffix(".yaml")
  }

  private static func withoutEnding(_ path: String) -> String {
    let ending = [".yaml", ".yml", ".json"].first(where: path.lowercased().hasSuffix) ?? ""
    return String(path.dropLast(ending.count))
  }

  /// What the configuration's `stacks:` says that a commit has nothing for, a sentence each.
  public func unused(of settings: Settings, in tree: CommitTree) -> [String] {
    let known = Set(stacks.map(\.name))
    let root = known.contains(".") ? "; that of the repository's own directory is called `.`" : ""
    let names = settings.stacks.keys.sorted().filter { !known.contains($0) }
      .map { name in
        let near = nearest(name, among: known.sorted()).map { "; did you mean \($0)?" } ?? root
        return "the configuration's `stacks:` names \(name), which is not a stack of this commit\(near)"
      }
    let lists = [("include", settings.include), ("exclude", settings.exclude), ("files", settings.files)]
    return names
      + lists.flatMap { key, patterns in
        patterns.filter { pattern in
          let glob = Glob(pattern)
          return !tree.files.contains { key == "files" ? glob.matches($0.path) : glob.covers($0.path) }
        }.map { "the configuration's `stacks: {\(key): [\($0)]}` matches no file of this commit" }
      }
  }
}

extension ComposeSource {
  /// Whether a text can include or extend another one; to parse it is what takes time.
  public static func mayUseOthers(_ bytes: [UInt8]) -> Bool {
    bytes.holds(Array("include".utf8)) || bytes.holds(Array("extends".utf8))
  }
}

/// A Compose file that is not a stack of its own, since one uses it.
public struct StackPart: Sendable, Equatable {
  /// What the stack would be called.
  let name: String
  let file: String
  let user: String

  /// Says it for people, with the way to have it as a stack all the same.
  var text: String {
    "\(file) is not a stack of its own, since the stack \(user) includes or extends it; `stacks: {files: [\(file)]}` on the "
      + "host makes it one all the same"
  }
}

extension Discovery {
  /// Leaves out what others use; `uses` are the Compose files that each one includes or extends.
  ///
  /// What the host names stays a stack, and so does what runs as one already. Of those that use one another, all stay.
  public mutating func leaveOutParts(_ uses: [String: Set<String>], settings: Settings, running: Set<String>) {
    var reach: [String: Set<String>] = [:]
    for stack in stacks {
      var (found, queue) = (Set<String>(), Array(stack.composeFiles.dropFirst()))
      for file in stack.composeFiles { queue += uses[file] ?? [] }
      while let file = queue.popLast() {
        if found.insert(file).inserted { queue += uses[file] ?? [] }
      }
      reach[stack.name] = found
      used.formUnion(found)
      made[stack.name] = found.union(stack.composeFiles)
    }
    parts = stacks.compactMap { stack in
      guard let file = stack.composeFiles.first, !running.contains(stack.name), !Self.isNamed(stack, settings) else {
        return nil
      }
      let user = stacks.first { other in
        other.name != stack.name && reach[other.name]?.contains(file) == true
          && !(other.composeFiles.first.map { reach[stack.name]?.contains($0) == true } ?? false)
      }
      return user.map { StackPart(name: stack.name, file: file, user: $0.name) }
    }
    let names = Set(parts.map(\.name))
    stacks.removeAll { names.contains($0.name) }
    diagnostics.removeAll { finding in finding.isFinal && finding.stack.map(names.contains) == true }
  }

  /// The stacks next to whose files the host names others; which of both are stacks depends on their services.
  public var contested: [StackSource] {
    let places = Set(stacks.filter { $0.layout != nil && $0.name != $0.place.directory }.map(\.place.directory))
    return stacks.filter { $0.layout == nil && places.contains($0.name) }
  }

  /// Leaves out the stacks of directories in which a file that the host names has all of their services: it is the same in
  /// another form, and both could not run. What the host names stays a stack, and so does what runs as one already.
  public mutating func giveWay(_ services: [String: Set<String>], settings: Settings, running: Set<String>) {
    for stack in contested where !running.contains(stack.name) && !Self.isNamed(stack, settings) {
      let own = services[stack.name] ?? []
      let other = stacks.first {
        $0.name != stack.name && $0.place.directory == stack.name && own.isSubset(of: services[$0.name] ?? [])
      }
      if own.isEmpty || other == nil { continue }
      replaced += stack.composeFiles.prefix(1)
      stacks.removeAll { $0.name == stack.name }
      diagnostics.removeAll { $0.isFinal && $0.stack == stack.name }
    }
  }

  /// What is no stack although it looks like one, a sentence each.
  public var notes: [String] {
    let them =
      replaced.count == 1 ? "is not a stack, since a file next to it" : "are not stacks, since files next to them"
    return parts.map(\.text)
      + (replaced.isEmpty
        ? []
        : [
          "\(replaced.listed(4)) \(them), which `stacks: {files: …}` names, "
            + "\(replaced.count == 1 ? "has" : "have") the same services"
        ])
  }
}
