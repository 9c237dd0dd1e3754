import Core

extension Prepare {
  /// Asks Compose about what the commit changes, whatever runs: the engine is asked meanwhile.
  func ahead() async -> Result<[String: Resolve.Answer], Failure> {
    // It goes by pins, and lists what it goes to first.
    if request.rollback != nil || request.isRepair { return .success([:]) }
    let broken = broken(head.discovery.diagnostics)
    let changed = head.discovery.stacks.filter { source in
      let tracked = state.standing(source.name)?.tracked
      return state.stacks[source.name]?.pin == nil && state.stacks[source.name]?.held == nil
        && !broken.contains(source.name)
        && request.includes(source.name)
        && (!rearranged(source.name, head).isEmpty
          || tracked?.allSatisfy { Fingerprint.isSame(target.tree.fingerprint($0.key), $0.value) } != true)
    }
    do throws(Failure) {
      let answers = try await each(changed, atOnce: atOnce) { source throws(Failure) in
        (source.name, try await head.resolve.stack(source))
      }
      return .success(Dictionary(answers) { first, _ in first })
    } catch {
      return .failure(error)
    }
  }
}
