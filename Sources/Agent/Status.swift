import Core
import FoundationEssentials
import Git
import Processes

/// What the host runs, as clup knows and sees it: `clup.status/1`.
public struct Status: Codable, Sendable, Equatable {
  /// One stack.
  public struct Stack: Codable, Sendable, Equatable {
    /// The stack's name.
    public var name: String
    /// How the last sync ended that did something to it.
    @OrNull public var outcome: String?
    /// The commit that it runs.
    @OrNull public var commit: String?
    /// The first line of that commit's message.
    @OrNull public var message: String?
    /// When that commit was made, RFC 3339 in UTC.
    @OrNull public var committed: String?
    /// The commit that it is held at by a rollback.
    @OrNull public var pin: String?
    /// When it was pinned, RFC 3339 in UTC.
    @OrNull public var pinnedSince: String?
    /// How many commits of the branch came after the pinned one, as far as the mirror knows.
    @OrNull public var behind: Int?
    /// The commit that failed and is not tried again.
    @OrNull public var held: String?
    /// When it failed, RFC 3339 in UTC.
    @OrNull public var heldSince: String?
    /// Compose's project name.
    public var project: String
    /// `healthy`, `running`, `starting`, `unhealthy`, `restarting`, `stopped`, or `unknown` without an engine.
    public var health: String
    /// Why the last sync that did something to it failed.
    @OrNull public var error: String?
    /// How the host differs from what was deployed.
    public var drift: [String]
    /// Each of its services.
    public var services: [ServiceReport]
    /// Whether a sync works on it at this moment.
    public var isBusy = false
    /// What it waits for.
    @OrNull public var waitsFor: Outage?
    /// Since when it waits, RFC 3339 in UTC.
    @OrNull public var waitingSince: String?
    /// Why it is not brought to where the branch is, where that is no failure.
    @OrNull public var note: String?

    enum CodingKeys: String, CodingKey {
      case name, outcome, commit, message, committed, pin, behind, held, project, health, error, drift, services
      case pinnedSince = "pinned_since"
      case heldSince = "held_since"
      case note
      case isBusy = "busy"
      case waitsFor = "waits_for"
      case waitingSince = "waiting_since"
    }

    /// Whether it is where it is to be, and runs as it should.
    public var isGood: Bool {
      isBusy
        || drift.isEmpty && held == nil && error == nil && !["unhealthy", "restarting", "stopped"].contains(health)
    }

    /// Tells what the last sync left it waiting for.
    fileprivate mutating func wait(for last: LastResult?) {
      (waitsFor, waitingSince) = (last?.waiting?.outage, last?.waiting?.since)
    }

    /// What a sync is changing at this moment is neither drift nor a failure.
    fileprivate mutating func look(at checkout: Checkout) {
      let lending = checkout.lending(of: name)
      guard lending != nil || checkout.isBusy(name) else { return }
      note = "a sync works on it" + (checkout.doing(name).map { ": \($0)" } ?? "")
      // While it is pulled for nothing of it is touched, and it can be repaired.
      if lending == .pull { return }
      (isBusy, drift, error) = (true, [], nil)
      (waitsFor, waitingSince) = (nil, nil)
    }
  }

  /// Something that is away, and that a sync or a stack waits for.
  public struct Wait: Codable, Sendable, Equatable {
    /// What is away.
    public var outage: Outage
    /// The stack that waits; nothing where every sync does.
    @OrNull public var stack: String?
    /// Since when, RFC 3339 in UTC.
    public var since: String
    /// What was said when it was last asked.
    public var error: String

    enum CodingKeys: String, CodingKey {
      case stack, since, error
      case outage = "for"
    }
  }

  /// The schema's name.
  public var schema = "clup.status/1"
  /// The commit that the last successful sync ended at.
  public var commit: String?
  /// Each stack, sorted by name.
  public var stacks: [Stack]
  /// What is waited for now, the oldest first.
  public var waiting: [Wait] = []
  /// Why the last sync of the branch did not come to its stacks, or refused some of them.
  public var trouble: Trouble?
  /// When the repository answered last, RFC 3339 in UTC.
  public var reached: String?
  /// The waivers that have ended, or will within two weeks.
  public var waivers: [String] = []
  /// How much the baseline accepts; nothing where there is none.
  public var baseline: AcceptedCount?
  /// Whether this kernel can keep clup from writing where its plan does not lead.
  public var fence: Bool
  /// Why the containers could not be seen.
  public var error: String?
  /// What of clup's own records cannot be read, and what follows from that.
  public var lost: [String]?
  /// Why the daemon cannot use its configuration as it is now, and goes by the one from before.
  public var configuration: String?

