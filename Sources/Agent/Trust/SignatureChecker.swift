import Core
import Encoding
import Git
import Glibc
import Processes

/// Checks signatures by the programs that own them: `ssh-keygen -Y` and `gpgv`.
///
/// What they say to people decides nothing: their exit status does, or the lines of gpgv's status descriptor.
struct SignatureChecker: Sendable {
  private let trust: TrustSettings
  private let allowedSigners: [UInt8]
  private let searchPath: String
  /// A directory that nobody else can read, for signatures: both programs want them as files.
  private let scratch: String

  /// Reads whose signatures count; refuses files that somebody else could write.
  init(_ trust: TrustSettings, environment: [String: String], scratch: String) throws(Failure) {
    self.trust = trust
    self.scratch = scratch
    searchPath = environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for (key, path) in [
      ("allowed_signers_file", trust.allowedSignersFile), ("revoked_signers_file", trust.revokedSignersFile),
      ("gpg_keyring_file", trust.gpgKeyringFile),
    ] {
      if let path { try Self.refuseWhatOthersWrite(path, key) }
    }
    allowedSigners = trust.allowedSignersFile.flatMap { Files.read($0) } ?? []
    if let path = trust.gpgKeyringFile, Files.read(path, limit: 8 << 20)?.starts(with: Array("-----BEGIN".utf8)) == true
    {
      throw Failure(
        .configuration, "trust: the keyring \(path) is armoured text, which gpgv does not read",
        help: "convert it: `gpg --dearmor < \(path) > \(path).gpg`, and name that file")
    }
  }

  private static func refuseWhatOthersWrite(_ path: String, _ key: String) throws(Failure) {
    guard let resolved = Files.resolved(path), let found = Files.status(resolved), Files.isRegular(found),
      access(resolved, R_OK) == 0
    else {
      throw Failure(
        .configuration, "trust: cannot read \(path), which `\(key):` names", help: "create it, or name another file")
    }
    guard Files.isGuarded(found) else {
      throw Failure(
        .configuration, "trust: \(path) can be changed by other users than the one who runs clup",
        help: "`chown root \(path) && chmod 644 \(path)`")
    }
  }

  /// Checks what signs an object that was made at `time`, in seconds since 1970.
  func check(_ object: SignedObject, at time: Int64) async throws(Failure) -> SignatureCheck {
    guard let signature = object.signature else { return SignatureCheck(.unsigned) }
    if let problem = object.problem { return SignatureCheck(.badSignature, detail: problem) }
    let file = "\(scratch)/\(randomName()).sig"
    try Files.write(file, signature, mode: 0o600)
    defer { Files.remove(file) }
    switch object.format {
    case .ssh: return try await checkSSH(signature, object.content, file, Self.moment(time))
    case .openPGP:
      guard let keyring = trust.gpgKeyringFile else {
        return SignatureCheck(
          .unknownKey, detail: "it is an OpenPGP key, and the configuration has no gpg_keyring_file")
      }
      let outcome = try await run(
        "gpgv", ["--homedir", scratch, "--keyring", keyring, "--status-fd", "1", file, "-"], object.content)
      return OpenPGPStatus.check(outcome.outputText, at: time)
    case .other: return SignatureCheck(.unknownKey, detail: "it is neither an SSH nor an OpenPGP signature")
    }
  }

  private func checkSSH(
    _ signature: [UInt8], _ content: [UInt8], _ file: String, _ moment: String
  ) async throws(Failure) -> SignatureCheck {
    guard let allowed = trust.allowedSignersFile else {
      return SignatureCheck(.unknownKey, detail: "it is an SSH key, and the configuration has no allowed_signers_file")
    }
    guard let parsed = SSHSignature(signature) else {
      return SignatureCheck(.badSignature, detail: "it cannot be read")
    }
    let then = ["-O", "verify-time=\(moment)"]
    let found = try await run("ssh-keygen", ["-Y", "find-principals", "-s", file, "-f", allowed] + then, [])
    let principals =
      found.succeeded ? found.outputText.split(separator: "\n").map { String($0).trimmed }.filter { !$0.isEmpty } : []
    func verifies(_ principal: String, _ more: [String]) async throws(Failure) -> Outcome {
      try await run(
        "ssh-keygen", ["-Y", "verify", "-f", allowed, "-I", principal, "-n", "git", "-s", file] + then + more, content)
    }
    let revoked = trust.revokedSignersFile.map { ["-r", $0] } ?? []
    for principal in principals {
      let outcome = try await verifies(principal, revoked)
      if outcome.succeeded {
        return SignatureCheck(.good, signer: principal, key: Self.fingerprint(in: outcome.outputText))
      }
    }
    // Why not: the content, the key, or the time.
    let plain = try await run("ssh-keygen", ["-Y", "check-novalidate", "-n", "git", "-s", file], content)
    let (signer, key) = (principals.first, Self.fingerprint(in: plain.outputText))
    guard plain.succeeded else { return SignatureCheck(.badSignature, signer: signer) }
    for principal in principals where !revoked.isEmpty {
      if try await verifies(principal, []).succeeded { return SignatureCheck(.revokedKey, signer: principal, key: key) }
    }
    guard parsed.isNamed(in: allowedSigners) else { return SignatureCheck(.unknownKey, signer: signer, key: key) }
    return principals.isEmpty
      ? SignatureCheck(.expiredKey, key: key)
      : SignatureCheck(
        .unknownKey, signer: signer, key: key, detail: "\(allowed) does not let it sign for the namespace git")
  }

  /// The key as ssh-keygen calls it, to be shown.
  private static func fingerprint(in text: String) -> String? {
    text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("SHA256:") }.map(String.init)
  }

  /// A time as ssh-keygen takes it, in UTC.
  private static func moment(_ time: Int64) -> String {
    // From 1970 to the end of the year 9999.
    text(of: time_t(min(max(time, 0), 253_402_300_799)), as: "%Y%m%d%H%M%SZ", inUTC: true)
  }

  private func run(_ name: String, _ arguments: [String], _ input: [UInt8]) async throws(Failure) -> Outcome {
    guard let program = Processes.find(name, in: searchPath) else {
      throw Failure(
        .host, "there is no \(name) command in \(searchPath), and trust: needs it",
        help: "install \(name == "gpgv" ? "gpgv" : "openssh-client")")
    }
    let outcome = try await Command(
      program, arguments, environment: ["PATH": searchPath, "HOME": scratch, "LC_ALL": "C"], directory: scratch,
      input: input, deadline: .seconds(30), outputLimit: 1 << 20, memoryLimit: 1 << 30
    ).outcome()
    guard case .exited = outcome.status, !outcome.deadlineExceeded else {
      let keys = name == "gpgv" ? trust.gpgKeyringFile : trust.allowedSignersFile
      throw Failure(
        .host,
        outcome.deadlineExceeded
          ? "\(program) did not end within 30 s and was stopped" : "\(program) was \(outcome.status)",
        help: "sync again; if it repeats, check the host's memory and \(keys ?? "the files of trust:")")
    }
    return outcome
  }
}
