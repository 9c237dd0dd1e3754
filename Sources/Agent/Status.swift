import Core
import FoundationEssentials

/// What the host runs, as clup knows and sees it: `clup.status/1`.
public struct Status: Codable, Sendable, Equatable {
  /// One stack.
  public struct Stack: Codable, Sendable, Equatable {
    /// The stack's name.
    public var name: String
    /// How the last sync ended that did something to it.
    public var outcome: String?
    /// The commit that it runs.
    public var commit: String?
    /// The commit that it is held at by a rollback.
    public var pin: String?
    /// Compose's project name.
    public var project: String
    /// `healthy`, `running`, `unhealthy`, `stopped`, or `unknown` without an engine.
    public var health: String
    /// Why the last sync that did something to it failed.
    public var error: String?
    /// How the host differs from what was deployed.
    public var drift: [String]
    /// Each of its services.
    public var services: [ServiceReport]

    /// Writes every key, `null` for what is not known.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(outcome, forKey: .outcome)
      try container.encode(commit, forKey: .commit)
      try container.encode(pin, forKey: .pin)
      try container.encode(project, forKey: .project)
      try container.encode(health, forKey: .health)
      try container.encode(error, forKey: .error)
      try container.encode(drift, forKey: .drift)
      try container.encode(services, forKey: .services)
    }
  }

  /// The schema's name.
  public var schema = "clup.status/1"
  /// The commit that the last successful sync ended at.
  public var commit: String?
  /// Each stack, sorted by name.
  public var stacks: [Stack]
  /// Why the containers could not be seen.
  public var error: String?

  /// Whether every stack is in place.
  public var isGood: Bool { error == nil && stacks.allSatisfy { $0.drift.isEmpty } }

  /// Looks at the host, without asking the repository.
  public static func look(settings: Settings, environment: [String: String]) async throws(Failure) -> Status {
    let checkout = Checkout(path: settings.checkout)
    let state = try checkout.state()
    var status = Status(commit: state.commit, stacks: [])
    var containers: [Container]?
    do throws(Failure) {
      containers = try await Engine(programs: try Programs(environment: environment)).containers()
    } catch {
      status.error = error.message
    }
    let links = LinkPlanning(pointers: checkout.pointers)
    let observed = Observe(settings: settings, checkout: checkout, links: links)
      .all(state, stacks: [], containers: containers)
    var last: [String: StackReport] = [:]
    for stack in checkout.history().flatMap(\.stacks) {
      // What is in place again was refused or held back for the commit's sake, not for its own.
      let settled = last[stack.name].map { [.deployed, .failed, .rolledBack, .removed].contains($0.outcome) } ?? false
      if stack.outcome != .unchanged || !settled { last[stack.name] = stack }
    }
    // Against the commit that runs, only the host itself can differ.
    let paths = { (stack: StackState) in
      stack.tracked.filter { $0.value != Fingerprint.absent }.map {
        TrackedPath(path: $0.key, kind: .file, id: $0.value)
      }
    }
    for (name, known) in state.stacks.sorted(by: { $0.key < $1.key }) {
      let touched = Touched(
        tree: CommitTree(commit: known.commit, paths: paths(known)), observed: observed, links: links)
      let own = (containers ?? []).filter { $0.project == known.project }
      let services = ServicePlanning.plan(desired: known.services, known: known.services, containers: own)
      status.stacks.append(
        Stack(
          name: name, outcome: last[name]?.outcome.rawValue, commit: observed.pointers[name], pin: nil,
          project: known.project,
          health: containers == nil ? "unknown" : health(of: services), error: known.verified ? nil : last[name]?.error,
          drift: touched.reasons(name, known: known),
          services: services.map(\.report)))
    }
    return status
  }

  private static func health(of services: [ServicePlan]) -> String {
    if services.contains(where: { $0.health == "unhealthy" }) { return "unhealthy" }
    if services.contains(where: { $0.action != .keep }) { return "stopped" }
    if services.contains(where: { $0.health == "starting" }) { return "starting" }
    return services.contains { $0.health == "healthy" } ? "healthy" : "running"
  }
}

/// Reads the reports of past syncs, oldest first.
public func history(of settings: Settings) -> [Report] { Checkout(path: settings.checkout).history() }
