/// Everything that a sync will do, and why. A dry run prints it, an apply executes it.
public struct Plan: Sendable {
  /// The target commit.
  public var commit: String
  /// Each stack of the commit and each one to be removed, sorted by name.
  public var stacks: [StackPlan] = []
  /// The live paths of the configuration's `links:` and those that several stacks need.
  public var links: [LinkPlan] = []
  /// What these are to be, by live path.
  public var shared: [String: SharedPath] = [:]
  /// Those that are not that yet, be it in their content alone.
  public var moving: Set<String> = []
  /// The records of stacks that were judged by a new policy and are what they were, by stack.
  public var judged: [String: Deployment] = [:]
}

extension Plan {
  /// Starts with nothing to do.
  public init(commit: String) { self.init(commit: commit, stacks: []) }

  /// Leaves stacks as they are that cannot go on now, and those that need a live path of theirs as it will not be.
  public mutating func holdBack(_ refused: Set<String>, as target: StackTarget, _ state: State) {
    for name in refused where !stacks.contains(where: { $0.name == name }) {
      stacks.append(StackPlan(idle: name))
    }
    for index in stacks.indices where refused.contains(stacks[index].name) { stacks[index].keep(target) }
    judged = judged.filter { !refused.contains($0.key) }
    func known(_ name: String) -> [String: String] { state.standing(name)?.paths.mapValues(\.id) ?? [:] }
    var (moves, stays): ([String: [String: String]], [String: [String: String]]) = ([:], [:])
    for stack in stacks {
      switch stack.work {
      case .deploy(let desired): moves[stack.name] = desired.links.merging(desired.shared) { $1 }.mapValues(\.id)
      case .none: stays[stack.name] = known(stack.name)
      case .remove, .handOver: continue
      }
    }
    let conflicts = SharedPathConflict.find(moving: moves, staying: stays, known: known)
    for index in stacks.indices {
      guard let tie = conflicts[stacks[index].name] else { continue }
      let other = stacks.first { $0.name == tie.stack }
      stacks[index].keep(.tied(tie, because: other?.target.reasonForOthers))
    }
    holdHandovers()
    for (path, link) in shared where !link.users.isEmpty {
      let movers = link.users.filter { name in stacks.contains { $0.name == name && $0.work != .none } }
      if !movers.isEmpty || !link.users.contains(where: { conflicts[$0] != nil || refused.contains($0) }) { continue }
      shared[path] = state.links[path].map { SharedPath(link: $0, users: link.users, mustMoveTogether: false) }
      moving.remove(path)
      links.removeAll { $0.live == path }
    }
    stacks.sort { $0.name < $1.name }
  }

  /// Leaves stacks as they are that would give a service to one that stays, or get one from it.
  private mutating func holdHandovers() {
    let idle = stacks.filter { $0.work == .none && !$0.target.isGone }
    var staying = Set(idle.filter { $0.target != .target }.map(\.name))
    while true {
      let tied = stacks.indices.first { index in
        let stack = stacks[index]
        return stack.work != .none && tie(of: stack, staying) != nil
      }
      guard let tied, let tie = tie(of: stacks[tied], staying) else { return }
      let other = stacks.first { $0.name == tie.stack }
      staying.insert(stacks[tied].name)
      stacks[tied].keep(.tied(tie, because: other?.target.reasonForOthers))
    }
  }

  private func tie(of stack: StackPlan, _ staying: Set<String>) -> SharedPathConflict? {
    let handed = stack.handsTo.map { (other: $0.key, service: $0.value) }
    let taken = stacks.compactMap { giver in giver.handsTo[stack.name].map { (other: giver.name, service: $0) } }
    return (handed + taken).filter { staying.contains($0.other) }.min { $0.other < $1.other }.map {
      SharedPathConflict(stack: $0.other, .service($0.service))
    }
  }

