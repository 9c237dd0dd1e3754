import Core
import Git

/// Shows what a plan changes: in the files that clup manages, and in what Compose makes of them.
struct Diffs: Sendable {
  let stored: StoredContent
  let state: State
  let snapshots: [String: CommitSnapshot]

  /// Returns the changes of each stack: a unified diff of each file, then the values of the resolved model.
  func of(_ plan: Plan) async throws(Failure) -> [String] {
    var texts = try await shared(plan)
    for stack in plan.stacks {
      guard let desired = stack.desired, let target = snapshots[desired.commit] else { continue }
      texts += try await files(of: stack, desired, target.tree)
      let before = try await model(of: stack.name, at: stack.from)
      guard let after = try await model(of: stack.name, at: desired.commit) else { continue }
      let mask = await target.resolve.mask(for: stack.name)
      let lines = ModelDiff(hide: mask.hide).lines(from: before, to: after)
      if !lines.isEmpty {
        texts.append((["stack \(stack.name), as Compose resolves it"] + lines).joined(separator: "\n"))
      }
    }
    return texts
  }

  /// Returns what changes in files that are no stack's alone, such as job files; those that stacks deploy are told with these.
  private func shared(_ plan: Plan) async throws(Failure) -> [String] {
    let deployed = Set(plan.stacks.compactMap(\.desired).flatMap(\.tracked.keys))
    let target = snapshots[plan.commit]?.tree
    var texts: [String] = []
    for path in plan.moving.sorted() {
      guard let to = plan.shared[path]?.link, !deployed.contains(to.from) else { continue }
      let from = state.links[path]
      let before = from?.commit.flatMap { snapshots[$0]?.tree }
      for file in target?.files(under: to.from).map(\.path) ?? [] {
        let new = target?[file]?.id
        let old = before?[file]?.id ?? (file == from?.from ? from.map { Fingerprint.id(of: $0.id) } : nil)
        if old == new { continue }
        texts.append(try await difference(old, new, file))
      }
    }
    return texts
  }

  private func difference(_ before: String?, _ after: String?, _ file: String) async throws(Failure) -> String {
    do throws(GitError) { return try await stored.mirror.difference(from: before, to: after, path: file) } catch {
      throw Failure(.host, "\(file) cannot be compared: \(error.message)", help: "sync without --diff")
    }
  }

  private func files(
    of stack: StackPlan, _ desired: DesiredStack, _ target: CommitTree
  ) async throws(Failure) -> [String] {
    let paths = Set(desired.tracked.keys).union(state.standing(stack.name)?.tracked.keys.map { $0 } ?? [])
    let before = stack.from.flatMap { snapshots[$0]?.tree }
    if let before { _ = try await stored.recall(Array(paths), in: before) }
    let files = Set(
      paths.flatMap { path in target.files(under: path).map(\.path) + (before?.files(under: path).map(\.path) ?? []) })
    var texts: [String] = []
    for file in files.sorted() where before?[file]?.id != target[file]?.id {
      texts.append(try await difference(before?[file]?.id, target[file]?.id, file))
    }
    return texts
  }

  /// What Compose makes of a stack of a commit; nothing where it cannot tell any more.
  private func model(of stack: String, at commit: String?) async throws(Failure) -> JSON? {
    guard let commit, let snapshot = snapshots[commit], let source = snapshot.source(stack) else { return nil }
    return try await snapshot.resolve.stack(source).subjects.first?.model
  }
}
