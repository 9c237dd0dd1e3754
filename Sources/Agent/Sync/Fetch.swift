import Core
import Git
import Glibc
import Processes

/// Brings the mirror up to date and names the target commit.
struct Fetch: Sendable {
  let settings: Settings
  let checkout: Checkout
  let environment: [String: String]
  let sources: Sources
  /// Whether it is noted that the repository answers.
  let notes: Bool

  init(
    settings: Settings, checkout: Checkout, environment: [String: String], notes: Bool = false,
    say: @escaping @Sendable (String) -> Void
  ) {
    (self.settings, self.checkout, self.environment, self.notes) = (settings, checkout, environment, notes)
    sources = Sources(access: Access(settings: settings, environment: environment, checkout: checkout), say: say)
  }

  struct Target: Sendable {
    let mirror: Mirror
    let tree: CommitTree
    /// What is followed, as it was found.
    let head: FollowedHead
  }

  /// What the repository has.
  struct Brought: Sendable {
    /// Where it was found.
    let listed: Result<Sources.Answer<FollowedHead>, Failure>
    /// The mirror with it, and the head as it came.
    let head: Result<(mirror: Mirror, head: FollowedHead), Failure>
  }

  /// Asks for the head, unless that was done already, and brings it.
  func brought(_ listed: Sources.Answer<FollowedHead>?) async -> Brought {
    let answer: Sources.Answer<FollowedHead>
    do throws(Failure) { answer = if let listed { listed } else { try await head() } } catch {
      return Brought(listed: .failure(error), head: .failure(error))
    }
    do throws(Failure) {
      let mirror = try await open()
      return Brought(listed: .success(answer), head: .success((mirror, try await bring(answer, into: mirror))))
    } catch {
      return Brought(listed: .success(answer), head: .failure(error))
    }
  }

  /// Returns the target: the head of what is followed, or the commit that was asked for. `deployed` says whether anything
  /// ever was: before that there is nothing to rewrite. A dry run accepts no rewritten branch.
  func target(
    _ brought: (mirror: Mirror, head: FollowedHead), request: SyncRequest, deployed: Bool
  ) async throws(Failure) -> Target {
    let (mirror, head) = brought
    let change = try await HeadChange(to: head, in: mirror, settings: settings, deployed: deployed)
    if let refusal = change.refusal(accepting: request.acceptRewrite) { throw refusal }
    if settings.trust.isOn, let refusal = try await check(change, in: mirror, whole: false).refusal {
      throw signatureFailure(refusal, change)
    }
    if !(change.isRewrite && request.dryRun) { try await accept(change, in: mirror) }
    return try await settings.inMirror { () throws(GitError) in
      var target = head.commit
      if let commit = request.commit {
        target = try await mirror.resolve(commit)
        // Another sync may have accepted a newer head since, and `HEAD` names that.
        let newest = change.isRewrite ? nil : try await mirror.head()
        guard try await mirror.isAncestor(target, of: newest ?? head.commit) else {
          throw GitError(.unknownRevision, "\(commit) is not a commit of \(settings.follow.phrase)")
        }
      }
      return Target(mirror: mirror, tree: try await CommitTree(of: target, in: mirror, settings), head: head)
    }
  }

  /// Returns the head that the mirror knows, without asking the repository.
  func known() async throws(Failure) -> Target {
    let mirror = try await open()
    let found = try await settings.inMirror { () throws(GitError) -> Target? in
      guard let head = try await mirror.head() else { return nil }
      return Target(
        mirror: mirror, tree: try await CommitTree(of: head, in: mirror, settings), head: FollowedHead(commit: head))
    }
    if let found { return found }
    throw Failure(
      .configuration, "nothing was synced yet, so there is nothing to go back to", help: "run `clup sync` first")
  }

  /// Opens the mirror, or makes it.
  func open() async throws(Failure) -> Mirror {
    let mirror = try open(checkout.mirror)
    // What was brought is needed to go back to, also once it is no longer wanted.
    try await StoredContent(settings: settings, checkout: checkout, mirror: mirror).include()
    return mirror
  }

  func open(_ path: String) throws(Failure) -> Mirror {
    do throws(GitError) {
      return try Mirror(at: path, branch: settings.follow.mirrorBranch, create: true)
    } catch {
      throw Failure(error, settings: settings)
    }
  }

  /// Whether the host's own configuration names the commit, which needs no descent.
  var isFixed: Bool { if case .commit = settings.follow { true } else { false } }

  /// Asks the repository where what is followed leads. A commit is known beforehand.
  func head() async throws(Failure) -> Sources.Answer<FollowedHead> {
    let deadline = min(settings.sync.fetchTimeout, Self.patience)
    let head = try await sources.first { (source, access) throws(GitError) in
      switch settings.follow {
      case .branch(let name):
        return FollowedHead(
          commit: try await Mirror.remoteHead(of: source.url, branch: name, access: access, deadline: deadline))
      case .commit(let id): return FollowedHead(commit: id)
      case .tag(let pattern):
        let tags = try await Mirror.remoteTags(of: source.url, access: access, deadline: deadline)
        let name = TagPattern(pattern).highest(among: tags.map(\.name))
        guard let tag = tags.first(where: { $0.name == name }) else {
          throw GitError(.branchMissing, "\(redacted(source.url)) has no release among the tags \(pattern)")
        }
        return FollowedHead(commit: tag.commit, tag: tag)
      }
    }
    // A fixed commit is asked of nobody.
    if case .commit = settings.follow { return head }
    if notes { checkout.noteReached() }
    return head
  }

  /// How long a repository may take to say what it has.
  private static let patience = Duration.seconds(60)

