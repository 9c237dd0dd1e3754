/// What clup remembers of one stack.
public struct StackRecord: Sendable, Equatable {
  /// What runs of it.
  public enum Runs: Sendable, Equatable {
    /// Nothing of clup's.
    case absent
    /// What was seen in place.
    case deployed(Deployment)
    /// It is being changed; a sync that was cut off leaves it so, and the next one goes on.
    case changing(Change)
    /// A change that failed and was not recovered from.
    case failed(Change, FailureState)
  }

  /// What became of a change that failed.
  public enum FailureState: String, Codable, Sendable, Equatable {
    /// It was the first deploy: what it had started was stopped.
    case stopped
    /// It stays as it failed, as `on_failure: stay` asks.
    case failed
    /// The recovery failed too: nothing more is tried.
    case unknown
  }

  /// What runs.
  public var runs = Runs.absent
  /// The commit that failed, and all that it stood on, whatever runs.
  public var held: Hold?
  /// The commit that a rollback holds it at.
  public var pin: Pin?
  /// How the last sync ended for it that did something to it, or refused it.
  public var lastResult: LastResult?
  /// What it ran before, the latest first.
  public var history: [PastDeployment] = []
  /// The services that it no longer has, with the anonymous volumes that wait for them.
  public var dropped: [DroppedService] = []
  /// The volumes that its project made for it and that it does not use any more, by the engine's names: they are its again when it
  /// comes back to them.
  public var formerVolumes: Set<String> = []

  /// What stands there, or may stand there while it is changed.
  public var standing: Deployment? {
    if case .deployed(let deployment) = runs { deployment } else { change?.standing }
  }

  /// What it was when it was last seen in place.
  public var good: Deployment? {
    switch (runs, change?.from) {
    case (.deployed(let deployment), _), (_, .deployment(let deployment)?): deployment
    default: nil
    }
  }

  /// What a person ran before clup, where it was not seen in place since.
  public var adopted: Adopted? {
    if case .adopted(let adopted)? = change?.from { adopted } else { nil }
  }

  /// The change that did not come to its end.
  public var change: Change? {
    switch runs {
    case .absent, .deployed: nil
    case .changing(let change), .failed(let change, _): change
    }
  }

  /// Whether it was seen in place, and nothing was begun since.
  public var isDeployed: Bool { if case .deployed = runs { true } else { false } }

  /// Whether a recovery failed, so that nothing more is tried.
  public var recoveryFailed: Bool { if case .failed(_, .unknown) = runs { true } else { false } }

  var isEmpty: Bool { self == StackRecord() }
}

/// A stack on its way from what it goes back to on a failure; written before the first effect.
public struct Change: Sendable, Equatable {
  /// What it goes back to.
  var from: Baseline
  /// What may stand there: some of what it comes from, of what was tried since, and of what it is brought to.
  public var standing: Deployment
  /// Compose's project name that it is brought to, where that is another one: containers of both may stand.
  public var targetProject: String?
  /// Whether it is brought to what it goes back to: a repair, or a recovery.
  public var isRepair = false
}

/// What a stack goes back to when a change of it fails.
public enum Baseline: Sendable, Equatable {
  /// What was seen in place before.
  case deployment(Deployment)
  /// What stands in the directory that the stack was moved from.
  case moved(from: String, Deployment)
  /// What a person ran there before clup's first deploy.
  case adopted(Adopted)
  /// There was nothing.
  case nothing

  /// What clup knows of it.
  public var deployment: Deployment? {
    switch self {
    case .deployment(let good), .moved(_, let good): good
    case .adopted, .nothing: nil
    }
  }

  /// Returns the id of what stood at a live path; nothing where it does not matter what stands there.
  public func content(of path: String) -> String? {
    switch self {
    case .deployment(let good), .moved(_, let good): good.paths[path]?.id
    case .adopted(let adopted): if case .file(let id)? = adopted.found[path] { id } else { nil }
    case .nothing: nil
    }
  }

  /// Whether going back to this needs another content at a live path.
  public func needs(_ path: String, otherThan link: DesiredLink) -> Bool {
    content(of: path).map { $0 != link.id } ?? false
  }

  /// The live paths that it has links at, and the same baseline as it can be gone back to now has none.
  public func linksReplacedByDirectories(in other: Baseline) -> Set<String> {
    let now = other.deployment?.paths ?? [:]
    return Set((deployment?.paths ?? [:]).filter { $0.value.kind == .link && now[$0.key] == nil }.keys)
  }

  /// Returns what a later attempt goes back to: what was known first. What a person had grows by paths never touched before.
  func merging(laterAttempt later: Baseline) -> Baseline {
    switch (self, later) {
    case (.deployment, _): return self
    case (.adopted(var adopted), .adopted(let other)):
      adopted.found.merge(other.found) { known, _ in known }
      return .adopted(adopted)
    case (.adopted, _): return self
    case (.moved, _), (.nothing, _): return later
    }
  }
}

/// What a stack ran before.
public struct PastDeployment: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// One id for all tracked paths that it depended on.
  public var contents: String?
  /// The id of the image that each service was seen with.
  public var images: [String: String]?

  /// Remembers what a stack was.
  public init(_ deployment: Deployment) {
    commit = deployment.commit
    contents = deployment.contents
    images = deployment.images
  }

  func isSame(as other: PastDeployment) -> Bool {
    let alike = contents == nil || other.contents == nil ? commit == other.commit : contents == other.contents
    return alike && (images == nil || other.images == nil || images == other.images)
  }
}
