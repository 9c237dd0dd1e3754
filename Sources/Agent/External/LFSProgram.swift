import Core
import Git
import Glibc
import Processes

/// Runs git-lfs in a repository of its own that holds pointers and nothing else.
///
/// No setting of the followed repository counts there, `.lfsconfig` least of all: it could name another server and programs
/// to run. Secrets are read by what git-lfs asks for them, from where the host keeps them, and only for the repository's own host.
struct LFSProgram: Sendable {
  let access: Access
  /// A directory that nobody else can read.
  let scratch: String

  private var repository: String { "\(scratch)/repo.git" }
  /// Where the program leaves what it fetched.
  var objects: String { "\(repository)/lfs/objects" }

  /// Fetches what it can; gives what the program said where it could not fetch all.
  func fetch(_ pointers: [LargeFile.Pointer], from source: RepositorySource) async throws(Failure) -> String? {
    let path = access.environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    guard let program = Processes.find("git-lfs", in: path), Processes.find("git", in: path) != nil else {
      throw Failure(
        .host, "there is no git-lfs command in \(path), and `git: {lfs: true}` needs it",
        help: "apt-get install git-lfs")
    }
    let shown: RemoteAccess
    do throws(Failure) { shown = try await access.access(to: source) } catch {
      guard error.kind == .unreachable else { throw error }
      return error.message
    }
    if !shown.hostName.isEmpty, shown.hostKeys.isEmpty { return Sources.unknownHost(shown).message }
    let commit = try await prepare(pointers, source, shown)
    let outcome = try await Command(
      program, ["fetch", "origin", commit], environment: environment(path, source), directory: scratch,
      deadline: access.settings.sync.fetchTimeout, outputLimit: 256 << 10, memoryLimit: 1 << 30,
      fileLimit: LargeFile.mostBytes + (1 << 20)
    ).outcome()
    if outcome.succeeded { return nil }
    if outcome.deadlineExceeded {
      return "did not answer within \(access.settings.sync.fetchTimeout.text); see `sync: {fetch_timeout: …}`"
    }
    let lines = outcome.errorText.split(whereSeparator: \.isNewline).suffix(6).joined(separator: " ")
    return "git-lfs \(outcome.status): \(String(redacted(lines).prefix(600)))"
  }

  /// Makes the repository, with a commit that holds the pointers, and what git-lfs is to read besides.
  private func prepare(
    _ pointers: [LargeFile.Pointer], _ source: RepositorySource, _ shown: RemoteAccess
  ) async throws(Failure) -> String {
    let commit: String
    do throws(GitError) {
      commit = try await Mirror(at: repository, branch: "main", create: true).commit(
        holding: pointers.enumerated().map { ("\($0.offset)", Array($0.element.text.utf8)) })
    } catch {
      throw Failure(.host, error.message, help: "check that \(scratch) can be written and has room")
    }
    try Files.makeDirectories("\(scratch)/home", mode: 0o700)
    let url = RepositoryURL(source.url)
    if url?.scheme == .file {
      // A repository of this host may belong to whom it likes; git-lfs asks git for no more than its place.
      try Files.write("\(scratch)/home/.gitconfig", Array("[safe]\ndirectory = *\n".utf8), mode: 0o600)
    }
    if url?.scheme == .ssh { try write("ssh", try ssh(source.credentials, url, shown), mode: 0o700) }
    if url?.scheme == .https || url?.scheme == .http {
      try write("credential", try credential(source.credentials, url, shown), mode: 0o700)
    }
    try Files.replace("\(repository)/config", with: Array(configuration(source, shown).utf8), mode: 0o600)
    return commit
  }

  private func write(_ name: String, _ lines: [String], mode: mode_t) throws(Failure) {
    try Files.write("\(scratch)/\(name)", Array((["#!/bin/sh"] + lines).map { $0 + "\n" }.joined().utf8), mode: mode)
  }

  private func environment(_ path: String, _ source: RepositorySource) -> [String: String] {
    var variables = [
      "PATH": path, "HOME": "\(scratch)/home", "TMPDIR": scratch, "LC_ALL": "C", "GIT_DIR": repository,
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
      "GIT_ASKPASS": "/bin/false", "GIT_SSH_VARIANT": "ssh", "GIT_SSH_COMMAND": "/bin/sh \("\(scratch)/ssh".quoted)",
    ]
    switch source.credentials.sshAgent {
    case nil: break
    case .socket(let socket): variables["SSH_AUTH_SOCK"] = socket
    case .environment: variables["SSH_AUTH_SOCK"] = access.environment["SSH_AUTH_SOCK"]
    }
    return variables
  }

