import CGit2
import Dispatch
import Glibc
import Synchronization

/// Talks to the repository that is mirrored. Each call has a thread and a handle of its own, since libgit2 may block in a
/// system call for as long as the other side likes.
enum Remote {
  /// Asks for the id of a branch's head.
  static func head(of url: String, branch: String, access: RemoteAccess) throws(GitError) -> String {
    let listed = try references(of: url, access: access)
    if let found = listed.first(where: { $0.name == "refs/heads/\(branch)" }) { return found.id }
    if listed.isEmpty { throw GitError(.emptyRepository, "\(redacted(url)) has no commit yet") }
    let names = listed.filter { $0.name.hasPrefix("refs/heads/") }.map { String($0.name.dropFirst(11)) }
    let known = names.isEmpty ? "it has none" : "it has \(names.sorted().prefix(8).joined(separator: ", "))"
    throw GitError(.branchMissing, "\(redacted(url)) has no branch \(branch); \(known)")
  }

  /// Asks for every reference with its id; an annotated tag has a second one, `^{}` behind its name, for its commit.
  static func references(of url: String, access: RemoteAccess) throws(GitError) -> [(name: String, id: String)] {
    try prepare(access)
    let login = Login(access, url: url)
    return try open(url) { remote throws(GitError) in
      do throws(GitError) {
        let code = Connection.with(login, nil) { git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, $0) }
        try Git.check("cannot reach \(redacted(url))") { code }
      } catch {
        // A refused connection comes as an error of the operating system, like a full disk.
        let known = error.kind == .authentication || error.kind == .certificate
        throw login.explained(known ? error : GitError(.unreachable, error.message))
      }
      defer { git_remote_disconnect(remote) }
      var heads: UnsafeMutablePointer<UnsafePointer<git_remote_head>?>?
      var count = 0
      try Git.check("cannot list \(redacted(url))") { git_remote_ls(&heads, &count, remote) }
      return (0..<count).compactMap { index in
        guard let head = heads?[index], let name = head.pointee.name.map({ String(cString: $0) }) else { return nil }
        return (name, withUnsafePointer(to: head.pointee.oid) { text(of: $0) })
      }
    }
  }

  /// Brings references with their history into a repository; see gitglossary(7), "refspec". With `tags`, those of the commits
  /// that come are brought as well; then libgit2 lets no reference specification be about tags.
  static func fetch(
    _ wanted: [String], from url: String, into path: String, access: RemoteAccess, monitor: TransferMonitor,
    tags: Bool = true
  ) throws(GitError) {
    try prepare(access)
    let repository = try Repository(opening: path)
    var handle: OpaquePointer?
    try Git.check("cannot use \(redacted(url))") { git_remote_create_anonymous(&handle, repository.raw, url) }
    defer { git_remote_free(handle) }
    var specifications = wanted.map { strdup($0) }
    defer { specifications.forEach { free($0) } }
    let login = Login(access, url: url)
    do throws(GitError) {
      let code = specifications.withUnsafeMutableBufferPointer {
        var specifications = git_strarray(strings: $0.baseAddress, count: $0.count)
        return Connection.fetching(login, monitor, tags: tags) { git_remote_fetch(handle, &specifications, $0, nil) }
      }
      try Git.check("cannot fetch \(redacted(url))") { code }
    } catch {
      if error.kind == .storage, lacksRoom(for: git_remote_stats(handle).pointee, at: path) {
        throw GitError(.full, "cannot fetch \(redacted(url)): \(String(cString: strerror(ENOSPC))) at \(path)")
      }
      if error.kind == .missingObject, let directory = shallowClone(url) {
        throw GitError(
          .unreachable, "cannot fetch \(redacted(url)): it is a shallow clone, which lacks the commits before its own",
          help: "complete it: `git -C \(directory) fetch --unshallow`")
      }
      // A pack that ends too early is the server's fault, whatever libgit2 stumbles over.
      let isTheirs = error.kind == .other || error.kind == .missingObject
      throw login.explained(isTheirs ? GitError(.unreachable, error.message) : error)
    }
  }

  /// Whether the disk has no room for as much as has come of a pack, with its index: what there was of it is removed by now.
  private static func lacksRoom(for pack: git_indexer_progress, at path: String) -> Bool {
    var found = statvfs()
    guard statvfs(path, &found) == 0 else { return false }
    if found.f_files > 0 && found.f_favail < 16 { return true }
    let index = 64 * UInt64(pack.total_objects) + (1 << 20)
    return UInt64(found.f_bavail) * UInt64(found.f_frsize) < UInt64(pack.received_bytes) + index
  }

  /// Returns the path of a repository on this host whose history was cut off; see git-clone(1), `--depth`.
  static func shallowClone(_ url: String) -> String? {
    let path = url.hasPrefix("file://") ? String(url.dropFirst(7)) : url
    guard path.hasPrefix("/") else { return nil }
    return access("\(path)/shallow", F_OK) == 0 || access("\(path)/.git/shallow", F_OK) == 0 ? path : nil
  }

  /// Sets what libgit2 knows only for the whole process.
  private static func prepare(_ access: RemoteAccess) throws(GitError) {
    try Library.start()
    if let file = access.certificatesFile {
      try Git.check("cannot trust the certificates of \(file)") { git_opts_set_certificates(file) }
    }
    if let home = access.home {
      setenv("HOME", home, 1)
      git_opts_set_home(home)
    }
    if let socket = access.agentSocket { setenv("SSH_AUTH_SOCK", socket, 1) }
  }

  /// Runs a call on a thread of its own and stops waiting for it at the deadline, or when the task is cancelled; the
  /// thread then ends with the process.
  static func waiting<Value: Sendable>(
    _ deadline: Duration, for url: String, _ monitor: TransferMonitor = TransferMonitor(),
    _ call: @escaping @Sendable () throws(GitError) -> Value
  ) async throws(GitError) -> Value {
    let shared = Shared<Value>()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        shared.wait(continuation)
        DispatchQueue(label: "git.network").async {
          do throws(GitError) {
            shared.resume(.success(try call()))
          } catch {
            shared.resume(.failure(error))
          }
        }
        monitor.follow(until: deadline) { [weak shared] why in
          guard let shared else { return false }
          if let why { shared.resume(.failure(GitError(.timedOut, "\(redacted(url)) \(why)"))) }
          return true
        }
      }
    } onCancel: {
      monitor.end()
      shared.resume(.failure(GitError(.cancelled, "\(redacted(url)) was not waited for")))
    }
    return try result.get()
  }

  private static func open<Value>(
    _ url: String, _ body: (OpaquePointer) throws(GitError) -> Value
  ) throws(GitError) -> Value {
    if !url.contains("://"), !url.contains(":") || url.hasPrefix("/"), access(url, F_OK) != 0 {
      throw GitError(.unreachable, "there is no repository at \(url)")
    }
    var handle: OpaquePointer?
    try Git.check("cannot use \(redacted(url))") { git_remote_create_detached(&handle, url) }
    guard let handle else { throw GitError(.other, "cannot use \(redacted(url))") }
    defer { git_remote_free(handle) }
    return try body(handle)
  }
}

