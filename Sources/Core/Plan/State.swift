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

  private static let formerLimit = 5
}

/// What a stack was when it was last seen in place.
public struct StackState: Codable, Sendable, Equatable {
  /// The commit that its pointer names.
  public var commit: String
  /// Compose's project name.
  public var project: String
  /// The project that it is on the way to; until it is there, containers of both may stand.
  public var towards: String?
  /// Whether it was watched becoming healthy; until then the next sync goes over it again.
  public var verified: Bool
  /// Each path of the repository that it depends on, with the id of what stood there.
  public var tracked: [String: String]
  /// Each untracked path under the live root that it depends on, with the id of what stood there.
  public var untracked: [String: String]
  /// Its services.
  public var services: [DesiredService]
  /// Its live paths.
  public var links: [String: DesiredLink]
  /// The live paths that it stands on and that are not its alone.
  public var shared: [String: DesiredLink]?
  /// The stacks that must be in place first, as its Compose file says.
  public var after: [String]
  /// The fingerprint of the host's policy that it was checked against.
  public var policy: String?
  /// One id for all that `tracked` says.
  public var contents: String?
  /// The id of the image that each service was seen with.
  public var images: [String: String]?
  /// How long it may take to become healthy.
  public var deployTimeout: Duration?
  /// Whether probes are asked of it; which ones is read from its files, since values of its `.env` may stand in them.
  public var isProbed: Bool?
  /// What it has for itself beside its directory; unknown in what an earlier version wrote.
  public var belongings: OwnedResources?
  /// The live paths that its containers may write to; unknown in what an earlier version wrote.
  public var writes: [String]?

  /// Keeps what was found in place, or is on its way there.
  public init(_ desired: DesiredStack, verified: Bool) {
    commit = desired.commit
    project = desired.project
    self.verified = verified
    tracked = desired.tracked
    untracked = desired.untracked
    services = desired.services
    links = desired.links
    shared = desired.shared
    after = desired.after
    policy = desired.policy
    contents = desired.contents
    images = desired.images
    deployTimeout = desired.deployTimeout
    isProbed = desired.readsProbes || !desired.probes.isEmpty
    belongings = desired.belongings
    writes = desired.writes
  }
}

extension StackState {
  /// Every live path that it stands on, each with the commit that leads it.
  public var paths: [String: DesiredLink] {
    links.mapValues { $0.led(to: $0.commit ?? commit) }.merging(shared ?? [:]) { own, _ in own }
  }

  /// Whether its containers are made from the same as those of a stack that is wished for.
  public func isSame(as desired: DesiredStack) -> Bool {
    contents == desired.contents && services.map(\.hash) == desired.services.map(\.hash)
  }

  /// Whether a container is one that was seen in place, whatever directory it was started from.
  public func has(_ container: Container) -> Bool {
    project == container.project
      && services.contains { $0.name == container.service && [$0.hash, $0.running].contains(container.hash) }
  }

  /// Remembers that services are being worked on: what their containers are made from is not known until that has ended.
  public mutating func doubt(_ acting: Set<String>) {
    for index in services.indices where acting.contains(services[index].name) {
      services[index].mounts = services[index].mounts.mapValues { _ in Fingerprint.absent }
      services[index].builds = services[index].builds.mapValues { _ in Fingerprint.absent }
    }
  }

  /// Gives the record for a host on which directories stand where it has links to directories by now: their files are
  /// copies. `files` gives the files below a path of a commit, nothing where that is not known.
  public func opened(
    where isDirectory: (String) -> Bool, files: (String, String) -> [TrackedPath]?
  ) -> StackState {
    func opened(_ links: [String: DesiredLink]) -> [String: DesiredLink] {
      var all = links
      for (path, link) in links where link.kind == .link && isDirectory(path) {
        guard let files = files(link.commit ?? commit, link.from) else { continue }
        all[path] = nil
        for file in files where file.isRegular {
          guard let rest = Path.relative(file.path, to: link.from) else { continue }
          all[Path.join(path, rest)] = DesiredLink(kind: .copy, file).led(to: link.commit)
        }
      }
      return all
    }
    var stack = self
    stack.links = opened(links)
    stack.shared = shared.map(opened)
    return stack
  }

  /// Tells its own paths from those that have pointers of their own by now.
  public mutating func follow(_ led: [String: DesiredLink]) {
    let all = paths
    links = [:]
    shared = [:]
    for (path, link) in all {
      if let leading = (Path.ancestors(path) + [path]).first(where: { led[$0] != nil }) {
        shared?[leading] = led[leading]
      } else {
        links[path] = link.led(to: nil)
      }
    }
  }
}

/// How a sync ended for one stack.
public struct LastResult: Codable, Sendable, Equatable {
  /// The outcome.
  public var outcome: StackReport.Outcome
  /// What went wrong.
  public var error: String?
  /// The report's id.
  public var report: String
}

/// A stack held at a commit by a rollback until `clup resume`.
public struct Pin: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// When it was pinned, RFC 3339 in UTC.
  public var since: String
  /// The pin from before, if there was one: it stands again when the stack cannot live at this one. Nothing once the stack
  /// was seen in place.
  public var replaces: [Pin]?
  /// What was held before it, which then counts again.
  public var held: Hold?
  /// The ids of the images that its services are to run, by service; none where the references decide.
  public var images: [String: String]

  /// Remembers that the stack was seen in place at it.
  public mutating func prove() { (replaces, held) = (nil, nil) }

  /// Pins to a commit.
  public init(commit: String, since: String, images: [String: String] = [:]) {
    self.commit = commit
    self.since = since
    self.images = images
  }
}

/// A commit that failed for a stack, and all that it stood on: it is not tried again until some of that changes.
public struct Hold: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// When it failed, RFC 3339 in UTC.
  public var since: String
  /// Why.
  public var error: String
  /// The paths of the repository that the stack depended on, with their ids.
  public var tracked: [String: String]
  /// The host's own paths that it depended on, with their ids.
  public var untracked: [String: String]
  /// The fingerprint of the host's policy.
  public var policy: String?
  /// The fingerprint of what the host's configuration says of the stack; unknown in what an earlier version wrote.
  public var settings: String?
  /// The id behind each image's reference; none for an image that the host did not have.
  public var images: [String: String]
  /// Whether the way back failed, too: then nothing more is tried.
  public var isStuck: Bool?
  /// The stack that was to move here, and runs on where it is.
  public var movedFrom: String?

  /// Remembers a failure.
  public init(_ desired: DesiredStack, since: String, error: String, images: [String: String]) {
    commit = desired.commit
    self.since = since
    self.error = error
    tracked = desired.tracked
    untracked = desired.untracked
    policy = desired.policy
    self.images = images
  }

  /// Says whether all is still as it was when it failed.
  public func stands(
    tree: CommitTree, untracked now: [String: String], policy: String, settings: String, images: [String: String]?
  ) -> Bool {
    tracked.allSatisfy { Fingerprint.isSame(tree.fingerprint($0.key), $0.value) }
      && untracked.allSatisfy { now[$0.key] == $0.value } && self.policy == policy
      && (self.settings ?? settings) == settings && (images ?? self.images) == self.images
  }
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
