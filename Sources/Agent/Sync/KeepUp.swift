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
    let isAway = ended.failure?.kind == .unreachable
    var repair = self
    repair.request.waiting = Set(ended.report.stacks.filter { $0.outcome == .waiting }.map(\.name))
    repair.request.judged = ended.judged
    (repair.request.isRepair, repair.request.givesUp) = (true, isRefused && !isAway)
    var kept = Ended(report: ended.report)
    do throws(Failure) {
      let session = try session(checkout, programs)
      var isDone = false
      if isAway, await isCutOff(session.records) {
        var offline = self
        offline.request.isOffline = true
        _ = try await offline.whole(session, nil, &kept)
        // What it was on its way to may be refused by now.
        isDone = kept.report.outcome != .refused
        repair.request.givesUp = !isDone
      }
      if !isDone {
        kept = Ended(report: ended.report)
        _ = try await repair.whole(session, nil, &kept)
      }
    } catch {
      // Before the first sync there is nothing to keep up.
      if error.kind != .configuration { say("warning: cannot keep the last good state running: \(error.message)") }
      return
    }
    let waiting = Dictionary(
      ended.report.stacks.filter { $0.outcome == .waiting }.map { ($0.name, $0) }
    ) { first, _ in first }
    let worked = kept.report.stacks.filter { stack in stack.services.contains { $0.action != .keep } }.map { stack in
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

  /// Whether a sync was cut off on the way to a commit: some of a stack may be down until another one goes on.
  private func isCutOff(_ records: Records) async -> Bool {
    let stacks = try? await records.now().stacks
    return stacks?.values.contains { if case .changing(let change) = $0.runs { !change.isRepair } else { false } }
      ?? false
  }
}
