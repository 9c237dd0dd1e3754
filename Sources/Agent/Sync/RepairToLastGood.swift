import Core

/// What a sync does if it cannot bring the host to the branch's head.
extension Sync {
  /// Repairs stacks to their last good deployment if the repository is away, its commit is refused, or it needs something
  /// that is away.
  func repairToLastGood(
    _ checkout: Checkout, _ programs: Programs, _ ended: inout Ended
  ) async {
    let isRefused = ended.failure.map { $0.kind == .refused } ?? (ended.report.outcome == .refused)
    let isAway = ended.failure.map { $0.kind == .unreachable || $0.outage == .disk } ?? false
    // What waits, or comes after what failed, is not brought to its commit, and is to run as it did all the same.
    let waiting = Dictionary(
      ended.report.stacks.filter { $0.outcome == .waiting || $0.outcome == .skipped && $0.error != nil }
        .map { ($0.name, $0) }
    ) { first, _ in first }
    guard isRefused || isAway || !waiting.isEmpty && !Task.isCancelled, request.rollback == nil, !request.dryRun,
      !request.isRepair
    else { return }
    var repair = self
    // What is said of these stays said.
    let failed = ended.report.stacks.filter { [.failed, .rolledBack].contains($0.outcome) }.map(\.name)
    repair.request.waiting = Set(waiting.keys).union(failed)
    repair.request.judged = ended.judged
    repair.request.givesUp = isRefused
    // The pins are lifted already.
    (repair.request.isRepair, repair.request.resume) = (true, false)
    var kept = Ended(report: ended.report)
    var before: [StackReport] = []
    do throws(Failure) {
      let session = try session(checkout, programs)
      let continued = await continueInterrupted(session, ended)
      kept = continued ?? kept
      if continued == nil || kept.report.outcome == .refused {
        // What it was on its way to is refused now.
        if let continued { (repair.request.givesUp, before) = (true, continued.report.stacks.filter(isTouched)) }
        kept = Ended(report: ended.report)
        _ = try await repair.runFull(session, nil, &kept)
      }
    } catch {
      // Before the first sync there is nothing to keep up.
      if ![.configuration, .locked].contains(error.kind) {
        say("warning: cannot keep the last good state running: \(error.message)")
      }
      return
    }
    let now = kept.report.stacks.filter { isTouched($0) && (isRefused || isAway || waiting[$0.name] != nil) }
    let worked = (now + before.filter { stack in !now.contains { $0.name == stack.name } }).map { stack in
      // What it waits for is still to come.
      guard var told = waiting[stack.name] else { return stack }
      told.reasons += stack.reasons
      told.services = stack.services
      return told
    }
    let others = ended.report.stacks.filter { stack in !worked.contains { $0.name == stack.name } }
    ended.report.stacks = (others + worked).sorted { $0.name < $1.name }
    ended.report.links += kept.report.links.filter { $0.action != .keep }
    ended.report.fence = kept.report.fence ?? ended.report.fence
  }

  private func isTouched(_ stack: StackReport) -> Bool {
    stack.services.contains { $0.action != .keep }
      || [.deployed, .rolledBack, .failed, .removed].contains(stack.outcome) && stack.durationMs > 0
  }

  /// Goes on with what was cut off, to the head that was accepted last, where the repository is away; nothing where there is no
  /// such thing, or it cannot go on.
  private func continueInterrupted(_ session: Session, _ ended: Ended) async -> Ended? {
    guard ended.failure?.kind == .unreachable, request.commit == nil, await isCutOff(session) else { return nil }
    var offline = self
    (offline.request.isOffline, offline.request.resume) = (true, false)
    var continued = Ended(report: ended.report)
    do throws(Failure) { _ = try await offline.runFull(session, nil, &continued) } catch {
      say("warning: cannot continue the interrupted sync: \(error.message)")
      return nil
    }
    return continued
  }

  /// Whether a sync was cut off on the way to a commit: some of a stack may be down until another one goes on.
  private func isCutOff(_ session: Session) async -> Bool {
    let stacks = try? await session.records.now().stacks
    return stacks?.contains { name, record in
      if case .changing(let change) = record.runs { !change.isRepair && !session.checkout.isBusy(name) } else { false }
    } ?? false
  }
}
