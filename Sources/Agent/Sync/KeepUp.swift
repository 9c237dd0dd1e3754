import Core

/// What a sync does where it cannot bring the host to the branch's head.
extension Sync {
  /// Keeps up what was good where the repository does not say what is to be, wants what is refused, or what cannot be had now.
  func keepUp(
    _ checkout: Checkout, _ programs: Programs, _ ended: inout Ended
  ) async {
    let isRefused =
      ended.failure.map { [.unreachable, .refused].contains($0.kind) } ?? (ended.report.outcome == .refused)
    let isWaiting = ended.failure?.outage == .disk || ended.report.stacks.contains { $0.outcome == .waiting }
    guard isRefused || isWaiting, request.rollback == nil, !request.dryRun, !request.isRepair else { return }
    var repair = self
    repair.request.waiting = Set(ended.report.stacks.filter { $0.outcome == .waiting }.map(\.name))
    repair.request.judged = ended.judged
    repair.request.givesUp = isRefused && ended.failure?.kind != .unreachable
    // The pins are lifted already.
    (repair.request.isRepair, repair.request.resume) = (true, false)
    var kept = Ended(report: ended.report)
    do throws(Failure) {
      let session = try session(checkout, programs)
      let isDone = try await goOn(session, because: ended.failure, &kept)
      if !isDone {
        repair.request.givesUp = repair.request.givesUp || kept.report.outcome == .refused
        let before = kept.report.stacks
        _ = try await repair.whole(session, nil, &kept)
        let now = Set(kept.report.stacks.filter(isTouched).map(\.name))
        kept.report.stacks =
          kept.report.stacks.filter { now.contains($0.name) } + before.filter { !now.contains($0.name) }
      }
    } catch {
      // Before the first sync there is nothing to keep up.
      if error.kind != .configuration { say("warning: cannot keep the last good state running: \(error.message)") }
      return
    }
    let waiting = Dictionary(
      ended.report.stacks.filter { $0.outcome == .waiting }.map { ($0.name, $0) }
    ) { first, _ in first }
    let worked = kept.report.stacks.filter(isTouched).map { stack in
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

  /// Goes on with what was cut off, to the head that was accepted last, where the repository is away; says whether that is all that
  /// is to be done.
  private func goOn(
    _ session: Session, because failure: Failure?, _ kept: inout Ended
  ) async throws(Failure) -> Bool {
    guard failure?.kind == .unreachable, request.commit == nil, await isCutOff(session) else { return false }
    var offline = self
    (offline.request.isOffline, offline.request.resume) = (true, false)
    do throws(Failure) { _ = try await offline.whole(session, nil, &kept) } catch {
      say("warning: what was cut off cannot go on: \(error.message)")
      return false
    }
    // What it was on its way to may be refused by now.
    return kept.report.outcome != .refused
  }

  /// Whether a sync was cut off on the way to a commit: some of a stack may be down until another one goes on.
  private func isCutOff(_ session: Session) async -> Bool {
    let stacks = try? await session.records.now().stacks
    return stacks?.contains { name, record in
      if case .changing(let change) = record.runs { !change.isRepair && !session.checkout.isBusy(name) } else { false }
    } ?? false
  }
}