  /// The stacks to deploy, in groups: those that stand on the same changed file, or
  /// hand services to each other, end at the commit together, or not at all.
  public var groups: [[StackPlan]] {
    var groups = stacks.filter { $0.desired != nil }.map { Set([$0.name]) }
    func join(_ names: Set<String>) {
      let (apart, together) = (
        groups.filter { $0.isDisjoint(with: names) }, groups.filter { !$0.isDisjoint(with: names) }
      )
      groups = apart + (together.isEmpty ? [] : [together.reduce([]) { $0.union($1) }])
    }
    for (_, path) in shared where path.mustMoveTogether { join(path.users) }
    for stack in stacks where stack.desired != nil { join(Set(stack.handsTo.keys).union([stack.name])) }
    // Groups that would wait for each other are one.
    let after = Dictionary(stacks.map { ($0.name, Set($0.after)) }) { first, _ in first }
    func before(_ group: Set<String>) -> Set<String> {
      var (found, queue) = (Set<String>(), Array(group))
      while let name = queue.popLast() {
        let members = groups.first { $0.contains(name) } ?? [name]
        let earlier = members.flatMap { after[$0] ?? [] }.filter { !members.contains($0) && !found.contains($0) }
        found.formUnion(earlier)
        queue += earlier
      }
      return found
    }
    while let ring = groups.first(where: { !before($0).isDisjoint(with: $0) }) {
      join(
        before(ring).filter { name in
          !before(groups.first { $0.contains(name) } ?? [name]).isDisjoint(with: ring)
        }.union(ring))
    }
    return groups.map { group in stacks.filter { group.contains($0.name) } }.sorted { $0[0].name < $1[0].name }
  }

  /// The stacks that somebody else works on.
  public var busy: Set<String> { Set(stacks.filter { $0.target == .busy }.map(\.name)) }

  /// Whether that is why nothing of what was asked for can be done now.
  public var isBusy: Bool { !busy.isEmpty && stacks.allSatisfy { $0.target == .busy } }

  /// What nobody else may work on meanwhile: the stacks that it changes, those that stand on what it changes or that others
  /// are moved from, and the live paths that are no stack's alone.
  public func locking(_ state: State) -> Set<String> {
    let led = shared.keys.filter(moving.contains) + links.filter { $0.action != .keep }.map(\.live)
    let origins = stacks.compactMap(\.desired).compactMap { state.origin(of: $0.name, project: $0.project)?.name }
    return Set(stacks.filter { $0.work != .none }.map(\.name) + origins + led.map(LinkPlanning.shared))
      .union(led.flatMap { shared[$0]?.users ?? [] })
  }

  /// The live paths of unfinished changes that this plan goes on with: a sync that was cut off may have left temporary names
  /// beside them.
  public func unfinished(_ state: State) -> Set<String> {
    let names = locking(state)
    let own = names.flatMap { state.stacks[$0]?.change?.standing.paths.keys.map { $0 } ?? [] }
    let led = state.links.filter { names.contains(LinkPlanning.shared($0.key)) && $0.value.replaces != nil }
    return Set(own).union(led.keys)
  }

  /// Every live path, of the stacks and of the configuration.
  public var allLinks: [LinkPlan] { (stacks.flatMap(\.links) + links).sorted { $0.live < $1.live } }

  /// Whether there is nothing to do.
  public var isEmpty: Bool {
    stacks.allSatisfy { $0.work == .none } && moving.isEmpty && links.allSatisfy { $0.action == .keep }
  }
}

/// What is done to one stack.
public struct StackPlan: Sendable {
  /// The kinds of work.
  public enum Work: Sendable, Equatable {
    /// In place, or kept where it is.
    case none
    /// Pointer, links, `config`, `up -d`.
    case deploy(DesiredStack)
    /// `down`, then the links.
    case remove
    /// The same where others run its services from then on: it comes back where these fail. It holds what is left of the stack.
    case handOver(DesiredStack)
  }