  /// Whether every stack is in place, and the last sync came to them.
  public var isGood: Bool { error == nil && lost == nil && trouble == nil && stacks.allSatisfy(\.isGood) }

  /// Looks at the host, without asking the repository.
  public static func look(settings: Settings, environment: [String: String]) async throws(Failure) -> Status {
    let checkout = Checkout(path: settings.checkout)
    var state = try checkout.state()
    for _ in 0..<3 {
      let status = try await look(at: checkout, state, settings: settings, environment: environment)
      let drifted = status.stacks.filter { !$0.drift.isEmpty && !$0.isBusy }.map(\.name)
      if drifted.isEmpty { return status }
      let now = try checkout.state()
      // A sync that has ended meanwhile has made what looks like drift.
      if drifted.allSatisfy({ now.stacks[$0] == state.stacks[$0] }) { return status }
      state = now
    }
    return try await look(at: checkout, state, settings: settings, environment: environment)
  }

  private static func look(
    at checkout: Checkout, _ state: State, settings: Settings, environment: [String: String]
  ) async throws(Failure) -> Status {
    var status = Status(
      commit: state.commit, stacks: [], trouble: checkout.newest.flatMap(Trouble.init), fence: Fence.isSupported)
    if state.lost != LostRecords() { status.lost = state.lost.texts }
    var containers: [Container]?
    do throws(Failure) {
      let programs = try Programs(environment: environment)
      let listed = try await programs.decayed(
        try await programs.containers(of: settings.liveRoot), of: Set(state.standing.values.map(\.project)), checkout)
      containers = Programs.marking(listed, moved: state.formerPlaces, to: settings.liveRoot)
    } catch {
      status.error = error.message
    }
    status.reached = checkout.reached.map { Date(timeIntervalSince1970: $0).formatted(.iso8601) }
    status.waivers = settings.policy.ending(by: today())
    status.baseline = settings.policy.acceptedCount(today: today())
    let links = checkout.linkPlanning(state)
    let observed = Observe(settings: settings, checkout: checkout, links: links)
      .all(state, stacks: [], containers: containers)
    let mirror = try? Mirror(at: checkout.mirror, branch: settings.follow.mirrorBranch, create: false)
    let head = try? await mirror?.head()
    for (name, known) in state.standing.sorted(by: { $0.key < $1.key }) {
      let pin = state.stacks[name]?.pin
      // What failed at another commit than the pinned one counts again when the pin is lifted.
      let hold = state.stacks[name]?.held.flatMap { pin == nil || pin?.commit == $0.commit ? $0 : nil }
      var behind: Int?
      let commit = observed.pointers[name]
      var about: Commit?
      if let commit { about = try? await mirror?.commit(commit) }
      if let pin, let head { behind = try? await mirror?.distance(from: pin.commit, to: head) }
      let touched = Differences(
        tree: CommitTree(recordedBy: known), observed: observed, links: links)
      let own = (containers ?? []).filter { $0.project == known.project }
      // What is kept from the head runs its images whatever their names mean now.
      let images = pin == nil && hold == nil ? [:] : known.images ?? [:]
      let services = ServicePlanning.plan(
        desired: known.services, known: known.services, containers: own, images: images)
      var stack = Stack(
        name: name, outcome: state.stacks[name]?.lastResult?.outcome.rawValue, commit: commit, message: about?.subject,
        committed: about.map { Date(timeIntervalSince1970: Double($0.time)).formatted(.iso8601) }, pin: pin?.commit,
        pinnedSince: pin?.since, behind: behind, held: hold?.commit, heldSince: hold?.since, project: known.project,
        health: containers == nil ? "unknown" : health(of: services),
        error: hold?.error ?? error(state.stacks[name]?.lastResult),
        drift: hold == nil
          ? touched.reasons(name, state.stacks[name], images: images)
          : touched.kept(name, state.stacks[name], images: images),
        services: containers == nil ? Self.unseen(known) : services.map(\.report))
      if state.gone.contains(name) {
        stack.note = StackTarget.gone(down: containers == nil ? [] : services.down).reason
        // It is left to whoever took it out of the repository, down or not.
        stack.drift = stack.drift.filter { $0 == Differences.unfinished }
      }
      stack.wait(for: state.stacks[name]?.lastResult)
      stack.look(at: checkout)
      status.stacks.append(stack)
    }
    status.stacks += unplaced(state, checkout)
    status.stacks.sort { $0.name < $1.name }
    status.noteWaiting(at: Date().formatted(.iso8601))
    return status
  }

