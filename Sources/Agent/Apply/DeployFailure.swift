import Core
import FoundationEssentials

extension Deploy {
  /// Returns a baseline as this host can go back to it now.
  func materialized(_ way: Baseline) async throws(Failure) -> Baseline {
    switch way {
    case .deployment(let good): .deployment(try await links.materialized(good))
    case .moved(let from, let good): .moved(from: from, try await links.materialized(good))
    case .adopted, .nothing: way
    }
  }

  /// Remembers what became of a change that failed, and the failure where that is to be held; `seen` are its containers where
  /// they stay.
  private func recordFailure(
    _ name: String, as failureState: StackRecord.FailureState?, _ hold: Hold?, seen: [WatchedContainer] = []
  ) async throws(Failure) {
    try await records.change { state throws(IllegalTransition) in
      if !seen.isEmpty, case .changing(let change) = state.stacks[name]?.runs {
        try state.record(.replaced(change.standing.services.map { $0.hashed(as: seen) }), of: name)
      }
      if let failureState, state.stacks[name]?.change != nil { try state.record(.changeFailed(failureState), of: name) }
      if let hold { try state.record(.failed(hold), of: name) }
    }
  }

  /// Keeps that a commit failed before anything goes back: a recovery that is cut off must not make it look good.
  func holdCommit(_ attempt: inout Attempt, because cause: Failure) async {
    // An interrupt ends what this task starts, and what is told must be masked all the same.
    let directory = Path.join(settings.liveRoot, attempt.desired.place.directory)
    let files = attempt.desired.untracked.keys.filter { Path.name($0).hasSuffix(".env") }
    attempt.mask = await Task { await programs.mask(for: directory) }.value.adding(
      valuesIn: files.compactMap { Files.text(Path.join(settings.liveRoot, $0)) })
    // A recovery that failed says nothing about the commit that is held.
    guard cause.kind == .deploy, !attempt.plan.target.staysAtLastGood, !attempt.plan.isHandedOver, !isGood(attempt)
    else {
      return
    }
    let images = try? await Images(programs: programs).ids(of: attempt.desired.references.values)
    var hold = Hold(
      attempt.desired, since: Date().formatted(.iso8601), error: attempt.mask.hide(cause.message), images: images ?? [:]
    )
    hold.settings = settings.fingerprint(of: attempt.plan.name)
    if case .moved(let old, _) = attempt.former { hold.movedFrom = old }
    if !attempt.takes.isEmpty { hold.takes = attempt.takes }
    if case .deployment(let good) = attempt.former {
      hold.judged = attempt.desired.judged(with: good)
      let own = attempt.desired.inputs.hostsOwnAlone(since: good.inputs)
      if !own.isEmpty { hold.error += "; nothing in the repository had changed, only the host's \(own.listed(3))" }
    }
    attempt.hold = hold
    // What cannot be written on a full disk must not keep the stack from going back.
    let name = attempt.plan.name
    if holdsFirst(attempt) { try? await recordFailure(name, as: nil, hold) }
  }

  /// The next sync brings a stack that is held to its last good record. Where there is none, only a recovery that came
  /// to its end may be held: one that is cut off is run again. What is left as it failed is held with that.
  private func holdsFirst(_ attempt: Attempt) -> Bool {
    if case .deployment = attempt.former { settings.sync.onFailure == .rollback } else { false }
  }

