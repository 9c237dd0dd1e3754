import Core

/// What is wrong with a plan that is being made.
extension Prepare {
  var check: PolicyCheck { PolicyCheck(settings: settings, programs: programs) }

  /// Whether what may run is another than when the commit was last judged as a whole.
  var policyChanged: Bool { state.policy != policy }

  /// Judges what was resolved, and how the stacks go together.
  func validate(_ draft: inout PlanDraft) async throws(Failure) {
    let subjects = draft.answers.flatMap(\.subjects)
    var found = collisions(head.discovery, draft.desired, draft.containers, subjects)
    // The stack that has the project now was moved there since.
    if request.rollback != nil {
      for index in found.indices where found[index].rule == "project-collision" {
        found[index].help += "; to undo a move, push a commit that moves the stack back"
      }
    }
    draft.diagnostics += found
    let after = settings.stacks.compactMapValues(\.after).filter { draft.names.contains($0.key) }
      .merging(draft.desired.mapValues(\.after)) { host, _ in host }
      .merging(state.standing.filter { draft.names.contains($0.key) }.mapValues(\.after)) { new, _ in new }
    draft.diagnostics += try await order(after, of: draft.names, subjects)
    let resolves = Dictionary(draft.sources.map { ($0.source.name, $0.snapshot.resolve) }) { first, _ in first }
    // What stays where it is takes nothing from another one yet.
    let tied = Set(draft.targets.filter { if case .tied = $0.value { true } else { false } }.keys)
    draft.diagnostics += try await check.findings(
      of: subjects, containers: draft.containers, records: state.standing, after: after,
      origins: draft.desired.compactMapValues { state.origin(of: $0.name, project: $0.project)?.name }
        .filter { !draft.names.contains($0.value) },
      images: draft.desired.mapValues { Set($0.images.keys) }, returning: Set(draft.targets.filter(\.value.isPin).keys),
      removed: RemovedStacks(
        gone: Set(gone(draft.names, draft.projects).keys), ending: Set(ending(draft).keys),
        formerServices: state.stacks.filter { $0.value.change != nil }.mapValues { record in
          Set((record.good?.services ?? []).map(\.name))
        }, formerVolumes: state.stacks.mapValues(\.formerVolumes))
    ) { await (resolves[$0] ?? head.resolve).mask(for: $0) }
    .filter { $0.rule != "project-collision" || !tied.contains($0.stack ?? "") }
    draft.diagnostics += try await check.textFindings(of: draft.answers.flatMap(\.textSubjects)) {
      await (resolves[$0] ?? head.resolve).mask(for: $0)
    }
    // What a stack uses of a submodule only from now on was not judged with its commit.
    let isNew = state.commit != target.tree.commit || policyChanged || !target.tree.added.isEmpty
    if request.rollback == nil, isNew {
      let known = policyChanged ? nil : try await lastGood()
      draft.diagnostics += try await check.forbidden(
        in: target.tree, discovery: head.discovery, tracked: head.tracked, known: known)
      let uses = draft.answers.reduce(into: Set(state.standing.values.flatMap(\.tracked.keys))) {
        $0.formUnion($1.uses)
      }
      draft.diagnostics += try await check.unmanaged(
        in: target.tree, discovery: head.discovery, tracked: head.tracked, uses: uses, known: known)
    }
  }

  /// Finds what is wrong with the order of the stacks.
  private func order(
    _ after: [String: [String]], of names: Set<String>, _ subjects: [Subject]
  ) async throws(Failure) -> [Diagnostic] {
    // What nobody was asked about says where its `after:` stands when that turns out to be wrong.
    let blamed = Set(StackOrderCheck.problems(after: after, stacks: names, places: [:]).compactMap(\.stack))
      .subtracting(subjects.map(\.stack))
    let asked = try await each(blamed.compactMap(head.source), atOnce: atOnce) { source throws(Failure) in
      try await head.resolve.stack(source)
    }
    return StackOrderCheck.problems(
      after: after, stacks: names,
      places: StackOrderCheck.places(head.discovery, subjects + asked.flatMap(\.subjects), settings))
  }
}
