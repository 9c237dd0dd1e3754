import Core

/// Services that a commit moves from one stack to another, where only one of the two is brought to it.
extension Prepare {
  /// Finds the stacks that would give up a service which the other stack does not get: it would run in neither of them. Where a
  /// person names stacks for a sync, one that would get a service which the other one still has is found as well; what is pinned or
  /// held may have a service of that name for reasons of its own.
  func incompleteMoves(_ draft: inout PlanDraft) async throws(Failure) -> [String: SharedPathConflict] {
    var found: [String: SharedPathConflict] = [:]
    if request.isRepair { return found }
    for (name, desired) in draft.desired.sorted(by: { $0.key < $1.key }) where !stays(name, draft) {
      let former = state.former(name, project: desired.project)?.services ?? []
      // A change that was cut off may have made some of its services already.
      let runs = former + (state.standing(name)?.services ?? []).filter(former.lacks)
      let (leaving, coming) = (runs.filter(desired.services.lacks), desired.services.filter(former.lacks))
      if leaving.isEmpty, coming.isEmpty { continue }
      guard let snapshot = try await draft.snapshots.look(at: desired.commit) else { continue }
      let others = draft.names.union(state.standing.keys).union(snapshot.discovery.stacks.map(\.name))
      for other in others.sorted() where other != name && found[name] == nil {
        guard let other = try await partner(other, of: desired.project, in: snapshot, draft) else { continue }
        let isFree = !request.stacks.isEmpty && request.rollback == nil && draft.targets[other.name] == nil
        let taken = coming.first { new in
          isFree && other.has.contains { $0.isMoved(to: new) && other.gets.lacks($0) && !other.planned.lacks($0) }
        }
        guard let service = other.lost(of: leaving) ?? taken else { continue }
        found[name] = SharedPathConflict(stack: other.name, .service(service.name))
      }
    }
    for (name, known) in gone(draft.names, draft.projects) where isPruned(name, known, draft) {
      for other in draft.names.sorted() where found[name] == nil {
        guard let other = try await partner(other, of: known.project, in: head, draft),
          let service = other.lost(of: known.services)
        else { continue }
        found[name] = SharedPathConflict(stack: other.name, .service(service.name))
      }
    }
    return found
  }

  /// A stack that may have a part in a move.
  private struct Partner {
    let name: String
    /// What it had when it was last seen in place.
    let has: [DesiredService]
    /// What the commit gives it, and whether that is known by its names alone.
    let gets: [DesiredService]
    var named: Set<String> = []
    /// What it is to have after this sync.
    let planned: [DesiredService]

    /// Finds a service that the commit takes from another stack to this one, which does not get it.
    func lost(of leaving: [DesiredService]) -> DesiredService? {
      leaving.first { old in
        gets.contains { old.isMoved(to: $0) && has.lacks($0) && planned.lacks($0) }
          || named.contains(old.name) && has.lacks(old)
      }
    }
  }

  /// Returns another stack; nothing where it is brought to that commit as well, or does not differ from it.
  private func partner(
    _ name: String, of project: String, in snapshot: CommitSnapshot, _ draft: PlanDraft
  ) async throws(Failure) -> Partner? {
    let (known, desired) = (state.standing(name), stays(name, draft) ? nil : draft.desired[name])
    if known?.project == project || desired?.commit == snapshot.tree.commit { return nil }
    let has = state.former(name, project: desired?.project)?.services ?? []
    guard let source = snapshot.source(name) else {
      // One that left the branch runs on, unless a sync of all stacks hands it over.
      guard let known, draft.names.contains(name) || isTied(name, draft) || isLeftOut(name, known, draft) else {
        return nil
      }
      return Partner(name: name, has: has, gets: [], planned: known.services)
    }
    if let known, state.isDeployed(name), isSame(known, in: snapshot, draft) { return nil }
    let answer = try await snapshot.resolve.stack(source)
    guard let gets = answer.desired else {
      // Compose cannot read it: what its text names is what it may get.
      let named = answer.textSubjects.flatMap { $0.model["services"].object.keys }
      return Partner(name: name, has: has, gets: has, named: Set(named), planned: has)
    }
    return Partner(name: name, has: has, gets: gets.services, planned: desired?.services ?? has)
  }

  /// Whether a sync of some stacks leaves one alone that a sync of all would hand over.
  private func isLeftOut(_ name: String, _ known: Deployment, _ draft: PlanDraft) -> Bool {
    !request.includes(name)
      && (settings.sync.prune == .remove || Handover.isWhole(name, known, draft.desired, state: state))
  }
}

extension [DesiredService] {
  fileprivate func lacks(_ service: DesiredService) -> Bool { !contains { $0.name == service.name } }
}