  /// Ends a deploy that failed: goes back where there is something to go back to, and says what came of it. `obstacle` is
  /// why what it shares with others could not go back.
  func leave(_ attempt: Attempt, because cause: Failure, _ obstacle: Failure?, _ report: inout StackReport) async {
    let (mask, hold) = (attempt.mask, attempt.hold)
    let why = mask.hide(cause.message)
    report.outcome = .failed
    report.error = "\(why); \(mask.hide(cause.help))"
    report.logTail = attempt.progress.logTail.map(mask.hide)
    report.show(attempt.progress.containers)
    let reached = attempt.progress.reached
    // Its records are somebody else's now.
    if execute.locks.wasTakenOver(attempt.plan.name) { return report.outcome = .skipped }
    if reached == .nothing, !attempt.change.isResumed, attempt.failed.isUntouched { report.keepAll() }
    // A stack whose way was cut off by an engine that went away is gone on with, as after a sync that was ended.
    let isBegun = reached != .nothing || attempt.change.isResumed || !attempt.failed.isUntouched
    if cause.outage == .engine, isBegun {
      return report.wait(for: .engine, "\(why); the next sync continues from there")
    }
    if cause.kind == .interrupted, !isBegun { report.outcome = .skipped }
    // What was cut off is gone on with by the next sync, and what the host lacks is no fault of the commit.
    if cause.kind == .interrupted
      || attempt.plan.target.staysAtLastGood && reached == .nothing && attempt.failed.isUntouched
    {
      return
    }
    if isGood(attempt) {
      if let outage = cause.outage { return report.wait(for: outage, report.error ?? why) }
      if cause.kind == .host { return }
      report.error = "\(why); this already is the last good deployment, so there is nothing to go back to"
      return
    }
    do throws(Failure) {
      guard settings.sync.onFailure == .rollback else {
        try await recordFailure(attempt.plan.name, as: .failed, hold, seen: attempt.progress.containers ?? [])
        report.error = "\(why); left as it is, because of `on_failure: stay`"
        return
      }
      do throws(Failure) {
        if let obstacle { throw obstacle }
        // What the host lacks is said with its way out: the commit stays what it was.
        try await recover(attempt, why, cause.kind == .host ? mask.hide(cause.help) : nil, &report)
        // A build needs its files in place; back where it was, it waits like one whose image cannot be pulled.
        if let outage = cause.outage, !isBegun || outage != .engine && !attempt.change.isResumed, !attempt.isTrial,
          let error = report.error
        {
          report.wait(for: outage, error)
        }
      } catch {
        if error.kind == .deploy || holdsFirst(attempt) && error.kind != .interrupted, var hold {
          hold.error = "\(why); going back failed too: \(mask.hide(error.message))"
          try await recordFailure(attempt.plan.name, as: error.kind == .deploy ? .unknown : nil, hold)
        }
        throw error
      }
    } catch {
      report.outcome = .failed
      report.error = "\(why); going back failed too: \(mask.hide(error.message)); \(mask.hide(error.help))"
      if let outage = cause.outage, outage == error.outage { report.wait(for: outage, report.error ?? why) }
    }
  }

  /// Whether the containers are made from what was good already: a second time would not end better.
  private func isGood(_ attempt: Attempt) -> Bool {
    guard case .deployment(let good) = attempt.former, attempt.progress.reached == .containers,
      !attempt.plan.isHandedOver
    else { return false }
    let images = good.images ?? [:]
    return attempt.desired.inputs.differences(from: good.inputs).isEmpty
      && attempt.progress.containers?.allSatisfy { images[$0.service] ?? $0.image == $0.image } ?? true
  }

  /// Runs the recovery of a change that failed, to its end.
  private func recover(
    _ attempt: Attempt, _ why: String, _ help: String?, _ report: inout StackReport
  ) async throws(Failure) {
    let recovery = Recovery(
      of: attempt.failed, to: attempt.former, state: await records.state, links: links.observe.links,
      live: links.observe.live)
    var progress = Execute.Progress()
    progress.purpose = "going back: "
    execute.tell(.now(.step, of: attempt.plan.name, "going back: \(why)"))
    try await execute.run(recovery.files, of: recovery.stack, &progress)
    do throws(Failure) { try await restoreContainers(attempt, recovery, &progress) } catch {
      await execute.releaseSlot(&progress)
      throw error
    }
    await execute.releaseSlot(&progress)
    try await recordRecovery(attempt, recovery, progress.containers)
    if case .stop = recovery.containers {
      progress.containers = try? await Verify(programs: programs).look(attempt.desired.project)
    }
    report.outcome = recovery.outcome
    report.error = "\(why); \(recovery.said)\(help.map { "; \($0)" } ?? "")"
    report.show(progress.containers)
  }

