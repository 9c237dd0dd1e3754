import CGit2
import Foundation
import Synchronization

@testable import Agent
@testable import Core
@testable import Git

extension Target {
  /// Commits and tags with their signatures, and what ssh-keygen and gpgv say of them.
  static let gitObject = Target("git-object") { bytes in
    let commit = SignedObject(commit: bytes)
    if commit.signature == nil {
      hold(commit.content == bytes || text(bytes).contains("gpgsig"), "an unsigned commit is all of itself")
    } else if commit.problem == nil {
      hold(!commit.content.contains(0), "what is signed has no second end")
    }
    hold(commit.content.count + (commit.signature ?? []).count <= bytes.count + 1, "nothing is added to a commit")
    hold(SignedObject(commit: commit.content).signature == nil, "a signature is taken out once and for all")
    let tag = SignedObject(tag: bytes)
    hold(tag.content + (tag.signature ?? []) == bytes, "a tag is its content and its signature")
    for object in [commit, tag] {
      _ = (object.format, object.header("tree"), object.time(in: "committer"), object.time(in: "tagger"))
      for line in [object.header("author"), object.header("tree")] {
        hold(line?.contains("\n") != true, "a header is one line")
      }
      if let signature = object.signature, let ssh = SSHSignature(signature) { _ = ssh.isNamed(in: bytes) }
    }
    _ = SSHSignature(bytes)?.key
    let words = text(bytes)
    let check = OpenPGPStatus.check(words, at: 1_700_000_000)
    hold(check.verdict != .good || words.contains("VALIDSIG"), "only what gpgv calls valid is good")
    hold(check.by.printable == check.by, "a signer steers no terminal")
    for key in KnownHosts.parse(words) { hold(!key.type.isEmpty, "a key has a kind") }
  }

  /// Trees: a letter and a name for each entry, or the bytes of a whole tree behind a `!`.
  static let gitTree = Target("git-tree") { bytes in
    guard let repository = Trees.repository() else { return hold(false, "a repository can be made") }
    let entries: [TreeEntry]
    do throws(GitError) {
      entries = try repository.object(try Trees.write(Trees.tree(of: bytes), repository), GIT_OBJECT_TREE) {
        tree throws(GitError) in try TreeWalk.entries(of: tree)
      }
    } catch {
      return hold(
        error.message.printable == error.message || error.kind != .unsafePath,
        "a refusal steers no terminal: \(error.message)")
    }
    var seen: Set<[UInt8]> = []
    for entry in entries {
      hold(Path.normalized(entry.path).utf8.elementsEqual(entry.path.utf8), "a path is normal: \(entry.path)")
      hold(!Path.isAbsolute(entry.path) && entry.path.printable == entry.path, "a path is plain: \(entry.path)")
      for name in entry.path.utf8.split(separator: 0x2f) {
        hold(!["..", ".", ".git"].contains(text(name).lowercased()), "no name leads elsewhere: \(entry.path)")
      }
      hold(seen.insert(Array(entry.path.utf8)).inserted, "a path is there once: \(entry.path)")
    }
    discover(entries)
  }