  private func configuration(_ source: RepositorySource, _ shown: RemoteAccess) -> String {
    func text(_ value: String) -> String {
      "\"\(value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
    let url = RepositoryURL(source.url)
    let isPath = url?.scheme == .file && !source.url.contains("://")
    let place = isPath ? "file://\(Files.resolved(source.url) ?? source.url)" : source.url
    var lines = [
      "[core]", "repositoryformatversion = 0", "bare = true", "hooksPath = /dev/null", "[remote \"origin\"]",
      "url = \(text(place))", "[credential]", "helper =",
    ]
    if url?.scheme == .https || url?.scheme == .http {
      lines.append("helper = \(text("!/bin/sh " + "\(scratch)/credential".quoted))")
    }
    lines += [
      "[lfs]", "repositoryformatversion = 0", "concurrenttransfers = 2", "dialtimeout = 20", "tlstimeout = 20",
      "activitytimeout = 30",
      "basictransfersonly = true", "locksverify = false", "[lfs \"transfer\"]", "maxretries = 2", "maxretrydelay = 1",
      "[lfs \"ssh\"]", "automultiplex = false", "[http]",
    ]
    if let file = shown.certificatesFile { lines.append("sslCAInfo = \(text(file))") }
    if let proxy = shown.proxy { lines.append("proxy = \(text(proxy))") }
    return lines.map { $0 + "\n" }.joined()
  }

  /// What git asks for name and password, as git-credential(1) says; other hosts than the repository's get neither.
  private func credential(_ credentials: Credentials, _ url: RepositoryURL?, _ shown: RemoteAccess) throws(Failure)
    -> [String]
  {
    guard let url, credentials.isSecret else { return ["exit 0"] }
    let host = url.host + (url.port.map { ":\($0)" } ?? "")
    var lines = [
      "test \"$1\" = get || exit 0", "protocol= host=",
      "while IFS='=' read -r name value && test -n \"$name\"; do",
      "case $name in protocol) protocol=$value ;; host) host=$value ;; esac", "done",
      "test \"$protocol\" = \(url.scheme.rawValue.quoted) && test \"$host\" = \(host.quoted) || exit 0",
    ]
    if let file = credentials.tokenFile {
      let place = try access.place(file).path
      lines.append("printf 'username=%s\\npassword=' \((shown.username ?? "x-access-token").quoted)")
      lines.append("head -n 1 \(place.quoted) | tr -d '\\r'")
    } else if let helper = credentials.helper.first {
      let program = try access.place(helper).path
      let question =
        ["protocol=\(url.scheme.rawValue)", "host=\(host)", "path=\(url.path.drop { $0 == "/" })"]
        + ((credentials.username ?? url.user).map { ["username=\($0)"] } ?? [])
      let variables = access.environment.filter { ["PATH", "HOME", "CREDENTIALS_DIRECTORY"].contains($0.key) }
      lines.append(
        "printf '%s\\n' \((question + [""]).map(\.quoted).joined(separator: " ")) | env -i "
          + variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)".quoted }.joined(separator: " ") + " "
          + ([program] + credentials.helper.dropFirst() + ["get"]).map(\.quoted).joined(separator: " "))
    }
    return lines
  }

  /// ssh with the rules that the repository itself is fetched by: the configured key and known hosts, and nothing else.
  private func ssh(_ credentials: Credentials, _ url: RepositoryURL?, _ shown: RemoteAccess) throws(Failure) -> [String]
  {
    var options = [
      "StrictHostKeyChecking=yes", "UserKnownHostsFile=\"\(shown.knownHostsFile)\"", "GlobalKnownHostsFile=/dev/null",
      "UpdateHostKeys=no", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "ForwardAgent=no",
      "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=2", "NumberOfPasswordPrompts=1",
    ]
    var lines: [String] = []
    if let file = credentials.sshKeyFile {
      options.append("IdentityFile=\"\(try access.place(file).path)\"")
      if credentials.sshAgent == nil { options += ["IdentitiesOnly=yes"] }
    } else if credentials.sshAgent == nil {
      options.append("IdentityFile=none")
    }
    if credentials.sshAgent == nil { options.append("IdentityAgent=none") }
    if let file = credentials.sshPassphraseFile {
      let place = try access.place(file).path
      try write("askpass", ["exec cat \(place.quoted)"], mode: 0o700)
      lines.append("SSH_ASKPASS=\("\(scratch)/askpass".quoted) SSH_ASKPASS_REQUIRE=force")
      lines.append("export SSH_ASKPASS SSH_ASKPASS_REQUIRE")
    } else {
      options.append("BatchMode=yes")
    }
    let user = url?.user == nil ? ["-l", (shown.username ?? "git").quoted] : []
    let words = ["exec ssh -F none"] + options.map { "-o " + $0.quoted } + user + ["\"$@\""]
    return lines + [words.joined(separator: " ")]
  }
}
