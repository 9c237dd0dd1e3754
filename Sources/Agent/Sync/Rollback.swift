import Core
import FoundationEssentials
import Git

/// Finds the commits that a rollback leads to.
struct Rollback: Sendable {
  let settings: Settings
  let checkout: Checkout
  let mirror: Mirror
  let state: State
  let stacks: [String]

  /// Gives a pin for each stack: to one commit, or for each to what it ran before.
  func pins(to revision: String?, head: String) async throws(Failure) -> [String: Pin] {
    let since = Date().formatted(.iso8601)
    guard let revision else { return try former(since) }
    let commit: String
    let discovery: Discovery
    do throws(GitError) {
      commit = try await resolve(revision)
      guard try await mirror.isAncestor(commit, of: head) else {
        throw GitError(.unknownRevision, "\(revision) is no commit of the branch \(settings.branch)")
      }
      let tree = CommitTree(commit: commit, paths: try await mirror.entries(of: commit).map(TrackedPath.init))
      discovery = Discovery(tree, settings: settings)
    } catch {
      throw Failure(error, settings: settings)
    }
    let there = Set(discovery.stacks.map(\.name))
    for name in stacks where !there.contains(name) {
      throw Failure(
        .configuration, "the commit \(commit.prefix(12)) has no stack \(name)",
        help: "it has \(there.sorted().joined(separator: ", "))")
    }
    let names = stacks.isEmpty ? there : Set(stacks)
    return Dictionary(uniqueKeysWithValues: names.map { ($0, Pin(commit: commit, since: since)) })
  }

  private func former(_ since: String) throws(Failure) -> [String: Pin] {
    for name in stacks where state.stacks[name] == nil {
      throw Failure(
        .configuration, "there is no stack \(name)",
        help: "the stacks are " + state.stacks.keys.sorted().joined(separator: ", "))
    }
    for name in stacks where before(name) == nil {
      throw Failure(
        .configuration, "\(name) has run nothing else before that clup knows of",
        help: "name a commit: `clup rollback COMMIT --stack \(name)`; `clup history --stack \(name)` lists them")
    }
    let names = stacks.isEmpty ? Array(state.stacks.keys) : stacks
    let found = names.compactMap { name in before(name).map { (name, $0) } }
    if found.isEmpty {
      throw Failure(
        .configuration, "no stack has run anything else before that clup knows of",
        help: "name a commit: `clup rollback COMMIT`; `clup history` lists them")
    }
    return Dictionary(
      uniqueKeysWithValues: Set(found.map(\.0)).compactMap { name in
        before(name).map { (name, Pin(commit: $0.commit, since: since, images: $0.images ?? [:])) }
      })
  }

  /// What was left as it failed ran what was good before that.
  private func before(_ stack: String) -> Former? {
    if let good = state.good[stack], checkout.commit(of: stack) != good.commit { return Former(good) }
    return state.former[stack]?.first
  }

  /// A tag may have come to the repository since the last commit did.
  private func resolve(_ revision: String) async throws(GitError) -> String {
    do throws(GitError) { return try await mirror.resolve(revision) } catch {
      guard error.kind == .unknownRevision else { throw error }
      do throws(GitError) {
        _ = try await mirror.fetch(from: settings.repository, deadline: .seconds(60))
      } catch { throw GitError(.unknownRevision, "\(revision) names no commit of \(settings.branch)") }
      return try await mirror.resolve(revision)
    }
  }
}
