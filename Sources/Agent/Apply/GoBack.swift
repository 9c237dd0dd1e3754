import Core
import FoundationEssentials

extension Deploy {
  /// Gives a way back as it can be gone on this host by now.
  func opened(_ way: Baseline) async throws(Failure) -> Baseline {
    switch way {
    case .deployment(let good): .deployment(try await links.opened(good))
    case .moved(let from, let good): .moved(from: from, try await links.opened(good))
    case .adopted, .nothing: way
    }
  }

  /// Finds out, before anything is changed, what there is to go back to.
  func former(_ attempt: Attempt) async throws(Failure) -> Baseline {
    let former = try await known(attempt.desired)
    guard case .adopted(var adopted) = former else { return former }
    let paths = attempt.plan.links.filter { $0.action != .keep }.map(\.live) + attempt.desired.shared.keys
    for path in paths where adopted.found[path] == nil {
      let found = links.observe.live(path)
      if case .link(let text) = found, links.observe.links.isOwn(text) { continue }
      if await records.state.links[path] != nil { continue }
      adopted.found[path] = found
    }
    return .adopted(adopted)
  }

  /// Says first that stacks are being worked on, and what they go back to, so that a crash is never taken for success.
  func begin(_ attempts: [Attempt]) async throws(Failure) {
    try await records.change { state throws(IllegalTransition) in
      for attempt in attempts {
        let acting = Set(attempt.plan.services.filter { $0.action != .keep }.map(\.name))
        try state.record(.began(attempt.desired, acting: acting, from: attempt.former), of: attempt.plan.name)
      }
    }
  }

  /// Takes that back where nothing was done.
  func undo(_ attempt: Attempt) async throws(Failure) {
    let name = attempt.plan.name
    guard !attempt.isResumed else { return }
    try await records.change { state throws(IllegalTransition) in
      if state.stacks[name]?.change != nil { try state.record(.undone, of: name) }
    }
  }

  /// Remembers what became of a change that failed, and the failure where that is to be held.
  private func end(_ name: String, as leaving: StackRecord.Leaving?, _ hold: Hold?) async throws(Failure) {
    try await records.change { state throws(IllegalTransition) in
      if let leaving, state.stacks[name]?.change != nil { try state.record(.left(leaving), of: name) }
      if let hold { try state.record(.failed(hold), of: name) }
    }
  }

  private func known(_ desired: DesiredStack) async throws(Failure) -> Baseline {
    let name = desired.name
    if let good = await records.state.lastGood(name) { return .deployment(good) }
    if let adopted = await records.state.stacks[name]?.adopted { return .adopted(adopted) }
    let state = await records.state
    if let origin = state.origin(of: name, project: desired.project) {
      return .moved(from: origin.name, origin.good)
    }
    if state.standing(name) != nil { return .nothing }
    let takeover = Takeover(settings: settings, programs: programs)
    return try await takeover.look(desired, among: containers).map { .adopted($0) } ?? .nothing
  }

  /// Keeps that a commit failed before anything goes back: a way back that is cut off must not make it look good.
  func condemn(_ attempt: inout Attempt, because cause: Failure) async {
    // An interrupt ends what this task starts, and what is told must be masked all the same.
    let directory = Path.join(settings.liveRoot, attempt.plan.name)
    attempt.mask = await Task { await programs.mask(for: directory) }.value
    // A way back that failed says nothing about the commit that is held.
    guard cause.kind == .deploy, !attempt.plan.aim.isHeld, !isGood(attempt) else { return }
    let images = try? await Images(programs: programs).ids(of: attempt.desired.references.values)
    var hold = Hold(
      attempt.desired, since: Date().formatted(.iso8601), error: attempt.mask.hide(cause.message), images: images ?? [:]
    )
    hold.settings = settings.fingerprint(of: attempt.plan.name)
    if case .moved(let old, _) = attempt.former { hold.movedFrom = old }
    attempt.hold = hold
    // What cannot be written on a full disk must not keep the stack from going back.
    let name = attempt.plan.name
    if holdsFirst(attempt) { try? await end(name, as: nil, hold) }
  }

