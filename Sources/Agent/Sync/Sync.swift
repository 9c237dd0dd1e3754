import Core
import Dispatch
import FoundationEssentials
import Git
import Glibc
import Processes

/// One sync: fetch, trust, discover, observe, validate, plan, apply, verify, report.
public struct Sync: Sendable {
  let settings: Settings
  var request: SyncRequest
  let environment: [String: String]
  let tell: @Sendable (SyncEvent) -> Void

  /// What a sync ended with.
  public struct Ended: Sendable {
    /// What it did.
    public var report: Report
    /// Why it ended early.
    public var failure: Failure?
    /// What would change in the files, where that was asked for.
    public var diffs: [String] = []
    /// Lines of the sources, to show with findings.
    public var excerpts = Excerpts(sources: [])
    /// What the rules found, before it was weighed.
    var found = Prepare.Findings()
    /// Whether the host has come to a commit that it was not at before.
    var isNewCommit = false
    /// The ids of the host's own files that were judged, by stack and path.
    var judged: [String: [String: String]] = [:]
  }

  /// Prepares a sync; `environment` is clup's own, `tell` hears what it does.
  public init(
    settings: Settings, request: SyncRequest, environment: [String: String],
    tell: @escaping @Sendable (SyncEvent) -> Void
  ) {
    self.settings = settings
    self.request = request
    self.environment = environment
    self.tell = tell
  }

  @Sendable func say(_ text: String) { tell(.now(.message, text)) }

  /// Runs it to its end.
  public func run() async -> Ended {
    // libgit2 reads the authorities of the whole system when it starts.
    DispatchQueue.global().async { startLibrary() }
    // What the start alone needed of libraries is most of what a short sync would hold.
    Memory.rest()
    let worker = Task(executorPreference: WorkExecutor()) { await work() }
    let timeout = Task {
      try await Task.sleep(for: settings.sync.timeout)
      worker.cancel()
    }
    defer { timeout.cancel() }
    let ended = await withTaskCancellationHandler {
      await worker.value
    } onCancel: {
      worker.cancel()
    }
    if !settings.notify.isEmpty, !request.dryRun {
      await NotifyHooks(settings: settings, environment: environment, say: say).tell(ended, request)
    }
    return ended
  }

  private func work() async -> Ended {
    let start = ContinuousClock.now
    var began = timespec()
    clock_gettime(CLOCK_REALTIME, &began)
    var ended = Ended(report: Report(starting: Date(), request: request, settings: settings))
    let checkout = Checkout(path: settings.checkout)
    do throws(Failure) {
      let plain = try Programs(
        environment: environment, versionFile: request.dryRun ? nil : checkout.composeVersionFile)
      if let unused = Programs.unused(environment) { say("warning: \(unused)") }
      try checkout.prepare()
      let early: Result<EarlyCheck?, Failure>
      do throws(Failure) { early = .success(try await self.early(checkout, plain)) } catch { early = .failure(error) }
      if case .success(let found?) = early, let same = found.same {
        Memory.rest()
        ended.report.take(same)
        return ended.closed(start)
      }
      // Nor is what found that out needed for what follows.
      Memory.rest()
      let use = try CheckoutUse(in: checkout) { checkout.removePartialFiles() }
      defer { use.end() }
      var seen: HostCheck?
      do throws(Failure) { seen = try await runFull(try session(checkout, plain), try early.get(), &ended) } catch {
        ended.fail(error)
      }
      await repairToLastGood(checkout, plain, &ended)
      if Task.isCancelled, start.duration(to: .now) >= settings.sync.timeout {
        ended.report.error =
          "the sync took longer than \(settings.sync.timeout.text) and was stopped; see `sync: {timeout: …}`"
      }
      ended = ended.closed(start)
      // The disk is looked at once more while the report is written down.
      let report = ended.report
      async let places = places(seen, report, checkout, began: began)
      if !request.dryRun, !leavesNoReport(ended) { try record(&ended, checkout) }
      if let seen, let places = await places { remember(seen, at: places, ended.report, plain, checkout) }
    } catch {
      if ended.failure == nil { ended.fail(error) }
    }
    return ended.closed(start)
  }