  private static func discover(_ entries: [TreeEntry]) {
    let kinds: [TreeEntry.Kind: TrackedPath.Kind] = [
      .file: .file, .executable: .executable, .symlink: .symlink, .submodule: .submodule, .directory: .directory,
    ]
    let tree = CommitTree(
      commit: "c", paths: entries.map { TrackedPath(path: $0.path, kind: kinds[$0.kind] ?? .file, id: $0.id) },
      growing: true)
    let found = Discovery(
      tree, settings: Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup"))
    for stack in found.stacks {
      hold(
        Path.normalized(stack.name) == stack.name && !stack.name.contains(".."), "a stack is a directory of the tree")
      _ = LinkPlanning.fileName(of: stack.name)
      _ = tree.children(of: stack.name)
    }
    for entry in entries where entry.kind != .directory {
      hold(tree[entry.path] != nil && tree.fingerprint(entry.path) != Fingerprint.absent, "what is there is found")
      hold(tree.files(under: Path.parent(entry.path)).contains { $0.path == entry.path }, "a directory lists its files")
    }
  }

  /// `.gitmodules`, pointers of Git LFS, and the names of references.
  static let gitNames = Target("git-names") { bytes in
    let modules = Submodules(parsing: text(bytes))
    for line in lines(bytes) {
      let value = line.split(separator: "=", maxSplits: 1).last.map { String($0).trimmed } ?? ""
      fetch(modules.url(of: Path.normalized(value)) ?? line)
    }
    if let pointer = LargeFile.Pointer(bytes) {
      hold(LargeFile.isPointer(bytes) && pointer.size >= 0 && pointer.oid.utf8.count == 64, "a pointer is one")
      hold(LargeFile.Pointer(Array(pointer.text.utf8)) == pointer, "a pointer is written as it is read")
    }
    _ = LargeFile.refusal(of: bytes, "p", isInSubmodule: bytes.count % 2 == 0)
    let names = Array(lines(bytes).prefix(4))
    let tags = RemoteTag.all(in: names.map { ("refs/tags/\($0)", "0") })
    hold(Set(tags.map(\.name)).count == tags.count, "a tag is there once")
    let orders = names.map(VersionOrder.init)
    for one in orders {
      for other in orders {
        hold(!(one < other && other < one), "one of two comes first")
        for third in orders where one < other && other < third {
          hold(one < third, "what comes first stays first: \(names)")
        }
      }
    }
  }

  /// Where a submodule is fetched from.
  private static func fetch(_ url: String) {
    for base in [
      "https://forge.example.org/a/b.git", "git@forge.example.org:a/b.git", "/srv/git/b.git", "file:///srv/git/b",
    ] {
      guard let found = RepositoryURL.submodule(url, of: base) else { continue }
      hold(!found.hasPrefix("-") && !found.contains("::"), "a URL starts no program: \(found)")
      guard let place = RepositoryURL(found), let own = RepositoryURL(base) else {
        return hold(false, "a URL is one: \(found)")
      }
      switch place.scheme {
      case .https, .ssh: break
      case .file:
        hold(own.scheme == .file, "this host's files are not for another's repository: \(found)")
        hold(Place.resolved(place.path).starts(with: Place.resolved("/srv/git")), "it lies beside its own: \(found)")
      case .http, .git: hold(own.isSamePlace(as: place), "what is not encrypted stays on its host: \(found)")
      }
    }
  }
}

/// Writes trees as a hostile server could send them.
private enum Trees {
  private static var path: String { scratch + "/trees.git" }
  private static let count = Mutex(0)

  /// Opens the repository; makes it again before it becomes large.
  static func repository() -> Repository? {
    let number = count.withLock { count in
      count += 1
      return count
    }
    if number % 2000 == 0 { try? FileManager.default.removeItem(atPath: path) }
    if let open = try? Repository(opening: path) { return open }
    return try? Repository(creating: path, branch: "main")
  }

  static func tree(of bytes: [UInt8]) -> [UInt8] {
    if bytes.first == UInt8(ascii: "!") { return Array(bytes.dropFirst()) }
    return bytes.split(separator: 10).flatMap { line -> [UInt8] in
      let modes = ["100644", "100755", "120000", "160000", "40000"]
      // git's own id of the empty tree, which libgit2 knows without it being there.
      let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
      let mode = modes[Int(line.first ?? 0) % modes.count]
      let id =
        mode == "40000"
        ? stride(from: 0, to: 40, by: 2).map {
          UInt8(
            empty.utf8.dropFirst($0).prefix(2).reduce(0) {
              $0 << 4 | Int($1 < 0x3a ? $1 - 0x30 : $1 - 0x57)
            })
        } : [UInt8](repeating: 7, count: 20)
      return Array("\(mode) ".utf8) + line.dropFirst() + [0] + id
    }
  }

  static func write(_ bytes: [UInt8], _ repository: borrowing Repository) throws(GitError) -> String {
    var (database, id): (OpaquePointer?, git_oid) = (nil, git_oid())
    try Git.check("cannot open") { git_repository_odb(&database, repository.raw) }
    defer { git_odb_free(database) }
    try Git.check("cannot write") { git_odb_write(&id, database, bytes, bytes.count, GIT_OBJECT_TREE) }
    return text(of: &id)
  }
}
