import Core
import FoundationEssentials
import Git
import Processes

/// Gathers what a place that the repository is fetched from is shown: keys, tokens, and whom to trust there.
struct Access: Sendable {
  let settings: Settings
  let environment: [String: String]
  let checkout: Checkout

  /// Reads what the configuration names for one place.
  func access(to source: RepositorySource) async throws(Failure) -> RemoteAccess {
    var access = RemoteAccess()
    guard let url = RepositoryURL(source.url) else { return access }
    let credentials = source.credentials
    access.username = credentials.username ?? url.user
    access.proxy = credentials.proxy
    if let file = credentials.caFile { access.certificatesFile = try certificates(file) }
    switch url.scheme {
    case .ssh: try await ssh(url, credentials, &access)
    case .http, .https:
      if let file = credentials.tokenFile {
        let secret = try SecretFile.read(place(file), isLine: true)
        access.password = lend(secret)
      } else if !credentials.helper.isEmpty {
        try await ask(credentials.helper, about: url, &access)
      }
    case .git, .file: break
    }
    return access
  }

  func place(_ written: String) throws(Failure) -> HostFile {
    try HostFile(written, settings: settings, environment: environment)
  }

  private func lend(_ secret: Secret) -> RemoteAccess.Lend { { secret.withBytes { $0 } } }

  private func certificates(_ written: String) throws(Failure) -> String {
    let path = try place(written).path
    guard Files.text(path)?.contains("-----BEGIN CERTIFICATE-----") == true else {
      throw Failure(
        .configuration, "\(path) holds no certificate in PEM",
        help: "name the certificate of the authority that signed the server's: `credentials: {ca_file: …}`")
    }
    return path
  }

  private func ssh(_ url: RepositoryURL, _ credentials: Credentials, _ access: inout RemoteAccess) async throws(Failure)
  {
    if let file = credentials.sshKeyFile {
      let place = try place(file)
      let text = try SecretFile.read(place, isLine: false)
      var passphrase: Secret?
      if let file = credentials.sshPassphraseFile { passphrase = try SecretFile.read(self.place(file), isLine: true) }
      try check(text, place.path, hasPassphrase: passphrase != nil)
      access.key = RemoteAccess.Key(
        name: "the key \(place.path)", text: lend(text), passphrase: passphrase.map(lend))
    }
    switch credentials.sshAgent {
    case nil: break
    case .socket(let path): (access.asksAgent, access.agentSocket) = (true, path)
    case .environment:
      guard environment["SSH_AUTH_SOCK"] != nil else {
        throw Failure(
          .configuration, "`ssh_agent: true` asks for an agent, and SSH_AUTH_SOCK names none",
          help: "start clup where an agent runs, or name the agent's socket: `ssh_agent: /path`")
      }
      access.asksAgent = true
    }
    let known = try KnownHosts(settings: settings, credentials: credentials, environment: environment)
    access.hostName = url.knownHostName
    access.knownHostsFile = known.file
    access.hostKeys = try await known.keys(of: url.knownHostName)
    access.home = try prefer(access.hostKeys, of: url)
  }

  /// Refuses what is no private key, or one that nobody gave the passphrase of.
  private func check(_ key: Secret, _ path: String, hasPassphrase: Bool) throws(Failure) {
    let text = key.withBytes { String(decoding: $0.prefix(200), as: UTF8.self) }
    guard text.contains("PRIVATE KEY-----") else {
      throw Failure(
        .configuration, "\(path) is not a private ssh key",
        help: "`ssh_key_file:` takes the private key: the file without .pub")
    }
    // What follows the first line of an OpenSSH key names its cipher; see PROTOCOL.key of OpenSSH.
    let lines = text.split(whereSeparator: \.isNewline)
    let head = lines.count > 1 ? Data(base64Encoded: String(lines[1].prefix(40))) : nil
    let isEncrypted =
      text.hasPrefix("-----BEGIN OPENSSH")
      ? head?.dropFirst(19).starts(with: Array("none".utf8)) == false : text.contains("ENCRYPTED")
    if isEncrypted, !hasPassphrase {
      throw Failure(
        .configuration, "the ssh key \(path) has a passphrase, which the configuration does not give",
        help: "write the passphrase to a file of mode 600, and set `credentials: {ssh_passphrase_file: FILE}`")
    }
  }

  /// Leaves the known keys where libgit2 looks for the kinds of keys to ask a server for; trust does not come from there.
  private func prefer(_ keys: [RemoteAccess.HostKey], of url: RepositoryURL) throws(Failure) -> String {
    let home = "\(checkout.path)/ssh"
    try Files.makeDirectories("\(home)/.ssh", mode: 0o700)
    let lines = keys.filter { !$0.isRevoked }.map { key in
      "\(url.knownHostName) \(key.type) \(Data(key.bytes).base64EncodedString())\n"
    }
    let (file, text) = ("\(home)/.ssh/known_hosts", Array(lines.joined().utf8))
    if Files.read(file) != text { try Files.replace(file, with: text, mode: 0o600) }
    return home
  }

  /// Asks a credential helper for name and password; see git-credential(1).
  private func ask(_ helper: [String], about url: RepositoryURL, _ access: inout RemoteAccess) async throws(Failure) {
    let program = try place(helper[0]).path
    let words = [
      "protocol=\(url.scheme.rawValue)", "host=\(url.host)\(url.port.map { ":\($0)" } ?? "")",
      "path=\(url.path.drop { $0 == "/" })",
    ]
    let question = words + (access.username.map { ["username=\($0)"] } ?? [])
    let variables = environment.filter { ["PATH", "HOME", "CREDENTIALS_DIRECTORY"].contains($0.key) }
    let call = StackChecks.shell([program] + helper.dropFirst() + ["get"])
    let help = "run it by hand: `printf '\(words[0])\\n\(words[1])\\n\\n' | \(call)`"
    var answer: [UInt8]
    do throws(ProcessError) {
      let outcome = try await run(
        Command(
          program, helper.dropFirst() + ["get"], environment: variables, directory: "/",
          input: Array((question.joined(separator: "\n") + "\n\n").utf8), deadline: .seconds(30), outputLimit: 64 << 10)
      )
      guard outcome.succeeded else {
        let why = outcome.deadlineExceeded ? "did not end within 30 s" : "\(outcome.status)"
        throw ProcessError(kind: .failed(outcome.status), message: "the credential helper \(program) \(why)")
      }
      answer = outcome.output
    } catch { throw Failure(Task.isCancelled ? .interrupted : .unreachable, error.message, help: help) }
    defer { wipe(&answer) }
    for line in answer.split(separator: 10) {
      let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1)
      guard parts.count == 2 else { continue }
      if parts[0].elementsEqual("username".utf8) { access.username = String(decoding: parts[1], as: UTF8.self) }
      guard parts[0].elementsEqual("password".utf8) else { continue }
      let secret = Secret(Array(parts[1]))
      access.password = lend(secret)
    }
    if access.password == nil {
      throw Failure(.unreachable, "the credential helper \(program) gave no password for \(url.host)", help: help)
    }
  }
}
