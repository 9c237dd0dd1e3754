import Core
import Git

/// Shows what a plan changes: in the files that clup manages, and in what Compose makes of them.
struct Diffs: Sendable {
  let stored: StoredContent
  let state: State
  let snapshots: [String: CommitSnapshot]

  /// Gives the changes of each stack: a unified diff of each file, then the values of the resolved model.
  func of(_ plan: Plan) async throws(Failure) -> [String] {
    var texts: [String] = []
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
      do throws(GitError) {
        texts.append(try await stored.mirror.difference(from: before?[file]?.id, to: target[file]?.id, path: file))
      } catch {
        throw Failure(.host, error.message, help: "sync without --diff")
      }
    }
    return texts
  }

  /// What Compose makes of a stack of a commit; nothing where it cannot tell any more.
  private func model(of stack: String, at commit: String?) async throws(Failure) -> JSON? {
    guard let commit, let look = snapshots[commit], let source = look.source(stack) else { return nil }
    return try await look.resolve.stack(source).subjects.first?.model
  }
}
