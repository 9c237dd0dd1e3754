import Core

/// Which stacks are not in place, and what Compose is asked about.
extension Prepare {
  /// Finds the reasons to look closer at each stack.
  func findChanged(_ draft: inout PlanDraft) async throws(Failure) {
    for name in draft.chosen.sorted() {
      if request.isRepair {
        try await checkRecorded(name, &draft)
        continue
      }
      switch draft.targets[name] ?? .target {
      case .target, .tied, .refused, .busy, .recorded, .gone, .drifted: checkTarget(name, &draft)
      case .hold, .waiting:
        // What was left as it failed is left alone.
        guard settings.sync.onFailure == .rollback, state.stacks[name]?.recoveryFailed != true,
          let good = try await good(name)
        else {
          continue
        }
        draft.reasons[name] = recorded(name, good, draft.observed, links)
        if draft.reasons[name] != [] { try await keep(name, good, &draft) }
      case .pin(let pin, _): try await checkPin(pin, of: name, &draft)
      }
    }
    for good in draft.kept.values { _ = try await draft.snapshots.look(at: good.commit) }
  }

  /// Keeps a stack at what was good; values that changed since are judged first.
  private func keep(_ name: String, _ good: Deployment, _ draft: inout PlanDraft) async throws(Failure) {
    guard let snapshot = try await draft.snapshots.look(at: good.commit),
      let source = snapshot.source(name), !isSame(good, in: snapshot, draft)
    else {
      draft.kept[name] = good
      return
    }
    draft.sources.append((snapshot, source))
  }

  /// Whether a commit and the host's own files give what was deployed.
  func isSame(_ known: Deployment, in snapshot: CommitSnapshot, _ draft: PlanDraft) -> Bool {
    known.inputs.now(in: snapshot.tree, host: draft.observed.untracked).differences(from: known.inputs).isEmpty
  }

  /// What was good is kept up whatever the repository says now. What was cut off is gone on with by a sync, unless what it was
  /// on its way to is refused.
  private func checkRecorded(_ name: String, _ draft: inout PlanDraft) async throws(Failure) {
    let isOpen = state.stacks[name].map { $0.held == nil || settings.sync.onFailure == .rollback && !$0.recoveryFailed }
    guard let record = state.stacks[name], isOpen == true else { return }
    // What the repository no longer has may be taken down by hand.
    if state.gone.contains(name), record.isDeployed { return }
    let goesBack =
      if case .changing = record.runs { request.givesUp && settings.sync.onFailure == .rollback } else { false }
    if goesBack, record.adopted != nil, let standing = record.standing {
      draft.abandoned.insert(name)
      (draft.kept[name], draft.reasons[name]) = (standing, ["the takeover was cut off"])
      return
    }
    guard record.isDeployed || record.held != nil || record.change?.isRepair == true || goesBack,
      goesBack || !leavesDrift(of: name), let good = try await good(name)
    else { return }
    if draft.targets[name] == nil { draft.targets[name] = .recorded }
    draft.reasons[name] = recorded(name, good, draft.observed, links)
    if draft.reasons[name] != [] { draft.kept[name] = good }
  }

  private func checkTarget(_ name: String, _ draft: inout PlanDraft) {
    let record = state.stacks[name]
    let touched = Differences(tree: target.tree, observed: draft.observed, links: links, policy: policy)
    let rejudged = record?.standing.map(touched.judgement) ?? []
    var reasons = touched.reasons(name, record) + rearranged(name, head)
    if reasons.isEmpty, !rejudged.isEmpty { draft.judgedAgain.insert(name) }
    reasons += rejudged
    if let record, leavesDrift(of: name), record.isDeployed, rejudged.isEmpty, touched.changes(record).isEmpty,
      rearranged(name, head).isEmpty, !reasons.isEmpty
    {
      draft.targets[name] = .drifted(reasons)
      reasons = []
    }
    draft.reasons[name] = reasons
    if let source = head.source(name), !reasons.isEmpty { draft.sources.append((head, source)) }
  }

  /// Returns where the host's configuration names other Compose files for a stack than it was deployed from.
  func rearranged(_ name: String, _ snapshot: CommitSnapshot) -> [String] {
    guard let known = state.standing(name), let source = snapshot.source(name), known.layout != source.layout else {
      return []
    }
    return ["it now uses other Compose files"]
  }