  /// The next sync brings a stack that is held to its last good record. Where there is none, only a way back that was gone
  /// to its end may be held: one that is cut off is gone again.
  private func holdsFirst(_ attempt: Attempt) -> Bool {
    if case .deployment = attempt.former { true } else { settings.sync.onFailure != .rollback }
  }

  /// Ends a deploy that failed: goes back where there is something to go back to, and says what came of it. `obstacle` is
  /// why what it shares with others could not go back.
  func leave(_ attempt: Attempt, because cause: Failure, _ obstacle: Failure?, _ report: inout StackReport) async {
    let (mask, hold) = (attempt.mask, attempt.hold)
    let why = mask.hide(cause.message)
    report.outcome = .failed
    report.error = "\(why); \(mask.hide(cause.help))"
    report.logTail = attempt.logTail.map(mask.hide)
    report.show(attempt.containers)
    if attempt.reached == .nothing, !attempt.isResumed, attempt.isUntouched { report.keepAll() }
    // What was cut off is gone on with by the next sync, and what the host lacks is no fault of the commit.
    if cause.kind == .interrupted || attempt.plan.aim.isHeld && attempt.reached == .nothing { return }
    if isGood(attempt) {
      report.error = "\(why); it is what was good before, so there is nothing to go back to"
      return
    }
    do throws(Failure) {
      guard settings.sync.onFailure == .rollback else {
        try await end(attempt.plan.name, as: .failed, nil)
        report.error = "\(why); left as it is, as `on_failure: stay` asks"
        return
      }
      let back: Back
      do throws(Failure) {
        if let obstacle { throw obstacle }
        back = try await goBack(attempt, hold)
      } catch {
        if error.kind == .deploy || holdsFirst(attempt) && error.kind != .interrupted, var hold {
          hold.error = "\(why); going back failed too: \(mask.hide(error.message))"
          try await end(attempt.plan.name, as: error.kind == .deploy ? .unknown : nil, hold)
        }
        throw error
      }
      report.outcome = back.outcome
      report.error = "\(why); \(back.said)"
      report.show(back.containers)
    } catch {
      report.outcome = .failed
      report.error = "\(why); going back failed too: \(mask.hide(error.message))"
    }
  }

  /// Whether the containers are made from what was good already: a second time would not end better.
  private func isGood(_ attempt: Attempt) -> Bool {
    guard case .deployment(let good) = attempt.former, attempt.reached == .containers else { return false }
    let images = good.images ?? [:]
    return attempt.desired.inputs.differences(from: good.inputs).isEmpty
      && attempt.containers?.allSatisfy { images[$0.service] ?? $0.image == $0.image } ?? true
  }

  private struct Back {
    var outcome: StackReport.Outcome
    var said: String
    var containers: [WatchedContainer]?
  }

  private func goBack(_ attempt: Attempt, _ hold: Hold?) async throws(Failure) -> Back {
    let name = attempt.plan.name
    switch attempt.former {
    case .deployment(let good):
      let commit = good.commit.prefix(7)
      let runsOn = !attempt.isResumed && attempt.isUntouched
      if attempt.reached == .nothing, runsOn {
        try await undo(attempt)
        return Back(outcome: .rolledBack, said: "nothing was changed, \(commit) runs as before")
      }
      try await putFilesBack(name, good)
      if attempt.reached == .files, runsOn {
        let entry = try await honest(good)
        try await restored(name, entry)
        return Back(outcome: .rolledBack, said: "no container was touched, \(commit) runs as before")
      }
      let desired = DesiredStack(name, good)
      let watched = try await restore(attempt, desired)
      let entry = try await honest(Deployment(desired.seen(as: watched)))
      try await restored(name, entry)
      return Back(outcome: .rolledBack, said: "back at \(commit)", containers: watched)
    case .adopted(let adopted): return try await goBack(attempt, hold, toAdopted: adopted)
    case .moved(let old, let good): return try await goBack(attempt, hold, toMoved: old, good)
    case .nothing: return try await endFirst(attempt, hold)
    }
  }

