import Core

extension Prepare {
  /// Asks Compose about what the commit changes, whatever runs: the engine is asked meanwhile.
  func ahead() async -> [String: Resolve.Answer] {
    let broken = broken(head.discovery.diagnostics)
    let changed = head.discovery.stacks.filter { source in
      let tracked = state.stacks[source.name]?.tracked
      return state.pins[source.name] == nil && state.holds[source.name] == nil && !broken.contains(source.name)
        && (request.stacks.isEmpty || request.stacks.contains(source.name))
        && tracked?.allSatisfy { target.tree.fingerprint($0.key) == $0.value } != true
    }
    // What fails here fails once more in its place.
    let answers = try? await each(changed, atOnce: atOnce) { source throws(Failure) in
      (source.name, try await head.resolve.stack(source))
    }
    return Dictionary(answers ?? []) { first, _ in first }
  }
}