/// Hands a result to whoever waits; only the first one counts, also when it comes before anyone waits.
private final class Shared<Value: Sendable>: Sendable {
  private typealias Waiter = CheckedContinuation<Result<Value, GitError>, Never>
  private enum State {
    case idle
    case waiting(Waiter)
    case ended(Result<Value, GitError>)
  }
  private let state = Mutex(State.idle)

  func wait(_ continuation: CheckedContinuation<Result<Value, GitError>, Never>) {
    let early: Result<Value, GitError>? = state.withLock { state in
      if case .ended(let result) = state { return result }
      state = .waiting(continuation)
      return nil
    }
    if let early { continuation.resume(returning: early) }
  }

  func resume(_ result: Result<Value, GitError>) {
    let waiter: Waiter? = state.withLock { state in
      switch state {
      case .ended: return nil
      case .idle:
        state = .ended(result)
        return nil
      case .waiting(let waiter):
        state = .ended(result)
        return waiter
      }
    }
    waiter?.resume(returning: result)
  }
}

/// Replaces what may be a password or a token in a URL, or in a sentence with URLs in it.
public func redacted(_ text: String) -> String {
  // Most have nothing to hide, and patterns are slow to be made.
  if !text.utf8.contains(UInt8(ascii: "@")), !text.utf8.contains(UInt8(ascii: "?")) { return text }
  var rest = text[...]
  var result = ""
  while let match = rest.firstMatch(of: /[A-Za-z][A-Za-z0-9+.-]*:\/\//) {
    result += rest[..<match.range.upperBound]
    rest = rest[match.range.upperBound...]
    // A password may hold anything, even slashes and spaces: the last `@` before the next URL ends it.
    let end = rest.firstRange(of: /\s[A-Za-z][A-Za-z0-9+.-]*:\/\//)?.lowerBound ?? rest.endIndex
    if let at = rest[..<end].lastIndex(of: "@") {
      result += "***"
      rest = rest[at...]
    }
    let address = rest.prefix { !$0.isWhitespace }
    if let query = address.firstIndex(of: "?") {
      result += rest[..<query] + "?***"
      rest = rest[address.endIndex...]
    }
  }
  result += rest
  guard !text.contains("://"), let at = result.firstIndex(of: "@") else { return result }
  return result[..<at].contains(":") && !result[..<at].contains("/") ? "***" + result[at...] : result
}

/// Returns the path of a repository on this host that is a shallow clone: it can give only what it has.
public func shallowClone(_ url: String) -> String? { Remote.shallowClone(url) }