  /// Puts back what a person had and ran there.
  private func goBack(_ attempt: Attempt, _ hold: Hold?, toAdopted adopted: Adopted) async throws(Failure) -> Back {
    let name = attempt.plan.name
    if attempt.reached == .nothing, attempt.known == nil {
      try await undo(attempt)
      try await end(name, as: nil, hold)
      return Back(outcome: .failed, said: "nothing was changed, what ran before runs on")
    }
    let known = await records.state.standing(name)?.links ?? [:]
    try links.undo(adopted.found, links: known, attempt.links)
    checkout.removePointer(of: name)
    var containers: [WatchedContainer]?
    if attempt.reached == .containers || attempt.known != nil {
      if let found = adopted.containers {
        containers = try await restore(attempt, adopted, found)
      } else {
        containers = try await restore(attempt, DesiredStack(name, adopted.stack))
      }
    }
    try await records.change { state throws(IllegalTransition) in
      if state.stacks[name]?.change != nil { try state.record(.undone, of: name) }
      if let hold { try state.record(.failed(hold), of: name) }
    }
    return Back(outcome: .rolledBack, said: "back to what ran there before clup", containers: containers)
  }

  /// Leaves a stack where it was to move from.
  private func goBack(_ attempt: Attempt, _ hold: Hold?, toMoved old: String, _ good: Deployment) async throws(Failure)
    -> Back
  {
    let name = attempt.plan.name
    let led = await records.state.links
    let wanted = good.links.filter { led[$0.key] == nil }
    let present = (await records.state.standing(name)?.links ?? [:]).filter { led[$0.key] == nil }.merging(wanted) {
      $1
    }
    let live = Dictionary(uniqueKeysWithValues: present.keys.map { ($0, links.observe.live($0)) })
    _ = try await links.apply(
      links.observe.links.plan(
        pointer: LinkPlanning.pointerName(of: old), desired: wanted, known: present, live: live))
    checkout.removePointer(of: name)
    var containers: [WatchedContainer]?
    if attempt.reached == .containers || attempt.known != nil || !attempt.isUntouched {
      containers = try await restore(attempt, DesiredStack(old, good))
    }
    let entry = try await honest(good)
    try await records.change { state throws(IllegalTransition) in
      try state.record(.deployed(entry.following(state.links)), of: old)
      if state.stacks[name]?.change != nil { try state.record(.undone, of: name) }
      if let hold { try state.record(.failed(hold), of: name) }
    }
    return Back(outcome: .rolledBack, said: "\(old) runs as before, which was to move here", containers: containers)
  }

  /// Stops what a first deploy has started, where nothing ran before.
  private func endFirst(_ attempt: Attempt, _ hold: Hold?) async throws(Failure) -> Back {
    let name = attempt.plan.name
    if attempt.reached < .containers, attempt.known == nil {
      if attempt.reached == .nothing { try await undo(attempt) }
      try await end(name, as: .stopped, hold)
      return Back(outcome: .failed, said: "no container was started; there is nothing to go back to")
    }
    await gate.take()
    let stopped: Swift.Result<Void, Failure>
    do throws(Failure) {
      try await Up(settings: settings, programs: programs).stop(attempt.desired, but: attempt.ran)
      stopped = .success(())
    } catch { stopped = .failure(error) }
    await gate.give()
    try stopped.get()
    try await end(name, as: .stopped, hold)
    let containers = try await Verify(programs: programs).look(attempt.desired.project)
    return Back(
      outcome: .failed, said: "stopped: this was its first deploy, so there is nothing to go back to",
      containers: containers)
  }

  /// Remembers that a stack is back at what was good; it may share by now what was its own then.
  private func restored(_ name: String, _ deployment: Deployment) async throws(Failure) {
    try await records.change { state throws(IllegalTransition) in
      try state.record(.deployed(deployment.following(state.links)), of: name)
    }
  }

  /// Leads the live paths of a stack to what was good.
  private func putFilesBack(_ name: String, _ good: Deployment) async throws(Failure) {
    let led = await records.state.links
    let present = (await records.state.standing(name)?.paths ?? [:]).filter { led[$0.key] == nil }
    let wanted = good.links.filter { led[$0.key] == nil }
    let paths = Set(present.keys).union(wanted.keys)
    let live = Dictionary(uniqueKeysWithValues: paths.map { ($0, links.observe.live($0)) })
    let plans = links.observe.links.plan(
      pointer: LinkPlanning.pointerName(of: name), desired: wanted, known: present, live: live)
    _ = try await links.apply(plans) { () throws(Failure) in try checkout.point(name, to: good.commit) }
  }
}