  /// What failed or waits before it was ever in place is told of all the same.
  private static func unplaced(_ state: State, _ checkout: Checkout) -> [Stack] {
    state.stacks.compactMap { name, record in
      guard record.standing == nil, record.held != nil || record.lastResult?.waiting != nil else { return nil }
      var stack = Stack(
        name: name, outcome: record.lastResult?.outcome.rawValue, held: record.held?.commit,
        heldSince: record.held?.since,
        project: "", health: "unknown", error: record.held?.error ?? error(record.lastResult), drift: [], services: [])
      stack.wait(for: record.lastResult)
      stack.look(at: checkout)
      return stack
    }
  }

  /// What is recorded of services while nobody knows what runs.
  private static func unseen(_ known: Deployment) -> [ServiceReport] {
    known.services.map { ServiceReport(name: $0.name, action: .keep, reason: nil, state: "unknown") }
      .sorted { $0.name < $1.name }
  }

  /// Lists what is waited for, by syncs as a whole and by single stacks.
  private mutating func noteWaiting(at now: String) {
    if let trouble, let outage = trouble.waitsFor {
      waiting.append(Wait(outage: outage, since: trouble.since, error: trouble.errors.first ?? ""))
    }
    if let error, trouble?.waitsFor != .engine { waiting.append(Wait(outage: .engine, since: now, error: error)) }
    waiting += stacks.compactMap { stack in
      guard let outage = stack.waitsFor, let since = stack.waitingSince else { return nil }
      return Wait(outage: outage, stack: stack.name, since: since, error: stack.error ?? "")
    }
    waiting.sort { $0.since < $1.since }
  }

  /// Why a stack is not where the last sync was to bring it.
  private static func error(_ last: LastResult?) -> String? {
    last.flatMap { $0.outcome.isBad ? $0.error ?? $0.outcome.rawValue : nil }
  }

  private static func health(of services: [ServicePlan]) -> String {
    if services.contains(where: { $0.health == "unhealthy" }) { return "unhealthy" }
    if services.contains(where: { $0.state == "restarting" }) { return "restarting" }
    // A service that ended well and is not started again is kept.
    if !services.down.isEmpty { return "stopped" }
    if services.contains(where: { $0.health == "starting" }) { return "starting" }
    return services.contains { $0.health == "healthy" } ? "healthy" : "running"
  }
}

/// Reads the reports of the last syncs, oldest first: at most so many, and only those that did something to a stack
/// where one is named.
public func history(of settings: Settings, last count: Int, stack: String? = nil) -> [Report] {
  history(of: settings, last: count) { report in
    guard let stack else { return true }
    return report.stacks.contains { $0.name == stack && $0.outcome != .unchanged }
  }
}

/// Returns which of the last lines of the history another version of clup wrote; nothing where there are none.
public func foreignHistory(of settings: Settings, last count: Int) -> String? {
  let found = Checkout(path: settings.checkout).foreignHistory(last: count).sorted { $0.key < $1.key }
  if found.isEmpty { return nil }
  let counts = found.map { "\($0.value) as \($0.key)" }.joined(separator: ", ")
  return "\(settings.checkout)/history.jsonl holds reports of another version of clup (\(counts); this one knows "
    + "\(Report.schema)): they are kept, and not shown"
}

/// Reads the last reports that match, oldest first.
public func history(of settings: Settings, last count: Int, where matches: (Report) -> Bool) -> [Report] {
  Checkout(path: settings.checkout).history(last: count, where: matches)
}
