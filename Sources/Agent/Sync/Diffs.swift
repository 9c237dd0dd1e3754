import Core
import Git

/// Shows line by line what a plan changes in the files that clup manages.
struct Diffs: Sendable {
  let stored: StoredContent
  let state: State
  let snapshots: [String: CommitSnapshot]

  /// Gives the changes as a unified diff, file by file.
  func of(_ plan: Plan) async throws(Failure) -> [String] {
    var texts: [String] = []
    for stack in plan.stacks {
      guard let desired = stack.desired, let target = snapshots[desired.commit]?.tree else { continue }
      let paths = Set(desired.tracked.keys).union(state.standing(stack.name)?.tracked.keys.map { $0 } ?? [])
      var before: CommitTree?
      if let from = stack.from {
        do throws(GitError) {
          before = try await CommitTree(of: from, in: stored.mirror, stored.settings)
        } catch {
          before = nil
        }
        if let before { _ = try await stored.recall(Array(paths), in: before) }
      }
      let files = Set(
        paths.flatMap { path in target.files(under: path).map(\.path) + (before?.files(under: path).map(\.path) ?? []) }
      )
      for file in files.sorted() where before?[file]?.id != target[file]?.id {
        do throws(GitError) {
          texts.append(try await stored.mirror.difference(from: before?[file]?.id, to: target[file]?.id, path: file))
        } catch {
          throw Failure(.host, error.message, help: "sync without --diff")
        }
      }
    }
    return texts
  }
}
