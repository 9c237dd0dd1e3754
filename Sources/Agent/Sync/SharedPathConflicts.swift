import Core

extension Prepare {
  /// Finds the stacks that cannot go where they are to go, since others stay that stand on the same files.
  func conflicts(_ draft: PlanDraft) -> [String: SharedPathConflict] {
    let (desired, targets, names) = (draft.desired, draft.targets, draft.names)
    func known(_ name: String) -> [String: String] {
      let good = settings.sync.onFailure == .rollback ? state.lastGood(name) : nil
      return (good ?? state.standing(name))?.paths.mapValues(\.id) ?? [:]
    }
    var (moving, staying): ([String: [String: String]], [String: [String: String]]) = ([:], [:])
    for name in names {
      let wishes = desired[name].map { Deployment($0).paths.mapValues(\.id) }
      if case .pin? = targets[name], request.rollback == nil {
        staying[name] = wishes ?? known(name)
      } else if let wishes, draft.kept[name] == nil {
        moving[name] = wishes
      } else {
        staying[name] = known(name)
      }
    }
    // A stack that left the repository runs on for one that is held and was to have its services.
    let left = Set(holds(targets).values.flatMap { ($0.takes ?? [:]).keys }).subtracting(names)
    // What they stand on comes before what they are called.
    return SharedPathConflict.find(moving: moving, staying: staying, known: known).merging(
      Handover.conflicts(
        desired.filter { !stays($0.key, draft) }, left: left, state: state,
        staying: state.standing.filter { left.contains($0.key) || names.contains($0.key) && stays($0.key, draft) })
    ) { file, _ in file }.merging(
      Handover.conflicts(desired.filter { !stays($0.key, draft) }, holds: holds(targets), good: state.lastGood)
    ) {
      file, _ in file
    }
  }

  /// Whether a stack is not brought anywhere by this sync.
  func stays(_ name: String, _ draft: PlanDraft) -> Bool {
    draft.targets[name].map {
      $0.staysAtLastGood || $0.isPin && (request.rollback == nil || !draft.chosen.contains(name))
    }
      ?? !draft.chosen.contains(name)
  }

  private func holds(_ targets: [String: StackTarget]) -> [String: Hold] {
    targets.compactMapValues { target in if case .hold(let hold) = target { hold } else { nil } }
  }

  /// A person who names stacks is told which ones go with them.
  func refuse(_ tie: SharedPathConflict, of name: String, _ draft: PlanDraft) throws(Failure) {
    let isFree = draft.names.contains(tie.stack) && draft.targets[tie.stack] == nil && !draft.chosen.contains(tie.stack)
    guard request.rollback != nil || isFree else { return }
    if let pin = request.rollback?.goal.pins[name] {
      let commit = pin.commit.prefix(7)
      let why =
        if draft.snapshots.all[pin.commit]?.source(tie.stack) == nil {
          "that commit has no stack \(tie.stack), and \(tie.stack) still uses \(tie.cause)"
        } else if !draft.names.contains(tie.stack) {
          "\(tie.stack) used \(tie.cause) in that commit, and is no longer a stack of the branch"
        } else { "" }
      if !why.isEmpty {
        throw Failure(
          .incompleteSelection, "\(name) cannot go back to \(commit): \(why)",
          help: "undo the change in the repository (`git revert`), push and sync: "
            + "that hands over what \(draft.names.contains(tie.stack) ? tie.stack : name) runs")
      }
    }
    var sharing: Set<String> = []
    if case .file(let path) = tie.cause {
      sharing = draft.names.filter { other in
        (draft.desired[other].map { Deployment($0) } ?? state.standing(other))?.paths[path] != nil
      }
    }
    let together = sharing.union([name, tie.stack]).sorted().map { "--stack \($0)" }.joined(separator: " ")
    throw Failure(
      .incompleteSelection, "\(tie.words(of: name)) would stay as it is",
      help: draft.chosen.contains(tie.stack)
        ? "name a commit that all of them go to: `clup rollback COMMIT \(together)`" : "name them all: `\(together)`")
  }
}
