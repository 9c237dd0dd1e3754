/// What clup remembers between two syncs: `clup.state/2`, the file `state.json`.
public struct State: Sendable, Equatable {
  /// The schema that this version reads and writes.
  public static let schema = "clup.state/2"
  /// The repository under whose name the images stay that a stack may have to go back to.
  public static let keptImages = "clup/keep"

  /// The commit that the last successful sync ended at.
  public var commit: String?
  /// The fingerprint of the policy that job files and the tree were last checked against.
  public var policy: String?
  /// The live root that all this is about.
  public internal(set) var liveRoot: String?
  /// The checkout that holds this file; unknown in what an earlier version wrote.
  var checkout: String?
  /// Where the live root and the checkout lay before they were moved: links still lead there, and containers mount it.
  public internal(set) var formerPlaces: [String] = []
  /// One record for each stack that there is something to remember of.
  public private(set) var stacks: [String: StackRecord] = [:]
  /// What stands of each stack, or may stand while it is changed.
  public private(set) var standing: [String: Deployment] = [:]
  /// The stacks that the branch no longer has, and that were left running.
  public internal(set) var gone: Set<String> = []
  /// The live paths of the configuration's `links:` and those that several stacks need.
  public internal(set) var links: [String: DesiredLink] = [:]
  /// What could not be read; it is not written.
  public var lost = LostRecords()

  /// Starts from nothing.
  public init() {}

  /// Takes records as they were read.
  init(stacks: [String: StackRecord]) {
    self.stacks = stacks.filter { !$0.value.isEmpty }
    standing = stacks.compactMapValues(\.standing)
  }

  /// Notes where the host's files lie now.
  public mutating func settle(liveRoot: String, checkout: String) {
    let inside = Path.relative(checkout, to: liveRoot)
    let formerCheckout = self.checkout ?? self.liveRoot.flatMap { old in inside.map { Path.join(old, $0) } }
    for (former, now) in [(self.liveRoot, liveRoot), (formerCheckout, checkout)] {
      guard let former, former != now, !formerPlaces.contains(former) else { continue }
      formerPlaces.append(former)
    }
    formerPlaces.removeAll { $0 == liveRoot || $0 == checkout }
    (self.liveRoot, self.checkout) = (liveRoot, checkout)
  }

  /// Writes down what happened to a stack.
  public mutating func record(_ event: StackEvent, of stack: String) throws(IllegalTransition) {
    let record = stacks[stack] ?? StackRecord()
    guard let next = record.after(event) else {
      throw IllegalTransition(description: "\(event.name) cannot follow \(record.name) for \(stack)")
    }
    stacks[stack] = next.isEmpty ? nil : next
    standing[stack] = next.standing
    if next.standing == nil { gone.remove(stack) }
  }

  /// What each stack goes back to that is being changed, where clup has deployed that.
  public var baselines: [Deployment] { stacks.values.compactMap { $0.isDeployed ? nil : $0.good } }

  /// The stacks that a rollback holds at a commit.
  public var pins: [String: Pin] { stacks.compactMapValues(\.pin) }

  /// The commits that failed, by stack.
  public var holds: [String: Hold] { stacks.compactMapValues(\.held) }

  /// Returns what stands of a stack, or may stand while it is changed.
  public func standing(_ stack: String) -> Deployment? { standing[stack] }

  /// Returns what a stack was when it was last seen in place.
  public func lastGood(_ stack: String) -> Deployment? { stacks[stack]?.good }

  /// Whether a stack was seen in place, and nothing was begun since.
  public func isDeployed(_ stack: String) -> Bool { stacks[stack]?.isDeployed ?? false }

  /// The services of the stacks that are in place and of whose services all is known.
  public var wellKnown: [String: Set<String>] {
    stacks.compactMapValues { record in
      guard record.isDeployed, let services = record.standing?.services, !services.contains(where: \.fields.isEmpty)
      else {
        return nil
      }
      return Set(services.map(\.name))
    }
  }

  /// Whether anything was ever brought to the host.
  public var hasDeployed: Bool {
    commit != nil || !links.isEmpty || stacks.values.contains { $0.standing != nil }
  }

  /// Returns what a stack was when it was last seen in place, here or in the directory that it is moved from.
  public func former(_ stack: String, project: String?) -> Deployment? {
    if let good = lastGood(stack) { return good }
    if let project, let origin = origin(of: stack, project: project) { return origin.good }
    return stacks[stack]?.change == nil ? standing(stack) : nil
  }

  /// Returns the stack that a new one of a project was moved from, as it was when it was last seen in place.
  public func origin(of stack: String, project: String) -> (name: String, good: Deployment)? {
    guard lastGood(stack) == nil,
      let old = stacks.keys.sorted().first(where: { $0 != stack && standing($0)?.project == project })
    else { return nil }
    return lastGood(old).map { (old, $0) }
  }

  /// The commits that stacks run, ran last when all was well, or are pinned to.
  public var commits: Set<String> {
    Set(stacks.values.flatMap { [$0.standing?.commit, $0.good?.commit, $0.pin?.commit].compactMap { $0 } })
  }

  /// The same with those that a rollback leads to.
  public var reachableCommits: Set<String> { commits.union(stacks.values.flatMap(\.history).map(\.commit)) }
}

extension StackEvent {
  /// What happened, without the values.
  var name: String { String("\(self)".prefix { $0 != "(" }) }
}

extension StackRecord {
  /// What runs, without the values.
  var name: String { String("\(runs)".prefix { $0 != "(" }) }
}