  /// Whether what was asked for was wrong, or could not begin: that has no place among what was done.
  private func leavesNoReport(_ ended: Ended) -> Bool {
    guard let failure = ended.failure, ended.report.stacks.isEmpty else { return false }
    return [.configuration, .locked, .incompleteSelection].contains(failure.kind)
  }

  /// Adds the report to the history. A poll that ended just as the one before leaves no line, nor does a plain sync that found
  /// nothing to do at the commit that the one before came to, or waits as a whole for what that one waited for.
  private func record(_ ended: inout Ended, _ checkout: Checkout) throws(Failure) {
    let isPoll = Trigger(rawValue: request.trigger) != nil
    let tells = ended.report.lost != nil
    if !tells, isPoll || request.isPlain && isIdle(ended) {
      let before = checkout.newest
      if isPoll || before?.commit == ended.report.commit, ended.report.repeats(before) {
        ended.report.sameAs = ended.report.outcome == .unchanged ? nil : before?.id
        return
      }
    }
    try checkout.append(ended.report)
  }

  private func isIdle(_ ended: Ended) -> Bool {
    ended.report.outcome == .unchanged ? !ended.isNewCommit : ended.report.waitsFor != nil
  }

  /// Opens the records, and shows Compose where to log in.
  func session(_ checkout: Checkout, _ programs: Programs) throws(Failure) -> Session {
    var programs = programs
    if let file = settings.registryAuthFile {
      programs = try programs.showing(file, settings: settings, environment: environment, checkout)
    }
    return Session(checkout: checkout, programs: programs, records: Records(checkout))
  }

  /// Goes the whole way; gives what was seen where there was nothing to do.
  func runFull(
    _ session: Session, _ early: EarlyCheck?, _ ended: inout Ended
  ) async throws(Failure) -> HostCheck? {
    let (fetch, records) = (fetch(session.checkout), session.records)
    tell(.now(.phase, request.isRepair || request.rollback != nil ? "looking at the host" : "asking the repository"))
    // Where the checkout is known to be this host's, they are read while the repository is waited for.
    async let known = records.read()
    var brought: Fetch.Brought?
    if let early, early.isOwn { brought = await fetch.brought(early.head) }
    let state = try await known.get()
    try checkPlace(session.checkout, state)
    tellLost(state.lost, &ended)
    if !request.dryRun { try await records.sweep() }
    if request.resume { try await resume(records) }
    var request = request
    let target = try await target(of: &request, fetch, brought, early?.head, try await records.now(), &ended)
    for number in 0..<Self.rounds {
      let round = Round(
        sync: self, session: session, request: request, target: target, early: number == 0 ? early : nil)
      if case .ended(let seen) = try await round.run(&ended) { return seen }
    }
    throw Failure(
      .locked, "other syncs kept changing the records that this one planned with",
      help: "wait until they have ended, and sync again")
  }

  /// Says what of the records could not be read. It is forgotten with the first record that is written.
  private func tellLost(_ lost: LostRecords, _ ended: inout Ended) {
    for text in lost.texts { say("warning: \(text)") }
    if lost != LostRecords() { ended.report.lost = lost.texts }
  }

  /// How often a plan is made again because others have changed what it was made from.
  private static let rounds = 3

  /// What was moved is no longer where it was; two places cannot have one checkout.
  private func checkPlace(_ checkout: Checkout, _ state: State) throws(Failure) {
    guard let other = state.liveRoot, other != settings.liveRoot, Files.status(other) != nil,
      Files.resolved(other) != Files.resolved(settings.liveRoot)
    else { return }
    throw Failure(
      .configuration, "the checkout \(checkout.path) belongs to the live root \(other), not to \(settings.liveRoot)",
      help: "give each configuration a `checkout:` of its own")
  }

