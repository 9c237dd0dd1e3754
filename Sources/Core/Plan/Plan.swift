/// Everything that a sync will do, and why. A dry run prints it, an apply executes it.
public struct Plan: Sendable {
  /// The target commit.
  public var commit: String
  /// Each stack of the commit and each one to be removed, sorted by name.
  public var stacks: [StackPlan]
  /// The live paths of the configuration's `links:` and those that several stacks need.
  public var links: [LinkPlan]
  /// What the configuration's `links:`, and the paths that several stacks need, are to be.
  public var hostLinks: [String: DesiredLink]
  /// Whether that differs from what they were, be it in their content alone.
  public var hostLinksChange: Bool

  /// Makes a plan.
  public init(
    commit: String, stacks: [StackPlan], links: [LinkPlan], hostLinks: [String: DesiredLink], hostLinksChange: Bool
  ) {
    self.commit = commit
    self.stacks = stacks
    self.links = links
    self.hostLinks = hostLinks
    self.hostLinksChange = hostLinksChange
  }

  /// Leaves stacks as they are that validation refused.
  public mutating func holdBack(_ refused: Set<String>) {
    for name in refused where !stacks.contains(where: { $0.name == name }) {
      stacks.append(StackPlan(name: name, work: .none, from: nil, to: nil, project: ""))
    }
    for index in stacks.indices where refused.contains(stacks[index].name) {
      stacks[index].work = .none
      stacks[index].aim = .refused
      stacks[index].to = stacks[index].from
      stacks[index].links = []
      stacks[index].services = []
    }
    stacks.sort { $0.name < $1.name }
  }

  /// Every live path, of the stacks and of the configuration.
  public var allLinks: [LinkPlan] { (stacks.flatMap(\.links) + links).sorted { $0.live < $1.live } }

  /// Whether there is nothing to do.
  public var isEmpty: Bool {
    stacks.allSatisfy { $0.work == .none } && !hostLinksChange && links.allSatisfy { $0.action == .keep }
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
  }

  /// The stack's name.
  public var name: String
  /// What it is brought to.
  public var aim = Aim.target
  /// What is to be done.
  public var work: Work
  /// The commit that it runs.
  public var from: String?
  /// The commit that it is brought to.
  public var to: String?
  /// Compose's project name.
  public var project: String
  /// Why.
  public var reasons: [String]
  /// Each service.
  public var services: [ServicePlan]
  /// Each live path.
  public var links: [LinkPlan]
  /// The stacks that must be in place first.
  public var after: [String]

  /// Makes a plan of a stack.
  public init(
    name: String, work: Work, from: String?, to: String?, project: String, reasons: [String] = [],
    services: [ServicePlan] = [], links: [LinkPlan] = [], after: [String] = []
  ) {
    self.name = name
    self.work = work
    self.from = from
    self.to = to
    self.project = project
    self.reasons = reasons
    self.services = services
    self.links = links
    self.after = after
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
    /// `build`, then `up -d`.
    case build
    /// The containers' ids: `up -d --remove-orphans` would take what is not clup's as well.
    case remove([String])
  }

  /// The service's name.
  public var name: String
  /// What is done to its containers.
  public var action: ServiceReport.Action
  /// Why, for every action but `keep`.
  public var reason: String?
  /// How.
  public var way: Way = .up
  /// The container's state as it was found.
  public var state: String
  /// The container's health as it was found.
  public var health: String

  /// The service in a report.
  public var report: ServiceReport {
    ServiceReport(name: name, action: action, reason: reason, state: state, health: health)
  }
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

  /// The live path in a report.
  public var report: LinkReport { LinkReport(live: live, target: target, action: action) }
}
