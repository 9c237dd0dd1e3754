import CGit2
import Glibc

/// Answers what libgit2 asks while it connects: who is there, and whether the server is the right one.
///
/// Belongs to one connection and its thread.
final class Login {
  let access: RemoteAccess
  private let url: String
  private let isSSH: Bool
  /// Why the connection was refused, in clup's words.
  private(set) var refusal: GitError?
  /// What was offered and not taken.
  private var offered: [String] = []

  init(_ access: RemoteAccess, url: String) {
    self.access = access
    self.url = url
    isSSH = url.hasPrefix("ssh://") || !url.contains("://")
  }

  /// Returns the error to throw for one of libgit2's: the refusal, where that was the cause.
  func explained(_ error: GitError) -> GitError {
    if let refusal { return refusal }
    // A key that cannot be read, or is of a kind that the server does not take, leads to no second question.
    if isSSH, !offered.isEmpty {
      return GitError(error.kind, error.message, help: "check the path of the repository; " + Self.keyHelp)
    }
    // A server that has none of the kinds of keys that it was asked for ends the conversation before it shows one.
    if isSSH, !access.hostKeys.isEmpty {
      let types = Set(access.hostKeys.map(\.type)).sorted().joined(separator: ", ")
      return GitError(
        error.kind, error.message,
        help: "check that \(access.hostName) can be reached, and that it still has a key of the types that "
          + "\(access.knownHostsFile) lists for it (\(types)): `clup known-host '\(access.hostName)'` shows its keys"
      )
    }
    if error.kind == .certificate {
      return GitError(
        .certificate, error.message,
        help:
          "if the server uses a private CA, set `credentials: {ca_file: …}`; otherwise its certificate is not valid (its "
          + "owner must renew it) or someone intercepts the connection"
      )
    }
    return error
  }

  static let keyHelp =
    "check that the public key (`ssh-keygen -y -f FILE`) may read the repository, and that an encrypted "
    + "key has its `ssh_passphrase_file`; if the server refuses an RSA key, make one of type ed25519"

  /// Answers a question for credentials; see git_credential_acquire_cb.
  func credential(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_credential>?>?, _ name: String?, _ allowed: UInt32
  ) -> Int32 {
    let user = name ?? access.username
    if allowed & GIT_CREDENTIAL_USERNAME.rawValue != 0 { return git_credential_username_new(out, user ?? "git") }
    if isSSH { return sshCredential(out, user ?? "git", allowed) }
    guard allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT.rawValue != 0 else {
      return refuse(
        "\(shown) requires a login method that clup does not support",
        help: "enable login with a token on the server, or use ssh")
    }
    guard let password = access.password else {
      return refuse(
        "\(shown) requires a login",
        help: "write a token to a file, and set `credentials: {token_file: …}`")
    }
    let login = access.username ?? name ?? "x-access-token"
    if !offered.isEmpty {
      return refuse(
        "\(shown) refuses the token for \(login)",
        help:
          "check that the token has not expired and may read this repository, and that `username:` is the user that the "
          + "server expects")
    }
    offered.append("a token")
    return Self.lend(password) { git_credential_userpass_plaintext_new(out, login, $0) }
  }

  private func sshCredential(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_credential>?>?, _ user: String, _ allowed: UInt32
  ) -> Int32 {
    let keys = GIT_CREDENTIAL_SSH_KEY.rawValue | GIT_CREDENTIAL_SSH_MEMORY.rawValue
    guard allowed & keys != 0 else {
      return refuse("\(shown) takes no ssh keys from \(user)", help: "allow public keys there, or use https")
    }
    if let key = access.key, !offered.contains(key.name) {
      offered.append(key.name)
      return Self.lend(key.text) { text in
        guard let passphrase = key.passphrase else {
          return git_credential_ssh_key_memory_new(out, user, nil, text, nil)
        }
        return Self.lend(passphrase) { git_credential_ssh_key_memory_new(out, user, nil, text, $0) }
      }
    }
    if access.asksAgent, !offered.contains("the agent") {
      offered.append("the agent")
      return git_credential_ssh_key_from_agent(out, user)
    }
    if offered.isEmpty {
      return refuse(
        "\(shown) wants an ssh key",
        help:
          "make one (`ssh-keygen -t ed25519 -N '' -f FILE`), let its public key read the repository, and set "
          + "`credentials: {ssh_key_file: FILE}`")
    }
    return refuse("\(shown) does not let \(user) in with \(offered.joined(separator: " or "))", help: Self.keyHelp)
  }

