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
  let links: LinkPlanning
  let observe: Observe
  let policy: String
  let today: String
  let snapshots: CommitSnapshots
  let head: CommitSnapshot

  /// `stage` and `view` are for the unfinished releases and for what Compose is shown; both are removed with the sync.
  init(
    settings: Settings, request: SyncRequest, checkout: Checkout, programs: Programs, target: Fetch.Target,
    state: State, external: ExternalContent, stage: String, view: String
  ) throws(Failure) {
    self.settings = settings
    self.request = request
    self.checkout = checkout
    self.programs = programs
    self.target = target
    self.state = state
    today = Agent.today()
    policy = policyFingerprint(settings, today: today)
    links = LinkPlanning(pointers: checkout.pointers)
    observe = Observe(settings: settings, checkout: checkout, links: links)
    var snapshots = CommitSnapshots(
      settings: settings, programs: programs, mirror: target.mirror, external: external, observe: observe,
      stage: stage, view: view, today: today, neighbours: state.stacks.keys.sorted())
    head = try snapshots.look(at: target.tree)
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
  }

  /// How many stacks Compose is asked about side by side.
  var atOnce: Int { max(settings.sync.concurrency, 2) }

  /// The stacks that Compose need not be asked about: nothing can be deployed of them, whatever the host says.
  func broken(_ diagnostics: [Diagnostic]) -> Set<String> {
    Set(diagnostics.filter(\.isFinal).compactMap(\.stack))
  }

  /// Plans for the containers that there are, or for none where the engine does not answer; `ahead` is what Compose has
  /// said already.
  func plan(_ containers: [Container]?, _ ahead: [String: Resolve.Answer]) async throws(Failure) -> Prepared {
    let tree = target.tree
    var snapshots = snapshots
    let discovery = head.discovery
    let names = Set(discovery.stacks.map(\.name)).union(state.pins.keys)
    let chosen = try choose(from: names)
    var aims = try await StackTargets(
      request: request, programs: programs, mirror: target.mirror, state: state, observe: observe,
      engine: containers != nil
    ).of(names, target: tree)
    var observed = observe.all(state, stacks: names.sorted(), containers: containers)

    var reasons: [String: [String]] = [:]
    var judgedAgain: Set<String> = []
    var sources: [(look: CommitSnapshot, source: StackSource)] = []
    var kept: [String: StackState] = [:]
    for name in chosen.sorted() {
      let known = state.stacks[name]
      switch aims[name] ?? .target {
      case .target, .tied, .refused, .gone, .drifted:
        let touched = Differences(tree: tree, observed: observed, links: links, policy: policy)
        let rejudged = known.map(touched.judgement) ?? []
        reasons[name] = touched.reasons(name, known: known)
        if reasons[name] == [], rejudged != [] { judgedAgain.insert(name) }
        reasons[name]? += rejudged
        if let known, leavesDrift(of: name), known.verified, rejudged.isEmpty, touched.changes(known).isEmpty,
          reasons[name] != []
        {
          aims[name] = .drifted(reasons[name] ?? [])
          reasons[name] = []
        }
        if let source = head.source(name), reasons[name] != [] { sources.append((head, source)) }
      case .hold(let hold):
        // What was left as it failed is left alone.
        guard settings.sync.onFailure == .rollback, hold.isStuck != true, let good = try await good(name) else {
          continue
        }
        reasons[name] = recorded(name, good, observed, links)
        if reasons[name] != [] { kept[name] = good }
      case .pin(let pin, _):
        guard let look = try await snapshots.look(at: pin.commit), let source = look.source(name) else { continue }
        // A policy that came later is no reason to touch what a person pinned.
        let touched = Differences(tree: look.tree, observed: observed, links: links)
        reasons[name] = touched.reasons(name, known: known, images: pin.images)
        if reasons[name] == [] { continue }
        if let good = try await good(name), let known, request.rollback == nil,
          known.inputs.now(in: look.tree, host: observed.untracked).differences(from: known.inputs).isEmpty,
          known.verified
        {
          kept[name] = good
        } else {
          if request.rollback != nil { reasons[name]?.insert("rollback to \(pin.commit.prefix(7))", at: 0) }
          sources.append((look, source))
        }
      }
    }
    for good in kept.values { _ = try await snapshots.look(at: good.commit) }

    let judge = PolicyCheck(settings: settings, programs: programs, today: today)
    var diagnostics = try await judge.withoutCiphertext(discovery.diagnostics, in: tree, tracked: head.tracked)
    for look in snapshots.all.values where look.tree.commit != tree.commit {
      let found = look.discovery.diagnostics.filter { found in
        sources.contains { $0.look.tree.commit == look.tree.commit && $0.source.name == found.stack }
      }
      diagnostics += try await judge.withoutCiphertext(found, in: look.tree, tracked: look.tracked)
    }
    let broken = broken(diagnostics)
    var answers = try await each(sources.filter { !broken.contains($0.source.name) }, atOnce: atOnce) {
      work throws(Failure) in
      if work.look.tree.commit == tree.commit, let answer = ahead[work.source.name] { return answer }
      return try await work.look.resolve.stack(work.source)
    }
    answers = try await apart(answers, &sources, names, aims, &reasons, &diagnostics)
    let written = written(answers.compactMap(\.desired), names)
    try await head.view.bring(settings.links.map(\.from) + discovery.jobs.map(Discovery.jobDirectory(of:)))
    var wishes = settings.hostLinks(
      tree, discovery, written: WritablePaths(written.values.joined()), &diagnostics)
    diagnostics += try await judge.large(wishes, in: tree, tracked: head.tracked)
    // A rollback is about stacks: what none of them stands on stays.
    if request.rollback != nil { for path in wishes.keys { wishes[path] = state.links[path] ?? wishes[path] } }
    let policyChanged = state.policy != policy
    answers += try await each(
      discovery.jobs.filter { job in
        let directory = Discovery.jobDirectory(of: job)
        return policyChanged || state.links[directory]?.id != tree.fingerprint(directory)
      }, atOnce: atOnce
    ) { job throws(Failure) in try await head.resolve.job(job) }
    var desired = kept.reduce(into: [String: DesiredStack]()) { $0[$1.key] = DesiredStack($1.key, $1.value) }
    for answer in answers {
      diagnostics += answer.diagnostics
      guard var stack = answer.desired else { continue }
      if case .pin(let pin, _) = aims[stack.name] { stack.images = images(pin, stack) }
      desired[stack.name] = stack
    }
    let projects = desired.mapValues(\.project)
    for (name, tie) in ties(desired, aims, names, chosen, kept: Set(kept.keys)) {
      try refuse(tie, of: name, chosen, aims)
      aims[name] = .tied(tie, because: aims[tie.stack]?.standing)
      desired[name] = nil
      guard settings.sync.onFailure == .rollback, let good = try await good(name) else { continue }
      reasons[name] = recorded(name, good, observed, links)
      if reasons[name] == [] { continue }
      desired[name] = DesiredStack(name, good)
      _ = try await snapshots.look(at: good.commit)
    }
    let lost = containers == nil ? [:] : try await dropMissingImages(&desired, keeping: aims.filter(\.value.isHeld))
    diagnostics += collisions(discovery, desired, containers, answers.flatMap(\.subjects))
    // The stack that has the project now was moved there since.
    if request.rollback != nil {
      for index in diagnostics.indices where diagnostics[index].rule == "project-collision" {
        diagnostics[index].help += "; a stack that was moved since goes back by a commit that moves it back"
      }
    }
    let after = settings.stacks.compactMapValues(\.after).filter { names.contains($0.key) }
      .merging(desired.mapValues(\.after)) { host, _ in host }
      .merging(state.stacks.filter { names.contains($0.key) }.mapValues(\.after)) { new, _ in new }
    // What nobody was asked about says where its `after:` stands when that turns out to be wrong.
    let blamed = Set(Order.problems(after: after, stacks: names, places: [:]).compactMap(\.stack))
      .subtracting(answers.flatMap(\.subjects).map(\.stack))
    let asked = try await each(blamed.compactMap(head.source), atOnce: atOnce) { source throws(Failure) in
      try await head.resolve.stack(source)
    }
    diagnostics += Order.problems(
      after: after, stacks: names, places: Order.places(discovery, (answers + asked).flatMap(\.subjects), settings))
    let resolves = Dictionary(sources.map { ($0.source.name, $0.look.resolve) }) { first, _ in first }
    diagnostics += try await judge.findings(
      of: answers.flatMap(\.subjects), engine: containers != nil, records: state.stacks, after: after,
      origins: desired.compactMapValues { state.origin(of: $0.name, project: $0.project)?.name }
        .filter { !names.contains($0.value) },
      images: desired.mapValues { Set($0.images.keys) }, returning: Set(aims.filter(\.value.isPin).keys)
    ) { await (resolves[$0] ?? head.resolve).mask(for: $0) }
    diagnostics += try await judge.glimpses(at: answers.flatMap(\.glimpses)) {
      await (resolves[$0] ?? head.resolve).mask(for: $0)
    }
    if request.rollback == nil, state.commit != tree.commit || policyChanged {
      diagnostics += try await judge.forbidden(
        in: tree, discovery: discovery, tracked: head.tracked, known: policyChanged ? nil : try await lastGood())
    }
    let ending = ending(names, projects, aims)
    let host = SharedPath.take(
      from: &desired, configured: wishes, state: state,
      remaining: Set(state.stacks.keys).union(names)
        .subtracting(ending.keys), commit: tree.commit)
    let wanted = desired.values.flatMap(\.links.keys) + host.keys
    observe.look(at: Set(wanted.flatMap(Path.ancestors)).union(wanted), &observed)
    var leaders: [String: String] = [:]
    for (name, known) in state.stacks where desired[name] == nil && names.contains(name) {
      for path in known.links.keys { leaders[path] = name }
    }
    for (name, stack) in desired { for path in stack.links.keys { leaders[path] = name } }
    for path in host.keys { leaders[path] = LinkPlanning.shared(path) }
    let planning = Planning(
      observed: observed, state: state, links: links, leaders: leaders,
      after: settings.stacks.compactMapValues(\.after))
    let shared = planning.shared(host)
    var stacks: [StackPlan] = []
    var judged: [String: StackState] = [:]
    for name in chosen.sorted() {
      var stack: StackPlan
      if let wish = desired[name] {
        stack = planning.deploy(
          wish, because: reasons[name] ?? [], shared: shared, directory: Path.join(settings.liveRoot, name))
        if judgedAgain.contains(name), let known = state.stacks[name], stack.touchesNothing,
          let record = known.judged(as: wish)
        {
          judged[name] = record
          stack = planning.unchanged(name, known: record)
        }
      } else if let known = state.stacks[name] {
        stack = planning.unchanged(name, known: known)
      } else if aims[name]?.isHeld == true {
        stack = StackPlan(name: name, work: .none, from: nil, to: nil, project: projects[name] ?? "")
      } else {
        continue
      }
      stack.aim = aims[name] ?? .target
      stack.reasons += lost[name] ?? []
      stacks.append(stack)
    }
    for (name, known) in gone(names) where request.stacks.isEmpty || request.stacks.contains(name) {
      if ending[name] != nil {
        stacks.append(planning.remove(name, known: known, directory: Path.join(settings.liveRoot, name)))
      } else {
        var stack = planning.unchanged(name, known: known)
        stack.aim = .gone
        stacks.append(stack)
      }
    }
    stacks.sort { $0.name < $1.name }
    Handover.order(&stacks, known: state.stacks)
    var plan = Plan(
      commit: tree.commit, stacks: stacks, links: shared, shared: host, moving: planning.moving(host))
    plan.judged = judged
    diagnostics += try await foreseen(stacks, containers, places: places(discovery))
    diagnostics += LivePathCheck(settings: settings, checkout: checkout, observed: observed, links: links).problems(
      of: plan)
    var weighed = settings.policy.weigh(
      diagnostics, today: today, configuration: settings.file, whole: sources.count == discovery.stacks.count)
    weighed += unplanned(sources.map(\.source).filter { desired[$0.name] == nil }, aims, weighed)
    return Prepared(
      plan: plan, diagnostics: weighed, discovery: discovery, policy: policy,
      excerpts: Excerpts(sources: answers.flatMap(\.sources)), snapshots: snapshots.all, observed: observed)
  }

  /// No stack that was to be deployed is left out without a finding that refuses it.
  private func unplanned(_ sources: [StackSource], _ aims: [String: StackTarget], _ found: [Diagnostic]) -> [Diagnostic]
  {
    sources.filter { source in
      if aims[source.name]?.isHeld == true { return false }
      return !found.contains { $0.stack == source.name && $0.refuses }
    }.map { source in
      Diagnostic(
        rule: "compose", file: source.composeFiles.first ?? source.name, stack: source.name,
        message: "\(source.name) was found and cannot be deployed", help: "correct what else is said about it")
    }
  }

  /// A stack that somebody names is put right all the same.
  private func leavesDrift(of name: String) -> Bool {
    guard request.stacks.isEmpty else { return false }
    return settings.sync.drift == .report || request.leaveDrift.contains(name)
  }

  private func choose(from names: Set<String>) throws(Failure) -> Set<String> {
    if names.isEmpty {
      throw Failure(
        .refused, "the commit \(target.tree.commit.prefix(12)) holds no stack: no directory has a Compose file",
        help: "commit a compose.yaml or docker-compose.yml; what runs stays as it is")
    }
    for stack in request.stacks where !names.contains(stack) && state.stacks[stack] == nil {
      throw Failure(
        .configuration, "there is no stack \(stack)", help: "the stacks are " + names.sorted().joined(separator: ", "))
    }
    if let rollback = request.rollback { return Set(rollback.goal.pins.keys) }
    return request.stacks.isEmpty ? names : names.intersection(request.stacks)
  }
}