  /// Does to the containers what a recovery asks for.
  private func restoreContainers(
    _ attempt: Attempt, _ recovery: Recovery, _ progress: inout Execute.Progress
  ) async throws(Failure) {
    if case .stay = recovery.containers { return }
    await execute.acquireSlot(&progress)
    switch recovery.containers {
    case .stay: break
    case .good(let good): try await restoreGood(attempt, to: good, &progress)
    case .found(let stack, let found): try await restoreAdopted(attempt, to: stack, found, &progress)
    case .stop(let others):
      try await execute.run([.stopStarted(but: others)], of: attempt.desired, &progress)
      try await letGo(attempt, but: others, &progress)
    }
  }

  /// Brings the containers back to what was good, touching none that the deploy left alone, and watches them.
  private func restoreGood(_ attempt: Attempt, to good: DesiredStack, _ progress: inout Execute.Progress)
    async throws(Failure)
  {
    let project = attempt.desired.project
    try await execute.run([.checkImages, .clear(project: project)], of: good, &progress)
    let now = try await look(project, &progress)
    try await execute.run(Recovery.steps(of: attempt.failed, to: good, now), of: good, &progress)
  }

  /// Brings what a person ran back to how it was found.
  private func restoreAdopted(
    _ attempt: Attempt, to stack: DesiredStack, _ found: [FoundContainer], _ progress: inout Execute.Progress
  ) async throws(Failure) {
    let project = attempt.desired.project
    try await execute.run([.clear(project: project)], of: stack, &progress)
    let way = Recovery.steps(of: attempt.failed, to: stack, found, try await look(project, &progress))
    var failure: Failure?
    do throws(Failure) { try await execute.run(way.steps, of: stack, &progress) } catch { failure = error }
    // What was up is up again, whatever became of the others.
    let stopped = try await Verify(programs: programs).look(project).filter { container in
      way.up.contains(container.id) && ["exited", "created"].contains(container.state)
    }
    try await execute.run([.start(stopped.map(\.id))], of: stack, &progress)
    if let failure { throw failure }
    try await execute.run([.verify(.found)], of: way.well, &progress)
    try await execute.run(way.end, of: stack, &progress)
    progress.containers?.removeAll { seen in way.end.contains { $0.removed.contains(seen.id) } }
  }

  /// Looks at what runs now, from which the recovery is planned.
  private func look(_ project: String, _ progress: inout Execute.Progress) async throws(Failure) -> [WatchedContainer] {
    let now = try await Verify(programs: programs).look(project)
    progress.before = Set(now.map(\.id))
    return now
  }

  /// Remembers where a stack is after its recovery.
  private func recordRecovery(
    _ attempt: Attempt, _ recovery: Recovery, _ containers: [WatchedContainer]?
  ) async throws(Failure) {
    let (name, hold) = (attempt.plan.name, attempt.hold)
    var entry: Deployment?
    if case .deployed(let good, of: let stack) = recovery.end {
      let isSeen = stack == name && containers != nil
      entry = try await forgettingStaleBuilds(isSeen ? Deployment(recovery.stack.seen(as: containers ?? [])) : good)
    }
    try await records.change { [entry] state throws(IllegalTransition) in
      let isOpen = state.stacks[name]?.change != nil
      switch recovery.end {
      case .deployed(let good, of: let stack):
        try state.record(.deployed((entry ?? good).following(state.links)), of: stack)
        if stack != name, isOpen { try state.record(.undone, of: name) }
      case .undone: if isOpen { try state.record(.undone, of: name) }
      case .stopped: if isOpen { try state.record(.changeFailed(.stopped), of: name) }
      }
      if let hold { try state.record(.failed(hold), of: name) }
    }
  }

  /// Forgets what a service was built from whose name leads to another build than the one that runs: the next deploy
  /// that goes by the name builds it first.
  func forgettingStaleBuilds(_ entry: Deployment) async throws(Failure) -> Deployment {
    guard let images = entry.images, entry.services.contains(where: \.isBuilt) else { return entry }
    let references = DesiredStack("", entry).references
    let found = try await Images(programs: programs).ids(of: references.values)
    var entry = entry
    for index in entry.services.indices where entry.services[index].isBuilt {
      let name = entry.services[index].name
      guard let image = images[name], let reference = references[name], found[reference] != image else { continue }
      entry.services[index].builds = entry.services[index].builds.mapValues { _ in Fingerprint.absent }
    }
    return entry
  }
}
