/// What is known of a change when it fails.
public struct FailedChange: Sendable {
  /// What the stack was to be brought to.
  public var desired: DesiredStack
  /// How far it came.
  public var reached = Reached.nothing
  /// What the containers from before were last known to be made from; nothing when clup had not touched them.
  public var known: [DesiredService]?
  /// Whether an earlier change was cut off: what stands there may be neither what was good nor the commit's.
  public var isResumed = false
  /// The live paths that were links into a release and are directories now: the containers from before still have the
  /// release's.
  public var linksReplacedByDirectories: Set<String> = []
  /// Whether containers were stopped, so that they write no more into what is copied.
  public var isStopped = false
  /// The ids of the containers from before.
  public var before: Set<String> = []
  /// Those of them that ran, and that are not what a change that was cut off has left.
  public var ran: Set<String> = []
  /// Where it kept what stood at live paths.
  public var backups: [String: String] = [:]

  /// Begins to remember.
  public init(_ desired: DesiredStack) { self.desired = desired }

  /// Whether the containers from before run on as they were, and have what stands at the live paths.
  public var isUntouched: Bool { linksReplacedByDirectories.isEmpty && !isStopped }

  /// Whether what it touched is known for sure, and no container is among that.
  var runsOn: Bool { !isResumed && isUntouched && reached < .containers }
}

/// The recovery of a change that failed.
public struct Recovery: Sendable {
  /// What becomes of the containers.
  public enum Containers: Sendable {
    /// They were not touched.
    case stay
    /// What was good runs again.
    case good(DesiredStack)
    /// What a person ran runs again, as it was found.
    case found(DesiredStack, [FoundContainer])
    /// Nothing ran before; what ran besides goes on.
    case stop(but: Set<String>)
  }

  /// What becomes of the record.
  public enum End: Sendable {
    /// Nothing stands there but what it went out from.
    case undone
    /// A deployment of this stack is in place again.
    case deployed(Deployment, of: String)
    /// Nothing runs: it was the first deploy.
    case stopped
  }

  /// The stack in whose directory it ends, with what is to run there.
  public let stack: DesiredStack
  /// What is done to files; none where nothing was touched.
  public private(set) var files: [Step] = []
  /// What is done to containers.
  public private(set) var containers = Containers.stay
  /// How the record ends.
  public private(set) var end = End.undone
  /// How it is reported when it ends well.
  public private(set) var outcome = StackReport.Outcome.rolledBack
  /// What is said of it then.
  public private(set) var said = ""

  /// Plans the recovery to a baseline; `live` looks at a live path as it is now.
  public init(
    of change: FailedChange, to baseline: Baseline, state: State, links: LinkPlanning, live: (String) -> LiveEntry
  ) {
    let name = change.desired.name
    let known = state.standing(name)
    let hasTouched = change.reached == .containers || change.known != nil
    switch baseline {
    case .deployment(let good):
      var wanted = DesiredStack(name, good)
      wanted.alsoJudged = change.desired.judged(with: good)
      stack = wanted
      // A repair that could not begin has gone nowhere, and what it was for does not run as before.
      let isRepair =
        change.desired.commit == good.commit && change.desired.inputs.differences(from: good.inputs).isEmpty
      if change.runsOn, isRepair { outcome = .failed }
      let before = isRepair ? "" : ", \(good.commit.prefix(7)) runs as before"
      if change.runsOn, change.reached == .nothing {
        said = "nothing was changed\(before)"
        return
      }
      end = .deployed(good, of: name)
      let plans = Self.links(of: name, good, from: known?.paths ?? [:], state, links, live)
      files = [.files(plans, commit: good.commit)]
      said = change.runsOn ? "no container was touched\(before)" : "back at \(good.commit.prefix(7))"
      if !change.runsOn { containers = .good(stack) }
    case .adopted(let adopted):
      stack = DesiredStack(name, adopted.stack)
      if change.reached == .nothing, change.known == nil {
        (outcome, said) = (.failed, "nothing was changed; what ran before is still running")
        return
      }
      files = [
        .putBack(adopted.found, made: known?.links ?? [:], backups: change.backups), .removePointer(of: name),
      ]
      if hasTouched || !change.isUntouched { containers = adopted.containers.map { .found(stack, $0) } ?? .good(stack) }
      said = "back to what ran there before clup"
    case .moved(let old, let good):
      stack = DesiredStack(old, good)
      end = .deployed(good, of: old)
      let own = (known?.links ?? [:]).merging(good.links) { $1 }
      let plans = Self.links(of: old, good, from: own, state, links, live)
      files = [.files(plans, commit: nil), .removePointer(of: name)]
      if hasTouched || !change.isUntouched { containers = .good(stack) }
      said = "\(old) is still running; it was supposed to move here"
    case .nothing:
      stack = change.desired
      // What was not even begun leaves nothing to remember.
      (end, outcome) = (hasTouched || change.reached > .nothing ? .stopped : .undone, .failed)
      if hasTouched { containers = .stop(but: change.ran) }
      said =
        hasTouched
        ? "stopped: this was its first deploy, so there is nothing to go back to"
        : "no container was started; there is nothing to go back to"
    }
  }