  /// Judges what the server shows for itself; see git_transport_certificate_check_cb.
  func check(_ certificate: UnsafeMutablePointer<git_cert>?) -> Int32 {
    guard let certificate, certificate.pointee.cert_type == GIT_CERT_HOSTKEY_LIBSSH2 else {
      return GIT_PASSTHROUGH.rawValue
    }
    return certificate.withMemoryRebound(to: git_cert_hostkey.self, capacity: 1) { shown in
      var key = shown.pointee
      guard key.type.rawValue & GIT_CERT_SSH_RAW.rawValue != 0, let start = key.hostkey else {
        return refuse(
          "\(access.hostName) shows no host key", help: "check host and port: `ssh-keyscan \(access.hostName)`",
          .certificate)
      }
      let bytes = Array(UnsafeRawBufferPointer(start: start, count: key.hostkey_len))
      let fingerprint = withUnsafeBytes(of: &key.hash_sha256) { "SHA256:" + Self.base64($0) }
      return judge(bytes, fingerprint)
    }
  }

  private func judge(_ bytes: [UInt8], _ fingerprint: String) -> Int32 {
    let type = Self.type(of: bytes)
    let (host, file) = (access.hostName, access.knownHostsFile)
    if access.hostKeys.contains(where: { $0.isRevoked && $0.bytes == bytes }) {
      return refuse(
        "the key that \(host) shows, \(type) \(fingerprint), is revoked in \(file)",
        help: "ask the server's owner for its new key", .certificate)
    }
    let known = access.hostKeys.filter { !$0.isRevoked }
    if known.contains(where: { $0.bytes == bytes }) { return 0 }
    let types = known.map(\.type).joined(separator: ", ")
    let what =
      known.contains { $0.type == type }
      ? "\(host) shows another key than \(file) has: \(type) \(fingerprint)"
      : "\(host) shows \(type) \(fingerprint), and \(file) has only \(types) for it"
    return refuse(
      what,
      help:
        "someone may be intercepting the connection. Ask the server's owner for the fingerprint; if it is this one, "
        + "`ssh-keygen -R '\(host)' -f \(file)` and `clup known-host --write '\(host)'` take the new key", .certificate)
  }

  private var shown: String { redacted(url) }

  private func refuse(_ message: String, help: String, _ kind: GitError.Kind = .authentication) -> Int32 {
    refusal = GitError(kind, message, help: help)
    git_error_set_str(Int32(GIT_ERROR_CALLBACK.rawValue), "refused")
    return kind == .certificate ? GIT_ECERTIFICATE.rawValue : GIT_EUSER.rawValue
  }

  /// Reads the kind from a key's bytes: a length of four bytes and a name.
  static func type(of bytes: [UInt8]) -> String {
    let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard bytes.count >= 4 + length, length < 100 else { return "an unknown kind of key" }
    return String(decoding: bytes[4..<4 + length], as: UTF8.self)
  }

  /// Writes bytes as OpenSSH shows them: base64 without padding; see RFC 4648.
  static func base64(_ bytes: UnsafeRawBufferPointer) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var (text, bits, count) = ("", 0, 0)
    for byte in bytes {
      (bits, count) = ((bits << 8 | Int(byte)) & 0xffff, count + 8)
      while count >= 6 {
        text.append(letters[bits >> (count - 6) & 63])
        count -= 6
      }
    }
    if count > 0 { text.append(letters[bits << (6 - count) & 63]) }
    return text
  }

  /// Hands a secret to a C function as text, and overwrites the copy.
  private static func lend(_ secret: RemoteAccess.Lend, _ use: (UnsafePointer<CChar>) -> Int32) -> Int32 {
    let bytes = secret()
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
      for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
      buffer[bytes.count] = 0
      guard let start = buffer.baseAddress else { return GIT_ERROR.rawValue }
      defer { explicit_bzero(start, buffer.count) }
      return use(start)
    }
  }
}
