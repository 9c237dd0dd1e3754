/// Which paths of the repository are this host's affair: what it includes, but for what it excludes.
public struct PathSelection: Sendable {
  private let include: [Glob]
  private let exclude: [Glob]

  /// Takes the globs of the configuration; without any to include everything is.
  public init(include: [String] = [], exclude: [String] = []) {
    (self.include, self.exclude) = (include.map(Glob.init), exclude.map(Glob.init))
  }

  /// Returns whether a file is looked at.
  public func contains(_ path: String) -> Bool {
    (include.isEmpty || include.contains { $0.covers(path) }) && !exclude.contains { $0.covers(path) }
  }
}

extension Settings {
  /// Which paths of the repository are this host's affair.
  public var selection: PathSelection { PathSelection(include: include, exclude: exclude) }
}
