import Core
import FoundationEssentials
import Git
import Glibc
import Processes

/// The file that lists the keys of ssh servers. OpenSSH's own programs read it, so that hashed names, patterns and ports mean
/// what they mean to ssh(1).
struct KnownHosts: Sendable {
  let file: String
  let path: String

  /// `environment` is clup's own; `PATH` says where the programs are.
  init(settings: Settings, credentials: Credentials, environment: [String: String]) throws(Failure) {
    file = try HostFile(credentials.knownHostsFile ?? "known_hosts", settings: settings, environment: environment).path
    path = environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  }

  /// Returns the keys that a host may have, the best kinds first.
  func keys(of host: String) async throws(Failure) -> [RemoteAccess.HostKey] {
    guard let found = Files.followed(file) else { return [] }
    guard Files.isGuarded(found) else {
      throw Failure(
        .configuration, "other users can change \(file), which says which servers clup trusts",
        help: "chown \(geteuid()) \(file); chmod 644 \(file)")
    }
    let outcome = try await call("ssh-keygen", ["-F", host, "-f", file])
    return Self.parse(outcome.outputText)
  }

  /// Reads what `ssh-keygen -F` and `ssh-keyscan` print. Certificate authorities are left out: libssh2 knows none.
  static func parse(_ text: String) -> [RemoteAccess.HostKey] {
    let ranks = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"]
    var keys: [(rank: Int, key: RemoteAccess.HostKey)] = []
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      var words = line.split(separator: " ").map(String.init)
      let mark = words.first.flatMap { $0.hasPrefix("@") ? $0 : nil }
      if mark != nil { words.removeFirst() }
      guard words.count >= 3, mark == nil || mark == "@revoked", let data = Data(base64Encoded: words[2]) else {
        continue
      }
      let key = RemoteAccess.HostKey(type: words[1], bytes: Array(data), isRevoked: mark != nil)
      keys.append((ranks.firstIndex(of: key.type) ?? ranks.count, key))
    }
    return keys.sorted { $0.rank < $1.rank }.map(\.key)
  }

  /// Runs one of OpenSSH's programs; one that is not there is named.
  func call(_ name: String, _ arguments: [String], input: [UInt8] = []) async throws(Failure) -> Outcome {
    guard let program = Processes.find(name, in: path) else {
      throw Failure(.host, "there is no \(name) command in \(path)", help: "install openssh-client")
    }
    do throws(ProcessError) {
      return try await run(
        Command(program, arguments, environment: ["PATH": path], directory: "/", input: input, deadline: .seconds(30)))
    } catch {
      throw Failure(Task.isCancelled ? .interrupted : .host, error.message, help: "check that \(program) can be run")
    }
  }
}
