import Core

/// The stacks that the repository no longer has.
struct RemovedStacks: Sendable {
  /// All of them.
  var gone: Set<String> = []
  /// Those among them that are taken down.
  var ending: Set<String> = []
  /// The services that each stack had when it was last seen in place, where a change of it did not come to its end: what else it
  /// has now still comes from where it was before.
  var formerServices: [String: Set<String>] = [:]
  /// The volumes that each stack had and does not use any more.
  var formerVolumes: [String: Set<String>] = [:]
}

extension Prepare {
  /// The stacks that are to end: those that are pruned, those whose project another directory has now, and those that are
  /// handed over.
  func ending(_ draft: PlanDraft) -> [String: Deployment] {
    let waiting = Set(
      state.holds.filter { draft.targets[$0.key]?.staysAtLastGood == true }.compactMap(\.value.movedFrom))
    return gone(draft.names, draft.projects).filter { name, known in
      request.includes(name) && !waiting.contains(name) && !isTied(name, draft)
        && (isPruned(name, known, draft) || isTakenOver(known, draft.projects, draft.names)
          || isHandedOver(name, known, draft.desired))
    }
  }

  /// Whether a stack that left the repository is taken down as the configuration asks.
  func isPruned(_ name: String, _ known: Deployment, _ draft: PlanDraft) -> Bool {
    let (names, projects) = (draft.names, draft.projects)
    // What could not be asked may be what a stack moved to.
    let isOpen =
      names.contains { state.standing($0) == nil && projects[$0] == nil }
      || draft.sources.contains { projects[$0.source.name] == nil }
    return settings.sync.prune == .remove && !isOpen && !isTakenOver(known, projects, names)
      && request.includes(name)
  }

  /// Whether a stack stays for the sake of another one.
  func isTied(_ name: String, _ draft: PlanDraft) -> Bool {
    if case .tied = draft.targets[name] { true } else { false }
  }

  /// Whether a stack that left the repository is handed over to those that run its services from now on.
  func isHandedOver(_ name: String, _ known: Deployment, _ desired: [String: DesiredStack]) -> Bool {
    request.includes(name) && Handover.isWhole(name, known, desired, state: state)
  }

  /// The stacks that the repository no longer has. Those that the host's configuration no longer takes, or that became a
  /// part of another one, are not gone: what they run is left alone, unless another stack has the project now.
  func gone(_ names: Set<String>, _ projects: [String: String]) -> [String: Deployment] {
    let selection = settings.selection
    return state.standing.filter { name, known in
      if request.rollback != nil || names.contains(name) { return false }
      let file = known.composeFile(of: name)
      return selection.contains(file) && (target.tree[file] == nil || isTakenOver(known, projects, names))
    }
  }

  /// Whether another directory has the project now: the stack was moved.
  func isTakenOver(_ known: Deployment, _ projects: [String: String], _ names: Set<String>) -> Bool {
    projects.values.contains(known.project)
      || state.stacks.contains { name, record in
        names.contains(name) && record.isDeployed && record.standing?.project == known.project
      }
  }
}
