import Foundation
import Git
import Glibc
import Processes
import Testing

/// A scratch directory with a repository that the `git` program made.
struct Scratch: ~Copyable {
  let root: String
  var url: String { root + "/repo" }

  init() async throws {
    root = NSTemporaryDirectory() + "clup-git-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: root + "/repo", withIntermediateDirectories: true)
    try await git("init", "-q", "-b", "main")
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  @discardableResult
  func git(_ arguments: String...) async throws -> String {
    let own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", root + "/repo"]
    let program = try #require(find("git", in: Self.path))
    let outcome = try await run(
      Command(program, own + arguments, environment: ["PATH": Self.path], deadline: .seconds(30)))
    return outcome.outputText.trimmingCharacters(in: .newlines)
  }

  static let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"

  @discardableResult
  func commit(_ files: [String: String], _ message: String = "change") async throws -> String {
    for (path, text) in files {
      let file = root + "/repo/" + path
      try FileManager.default.createDirectory(
        atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: file, atomically: false, encoding: .utf8)
    }
    try await git("add", "-A")
    try await git("commit", "-q", "--allow-empty", "-m", message)
    return try await git("rev-parse", "HEAD")
  }

  func mirror() throws -> Mirror { try Mirror(at: root + "/mirror.git", branch: "main", create: true) }
}

@Suite struct MirrorTests {
  @Test func `a head is asked for without a mirror, and fetched once`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["a/compose.yaml": "services: {}\n"])
    #expect(try await Mirror.remoteHead(of: scratch.url, branch: "main", deadline: .seconds(10)) == id)
    let mirror = try scratch.mirror()
    #expect(try await mirror.head() == nil)
    #expect(await !mirror.contains(id))
    #expect(try await mirror.fetch(from: "file://" + scratch.url, deadline: .seconds(10)) == id)
    #expect(await mirror.contains(id))
    #expect(try await mirror.head() == nil, "a fetched commit is not accepted yet")
    try await mirror.setHead(id)
    #expect(try await mirror.head() == id)
  }

  @Test func `entries hold every kind, and directories with their tree's id`() async throws {
    let scratch = try await Scratch()
    try FileManager.default.createSymbolicLink(atPath: scratch.root + "/repo/link", withDestinationPath: "/etc/shadow")
    let id = try await scratch.commit(["dir/run": "#!/bin/sh\n", "plain": "x"])
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.root + "/repo/dir/run")
    let second = try await scratch.commit([:])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let entries = try await mirror.entries(of: second)
    let kinds = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0.kind) })
    #expect(kinds == [".": .directory, "dir": .directory, "dir/run": .executable, "link": .symlink, "plain": .file])
    #expect(entries.first { $0.path == "dir" }?.id == (try await scratch.git("rev-parse", "HEAD:dir")))
    #expect(entries.first { $0.path == "." }?.id == (try await scratch.git("rev-parse", "HEAD^{tree}")))
    #expect(try await mirror.isAncestor(id, of: second))
    #expect(try await !mirror.isAncestor(second, of: id))
    #expect(try await mirror.commit(second).parents == [id])
  }

  @Test func `an export is read-only and keeps the executable bit`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["dir/plain": "text\n", "link-target": ""])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let out = scratch.root + "/out"
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    try await mirror.export(try await mirror.entries(of: id), to: out)
    #expect(try String(contentsOfFile: out + "/dir/plain", encoding: .utf8) == "text\n")
    var found = stat()
    #expect(stat(out + "/dir/plain", &found) == 0 && found.st_mode & 0o777 == 0o444)
  }

  @Test func `a blob's id is git's own`() async throws {
    let scratch = try await Scratch()
    try await scratch.commit(["x": "content\n"])
    #expect(blobID(of: Array("content\n".utf8)) == (try await scratch.git("rev-parse", "HEAD:x")))
  }

  @Test func `a blob larger than the limit is refused`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["big": String(repeating: "x", count: 1000)])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let blob = try #require(try await mirror.entries(of: id).first { $0.path == "big" })
    await #expect { try await mirror.contents(of: blob.id, limit: 999) } throws: {
      ($0 as? GitError)?.kind == .tooLarge
    }
    #expect(try await mirror.contents(of: blob.id, limit: 1000).count == 1000)
  }

  @Test func `revisions are found by id, by its beginning and by ancestry`() async throws {
    let scratch = try await Scratch()
    let first = try await scratch.commit(["a": "1"])
    let second = try await scratch.commit(["a": "2"])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    try await mirror.setHead(second)
    #expect(try await mirror.resolve(second) == second)
    #expect(try await mirror.resolve(String(first.prefix(10))) == first)
    #expect(try await mirror.resolve("HEAD~1") == first)
    await #expect { try await mirror.resolve("nothing") } throws: { ($0 as? GitError)?.kind == .unknownRevision }
  }

  @Test func `a difference names the lines`() async throws {
    let scratch = try await Scratch()
    try await scratch.commit(["a": "one\ntwo\n"])
    let old = try await scratch.git("rev-parse", "HEAD:a")
    try await scratch.commit(["a": "one\nthree\n"])
    let new = try await scratch.git("rev-parse", "HEAD:a")
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let text = try await mirror.difference(from: old, to: new, path: "a")
    #expect(text.contains("-two\n+three\n"))
    #expect(try await mirror.difference(from: nil, to: new, path: "a").contains("+one\n"))
  }

  static let unreachable: [(url: String, kind: GitError.Kind)] = [
    ("/nowhere/at/all", .unreachable), ("file:///nowhere/at/all", .unreachable),
    ("git://127.0.0.1:1/repo", .unreachable),
    ("http://127.0.0.1:1/repo", .unreachable),
  ]

  @Test(arguments: unreachable) func `what cannot be reached is said so`(_ url: String, _ kind: GitError.Kind)
    async throws
  {
    await #expect { try await Mirror.remoteHead(of: url, branch: "main", deadline: .seconds(10)) } throws: {
      ($0 as? GitError)?.kind == kind
    }
  }

  @Test(arguments: ["", "file://"]) func `a shallow clone that lacks what is needed is said so`(
    _ scheme: String
  ) async throws {
    let scratch = try await Scratch()
    for number in 1...3 { try await scratch.commit(["a": "\(number)"]) }
    let shallow = scratch.url + ".shallow"
    try await scratch.git("clone", "-q", "--bare", "--depth", "1", "file://" + scratch.url, shallow)
    let mirror = try scratch.mirror()
    await #expect { try await mirror.fetch(from: scheme + shallow, deadline: .seconds(10)) } throws: {
      guard let error = $0 as? GitError else { return false }
      return error.kind == .unreachable && error.message.contains("it is a shallow clone")
        && error.help == "complete it: `git -C \(shallow) fetch --unshallow`"
    }
    try await scratch.git("-C", shallow, "fetch", "-q", "--unshallow")
    _ = try await mirror.fetch(from: scheme + shallow, deadline: .seconds(10))
  }

  @Test func `an empty repository and a missing branch are told apart`() async throws {
    let scratch = try await Scratch()
    let url = scratch.url
    await #expect { try await Mirror.remoteHead(of: url, branch: "main", deadline: .seconds(10)) } throws: {
      ($0 as? GitError)?.kind == .emptyRepository
    }
    try await scratch.commit(["a": "1"])
    await #expect { try await Mirror.remoteHead(of: url, branch: "gone", deadline: .seconds(10)) } throws: {
      ($0 as? GitError)?.kind == .branchMissing && ($0 as? GitError)?.message.contains("it has main") == true
    }
  }

  static let urls: [(url: String, shown: String)] = [
    ("https://example.org/repo.git", "https://example.org/repo.git"),
    ("https://user:token@example.org/repo.git", "https://***@example.org/repo.git"),
    ("https://us/er:pw@example.org/x.git", "https://***@example.org/x.git"),
    ("http://user:pw with space@host/x", "http://***@host/x"),
    ("https://host/x.git?token=pw", "https://host/x.git?***"),
    ("user:pw@host:x.git", "***@host:x.git"), ("git@host:x.git", "git@host:x.git"), ("/srv/a@b.git", "/srv/a@b.git"),
    ("cannot reach https://u:p@h/x: refused", "cannot reach https://***@h/x: refused"),
  ]

  @Test(arguments: urls) func `I8: a URL is shown without what may be a password`(_ url: String, _ shown: String) {
    #expect(redacted(url) == shown)
  }

  @Test func `a short difference is whole`() async throws {
    let scratch = try await Scratch()
    try await scratch.commit(["a": "hi\n", "b": "x"])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    for (name, text) in [("a", "+hi\n"), ("b", "+x\n")] {
      let id = try await scratch.git("rev-parse", "HEAD:" + name)
      #expect(try await mirror.difference(from: nil, to: id, path: name).contains(text))
    }
  }

  static let names = [["caf\u{e9}/x", "cafe\u{301}/x"], ["d/\u{301}x"], ["d\u{600}/x"]]

  @Test(arguments: names) func `names that could be taken for one another, or hide a slash, are refused`(
    _ paths: [String]
  ) async throws {
    let scratch = try await Scratch()
    try await scratch.commit(["f": "x"])
    let blob = try await scratch.git("rev-parse", "HEAD:f")
    for path in paths { try await scratch.git("update-index", "--add", "--cacheinfo", "100644,\(blob),\(path)") }
    let tree = try await scratch.git("write-tree")
    let commit = try await scratch.git("commit-tree", "-m", "x", tree)
    try await scratch.git("update-ref", "refs/heads/main", commit)
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    await #expect { try await mirror.entries(of: commit) } throws: { ($0 as? GitError)?.kind == .unsafePath }
  }

  @Test func `a tree that goes on for ever is refused`() async throws {
    let scratch = try await Scratch()
    try await scratch.commit(["f": "x"])
    var tree = try await scratch.git("rev-parse", "HEAD^{tree}")
    let program = try #require(find("git", in: Scratch.path))
    for _ in 0..<8 {
      let lines = (0..<10).map { "040000 tree \(tree)\td\($0)\n" }.joined()
      let outcome = try await run(
        Command(
          program, ["-C", scratch.root + "/repo", "mktree"], environment: ["PATH": Scratch.path],
          input: Array(lines.utf8), deadline: .seconds(10)))
      tree = outcome.outputText.trimmingCharacters(in: .newlines)
    }
    let commit = try await scratch.git("commit-tree", "-m", "bomb", tree)
    try await scratch.git("update-ref", "refs/heads/main", commit)
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    await #expect { try await mirror.entries(of: commit) } throws: {
      ($0 as? GitError)?.message.contains("more than") == true
    }
  }

  @Test func `a branch may be renamed to one below its old name`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["a": "1"])
    _ = try await { try scratch.mirror() }().fetch(from: scratch.url, deadline: .seconds(10))
    try await scratch.mirror().setHead(id)
    let other = try Mirror(at: scratch.root + "/mirror.git", branch: "main/next", create: false)
    try await other.setHead(id)
    #expect(try await other.head() == id)
  }

  @Test func `a real git daemon serves a fetch, and one that never answers meets the deadline`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["a": "1"])
    let port = try freePort()
    let program = try #require(find("git", in: Scratch.path))
    let daemon = Command(
      program,
      ["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", "--port=\(port)", "--base-path=\(scratch.root)"],
      environment: ["PATH": Scratch.path], deadline: .seconds(60))
    let serving = Task { try await run(daemon) }
    defer { serving.cancel() }
    let url = "git://127.0.0.1:\(port)/repo"
    #expect(try await headOnceServed(url) == id)
    #expect(try await scratch.mirror().fetch(from: url, deadline: .seconds(10)) == id)

    let (listener, silent) = try listening()
    defer { close(listener) }
    await #expect {
      try await Mirror.remoteHead(of: "git://127.0.0.1:\(silent)/repo", branch: "main", deadline: .milliseconds(300))
    } throws: { ($0 as? GitError)?.kind == .timedOut }
  }

  @Test func `a real server of git's HTTP protocol serves a fetch`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["a": "1"])
    let port = try freePort()
    try FileManager.default.createDirectory(atPath: scratch.root + "/cgi-bin", withIntermediateDirectories: true)
    let script = scratch.root + "/cgi-bin/git"
    try "#!/bin/sh\nGIT_PROJECT_ROOT=\(scratch.root) GIT_HTTP_EXPORT_ALL=1 exec git http-backend\n".write(
      toFile: script, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    let server = Command(
      try #require(find("busybox", in: Scratch.path)),
      ["httpd", "-f", "-p", "127.0.0.1:\(port)", "-h", scratch.root], environment: ["PATH": Scratch.path],
      deadline: .seconds(60))
    let serving = Task { try await run(server) }
    defer { serving.cancel() }
    let url = "http://127.0.0.1:\(port)/cgi-bin/git/repo/.git"
    #expect(try await headOnceServed(url) == id)
    #expect(try await scratch.mirror().fetch(from: url, deadline: .seconds(10)) == id)
    await #expect {
      try await Mirror.remoteHead(
        of: "http://127.0.0.1:\(port)/cgi-bin/git/nothing", branch: "main", deadline: .seconds(10))
    } throws: { ($0 as? GitError)?.kind == .unreachable }
  }

  /// Asks for the head until the server that was just started answers.
  private func headOnceServed(_ url: String) async throws -> String? {
    for _ in 0..<100 {
      if let head = try? await Mirror.remoteHead(of: url, branch: "main", deadline: .seconds(10)) { return head }
      try await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }

  /// Opens a port of the loopback that accepts connections and says nothing.
  private func listening() throws -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) + listen(descriptor, 8) + getsockname(descriptor, $0, &length)
      }
    }
    try #require(code == 0)
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private func freePort() throws -> UInt16 {
    let (descriptor, port) = try listening()
    close(descriptor)
    return port
  }
}
