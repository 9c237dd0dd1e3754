import Core
import Git

/// The places that the repository can be fetched from, tried in order.
struct Sources: Sendable {
  let access: Access
  let say: @Sendable (String) -> Void

  /// A place that answered.
  struct Answer<Value: Sendable>: Sendable {
    let value: Value
    let source: RepositorySource
    let access: RemoteAccess
    /// Whether it is not the first one, and so may be behind.
    let isMirror: Bool
  }

  /// Asks one place after the other until one answers. What answers that it has no such branch has answered.
  func first<Value: Sendable>(
    _ ask: (RepositorySource, RemoteAccess) async throws(GitError) -> Value
  ) async throws(Failure) -> Answer<Value> {
    let sources = access.settings.sources
    var failed: [GitError] = []
    for (index, source) in sources.enumerated() {
      let shown = try await access.access(to: source)
      do throws(GitError) {
        if !shown.hostName.isEmpty, shown.hostKeys.isEmpty { throw Self.unknownHost(shown) }
        let value = try await ask(source, shown)
        return Answer(value: value, source: source, access: shown, isMirror: index > 0)
      } catch {
        failed.append(error)
        guard Self.isElsewhere(error) else { break }
        if index + 1 < sources.count { say("warning: \(error.message); trying \(redacted(sources[index + 1].url))") }
      }
    }
    if failed.count > 1, let last = failed.last, Self.isElsewhere(last) {
      throw Failure(
        .unreachable, failed.map(\.message).joined(separator: "; "),
        help: failed.compactMap(\.help).first ?? "none of the URLs of `repository:` answers; what runs stays as it is")
    }
    throw Failure(failed.last ?? GitError(.other, "there is no repository"), settings: access.settings)
  }

  /// Whether another place may do better.
  private static func isElsewhere(_ error: GitError) -> Bool {
    [.unreachable, .authentication, .certificate, .timedOut, .notARepository].contains(error.kind)
  }

  private static func unknownHost(_ access: RemoteAccess) -> GitError {
    GitError(
      .certificate, "no key of the ssh server \(access.hostName) is known: \(access.knownHostsFile) has none",
      help:
        "`clup known-host '\(access.hostName)'` shows the keys' fingerprints: compare them with what the server's owner "
        + "publishes, and write them with `clup known-host --write '\(access.hostName)'`")
  }
}
