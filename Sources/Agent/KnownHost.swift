import Core
import FoundationEssentials
import Git
import Glibc

/// What an ssh server shows as its keys, beside what is known of it.
public struct KnownHost: Encodable, Sendable, Equatable {
  /// One key of the server.
  public struct Key: Encodable, Sendable, Equatable {
    /// How it stands beside the file.
    public enum TrustState: String, Encodable, Sendable { case known, new, changed, written, revoked }

    /// Its kind, such as `ssh-ed25519`.
    public let type: String
    /// Its fingerprint as OpenSSH shows it, `SHA256:…`.
    public let fingerprint: String
    /// How it stands beside the file.
    public var trustState: TrustState
    /// The line for the file.
    let line: String

    enum CodingKeys: String, CodingKey { case type, fingerprint, trustState = "standing" }
  }

  /// The version of this form.
  public let schema = "clup.known-host/1"
  /// The host as the file names it: `host`, or `[host]:port`.
  public let host: String
  /// The file.
  public let file: String
  /// What the server shows.
  public var keys: [Key]

  /// Asks the server of the repository, or another one, given as `HOST` or `HOST:PORT`.
  public static func look(
    at operand: String?, settings: Settings, environment: [String: String]
  ) async throws(Failure) -> KnownHost {
    let source = try settings.source(of: operand)
    let known = try KnownHosts(settings: settings, credentials: source.credentials, environment: environment)
    let port = source.url.port ?? 22
    let scan = try await known.call("ssh-keyscan", ["-T", "10", "-p", String(port), source.url.host])
    let lines = scan.outputText.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.hasPrefix("#") }
    guard !lines.isEmpty else {
      throw Failure(
        .unreachable, "\(source.url.host) shows no ssh key at port \(port)",
        help: "check that an ssh server answers there")
    }
    let before = try await known.keys(of: source.url.knownHostName)
    var keys: [Key] = []
    for line in lines.sorted() {
      guard let key = KnownHosts.parse(line).first else { continue }
      let same = before.first { $0.bytes == key.bytes }
      let trustState: Key.TrustState =
        same.map { $0.isRevoked ? .revoked : .known } ?? (before.contains { $0.type == key.type } ? .changed : .new)
      let printed = try await known.call("ssh-keygen", ["-l", "-f", "-"], input: Array((line + "\n").utf8))
      let fingerprint = printed.outputText.split(separator: " ").dropFirst().first.map(String.init) ?? "?"
      keys.append(Key(type: key.type, fingerprint: fingerprint, trustState: trustState, line: line))
    }
    return KnownHost(host: source.url.knownHostName, file: known.file, keys: keys)
  }

  /// Adds the keys that are new to the file, or only the one with this fingerprint.
  ///
  /// Where the file has another key of the same kind, nothing is written: somebody has to remove that one first.
  public mutating func write(only fingerprint: String?) throws(Failure) {
    if let changed = keys.first(where: { $0.trustState == .changed || $0.trustState == .revoked }) {
      throw Failure(
        .refused, "\(host) shows \(changed.type) \(changed.fingerprint), and \(file) has another or has revoked it",
        help: "someone may be intercepting the connection. If the server's owner says that its key changed: "
          + "`ssh-keygen -R '\(host)' -f \(file)`, then `clup known-host --write`")
    }
    let wanted = keys.indices.filter { index in
      keys[index].trustState == .new && (fingerprint == nil || keys[index].fingerprint == fingerprint)
    }
    if let fingerprint, !keys.contains(where: { $0.fingerprint == fingerprint }) {
      throw Failure(
        .refused, "\(host) shows no key with the fingerprint \(fingerprint)",
        help: "someone may be intercepting the connection: ask the server's owner")
    }
    if wanted.isEmpty { return }
    let old = Files.read(file) ?? []
    let gap: [UInt8] = old.isEmpty || old.last == 10 ? [] : [10]
    let added = wanted.map { keys[$0].line + "\n" }.joined()
    try Files.makeDirectories(Path.parent(file))
    try Files.replace(file, with: old + gap + Array(added.utf8), mode: 0o644)
    for index in wanted { keys[index].trustState = .written }
  }
}

extension Settings {
  /// Finds the ssh server that is meant, and what the configuration says of it.
  fileprivate func source(of operand: String?) throws(Failure) -> (url: RepositoryURL, credentials: Credentials) {
    let known = sources.compactMap { source in
      RepositoryURL(source.url).flatMap { $0.scheme == .ssh ? ($0, source.credentials) : nil }
    }
    guard let operand else {
      guard let first = known.first else {
        throw Failure(
          .configuration, "the repository is not fetched by ssh", help: "name a host: `clup known-host HOST[:PORT]`")
      }
      return first
    }
    // As `known_hosts` writes it: a name in brackets is none of a URL's.
    let plain = operand.wholeMatch(of: /\[([^\[\]:]+)\](:[0-9]+)/).map { "\($0.1)\($0.2)" } ?? operand
    if let same = known.first(where: { (url, _) in
      [url.host, url.knownHostName, url.port.map { "\(url.host):\($0)" }].contains(plain)
    }) {
      return same
    }
    guard let url = RepositoryURL("ssh://\(plain)/"), url.user == nil else {
      throw Failure(.configuration, "\(operand) is not a valid host", help: "clup known-host HOST[:PORT]")
    }
    return (url, known.first?.1 ?? credentials)
  }
}