  private func checkPin(_ pin: Pin, of name: String, _ draft: inout PlanDraft) async throws(Failure) {
    guard let snapshot = try await draft.snapshots.look(at: pin.commit), let source = snapshot.source(name) else {
      return
    }
    // A policy that came later is no reason to touch what a person pinned.
    let touched = Differences(tree: snapshot.tree, observed: draft.observed, links: links)
    let reasons = touched.reasons(name, state.stacks[name], images: pin.images) + rearranged(name, snapshot)
    draft.reasons[name] = reasons
    if reasons.isEmpty { return }
    if request.rollback != nil {
      draft.reasons[name] = ["rollback to \(pin.commit.prefix(7))"] + reasons
      draft.sources.append((snapshot, source))
    } else if let good = try await good(name), let known = state.standing(name), state.isDeployed(name),
      rearranged(name, snapshot).isEmpty, isSame(known, in: snapshot, draft)
    {
      draft.kept[name] = good
    } else {
      draft.sources.append((snapshot, source))
    }
  }

  /// A stack that somebody names is put right all the same.
  private func leavesDrift(of name: String) -> Bool {
    guard request.stacks.isEmpty else { return false }
    return settings.sync.drift == .report || request.leaveDrift.contains(name)
  }

  /// Asks Compose, and finds what each stack is to be.
  func resolve(_ draft: inout PlanDraft, _ ahead: [String: Resolve.Answer]) async throws(Failure) {
    draft.desired = draft.kept.reduce(into: [:]) { $0[$1.key] = DesiredStack($1.key, $1.value) }
    draft.projects = draft.desired.mapValues(\.project)
    if request.isRepair {
      for name in draft.desired.keys {
        draft.desired[name]?.alsoJudged = request.judged[name] ?? state.stacks[name]?.held?.judged ?? [:]
      }
      draft.wishes = state.links
      return
    }
    let (tree, discovery) = (target.tree, head.discovery)
    draft.diagnostics = try await check.withoutCiphertext(discovery.diagnostics, in: tree, tracked: head.tracked)
    for snapshot in draft.snapshots.all.values where snapshot.tree.commit != tree.commit {
      let found = snapshot.discovery.diagnostics.filter { found in
        draft.sources.contains { $0.snapshot.tree.commit == snapshot.tree.commit && $0.source.name == found.stack }
      }
      draft.diagnostics += try await check.withoutCiphertext(found, in: snapshot.tree, tracked: snapshot.tracked)
    }
    let broken = broken(draft.diagnostics)
    func ask(_ sources: [Work]) async throws(Failure) -> [Resolve.Answer] {
      try await each(sources.filter { !broken.contains($0.source.name) }, atOnce: atOnce) { work throws(Failure) in
        if work.snapshot.tree.commit == tree.commit, let answer = ahead[work.source.name] { return answer }
        return try await work.snapshot.resolve.stack(work.source)
      }
    }
    var answers = try await ask(draft.sources)
    let neighbours = writtenFromNowOn(by: answers, draft)
    for (source, writer) in neighbours {
      draft.judgedAgain.insert(source.name)
      draft.reasons[source.name] = ["\(writer) may now write to files that it uses"]
      draft.sources.append((head, source))
    }
    answers += try await ask(neighbours.map { (head, $0.0) })
    draft.answers = try await apart(answers, &draft)
    try await resolveHost(&draft)
    for answer in draft.answers {
      draft.diagnostics += answer.diagnostics
      guard var stack = answer.desired else { continue }
      switch draft.targets[stack.name] {
      case .pin(let pin, _): stack.images = images(pin, stack)
      case .hold, .waiting: stack.images = state.lastGood(stack.name)?.images ?? [:]
      default: break
      }
      draft.desired[stack.name] = stack
    }
    draft.projects = draft.desired.mapValues(\.project)
  }

