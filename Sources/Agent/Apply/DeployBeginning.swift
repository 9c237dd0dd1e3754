import Core

extension Deploy {
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
        let affected = Set(attempt.plan.services.filter { $0.action != .keep }.map(\.name))
        try state.record(.began(attempt.desired, affected: affected, from: attempt.former), of: attempt.plan.name)
      }
    }
  }

  /// Takes that back where nothing was done.
  func undo(_ attempt: Attempt) async throws(Failure) {
    let name = attempt.plan.name
    guard !attempt.change.isResumed else { return }
    try await records.change { state throws(IllegalTransition) in
      if state.stacks[name]?.change != nil { try state.record(.undone, of: name) }
    }
  }

  private func known(_ desired: DesiredStack) async throws(Failure) -> Baseline {
    let name = desired.name
    if let good = await records.state.lastGood(name) {
      let isOpen = await records.state.stacks[name]?.change != nil
      return .deployment(isOpen ? good : good.having(containers))
    }
    if let adopted = await records.state.stacks[name]?.adopted { return .adopted(adopted) }
    let state = await records.state
    if let origin = state.origin(of: name, project: desired.project) {
      return .moved(from: origin.name, origin.good.having(containers))
    }
    if state.standing(name) != nil { return .nothing }
    let takeover = Takeover(settings: settings, programs: programs)
    return try await takeover.look(desired, among: containers).map { .adopted($0) } ?? .nothing
  }
}
