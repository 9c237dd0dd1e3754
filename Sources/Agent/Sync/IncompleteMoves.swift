import Core

/// Services that a commit moves from one stack to another, where only one of the two is brought to it.
extension Prepare {
  /// Finds the stacks that would give up a service which the other stack does not get, or get one which it keeps: the service would
  /// run in neither of them, or in both.
  func incompleteMoves(_ draft: inout PlanDraft) async throws(Failure) -> [String: SharedPathConflict] {
    var found: [String: SharedPathConflict] = [:]
    if request.isRepair { return found }
    for (name, desired) in draft.desired.sorted(by: { $0.key < $1.key }) where !stays(name, draft) {
      let now = state.standing(name)?.services ?? []
      let (leaving, coming) = (now.lacking(in: desired.services), desired.services.lacking(in: now))
      if leaving.isEmpty, coming.isEmpty { continue }
      guard let look = try await draft.snapshots.look(at: desired.commit) else { continue }
      let others = draft.names.union(state.standing.keys).union(look.discovery.stacks.map(\.name))
      for other in others.sorted() where other != name && found[name] == nil {
        guard let (has, gets) = try await services(of: other, in: look, beside: desired, draft) else { continue }
        let planned = stays(other, draft) ? has : draft.desired[other]?.services ?? has
        let given = leaving.first { old in
          gets.lacking(in: has).contains { old.isContinued(by: $0) && planned.lack($0) }
        }
        let taken = coming.first { new in
          has.lacking(in: gets).contains { $0.isContinued(by: new) && !planned.lack($0) }
        }
        guard let service = given ?? taken else { continue }
        found[name] = SharedPathConflict(stack: other, .service(service.name))
      }
    }
    return found
  }

  /// Gives what another stack has, and what it is to have in a commit; nothing where it is brought to that commit as well, or does
  /// not differ from it.
  private func services(
    of other: String, in look: CommitSnapshot, beside desired: DesiredStack, _ draft: PlanDraft
  ) async throws(Failure) -> (has: [DesiredService], gets: [DesiredService])? {
    let known = state.standing(other)
    if known?.project == desired.project { return nil }
    if !stays(other, draft), draft.desired[other]?.commit == desired.commit { return nil }
    guard let source = look.source(other) else {
      // One that left the branch runs on, unless a sync of all stacks hands it over.
      guard let known,
        draft.names.contains(other)
          || !request.stacks.isEmpty && !request.stacks.contains(other)
            && Handover.isWhole(other, known, draft.desired, state: state)
      else { return nil }
      return (known.services, [])
    }
    if let known, isSame(known, in: look, draft) { return nil }
    guard let gets = try await look.resolve.stack(source).desired else { return nil }
    return (known?.services ?? [], gets.services)
  }
}

extension [DesiredService] {
  fileprivate func lack(_ service: DesiredService) -> Bool { !contains { $0.name == service.name } }

  /// Those of a list that another one has no service of that name for.
  fileprivate func lacking(in others: [DesiredService]) -> [DesiredService] { filter(others.lack) }
}