  /// Finds the stacks in place that use what a container of another one may write to from now on: what they mount there could be
  /// exchanged. Each comes with that other stack.
  private func writtenFromNowOn(by answers: [Resolve.Answer], _ draft: PlanDraft) -> [(StackSource, String)] {
    let writes = answers.flatMap(\.subjects).reduce(into: [String: Set<String>]()) { found, subject in
      let known = state.standing(subject.stack)?.belongings?.writes ?? []
      found[subject.stack, default: []].formUnion(subject.belongings.writes.subtracting(known))
    }
    return draft.chosen.subtracting(draft.sources.map(\.source.name)).sorted().compactMap { name in
      guard draft.targets[name] ?? .target == .target, let source = head.source(name), let known = state.standing(name)
      else { return nil }
      let uses = Set(known.reads ?? []).union(known.untracked.keys).union(known.links.keys)
        .map { Path.join(settings.liveRoot, $0) }
      let writer = writes.sorted { $0.key < $1.key }.first { other, places in
        other != name
          && places.contains { place in uses.contains { $0 != place && Path.relative($0, to: place) != nil } }
      }
      return writer.map { (source, $0.key) }
    }
  }

  /// Finds what the configuration links, and asks Compose about the job files.
  private func resolveHost(_ draft: inout PlanDraft) async throws(Failure) {
    let (tree, discovery) = (target.tree, head.discovery)
    let resolved = draft.answers.compactMap(\.desired)
    let written = written(resolved, draft.names)
    try await head.view.bring(settings.links.map(\.from) + discovery.jobs.map(Discovery.jobDirectory(of:)))
    draft.wishes = settings.hostLinks(
      tree, discovery, written: MountedPaths(written.values.joined()), seen: seen(resolved, draft.names),
      &draft.diagnostics)
    draft.diagnostics += try await check.large(draft.wishes, in: tree, tracked: head.tracked)
    // A rollback is about stacks: what none of them stands on stays.
    if request.rollback != nil {
      for path in draft.wishes.keys { draft.wishes[path] = state.links[path] ?? draft.wishes[path] }
    }
    draft.answers += try await each(
      discovery.jobs.filter { job in
        let directory = Discovery.jobDirectory(of: job)
        return policyChanged || !isKnown(directory, in: tree)
      }, atOnce: atOnce
    ) { job throws(Failure) in try await head.resolve.job(job) }
  }

  /// Whether the files of a directory of jobs are those that stand on the host.
  private func isKnown(_ directory: String, in tree: CommitTree) -> Bool {
    let files = tree.files(under: directory)
    let known = state.links.filter { Path.relative($0.key, to: directory) != nil }
    return files.count == known.count
      && files.allSatisfy { file in
        known[file.path].map { $0.id == file.id && $0.executable == (file.kind == .executable) } ?? false
      }
  }

  /// Leaves the stacks where they are that share files with one that stays, or would move a service without it. What stays may keep
  /// others in turn.
  func tie(_ draft: inout PlanDraft) async throws(Failure) {
    while true {
      let moves = try await incompleteMoves(&draft)
      let found = conflicts(draft).merging(moves) { first, _ in first }.filter { name, _ in !isTied(name, draft) }
      if found.isEmpty { return }
      for (name, tie) in found.sorted(by: { $0.key < $1.key }) { try await stay(name, tie, &draft) }
    }
  }

  private func stay(_ name: String, _ tie: SharedPathConflict, _ draft: inout PlanDraft) async throws(Failure) {
    try refuse(tie, of: name, draft)
    draft.targets[name] = .tied(tie, because: draft.targets[tie.stack]?.reasonForOthers)
    draft.desired[name] = nil
    guard settings.sync.onFailure == .rollback, let good = try await good(name) else { return }
    let reasons = recorded(name, good, draft.observed, links)
    draft.reasons[name] = reasons
    if reasons.isEmpty { return }
    draft.desired[name] = DesiredStack(name, good)
    guard let snapshot = try await draft.snapshots.look(at: good.commit), let source = snapshot.source(name),
      !isSame(good, in: snapshot, draft)
    else { return }
    // Values that changed since are judged with the files that stay.
    let answer = try await snapshot.resolve.stack(source)
    draft.diagnostics += answer.diagnostics
    guard var stack = answer.desired else { return }
    stack.images = good.images ?? [:]
    draft.answers.removeAll { $0.desired?.name == name }
    draft.answers.append(answer)
    draft.desired[name] = stack
  }
}
