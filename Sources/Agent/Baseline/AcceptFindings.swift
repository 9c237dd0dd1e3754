import Core

/// What `clup baseline` is asked for.
public struct AcceptRequest: Sendable {
  /// The rules that are accepted by name only.
  public var include: Set<String> = []
  /// Whether nothing is accepted, and only dropped what was fixed.
  public var prunes = false
  /// Whether nothing is written.
  public var dryRun = false

  /// Asks for everything that may be accepted.
  public init() {}
}

/// Looks at all that the followed commit would be refused for, and accepts it in the host's baseline.
public struct AcceptFindings: Sendable {
  let settings: Settings
  var request: AcceptRequest
  let environment: [String: String]
  let tell: @Sendable (SyncEvent) -> Void

  /// What it ended with.
  public struct Ended: Sendable {
    /// What is accepted, and what is not.
    public var acceptance: Acceptance
    /// Lines of the sources, to show with findings.
    public var excerpts: Excerpts
  }

  /// Prepares it; `environment` is clup's own, `tell` hears what it does.
  public init(
    settings: Settings, request: AcceptRequest, environment: [String: String],
    tell: @escaping @Sendable (SyncEvent) -> Void
  ) {
    (self.settings, self.request, self.environment, self.tell) = (settings, request, environment, tell)
  }

  /// Runs it to its end.
  public func run() async throws(Failure) -> Ended {
    let before = try BaselineFile.read(of: settings)
    let today = today()
    var (ended, baseline) = try await look(settings, today)
    // Whoever may hold the socket from now on is looked at as its holder.
    if ended.acceptance.accepted.contains(where: { $0.rule == "docker-socket" }) {
      var next = settings
      next.policy.waivers = settings.policy.waivers.filter { $0.accepted == nil } + baseline.entries
      let new = ended.acceptance
      (ended, baseline) = try await look(next, today)
      ended.acceptance.take(new)
    }
    if !request.prunes, ended.acceptance.refused.contains(where: { $0.finding.rule == "docker-socket" }) {
      try await foresee(&ended.acceptance, today)
    }
    let text = baseline.text
    let isSame = baseline.entries == settings.policy.waivers.filter { $0.accepted != nil }
    if !request.dryRun, !isSame { try BaselineFile.write(text, of: settings, before: before) }
    return ended
  }

  /// Adds what would be found of whoever was given the Docker socket, so that all of it can be accepted in one go.
  private func foresee(_ acceptance: inout Acceptance, _ today: String) async throws(Failure) {
    var trial = self
    trial.request.include.insert("docker-socket")
    var next = settings
    let accepted = try await trial.look(settings, today).1
    next.policy.waivers = settings.policy.waivers.filter { $0.accepted == nil } + accepted.entries
    let known = Set(acceptance.refused.map(\.finding))
    let more = try await trial.look(next, today).0.acceptance.refused.filter {
      $0.finding.rule == "socket-proxy" && !known.contains($0.finding)
    }
    acceptance.need(more, with: "docker-socket")
  }

  private func look(_ settings: Settings, _ today: String) async throws(Failure) -> (Ended, AcceptedFindings) {
    var look = SyncRequest()
    (look.dryRun, look.retry, look.judgesAll) = (true, true, true)
    let sync = await Sync(settings: settings, request: look, environment: environment, tell: tell).run()
    if let failure = sync.failure { throw failure }
    if let error = sync.report.error {
      throw Failure(
        .host, "cannot check all stacks: \(error)",
        help: "check that Docker Engine answers (`clup doctor`), and run `clup baseline` again")
    }
    var acceptance = Acceptance(
      file: AcceptedFindings.file(beside: settings.file), dryRun: request.dryRun, pruned: request.prunes)
    acceptance.commit = sync.report.commit
    let baseline = Acceptor(
      policy: settings.policy, include: request.include, prunes: request.prunes, today: today
    ).accept(sync.found.all, unseen: sync.found.unseen, into: &acceptance)
    return (Ended(acceptance: acceptance, excerpts: sync.excerpts), baseline)
  }
}
