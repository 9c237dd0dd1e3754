import Core
import Git

/// Everything between the target commit and its plan: discover, observe, validate, plan.
struct Prepare: Sendable {
  let settings: Settings
  let request: SyncRequest
  let checkout: Checkout
  let programs: Programs
  let target: Fetch.Target
  /// What clup remembers; a rollback has put its pins in.
  let state: State
  /// The stacks that somebody else works on.
  let busy: Set<String>
  let links: LinkPlanning
  let observe: Observe
  let policy: String
  let today: String
  let snapshots: CommitSnapshots
  let head: CommitSnapshot

  /// `stage` and `view` are for the unfinished releases and for what Compose is shown; both are removed with the sync.
  init(
    settings: Settings, request: SyncRequest, checkout: Checkout, programs: Programs, target: Fetch.Target,
    state: State, busy: Set<String>, external: ExternalContent, stage: String, view: String
  ) async throws(Failure) {
    self.settings = settings
    self.request = request
    self.checkout = checkout
    self.programs = programs
    self.target = target
    self.state = state
    self.busy = busy
    today = Agent.today()
    policy = request.judgesAll ? "" : policyFingerprint(settings, today: today)
    links = checkout.linkPlanning(state)
    observe = Observe(settings: settings, checkout: checkout, links: links)
    var snapshots = CommitSnapshots(
      settings: settings, programs: programs, mirror: target.mirror, external: external, observe: observe,
      stage: stage, view: view, today: today, state: state)
    head = try await snapshots.look(at: target.tree)
    self.snapshots = snapshots
  }

  struct Prepared: Sendable {
    var plan: Plan
    var diagnostics: [Diagnostic]
    var discovery: Discovery
    /// The fingerprint of the policy that was applied.
    var policy: String
    /// Lines of the sources, to show with findings.
    var excerpts: Excerpts
    /// Each commit that a stack is brought to.
    var snapshots: [String: CommitSnapshot]
    var observed: Observed
    /// What was found, before it was weighed.
    var found: Findings
  }

  /// What the rules found, before the host's word on it.
  struct Findings: Sendable {
    var all: [Diagnostic] = []
    /// The stacks that could not be looked at, or not as a whole.
    var unseen: Set<String> = []
  }

  /// How many stacks Compose is asked about side by side.
  var atOnce: Int { max(settings.sync.concurrency, 2) }

  /// The stacks that Compose need not be asked about: nothing can be deployed of them, whatever the host says.
  func broken(_ diagnostics: [Diagnostic]) -> Set<String> {
    Set(diagnostics.filter(\.isFinal).compactMap(\.stack))
  }

  /// Finds where each stack is to go and what is not in place, for the containers that there are, or for none where the engine
  /// does not answer.
  func draft(_ containers: [Container]?) async throws(Failure) -> PlanDraft {
    try await checkForStacks()
    var names =
      request.isRepair
      ? Set(state.standing.keys) : Set(head.discovery.stacks.map(\.name)).union(state.pins.keys)
    let stackTargets = StackTargets(
      request: request, programs: programs, mirror: target.mirror, state: state, observe: observe,
      engine: containers != nil)
    var targets = try await stackTargets.of(names, target: target.tree)
    // What was to move and went back is held where it was.
    for (old, target) in returned(targets) where !names.contains(old) {
      targets[old] = target
      names.insert(old)
    }
    let chosen = try choose(from: names)
    var draft = PlanDraft(
      names: names, chosen: chosen.subtracting(busy), containers: containers,
      targets: targets.merging(chosen.intersection(busy).map { ($0, .busy) }) { $1 },
      observed: observe.all(state, stacks: names.sorted(), containers: containers), snapshots: snapshots)
    try await findChanged(&draft)
    return draft
  }

  /// The stacks that others were to move from, which failed there and are held.
  private func returned(_ targets: [String: StackTarget]) -> [String: StackTarget] {
    targets.values.reduce(into: [:]) { found, target in
      if case .hold(let hold) = target, let old = hold.movedFrom, state.isDeployed(old) { found[old] = target }
    }
  }