  /// Leads live paths to what was good; those that have pointers of their own went back before.
  private static func links(
    of name: String, _ good: Deployment, from known: [String: DesiredLink], _ state: State, _ links: LinkPlanning,
    _ live: (String) -> LiveEntry
  ) -> [LinkPlan] {
    let wanted = good.links.filter { state.links[$0.key] == nil }
    let known = known.filter { state.links[$0.key] == nil }
    let paths = Set(known.keys).union(wanted.keys)
    return links.plan(
      pointer: LinkPlanning.fileName(of: name), desired: wanted, known: known,
      live: Dictionary(uniqueKeysWithValues: paths.map { ($0, live($0)) }), uses: good.uses)
  }
}

extension Recovery {
  /// Brings the containers to what was good, from what runs `now`, touching none that the change left alone.
  public static func steps(
    of change: FailedChange, to good: DesiredStack, _ now: [WatchedContainer]
  ) -> [Step] {
    let failed = change.desired
    let plans = services(of: change, to: good, now)
    // Whoever finds this cut off does not take what half went back for what the commit made.
    let acting = Set(plans.filter { $0.action != .keep }.map(\.name))
    let kept = change.isResumed ? good.services.flatMap { $0.containers ?? [] } : Array(change.before)
    let room = Step.makeRoom(plans, of: good, among: now)
    let removed = Set(room.flatMap(\.removed))
    let carried = good.carried(for: acting, kept: Set(kept), now: now.filter { !removed.contains($0.id) })
    return [.check(plans, onlyChanged: false), .record(.recovering(acting), of: failed.name, isNeeded: false)]
      + room + (carried.isEmpty ? [] : [.carry(carried, but: Set(kept))]) + [.up(plans)]
      + Step.settle(.good, plans, leaving: [failed.project], for: good.project)
  }

  private static func services(
    of change: FailedChange, to good: DesiredStack, _ now: [WatchedContainer]
  ) -> [ServicePlan] {
    let (failed, before) = (change.desired.services, change.known ?? [])
    let origin = Dictionary(
      (change.known ?? good.services).map { ($0.name, $0.markingUncertain(change.linksReplacedByDirectories)) }
    ) { first, _ in first }
    let containers = now.map { Container($0, project: change.desired.project) }
    let wanted = Set(good.services.map(\.name))
    let others = (good.services + before).filter { old in !failed.contains { $0.name == old.name } }
    // A container from before still has what it was made with; a new one has what the failed change gave it.
    let known = (failed + others).compactMap { service -> DesiredService? in
      let own = now.filter { $0.service == service.name }
      guard own.allSatisfy({ change.before.contains($0.id) }) else { return service }
      // What a person has started besides is not clup's to take away.
      return origin[service.name] ?? (wanted.contains(service.name) ? service : nil)
    }
    if change.desired.project == good.project {
      return ServicePlanning.plan(
        desired: good.services, known: known, containers: containers, images: good.images, isCutOff: change.isResumed)
    }
    let gone = ServicePlanning.plan(desired: [], known: known, containers: containers)
    return gone + ServicePlanning.plan(desired: good.services, known: [], containers: [], images: good.images)
  }
}

extension Container {
  fileprivate init(_ seen: WatchedContainer, project: String) {
    self.init(
      id: seen.id, name: "", state: seen.state, health: seen.health, image: "", project: project, service: seen.service,
      hash: seen.hash, directory: seen.directory)
    (imageID, networks) = (seen.image, seen.networks)
    isDone = seen.state == "exited" && seen.exitCode == 0
  }
}
