import Core
import Git
import Glibc

extension Init {
  /// Finds the repository: what was named, or the clone that what runs here was made from.
  func source(_ services: [RunningService], _ scratch: String) async throws(Failure) -> Source {
    guard let named = request.source else { return try await clone(try running(services), named: nil) }
    if let directory = Files.resolved(named), try origin(of: directory) != nil {
      return try await clone(directory, named: named)
    }
    return try await fetched(named, scratch)
  }

  private func origin(of directory: String) throws(Failure) -> WorkTree.Origin? {
    do throws(GitError) { return try WorkTree.origin(of: directory) } catch {
      throw Failure(.configuration, error.message, help: "name the repository's URL instead")
    }
  }

  /// Finds the one clone that containers run from, or that the Compose files lead to which they were made from.
  private func running(_ services: [RunningService]) throws(Failure) -> String {
    var found: Set<String> = []
    for file in Set(services.flatMap(\.files)) {
      guard let real = Files.resolved(file), let origin = try origin(of: Path.parent(real)) else { continue }
      found.insert(origin.directory)
    }
    if let only = found.first, found.count == 1 { return only }
    throw Failure(
      .configuration,
      found.isEmpty
        ? "no repository was named, and no container on this host was made from a clone of one"
        : "containers on this host were made from several clones: \(found.sorted().joined(separator: ", "))",
      help: "name the repository: `clup init https://github.com/you/host.git`, or the directory of a clone")
  }

  private func clone(_ directory: String, named: String?) async throws(Failure) -> Source {
    guard let origin = try origin(of: directory) else {
      throw Failure(.configuration, "\(named ?? directory) is not a git repository", help: "name a URL or a clone")
    }
    guard let branch = request.branch ?? origin.branch else {
      throw Failure(
        .configuration, "the clone \(origin.directory) has a detached HEAD",
        help: "name the one to follow with --branch")
    }
    // A clone that came from nowhere can be followed itself; a relative path starts from it.
    let url = origin.url.map {
      RepositoryURL($0)?.scheme == .file && !$0.contains("://") ? Path.join(origin.directory, $0) : $0
    }
    let settings = Settings(repository: url ?? origin.directory, branch: branch, liveRoot: "/", checkout: "/")
    return try await settings.inMirror { () throws(GitError) in
      let mirror = try Mirror(at: origin.repository, branch: branch, create: false)
      guard let head = try await mirror.head() else {
        throw Self.missing("the clone \(origin.directory) has no branch \(branch)")
      }
      return Source(
        url: settings.repository, branch: branch, tree: try await CommitTree(of: head, in: mirror, settings),
        tracked: .commit(mirror, stage: ""), clone: origin.directory)
    }
  }

  /// There is no configuration yet that could name another branch.
  private static func missing(_ message: String) -> GitError {
    GitError(.branchMissing, message, help: "name another with `--branch`")
  }

  /// Fetches the repository into a directory that goes away again.
  private func fetched(_ url: String, _ scratch: String) async throws(Failure) -> Source {
    say("asking \(redacted(url))")
    let checkout = Checkout(path: "\(scratch)/checkout")
    try checkout.prepare()
    var settings = Settings(repository: url, branch: "", liveRoot: "/", checkout: checkout.path)
    if let credentials = request.credentials { settings.credentials = credentials }
    if !url.contains(":"), !Path.isAbsolute(url) { settings.repository = Path.join(Files.resolved(".") ?? "/", url) }
    func fetch() -> Fetch { Fetch(settings: settings, checkout: checkout, environment: environment, say: say) }
    var branch = request.branch
    if branch == nil {
      branch = try await fetch().sources.first { (source, access) throws(GitError) in
        try await Mirror.remoteBranch(of: source.url, access: access, deadline: .seconds(60))
      }.value
    }
    guard let branch else {
      throw Failure(.refused, "\(redacted(url)) has no commit yet", help: "push one, and run `clup init` again")
    }
    settings.follow = .branch(branch)
    let listed = try await fetch().sources.first { (source, access) throws(GitError) in
      do throws(GitError) {
        return FollowedHead(
          commit: try await Mirror.remoteHead(
            of: source.url, branch: branch, access: access, deadline: .seconds(60)))
      } catch { throw error.kind == .branchMissing ? Self.missing(error.message) : error }
    }
    let brought = try await fetch().brought(listed).head.get()
    let target = try await fetch().target(brought, request: SyncRequest(), deployed: false)
    return Source(
      url: settings.repository, branch: branch, tree: target.tree, tracked: .commit(target.mirror, stage: ""))
  }

  /// Finds the submodules in which a stack's files name something by a relative path.
  func submodules(of discovery: Discovery, _ source: Source) async throws(Failure) -> [String] {
    let modules = source.tree.files.filter { $0.kind == .submodule }.map(\.path)
    if modules.isEmpty { return [] }
    var used: Set<String> = []
    for stack in discovery.stacks {
      for path in discovery.made[stack.name] ?? [] {
        guard let entry = source.tree[path], entry.isRegular,
          let bytes = try await source.tracked.smallContents(of: entry)
        else { continue }
        for scalar in ComposeSource.documents(path: path, bytes: bytes).compactMap(\.document).flatMap(\.scalars) {
          guard scalar.text.hasPrefix(".") || ["build", "context"].contains(scalar.keys.last) else { continue }
          let named = Path.join(stack.place.directory, String(scalar.text.prefix { $0 != ":" }))
          used.formUnion(modules.filter { Path.relative(named, to: $0) != nil })
        }
      }
    }
    return used.sorted()
  }
}
