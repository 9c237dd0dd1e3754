import Core
import FoundationEssentials
import Git

/// Finds out where each stack is to go: to the target, to its pin, or nowhere because the target failed for it already.
struct StackTargets: Sendable {
  let request: SyncRequest
  let programs: Programs
  let mirror: Mirror
  let state: State
  let observe: Observe
  /// Whether the engine can be asked.
  let engine: Bool

  func of(_ stacks: Set<String>, target: CommitTree) async throws(Failure) -> [String: StackTarget] {
    var targets: [String: StackTarget] = [:]
    let head = (try? await mirror.head()) ?? target.commit
    for name in stacks {
      guard let pin = state.stacks[name]?.pin else { continue }
      targets[name] = .pin(pin, behind: try? await mirror.distance(from: pin.commit, to: head))
    }
    // A person who asks for a commit means it.
    if request.retry || request.rollback != nil { return targets }
    let waiting = stacks.filter { targets[$0] == nil }.compactMap { name in
      state.stacks[name]?.lastResult?.waiting.map { (name: name, waiting: $0) }
    }
    for (name, own) in waiting {
      // What waits for the same thing is tried together: one may hand a service to another.
      let others = waiting.map(\.waiting).filter { $0.outage == own.outage && $0.commit == own.commit }
      if others.allSatisfy({ isEarly($0, target) }) { targets[name] = .waiting(own) }
    }
    let holds = state.holds.filter { stacks.contains($0.key) }
    if holds.isEmpty { return targets }
    var images: [String: String]?
    if engine { images = try await Images(programs: programs).ids(of: holds.values.flatMap(\.images.keys)) }
    for (name, hold) in holds {
      let now = Dictionary(uniqueKeysWithValues: hold.untracked.keys.map { ($0, observe.untracked($0)) })
      var tree = target
      if let pin = state.stacks[name]?.pin {
        guard pin.commit == hold.commit else { continue }
        tree = CommitTree(commit: hold.commit, recorded: hold.tracked)
      }
      let settings = observe.settings.fingerprint(of: name)
      if hold.stands(in: tree, host: now, settings: settings, images: images) { targets[name] = .hold(hold) }
    }
    return targets
  }

  /// Whether the timer comes too soon after a stack was last tried; whoever else asks wants it tried now.
  private func isEarly(_ waiting: Waiting, _ target: CommitTree) -> Bool {
    guard request.trigger == Trigger.timer.rawValue, [.registry, .disk].contains(waiting.outage),
      waiting.commit == target.commit,
      let tried = try? Date(waiting.tried, strategy: .iso8601)
    else { return false }
    // A clock that was set back must not keep it waiting.
    let passed = Date().timeIntervalSince(tried)
    return (0..<Double(waiting.pause.components.seconds)).contains(passed)
  }
}
