/// What a host follows in its repository: exactly one thing.
public enum Followed: Sendable, Equatable {
  /// The head of a branch.
  case branch(String)
  /// The highest tag that fits a pattern, by version order.
  case tag(String)
  /// One commit, 40 hexadecimal digits.
  case commit(String)

  /// How it is called in reports and on the page: a branch by its name alone.
  var name: String {
    switch self {
    case .branch(let name): name
    case .tag(let pattern): "tag \(pattern)"
    case .commit(let id): "commit \(id.prefix(12))"
    }
  }

  /// The same within a sentence.
  public var phrase: String {
    switch self {
    case .branch(let name): "the branch \(name)"
    case .tag(let pattern): "the tags \(pattern)"
    case .commit(let id): "the commit \(id.prefix(12))"
    }
  }

  /// Whether a branch is followed.
  public var isBranch: Bool { if case .branch = self { true } else { false } }

  /// The branch under which the mirror keeps what was accepted.
  public var mirrorBranch: String {
    switch self {
    case .branch(let name): name
    case .tag: "clup/followed-tag"
    case .commit: "clup/followed-commit"
    }
  }

  /// Returns whether a push to a reference (`refs/heads/main`, `refs/tags/v1`) can concern the host.
  public func concerns(_ reference: String) -> Bool {
    switch self {
    case .branch(let name): reference == "refs/heads/\(name)"
    case .tag(let pattern):
      reference.hasPrefix("refs/tags/")
        && TagPattern(pattern).highest(among: [String(reference.dropFirst(10))]) != nil
    case .commit: false
    }
  }
}

/// Chooses among the tags of a repository.
public struct TagPattern: Sendable {
  private let glob: Glob
  private let takesPreReleases: Bool

  /// Keeps a shell pattern (`v*`, `v1.*`). Pre-releases such as `v2.0-rc1` count where the pattern itself holds a `-`.
  public init(_ pattern: String) {
    glob = Glob(pattern)
    takesPreReleases = pattern.contains("-")
  }

  /// Returns the highest of the tags that fit, by version order; nothing where none does.
  public func highest(among tags: [String]) -> String? {
    tags.filter { glob.matches($0) && (takesPreReleases || !VersionOrder($0).isPreRelease) }
      .max { (VersionOrder($0), $0) < (VersionOrder($1), $1) }
  }
}
