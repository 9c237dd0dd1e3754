import Core
import Git

/// Brings the mirror up to date and names the target commit.
struct Fetch: Sendable {
  let settings: Settings
  let checkout: Checkout
  let sources: Sources

  struct Target: Sendable {
    let mirror: Mirror
    let tree: CommitTree
  }

  /// Gives the target: the branch's head, or the commit that was asked for. A dry run accepts no rewritten branch.
  func target(head listed: Sources.Answer<String>, request: SyncRequest) async throws(Failure) -> Target {
    do throws(GitError) {
      let mirror = try Mirror(at: checkout.mirror, branch: settings.branch, create: true)
      let accepted = try await mirror.head()
      var head = listed.value
      // A fetch that was cut off may have brought the commit and not its tags; what was accepted came whole.
      let there = await mirror.contains(head)
      if !there || accepted != head {
        // The branch may have moved on since it was listed.
        head = try await mirror.fetch(
          from: listed.source.url, access: listed.access, deadline: settings.sync.fetchTimeout)
      }
      // A second place may be behind the first: that is no rewritten branch.
      if listed.isMirror, let accepted, accepted != head, try await mirror.isAncestor(head, of: accepted) {
        head = accepted
      }
      var rewritten = false
      if let accepted, accepted != head {
        rewritten = try await !mirror.isAncestor(accepted, of: head)
        if rewritten {
          guard let id = request.acceptRewrite, id.count >= 7, head.hasPrefix(id) else {
            return try refuse(accepted, head, asked: request.acceptRewrite)
          }
        }
      }
      if accepted != head, !(rewritten && request.dryRun) { try await mirror.setHead(head) }
      var target = head
      if let commit = request.commit {
        target = try await mirror.resolve(commit)
        guard try await mirror.isAncestor(target, of: head) else {
          throw GitError(.unknownRevision, "\(commit) is no commit of the branch \(settings.branch)")
        }
      }
      let paths = try await mirror.entries(of: target).map(TrackedPath.init)
      return Target(mirror: mirror, tree: CommitTree(commit: target, paths: paths))
    } catch {
      throw Failure(error, settings: settings)
    }
  }

  /// Gives the head that the mirror knows, without asking the repository.
  func known() async throws(Failure) -> Target {
    do throws(GitError) {
      let mirror = try Mirror(at: checkout.mirror, branch: settings.branch, create: true)
      guard let head = try await mirror.head() else {
        throw GitError(.unknownRevision, "nothing was synced yet, so there is nothing to go back to")
      }
      let paths = try await mirror.entries(of: head).map(TrackedPath.init)
      return Target(mirror: mirror, tree: CommitTree(commit: head, paths: paths))
    } catch {
      throw Failure(error, settings: settings)
    }
  }

  /// Asks the repository for the branch's head.
  func head() async throws(Failure) -> Sources.Answer<String> {
    let deadline = min(settings.sync.fetchTimeout, Self.patience)
    return try await sources.first { (source, access) throws(GitError) in
      try await Mirror.remoteHead(of: source.url, branch: settings.branch, access: access, deadline: deadline)
    }
  }

  /// How long a repository may take to say what it has.
  private static let patience = Duration.seconds(60)

  private func refuse(_ accepted: String, _ head: String, asked: String?) throws(GitError) -> Target {
    throw GitError(
      .rewritten,
      "the branch \(settings.branch) was rewritten: \(accepted.prefix(12)) is no longer part of its head \(head.prefix(12))"
        + (asked.map { ", and \($0) is not that head" } ?? ""))
  }
}

extension TrackedPath {
  init(_ entry: TreeEntry) {
    let kind: Kind =
      switch entry.kind {
      case .file: .file
      case .executable: .executable
      case .symlink: .symlink
      case .submodule: .submodule
      case .directory: .directory
      }
    self.init(path: entry.path, kind: kind, id: entry.id)
  }
}

extension Failure {
  init(_ error: GitError, settings: Settings) {
    switch error.kind {
    case .cancelled:
      self.init(.interrupted, "the sync was interrupted", help: "sync again: nothing was changed")
    case .unreachable, .authentication, .certificate, .timedOut, .notARepository:
      self.init(
        .unreachable, error.message,
        help: error.help
          ?? "see that \(redacted(settings.repository)) can be reached from this host; what runs stays as it is")
    case .branchMissing, .emptyRepository:
      self.init(.unreachable, error.message, help: "push the branch \(settings.branch), or name another as `branch:`")
    case .unknownRevision, .ambiguousRevision:
      self.init(.configuration, error.message, help: "`git log --oneline \(settings.branch)` lists what can be named")
    case .unsafePath:
      self.init(.refused, error.message, help: "remove that file from the repository")
    case .rewritten:
      self.init(
        .refused, error.message, help: "if that was meant, look at the new head and sync once with --accept-rewrite ID")
    case .missingObject, .tooLarge, .storage, .other:
      self.init(
        .host, error.message,
        help: "see that \(settings.checkout) can be written and has room; where the mirror is damaged, remove "
          + "\(settings.checkout)/repo.git, and the next sync makes it anew")
    }
  }
}

extension Settings {
  /// The repository without what its URL may hold of credentials.
  public var shownRepository: String { redacted(repository) }
}
