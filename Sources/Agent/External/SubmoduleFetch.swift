import Core
import Git

/// Fetches the commit that the repository names for a submodule, into a repository of the submodule's own.
///
/// By libgit2, like the repository itself: with the same rules of whom to trust, the same deadlines, and no secret in the
/// hands of another program. Nothing in a submodule is executed, and none of its settings count.
struct SubmoduleFetch: Sendable {
  let stored: StoredContent
  let access: Access

  private var settings: Settings { stored.settings }

  /// Fetches; where the commit itself is to blame, the tree keeps why not.
  func fetch(_ module: TrackedPath, in tree: CommitTree) async throws(Failure) {
    func refuse(_ message: String, help: String) { tree.refuse(module.path, CommitTree.Refusal(message, help: help)) }
    guard let text = try await url(of: module, in: tree) else {
      return refuse(
        "\(module.path) is a submodule for which .gitmodules names no URL, or more than one",
        help: "name one: `git submodule add URL \(module.path)`")
    }
    let places = places(text)
    guard let first = places.first else {
      return refuse(
        "the submodule \(module.path) is not fetched from \(redacted(text).printable): only https, ssh and the "
          + "repository's own host are allowed",
        help: "name such a URL, or a relative one: `git submodule set-url \(module.path) URL`")
    }
    try Files.makeDirectories(stored.checkout.modules, mode: 0o700)
    let path = "\(stored.checkout.modules)/\(blobID(of: Array(first.url.utf8))).git"
    let store = try StoredContent.open(path)
    var failed: [GitError] = []
    for place in places {
      let shown = try await access.access(to: place)
      do throws(GitError) {
        if !shown.hostName.isEmpty, shown.hostKeys.isEmpty { throw Sources.unknownHost(shown) }
        try await store.fetch(
          pinned: module.id, from: place.url, access: shown, deadline: settings.sync.fetchTimeout)
        try await store.keep(module.id, as: "submodule", for: tree.commit)
        return try await stored.mirror.include(path)
      } catch {
        if error.kind == .cancelled { throw Failure(error, settings: settings) }
        failed.append(place.credentials == own(place.url) ? error : anonymousFailure(error))
      }
    }
    throw failure(module, failed)
  }

  private func failure(_ module: TrackedPath, _ failed: [GitError]) -> Failure {
    let isAbsent = failed.contains { $0.kind == .branchMissing }
    let help =
      isAbsent
      ? "push the commit \(module.id.prefix(12)) there, or name another one in the repository"
      : failed.compactMap(\.help).first
        ?? "check that it can be reached from this host; nothing new is deployed until then"
    let isDisk = failed.allSatisfy { $0.kind == .storage }
    return Failure(
      isDisk ? .host : .unreachable,
      "the submodule \(module.path) cannot be fetched: " + failed.map(\.message).joined(separator: "; "), help: help)
  }

  private func url(of module: TrackedPath, in tree: CommitTree) async throws(Failure) -> String? {
    guard let file = tree[".gitmodules"], file.isRegular else { return nil }
    do throws(GitError) {
      let text = String(decoding: try await stored.mirror.contents(of: file.id, limit: 1 << 20), as: UTF8.self)
      return Submodules(parsing: text).url(of: module.path)
    } catch {
      if error.kind == .tooLarge { return nil }
      throw Failure(error, settings: settings)
    }
  }

  /// Where the submodule can be fetched from, each with what that place is shown: what the configuration has for the same
  /// scheme, host and port, and to any other one nothing that says who asks.
  private func places(_ text: String) -> [RepositorySource] {
    var places: [RepositorySource] = []
    for source in settings.sources {
      guard let url = RepositoryURL.submodule(text, of: source.url), !places.contains(where: { $0.url == url }) else {
        continue
      }
      places.append(RepositorySource(url: url, credentials: own(url) ?? source.credentials.anonymous))
    }
    return places
  }

  /// What the configuration has for a place.
  private func own(_ url: String) -> Credentials? {
    settings.sources.first { source in
      guard let known = RepositoryURL(source.url), let url = RepositoryURL(url) else { return false }
      return known.isSamePlace(as: url)
    }?.credentials
  }

  /// A token would be of no use there: it is not shown.
  private func anonymousFailure(_ error: GitError) -> GitError {
    guard error.kind == .authentication else { return error }
    return GitError(
      error.kind, error.message,
      help: "credentials go to the repository's own server alone: keep the submodule there, or let everybody read it")
  }
}
