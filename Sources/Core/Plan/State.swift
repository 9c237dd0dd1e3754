/// What clup remembers between two syncs: `clup.state/1`, the file `state.json`.
public struct State: Codable, Sendable, Equatable {
  /// The schema that this version reads and writes.
  public static let schema = "clup.state/1"
  /// The schema's name.
  public var schema = Self.schema
  /// The commit that the last successful sync ended at.
  public var commit: String?
  /// Each stack that was ever deployed and not removed since.
  public var stacks: [String: StackState] = [:]
  /// The last good record of each stack whose entry in `stacks` is not verified; it goes back to this.
  public var good: [String: StackState] = [:]
  /// What each stack goes back to that a person ran before clup, and that was not seen in place since.
  public var adopted: [String: Adopted] = [:]
  /// The stacks that a rollback holds at a commit.
  public var pins: [String: Pin] = [:]
  /// The commits that failed, by stack.
  public var holds: [String: Hold] = [:]
  /// What each stack ran before, the latest first.
  public var former: [String: [Former]] = [:]
  /// How the last sync ended that did something to a stack, or refused it.
  public var last: [String: LastResult] = [:]
  /// The live root that all this is about.
  public var liveRoot: String?
  /// The live paths of the configuration's `links:` and those that several stacks need.
  public var links: [String: DesiredLink] = [:]

  /// The fingerprint of the policy that job files and the tree were last checked against.
  public var policy: String?

  /// Whether anything was ever brought to the host.
  public var hasDeployed: Bool { commit != nil || !stacks.isEmpty || !links.isEmpty }

  /// Starts from nothing.
  public init() {}

  /// Reads what an earlier version wrote, too.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    schema = try container.decode(String.self, forKey: .schema)
    commit = try container.decodeIfPresent(String.self, forKey: .commit)
    stacks = try container.decode([String: StackState].self, forKey: .stacks)
    good = try container.decodeIfPresent([String: StackState].self, forKey: .good) ?? [:]
    adopted = try container.decodeIfPresent([String: Adopted].self, forKey: .adopted) ?? [:]
    pins = try container.decodeIfPresent([String: Pin].self, forKey: .pins) ?? [:]
    holds = try container.decodeIfPresent([String: Hold].self, forKey: .holds) ?? [:]
    former = try container.decodeIfPresent([String: [Former]].self, forKey: .former) ?? [:]
    last = try container.decodeIfPresent([String: LastResult].self, forKey: .last) ?? [:]
    liveRoot = try container.decodeIfPresent(String.self, forKey: .liveRoot)
    links = try container.decode([String: DesiredLink].self, forKey: .links)
    policy = try container.decodeIfPresent(String.self, forKey: .policy)
    // An earlier version did not write which of the shared paths a stack stands on.
    let links = links
    func whole(_ stack: StackState) -> StackState {
      if stack.shared != nil { return stack }
      var stack = stack
      stack.shared = links.filter { _, link in
        stack.tracked.contains { $0.value != Fingerprint.absent && Path.relative(link.from, to: $0.key) != nil }
      }
      return stack
    }
    stacks = stacks.mapValues(whole)
    good = good.mapValues(whole)
  }

  /// The repository under whose name the images stay that a stack may have to go back to.
  public static let keptImages = "clup/keep"

  /// Gives what a stack was when it was last seen in place.
  public func lastGood(_ stack: String) -> StackState? {
    stacks[stack].flatMap { $0.verified ? $0 : nil } ?? good[stack]
  }

  /// Gives the stack that a new one of a project was moved from, as it was when it was last seen in place.
  public func origin(of stack: String, project: String) -> (name: String, good: StackState)? {
    guard lastGood(stack) == nil,
      let old = stacks.keys.sorted().first(where: { $0 != stack && stacks[$0]?.project == project })
    else { return nil }
    return lastGood(old).map { (old, $0) }
  }

  /// Remembers that a stack is worked on: what it was stays known until it is in place again.
  public mutating func open(_ stack: String, _ entry: StackState) {
    if let known = stacks[stack], known.verified { good[stack] = known }
    stacks[stack] = entry
    stacks[stack]?.verified = false
  }

  /// Remembers that a stack was seen in place; one that went back may share what was its own then.
  public mutating func settle(_ stack: String, as entry: StackState, following: Bool = false) {
    var entry = entry
    if following { entry.follow(links) }
    var before = former[stack] ?? []
    let new = Former(entry)
    if let last = lastGood(stack).map(Former.init), !last.isSame(as: new) { before.insert(last, at: 0) }
    // After a rollback the way back goes on from there.
    if let index = before.firstIndex(where: { $0.isSame(as: new) }) { before.removeFirst(index + 1) }
    former[stack] = before.isEmpty ? nil : Array(before.prefix(Self.formerLimit))
    stacks[stack] = entry
    good[stack] = nil
    adopted[stack] = nil
  }

  /// Remembers how a sync ended for each stack that it did something to.
  public mutating func note(_ report: Report) {
    for stack in report.stacks {
      switch stack.outcome {
      case .deployed, .rolledBack, .failed, .skipped, .refused:
        last[stack.name] = LastResult(outcome: stack.outcome, error: stack.error, report: report.id)
      case .removed: last[stack.name] = nil
      // What did not end well before is in place again.
      case .unchanged where last[stack.name]?.outcome.isBad == true,
        .pinned where last[stack.name]?.outcome.isBad == true:
        last[stack.name] = LastResult(outcome: stack.outcome, error: nil, report: report.id)
      // What is kept for another one's sake has no hold of its own; what was pinned meanwhile is held again.
      case .held where holds[stack.name] == nil || last[stack.name]?.outcome == .pinned:
        last[stack.name] = LastResult(
          outcome: stack.outcome, error: stack.error ?? stack.reasons.first, report: report.id)
      case .unchanged, .planned, .held, .pinned: continue
      }
    }
  }

  /// Gives up the pin of a rollback that failed.
  public mutating func unpin(_ stack: String) {
    guard let pin = pins[stack], let former = pin.replaces else { return }
    pins[stack] = former.first
    holds[stack] = pin.held
  }

  /// Gives up pins whose rollback failed in a sync that did not come to its end.
  public mutating func unpinFailed() {
    for (stack, pin) in pins where holds[stack]?.commit == pin.commit { unpin(stack) }
  }

  /// Forgets a stack.
  public mutating func forget(_ stack: String) {
    stacks[stack] = nil
    good[stack] = nil
    adopted[stack] = nil
    former[stack] = nil
    holds[stack] = nil
    pins[stack] = nil
  }

  /// The commits that stacks run, ran last when all was well, or are pinned to.
  public var commits: Set<String> {
    Set(stacks.values.map(\.commit) + good.values.map(\.commit) + pins.values.map(\.commit))
  }

  /// The same with those that a rollback leads to.
  public var reachableCommits: Set<String> { commits.union(former.values.joined().map(\.commit)) }

  private static let formerLimit = 5
}

/// What a stack ran before.
public struct Former: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// One id for all tracked paths that it depended on.
  public var contents: String?
  /// The id of the image that each service was seen with.
  public var images: [String: String]?

  /// Remembers what a stack was.
  public init(_ state: StackState) {
    commit = state.commit
    contents = state.contents
    images = state.images
  }

  func isSame(as other: Former) -> Bool {
    let alike = contents == nil || other.contents == nil ? commit == other.commit : contents == other.contents
    return alike && (images == nil || other.images == nil || images == other.images)
  }
}