  /// The stack's name.
  public var name: String
  /// What it is brought to.
  public var target = StackTarget.target
  /// What is to be done.
  public var work: Work
  /// The commit that it runs.
  public var from: String?
  /// The commit that it is brought to.
  public var to: String?
  /// Compose's project name.
  public var project: String
  /// Why.
  public var reasons: [String] = []
  /// Each service.
  public var services: [ServicePlan] = []
  /// Each live path.
  public var links: [LinkPlan] = []
  /// The stacks that must be in place first.
  public var after: [String] = []
  /// The stacks that run services of it from now on, with such a service: they get to the commit together, or not at all.
  public var handsTo: [String: String] = [:]
  /// Where a stack that is removed has moved to: it ends once that one is in place.
  public internal(set) var taker: String?
  /// What is done, in order.
  public internal(set) var steps: [Step] = []
}

extension StackPlan {
  /// Does nothing to a stack of which nothing is there.
  public init(idle name: String, project: String = "") { self.init(name: name, work: .none, project: project) }

  /// What the stack is to be, where it is deployed or handed over.
  public var desired: DesiredStack? {
    switch work {
    case .deploy(let desired), .handOver(let desired): desired
    case .none, .remove: nil
    }
  }

  /// Whether others run its services from now on.
  public var isHandedOver: Bool { if case .handOver = work { true } else { false } }

  /// Whether everything is in place already.
  public var touchesNothing: Bool {
    services.allSatisfy { $0.action == .keep } && links.allSatisfy { $0.action == .keep }
  }

  /// Leaves the stack as it is.
  mutating func keep(_ target: StackTarget) {
    work = .none
    self.target = target
    to = from
    (links, services, steps) = ([], [], [])
  }
}

/// What is done to one service.
public struct ServicePlan: Sendable, Equatable {
  /// The ways to bring it about.
  public enum Way: Sendable, Equatable {
    /// `up -d` sees it by itself.
    case up
    /// `up -d --force-recreate`, since Compose does not look into mounted files.
    case force
    /// `up --no-start --force-recreate`, then `up -d`: what the engine was starting as it was killed it can never start again. Its
    /// volumes come along, and the order is that of the Compose file.
    case remake
    /// `build`, then `up -d`.
    case build
    /// The containers' ids: `up -d --remove-orphans` would take what is not clup's as well.
    case remove([String])

    var removed: [String] { if case .remove(let ids) = self { ids } else { [] } }

    func removes(_ id: String) -> Bool { removed.contains(id) }
  }

  /// The service's name.
  public var name: String
  /// What is done to its containers.
  public var action: ServiceReport.Action
  /// Why, for every action but `keep`; there, what a sync that was cut off had done already.
  var reason: String?
  /// How.
  public var way: Way = .up
  /// The container's state as it was found.
  public var state: String
  /// The container's health as it was found.
  public var health: String

  /// Whether a container is made for it.
  public var isMade: Bool { [.create, .recreate].contains(action) }

  /// The service in a report.
  public var report: ServiceReport {
    ServiceReport(name: name, action: action, reason: reason, state: state, health: health)
  }
}

extension [ServicePlan] {
  /// The names of services that are not up, and would be started.
  public var down: [String] { filter { $0.action != .keep && $0.state != "running" }.map(\.name) }
}

/// What is done at one live path.
public struct LinkPlan: Sendable, Equatable {
  /// The live path, relative to the live root.
  public var live: String
  /// What is to stand there; nothing when it is removed.
  public var desired: DesiredLink?
  /// The text of the link, or the file that is copied.
  public var target: String
  /// What is done.
  public var action: LinkReport.Action
  /// Whether what stands there is kept as a backup first.
  public var backsUp: Bool
  /// What stood there when this was planned.
  public var found: LiveEntry

  /// What the host had there itself, and gets back, since the stack uses it.
  public var restored: LiveEntry?

  /// Whether a link or file of clup's own becomes a directory here, for the paths below it.
  public var materializes: Bool { desired == nil && action == .replace }

  /// The live path in a report.
  public var report: LinkReport { LinkReport(live: live, target: target, action: action) }
}
