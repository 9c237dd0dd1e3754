import Core

extension Prepare {
  typealias Work = (snapshot: CommitSnapshot, source: StackSource)

  /// Returns the live paths that each stack's containers may write to, as Compose says now or said when it was deployed.
  func written(_ desired: [DesiredStack], _ names: Set<String>) -> [String: Set<String>] {
    var written = state.standing.filter { names.contains($0.key) }.mapValues { Set($0.writes ?? []) }
    for stack in desired { written[stack.name] = Set(stack.writes ?? []) }
    return written
  }

  /// Returns the live paths that containers mount, as Compose says now or said when their stack was deployed.
  func seen(_ desired: [DesiredStack], _ names: Set<String>) -> MountedPaths {
    var seen = state.standing.filter { names.contains($0.key) }.mapValues { $0.reads ?? [] }
    for stack in desired { seen[stack.name] = stack.reads ?? [] }
    return MountedPaths(seen.values.joined())
  }

  /// Looks again at the stacks that have links where the containers of another one may write: they need copies there.
  func apart(_ answers: [Resolve.Answer], _ draft: inout PlanDraft) async throws(Failure) -> [Resolve.Answer] {
    let (names, targets) = (draft.names, draft.targets)
    let resolved = answers.compactMap(\.desired)
    if resolved.isEmpty { return answers }
    draft.diagnostics += unknown(draft)
    let written = written(resolved, names)
    var wishes = state.standing.filter { names.contains($0.key) }.mapValues(\.paths)
    for stack in resolved { wishes[stack.name] = stack.links }
    let all = MountedPaths(written.values.joined())
    var again: [(work: Work, written: Set<String>)] = []
    for (name, links) in wishes.sorted(by: { $0.key < $1.key }) {
      let hits = links.filter { $0.value.kind == .link && all.touches($0.key) && !isComposeFile($0.key) }.keys.sorted()
      let others = hits.isEmpty ? [:] : written.filter { $0.key != name }
      let found = hits.lazy.compactMap { path in
        others.keys.sorted().first { MountedPaths(others[$0] ?? []).touches(path) }.map { (path, $0) }
      }.first
      guard let (path, writer) = found else { continue }
      let asked = draft.sources.first { $0.source.name == name }
      // What cannot be resolved keeps its links: the other stack must not come to write there.
      let isRefused = asked != nil && !resolved.contains { $0.name == name }
      if let asked, !isRefused {
        again.append((asked, Set(others.values.joined())))
      } else if !isRefused, let source = head.source(name), request.rollback == nil,
        (targets[name] ?? .target) == .target
      {
        draft.sources.append((head, source))
        draft.reasons[name] = ["\(writer) may write to \(path)"]
        again.append(((head, source), Set(others.values.joined())))
      } else {
        draft.diagnostics.append(
          Diagnostic(
            rule: "writable-live-path", file: head.source(writer)?.composeFiles.first ?? path, stack: writer,
            message: "\(writer) may write to \(path), which is a link of \(name)'s into a release",
            help:
              "mount it `:ro` in \(writer), or first bring \(name) to the branch's head (`clup resume` if it is pinned)"
          ))
      }
    }
    let anew = try await each(again, atOnce: atOnce) { task throws(Failure) in
      var resolve = task.work.snapshot.resolve
      resolve.written = task.written
      return try await resolve.stack(task.work.source)
    }
    let replaced = Set(again.map(\.work.source.name))
    return answers.filter { !replaced.contains($0.desired?.name ?? "") } + anew
  }

  /// Tells of the stacks that stay at a record of an earlier version: where their containers may write is in none.
  private func unknown(_ draft: PlanDraft) -> [Diagnostic] {
    draft.names.sorted().filter { name in
      guard let known = state.standing(name), known.writes == nil else { return false }
      return !draft.sources.contains { $0.source.name == name }
    }.map { name in
      let isPinned = draft.targets[name]?.isPin ?? false
      return Diagnostic(
        rule: "writable-live-path", severity: .warning, file: head.source(name)?.composeFiles.first ?? name,
        stack: name,
        message:
          "clup does not know where the containers of \(name) may write: an earlier version deployed the stack, and it "
          + "has not been deployed since",
        help: isPinned
          ? "run `clup resume --stack \(name)`"
          : "push a commit of this stack that works, so that clup deploys it again")
    }
  }

  private func isComposeFile(_ path: String) -> Bool {
    head.discovery.stacks.contains { $0.composeFiles.contains(path) }
  }
}