  /// Brings the head and its history, unless they are there, and gives it as it came: it may have moved since it was listed.
  func bring(_ answer: Sources.Answer<FollowedHead>, into mirror: Mirror) async throws(Failure) -> FollowedHead {
    let (listed, url, deadline) = (answer.value, answer.source.url, settings.sync.fetchTimeout)
    return try await settings.inMirror { () throws(GitError) in
      // A fetch that was cut off may have brought the commit and not its tags; what was accepted came whole.
      let accepted = try await mirror.head()
      let tag = try await mirror.acceptedTag()
      if accepted == listed.commit, listed.tag == nil || listed.tag == tag, await mirror.contains(listed.commit) {
        return listed
      }
      switch settings.follow {
      case .branch:
        let head = try await mirror.fetch(from: url, access: answer.access, deadline: deadline)
        // A second place may be behind the first: that is no rewritten branch.
        if answer.isMirror, let accepted, accepted != head, try await mirror.isAncestor(head, of: accepted) {
          return FollowedHead(commit: accepted)
        }
        return FollowedHead(commit: head)
      case .commit(let id):
        if await !mirror.contains(id) {
          try await mirror.fetch(commit: id, from: url, access: answer.access, deadline: deadline)
        }
        return listed
      case .tag:
        guard let name = listed.tag?.name else { return listed }
        let tag = try await mirror.fetch(tag: name, from: url, access: answer.access, deadline: deadline)
        return FollowedHead(commit: tag.commit, tag: tag)
      }
    }
  }

  /// Checks the signatures that a move to a new head needs; nothing is asked where all of it was trusted before. To be
  /// shown, the `whole` list is checked; with `alone` the head whatever was trusted before.
  func check(_ change: HeadChange, in mirror: Mirror, whole: Bool, alone: Bool = false) async throws(Failure)
    -> Trust.Finding
  {
    if change.isTrusted, !whole { return Trust.Finding() }
    let scratch = checkout.scratch()
    try Files.makeDirectories(scratch, mode: 0o700)
    defer { Files.remove(scratch) }
    let checker = try SignatureChecker(settings.trust, environment: environment, scratch: scratch)
    return try await Trust(mirror: mirror, checker: checker).check(
      change.head, after: change.isTrusted || alone ? nil : change.trusted, whole: whole)
  }

  /// Returns what a sync says of a head that is not signed as it should be.
  func signatureFailure(_ refusal: String, _ change: HeadChange) -> Failure {
    Failure(
      .refused, refusal,
      help: change.head.tag == nil
        ? "`clup verify` lists every commit that needs a signature; sign them again with "
          + (change.trusted.map { "`git rebase --force-rebase --gpg-sign \($0.prefix(12))`" }
            ?? "`git commit --amend --no-edit -S`")
          + ", and push; if that replaces a commit that was deployed, sync once with --accept-rewrite"
        : "sign the tag again (`git tag -s -f`) and push it, or add its key to those that the configuration names")
  }

  private func isAccepted(_ change: HeadChange, in mirror: Mirror) async -> Bool {
    guard change.accepted == change.head.commit, !settings.trust.isOn || change.isTrusted else { return false }
    do throws(GitError) { return try await mirror.acceptedTag() == change.head.tag } catch { return false }
  }

  /// Takes the head, unless another sync has taken a later one meanwhile.
  private func accept(_ change: HeadChange, in mirror: Mirror) async throws(Failure) {
    if await isAccepted(change, in: mirror) { return }
    let lock = try checkout.lockRecords()
    defer { unlock(lock) }
    try await settings.inMirror { () throws(GitError) in
      let accepted = try await mirror.head()
      if let accepted, accepted != change.accepted, try await mirror.isAncestor(change.head.commit, of: accepted) {
        return
      }
      if settings.trust.isOn, !change.isTrusted { try await mirror.setTrusted(change.head.commit) }
      if accepted != change.head.commit { try await mirror.setHead(change.head.commit) }
      try await mirror.setAcceptedTag(change.head.tag)
    }
  }
}

extension CommitTree {
  /// Reads a commit's tree; it takes in what git only names where the host wants that.
  init(of commit: String, in mirror: Mirror, _ settings: Settings) async throws(GitError) {
    self.init(
      commit: commit, paths: try await mirror.entries(of: commit).map(TrackedPath.init), growing: settings.git.isOn)
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
          ?? "check that \(redacted(settings.repository)) can be reached from this host; nothing new is deployed until then"
      )
    case .branchMissing, .emptyRepository:
      self.init(
        .unreachable, error.message,
        help: error.help ?? "push \(settings.follow.phrase), or name something else as `branch:`, `tag:` or `commit:`")
    case .unknownRevision, .ambiguousRevision:
      self.init(
        .configuration, error.message,
        help:
          "`git log --oneline\(settings.follow.isBranch ? " \(settings.branch)" : "")` lists the commits that you can name"
      )
    case .unsafePath:
      self.init(.refused, error.message, help: "remove that file from the repository")
    case .full:
      self.init(
        .host, error.message,
        help: "make room there; nothing new is deployed until then, and clup tries again by itself",
        outage: .disk)
    case .missingObject, .tooLarge, .storage, .other:
      self.init(
        .host, error.message,
        help: "check that \(settings.checkout) can be written and has room; if the mirror is damaged, delete "
          + "\(settings.checkout)/repo.git, and the next sync fetches it again",
        outage: Files.isFull(settings.checkout) ? .disk : nil)
    }
  }
}

extension Settings {
  /// Works with the mirror; what goes wrong there ends the sync.
  func inMirror<Value>(_ work: () async throws(GitError) -> Value) async throws(Failure) -> Value {
    do throws(GitError) { return try await work() } catch { throw Failure(error, settings: self) }
  }

  /// The repository without what its URL may hold of credentials.
  public var shownRepository: String { redacted(repository) }
}
