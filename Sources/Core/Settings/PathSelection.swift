/// Which paths of the repository are this host's affair: what it includes, but for what it excludes.
public struct PathSelection: Sendable {
  private let include: [Glob]
  private let exclude: [Glob]

  /// Takes the globs of the configuration; without any to include everything is.
  public init(include: [String] = [], exclude: [String] = []) {
    (self.include, self.exclude) = (include.map(Glob.init), exclude.map(Glob.init))
  }

  /// Says whether a file is looked at.
  public func contains(_ path: String) -> Bool {
    (include.isEmpty || include.contains { $0.covers(path) }) && !exclude.contains { $0.covers(path) }
  }
}

extension Discovery {
  /// What the configuration's `stacks:` says that a commit has nothing for, a sentence each.
  public func unused(of settings: Settings, in tree: CommitTree) -> [String] {
    let known = Set(stacks.map(\.name))
    let root = known.contains(".") ? "; that of the repository's own directory is called `.`" : ""
    let names = settings.stacks.keys.sorted().filter { !known.contains($0) }
      .map { "the configuration's `stacks:` names \($0), which is no stack of this commit\(root)" }
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

extension Settings {
  /// Which paths of the repository are this host's affair.
  public var selection: PathSelection { PathSelection(include: include, exclude: exclude) }
}
