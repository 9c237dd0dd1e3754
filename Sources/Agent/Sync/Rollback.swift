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
  let sources: Sources

  /// Where a rollback leads: a pin for each stack, and what each ran by the time of the commit, the latest first.
  struct Goal: Sendable {
    var pins: [String: Pin]
    var records: [String: [PastDeployment]] = [:]
    /// The live paths of job files and of the configuration's `links:` that the commit has otherwise than the host.
    var staying: [String] = []
  }

  /// Finds the way to one commit, or for each stack to what it ran before.
  func goal(of revision: String?) async throws(Failure) -> Goal {
    let since = Date().formatted(.iso8601)
    guard let revision else { return Goal(pins: try former(since)) }
    let (commit, tree) = try await settings.inMirror { () throws(GitError) in
      let commit = try await resolve(revision)
      // The head as it is now: another sync may have accepted one since, and `HEAD` names that.
      let isFollowed =
        if let head = try await mirror.head() { try await mirror.isAncestor(commit, of: head) } else { false }
      // What runs, or ran here, was accepted, be it by a tag of another branch.
      guard isFollowed || state.reachableCommits.contains(commit) else {
        throw GitError(.unknownRevision, "\(revision) is not a commit of \(settings.follow.phrase)")
      }
      return (commit, try await CommitTree(of: commit, in: mirror, settings))
    }
    let found = try await Discovery.of(
      tree, .commit(mirror, stage: ""), settings: settings, running: Set(state.standing.keys))
    let there = Set(found.stacks.map(\.name))
    for name in stacks where !there.contains(name) {
      throw Failure(
        .configuration, "the commit \(commit.prefix(12)) has no stack \(name)",
        help: "it has \(there.sorted().joined(separator: ", "))")
    }
    let names = stacks.isEmpty ? there : Set(stacks)
    var goal = Goal(pins: [:])
    if stacks.isEmpty { goal.staying = staying(tree, found) }
    for name in names {
      let records = await records(of: name, by: commit)
      goal.records[name] = records
      goal.pins[name] = Pin(commit: commit, since: since, images: images(of: name, at: tree, records))
    }
    return goal
  }

  /// Finds what is no stack's and is another at the commit: a rollback is about stacks, and leaves it as it is.
  private func staying(_ tree: CommitTree, _ discovery: Discovery) -> [String] {
    var unused: [Diagnostic] = []
    let wishes = settings.hostLinks(
      tree, discovery, written: MountedPaths([]), seen: MountedPaths([]), &unused)
    let jobs = Set(wishes.keys).union(
      state.links.keys.filter { path in
        Discovery.isJob(path) || settings.links.contains { Path.relative(path, to: $0.to) != nil }
      })
    return jobs.filter { path in
      let known = state.links[path]
      return wishes[path].map { $0.id != known?.id } ?? (known != nil)
    }.sorted()
  }

  /// What runs as the commit has it goes back to the images of that time, and stays as it is where those are not known:
  /// what the images' names mean now does not count.
  private func images(of stack: String, at tree: CommitTree, _ records: [PastDeployment]) -> [String: String] {
    guard let good = state.lastGood(stack),
      good.tracked.allSatisfy({ Fingerprint.isSame(tree.fingerprint($0.key), $0.value) })
    else {
      return [:]
    }
    return records.first { $0.contents == good.contents }?.images ?? good.images ?? [:]
  }

  /// What a stack ran at a commit or before it, the latest first.
  private func records(of stack: String, by commit: String) async -> [PastDeployment] {
    var records: [PastDeployment] = []
    for record in (state.lastGood(stack).map { [PastDeployment($0)] } ?? []) + (state.stacks[stack]?.history ?? []) {
      if (try? await mirror.isAncestor(record.commit, of: commit)) == true { records.append(record) }
    }
    return records
  }

  private func former(_ since: String) throws(Failure) -> [String: Pin] {
    for name in stacks where state.standing(name) == nil && state.stacks[name]?.held != nil {
      throw Failure(
        .configuration, "\(name) was never in place: there is nothing to go back to",
        help: "`clup status` says why; fix it, and push again")
    }
    for name in stacks where state.standing(name) == nil {
      throw Failure(
        .configuration, "there is no stack \(name)",
        help: state.standing.isEmpty
          ? "nothing was deployed yet; `clup sync` does"
          : "the stacks are " + state.standing.keys.sorted().joined(separator: ", "))
    }
    for name in stacks where before(name) == nil {
      throw Failure(
        .configuration, "\(name) has no earlier deployment that clup knows of",
        help: "name a commit: `clup rollback COMMIT --stack \(name)`; `clup history --stack \(name)` lists them")
    }
    let names = stacks.isEmpty ? Array(state.standing.keys) : stacks
    let found = names.compactMap { name in before(name).map { (name, $0) } }
    if found.isEmpty {
      throw Failure(
        .configuration, "clup knows of no earlier deployment of any stack",
        help: "name a commit: `clup rollback COMMIT`; `clup history` lists them")
    }
    return Dictionary(
      uniqueKeysWithValues: Set(found.map(\.0)).compactMap { name in
        before(name).map { (name, Pin(commit: $0.commit, since: since, images: $0.images ?? [:])) }
      })
  }

  /// What was left as it failed ran what was good before that.
  private func before(_ stack: String) -> PastDeployment? {
    if !state.isDeployed(stack), let good = state.lastGood(stack), checkout.commit(of: stack) != good.commit {
      return PastDeployment(good)
    }
    return state.stacks[stack]?.history.first
  }

  /// A tag may have come to the repository since the last commit did.
  private func resolve(_ revision: String) async throws(GitError) -> String {
    do throws(GitError) { return try await mirror.resolve(revision) } catch {
      guard error.kind == .unknownRevision else { throw error }
      do throws(Failure) {
        _ = try await sources.first { (source, access) throws(GitError) in
          try await mirror.fetch(from: source.url, access: access, deadline: .seconds(60))
        }
      } catch { throw GitError(.unknownRevision, "\(revision) names no commit of \(settings.follow.phrase)") }
      return try await mirror.resolve(revision)
    }
  }
}