  /// Plans what a draft has found; `ahead` is what Compose has said already.
  func plan(_ draft: PlanDraft, _ ahead: [String: Resolve.Answer]) async throws(Failure) -> Prepared {
    var draft = draft
    try await resolve(&draft, ahead)
    try await tie(&draft)
    if draft.containers != nil {
      draft.lost = try await dropMissingImages(&draft.desired, keeping: draft.targets.filter(\.value.staysAtLastGood))
    }
    if !request.isRepair {
      try await validate(&draft)
      try await validateRecovery(&draft)
    }
    draft.diagnostics = settings.policy.withoutDuplicates(draft.diagnostics)
    let plan = try await stacks(&draft)
    if request.diff {
      for commit in Set(plan.stacks.compactMap(\.from)) { _ = try await draft.snapshots.look(at: commit) }
    }
    var weighed = settings.policy.weigh(
      draft.diagnostics, today: today, configuration: settings.file,
      whole: draft.sources.count == head.discovery.stacks.count,
      stacks: draft.names.union(head.discovery.stacks.map(\.name)).union(head.discovery.jobs))
    weighed += unplanned(draft, weighed)
    return Prepared(
      plan: plan, diagnostics: weighed, discovery: head.discovery, policy: policy,
      excerpts: Excerpts(sources: draft.answers.flatMap(\.sources)), snapshots: draft.snapshots.all,
      observed: draft.observed, found: found(draft))
  }

  private func found(_ draft: PlanDraft) -> Findings {
    let seen = draft.sources.map(\.source.name).filter { draft.desired[$0] != nil }
    return Findings(
      all: draft.diagnostics, unseen: draft.names.subtracting(seen).union(broken(draft.diagnostics)))
  }

  /// No stack that was to be deployed is left out without a finding that refuses it.
  private func unplanned(_ draft: PlanDraft, _ found: [Diagnostic]) -> [Diagnostic] {
    draft.sources.map(\.source).filter { source in
      if draft.desired[source.name] != nil || draft.targets[source.name]?.staysAtLastGood == true { return false }
      return !found.contains { $0.stack == source.name && $0.refuses }
    }.map { source in
      Diagnostic(
        rule: "compose", file: source.composeFiles.first ?? source.name, stack: source.name,
        message: "\(source.name) cannot be deployed, although no finding refuses it",
        help: "fix its warnings and waived findings; if it has none, please report this with the output of "
          + "`clup sync --dry-run --output json`")
    }
  }

  /// Refuses a commit without any stack, and says of each file that may be meant for one how it becomes one.
  private func checkForStacks() async throws(Failure) {
    guard !request.isRepair, head.discovery.stacks.isEmpty, state.pins.isEmpty else { return }
    let found = try await check.unmanaged(in: target.tree, discovery: head.discovery, tracked: head.tracked)
    let place =
      settings.include.isEmpty ? ": no directory in it has a Compose file" : " that `stacks: {include: …}` selects"
    throw Failure(
      .refused,
      (["the commit \(target.tree.commit.prefix(12)) has no stack\(place)"]
        + found.prefix(3).map(\.message) + (found.count > 3 ? ["\(found.count - 3) more look like Compose files"] : []))
        .joined(separator: "; "),
      help: found.isEmpty
        ? (settings.include.isEmpty ? "" : "check the patterns of `stacks: {include: …}`, or ")
          + "commit a compose.yaml or docker-compose.yml; nothing new is deployed"
        : found.prefix(3).map(\.help).joined(separator: "; ")
          + (found.count > 3 ? "; `clup validate` in a clone says what to do with each" : "")
          + "; nothing new is deployed")
  }

  private func choose(from names: Set<String>) throws(Failure) -> Set<String> {
    for stack in request.stacks where !names.contains(stack) && state.standing(stack) == nil {
      throw Failure(
        .configuration, "there is no stack \(stack)", help: "the stacks are " + names.sorted().listed(20))
    }
    if let rollback = request.rollback { return Set(rollback.goal.pins.keys) }
    return request.stacks.isEmpty ? names : names.intersection(request.stacks)
  }
}