  /// Finds the commit that the host is brought to; a rollback finds one for each stack.
  private func target(
    of request: inout SyncRequest, _ fetch: Fetch, _ brought: Fetch.Brought?,
    _ listed: Sources.Answer<FollowedHead>?, _ state: State, _ ended: inout Ended
  ) async throws(Failure) -> Fetch.Target {
    if request.isRepair || request.isOffline { return try await fetch.known() }
    guard let rollback = request.rollback else {
      let brought = if let brought { brought } else { await fetch.brought(listed) }
      let target = try await target(fetch, brought, request, state)
      ended.report.commit = target.tree.commit
      return target
    }
    let target = try await fetch.known()
    let goal = try await Rollback(
      settings: settings, checkout: fetch.checkout, mirror: target.mirror, state: state, stacks: request.stacks,
      sources: fetch.sources
    ).goal(of: rollback.revision)
    if goal.pins.count > 1, request.stacks.isEmpty, !rollback.all, !request.dryRun { throw Self.unnamed(goal.pins) }
    request.rollback?.goal = goal
    let commits = Set(goal.pins.values.map(\.commit))
    ended.report.commit = commits.count == 1 ? commits.first : nil
    for name in state.standing.keys.sorted() where goal.pins[name] == nil && request.stacks.isEmpty {
      let why = rollback.revision == nil ? "has run nothing else before" : "is not a stack of that commit"
      say("warning: \(name) \(why), and stays as it is")
    }
    if !goal.staying.isEmpty {
      say(
        "warning: these files differ in that commit and stay as they are: \(goal.staying.listed(4)); a rollback only changes "
          + "stacks, while job files and `links:` follow the branch (`git revert`, push and sync)")
    }
    return target
  }

  /// Finds the commit of the repository; a mirror that was damaged is fetched from scratch.
  private func target(
    _ fetch: Fetch, _ brought: Fetch.Brought, _ request: SyncRequest, _ state: State
  ) async throws(Failure) -> Fetch.Target {
    let listed = try brought.listed.get()
    do throws(Failure) {
      return try await fetch.target(try brought.head.get(), request: request, deployed: state.hasDeployed)
    } catch {
      guard [.host, .unreachable].contains(error.kind), await fetch.isDamaged() else { throw error }
      say("warning: the mirror was damaged (\(error.message)) and is fetched again")
      try await fetch.renew(listed, at: state.commit, accepting: request.acceptRewrite)
      let renewed = await fetch.brought(listed)
      return try await fetch.target(try renewed.head.get(), request: request, deployed: state.hasDeployed)
    }
  }

  /// Asks whether more than one stack is meant.
  private static func unnamed(_ pins: [String: Pin]) -> Failure {
    let moves = pins.sorted { $0.key < $1.key }.map { "\($0.key) to \($0.value.commit.prefix(7))" }
    return Failure(
      .configuration, "this would roll back \(moves.count) stacks: \(moves.joined(separator: ", "))",
      help: "name those that you mean with --stack, or add --all; --dry-run shows what would be done")
  }

  /// Keeps the images of what was good; without it a sync is as good, and only a recovery is less sure.
  func keepImages(of state: State, others: Bool, _ programs: Programs) async {
    do throws(Failure) { try await KeptImages(programs: programs).keep(state, others: others) } catch {
      say("warning: \(error.message); images to go back to may be lost to a prune")
    }
  }

  /// Lifts the pins first, so that they are lifted whatever becomes of the sync that follows.
  private func resume(_ records: Records) async throws(Failure) {
    let pins = try await records.now().pins.keys.sorted()
    let lifted = request.stacks.isEmpty ? pins : request.stacks.filter(pins.contains)
    let known = try await records.now().standing
    let others = request.stacks.filter { !pins.contains($0) }
    if let first = others.first(where: { lifted.isEmpty || known[$0] == nil }) {
      throw Failure(
        .configuration, "\(first) is not pinned",
        help: pins.isEmpty ? "no stack is pinned; `clup sync` is enough" : "pinned are " + pins.joined(separator: ", "))
    }
    try await records.change { state throws(IllegalTransition) in
      for name in lifted where state.stacks[name]?.pin != nil { try state.record(.unpinned, of: name) }
    }
    say(lifted.isEmpty ? "no stack was pinned" : "no longer pinned: \(lifted.joined(separator: ", "))")
    if !others.isEmpty { say("not pinned: \(others.joined(separator: ", "))") }
  }
}
