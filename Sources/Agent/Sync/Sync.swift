import Core
import FoundationEssentials
import Git
import Glibc

/// One sync: fetch, trust, discover, observe, validate, plan, apply, verify, report.
public struct Sync: Sendable {
  private let settings: Settings
  private let request: SyncRequest
  private let environment: [String: String]
  private let say: @Sendable (String) -> Void

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
  }

  /// Prepares a sync; `environment` is clup's own, `say` takes lines of progress.
  public init(
    settings: Settings, request: SyncRequest, environment: [String: String], say: @escaping @Sendable (String) -> Void
  ) {
    self.settings = settings
    self.request = request
    self.environment = environment
    self.say = say
  }

  /// Runs it to its end.
  public func run() async -> Ended {
    let start = ContinuousClock.now
    var ended = Ended(report: Report(starting: Date(), request: request, settings: settings))
    let checkout = Checkout(path: settings.checkout)
    do throws(Failure) {
      let programs = try Programs(environment: environment)
      try checkout.prepare()
      let lock = try checkout.lock()
      defer { close(lock) }
      do throws(Failure) {
        try await locked(checkout, programs, &ended)
      } catch {
        ended.fail(error)
      }
      ended.report.durationMs = (ContinuousClock.now - start).milliseconds
      // A poll that finds nothing to do leaves no line.
      if !request.dryRun, ended.report.outcome != .unchanged || request.trigger == "manual" {
        try checkout.append(ended.report)
      }
    } catch {
      if ended.failure == nil { ended.fail(error) }
    }
    ended.report.durationMs = (ContinuousClock.now - start).milliseconds
    return ended
  }

  private func locked(_ checkout: Checkout, _ programs: Programs, _ ended: inout Ended) async throws(Failure) {
    async let listing = containers(programs)
    let state = try checkout.state()
    let fetch = Fetch(settings: settings, checkout: checkout)
    let head = try await fetch.head()
    let target = try await fetch.target(head: head, request: request)
    ended.report.commit = target.tree.commit
    let containers: [Container]?
    switch await listing {
    case .success(let found): containers = found
    case .failure(let failure):
      guard request.dryRun else { throw failure }
      ended.report.error = "\(failure.message); planned as if nothing were running"
      containers = nil
    }

    let name = String(UInt64.random(in: .min ... .max), radix: 36)
    let (stage, view) = ("\(checkout.releases)/.new.\(name)", "\(checkout.path)/view.\(name)")
    try Files.makeDirectories(stage)
    try Files.makeDirectories(view, mode: 0o700)
    defer {
      Files.remove(stage)
      Files.remove(view)
    }
    let prepared = try await Prepare(
      settings: settings, request: request, checkout: checkout, programs: programs, target: target, state: state,
      containers: containers, stage: stage, view: view
    ).plan()
    let plan = prepared.plan
    let known = Set(prepared.discovery.stacks.map(\.name))
    for name in settings.stacks.keys.sorted() where !known.contains(name) {
      say("warning: the configuration's `stacks:` names \(name), which is no stack of this commit")
    }
    for name in state.stacks.keys.sorted()
    where !known.contains(name) && !plan.stacks.contains(where: { $0.name == name }) {
      if request.stacks.isEmpty {
        say("warning: \(name) is excluded: its containers keep running, and clup leaves them alone")
      }
    }
    ended.report.diagnostics = prepared.diagnostics
    ended.excerpts = prepared.excerpts
    ended.report.links = plan.allLinks.map(\.report)
    if request.diff {
      ended.diffs = try await Diffs(mirror: target.mirror, state: state, target: target.tree).of(
        plan)
    }
    if prepared.diagnostics.contains(where: \.refuses) {
      ended.report.outcome = .refused
      let refused = Set(prepared.diagnostics.filter(\.refuses).compactMap(\.stack))
      let planned = Dictionary(plan.stacks.map { ($0.name, $0) }) { first, _ in first }
      ended.report.stacks = prepared.discovery.stacks.map { source in
        let outcome: StackReport.Outcome = refused.contains(source.name) ? .refused : .held
        guard let stack = planned[source.name] else { return StackReport(name: source.name, outcome: outcome) }
        return stack.report(stack.work == .none && outcome == .held ? .unchanged : outcome)
      }
      ended.report.links = []
      return
    }
    if request.dryRun {
      ended.report.outcome = .planned
      ended.report.stacks = plan.stacks.map { $0.report($0.work == .none ? .unchanged : .planned) }
      return
    }
    if plan.isEmpty {
      ended.report.stacks = plan.stacks.map { $0.report(.unchanged) }
      if request.stacks.isEmpty, state.commit != plan.commit || state.policy != prepared.policy {
        var newer = state
        newer.commit = plan.commit
        newer.policy = prepared.policy
        try checkout.write(newer)
      }
      return
    }
    let result = try await Apply(
      settings: settings, checkout: checkout, programs: programs, target: target, plan: plan, state: state,
      policy: prepared.policy, whole: request.stacks.isEmpty, say: say
    ).run(stage: stage)
    ended.report.stacks = result.stacks
    ended.report.links = result.links
    let failed = result.stacks.contains { $0.outcome == .failed || $0.outcome == .skipped }
    ended.report.outcome = failed ? .failed : .deployed
  }

  private func containers(_ programs: Programs) async -> Result<[Container], Failure> {
    do throws(Failure) { return .success(try await Engine(programs: programs).containers()) } catch {
      return .failure(error)
    }
  }
}

extension Sync.Ended {
  fileprivate mutating func fail(_ failure: Failure) {
    self.failure = failure
    report.outcome = failure.kind == .refused ? .refused : .failed
    report.error = failure.message
  }
}

extension Report {
  fileprivate init(starting date: Date, request: SyncRequest, settings: Settings) {
    let started = date.formatted(.iso8601)
    let compact = started.filter { $0 != "-" && $0 != ":" }
    let digits = String(UInt16.random(in: .min ... .max), radix: 16)
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.init(
      id: "\(compact)-\(String(repeating: "0", count: 4 - digits.count))\(digits)", trigger: request.trigger,
      dryRun: request.dryRun, host: host, repository: redacted(settings.repository), branch: settings.branch,
      started: started)
  }
}
