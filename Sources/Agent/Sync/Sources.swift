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
      switch try await answer(of: source, ask) {
      case .success(let (value, shown)):
        return Answer(value: value, source: source, access: shown, isMirror: index > 0)
      case .failure(let error):
        failed.append(error)
        guard Self.isElsewhere(error) else { throw Failure(error, settings: access.settings) }
        if index + 1 < sources.count { say("warning: \(error.message); trying \(redacted(sources[index + 1].url))") }
      }
    }
    if failed.count > 1 {
      throw Failure(
        .unreachable, failed.map(\.message).joined(separator: "; "),
        help: failed.compactMap(\.help).first
          ?? "check the URLs of `repository:` and the network: `clup doctor`; nothing new is deployed until then")
    }
    throw Failure(failed.last ?? GitError(.other, "there is no repository"), settings: access.settings)
  }

  /// Asks one place. A helper that gives no password is like a server that takes none: another place may do without. What is
  /// wrong with the configuration is wrong for all, and thrown.
  private func answer<Value: Sendable>(
    of source: RepositorySource, _ ask: (RepositorySource, RemoteAccess) async throws(GitError) -> Value
  ) async throws(Failure) -> Result<(Value, RemoteAccess), GitError> {
    let shown: RemoteAccess
    do throws(Failure) { shown = try await access.access(to: source) } catch {
      guard error.kind == .unreachable else { throw error }
      return .failure(GitError(.authentication, error.message, help: error.help))
    }
    do throws(GitError) {
      if !shown.hostName.isEmpty, shown.hostKeys.isEmpty { throw Self.unknownHost(shown) }
      return .success((try await ask(source, shown), shown))
    } catch { return .failure(error) }
  }

  /// Whether another place may do better.
  private static func isElsewhere(_ error: GitError) -> Bool {
    [.unreachable, .authentication, .certificate, .timedOut, .notARepository].contains(error.kind)
  }

  static func unknownHost(_ access: RemoteAccess) -> GitError {
    GitError(
      .certificate, "\(access.knownHostsFile) has no key of the ssh server \(access.hostName)",
      help:
        "`clup known-host '\(access.hostName)'` shows the keys' fingerprints: compare them with what the server's owner "
        + "publishes, and write them with `clup known-host --write '\(access.hostName)'`")
  }
}
