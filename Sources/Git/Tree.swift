import CGit2
import Glibc

/// One file or directory of a commit.
public struct TreeEntry: Sendable, Hashable {
  /// What git knows of a file's kind.
  public enum Kind: Sendable { case file, executable, symlink, submodule, directory }
  /// The path from the repository's root.
  public let path: String
  /// The kind.
  public let kind: Kind
  /// The id of the blob or tree, 40 hexadecimal digits.
  public let id: String

  /// Makes an entry.
  public init(path: String, kind: Kind, id: String) {
    self.path = path
    self.kind = kind
    self.id = id
  }
}

/// Collects the entries while libgit2 walks a tree.
final class TreeWalk {
  private var entries: [TreeEntry] = []
  private var unsafe: String?
  private var tooLarge: String?
  private var seen: Set<String> = []
  /// More entries, or more directories within one another, than any repository of Compose files has.
  static let limits = (entries: 200_000, depth: 64)

  static func entries(of tree: OpaquePointer?) throws(GitError) -> [TreeEntry] {
    let walk = TreeWalk()
    let code = git_tree_walk(
      tree, GIT_TREEWALK_PRE,
      { root, entry, payload in
        guard let root, let entry, let payload else { return -1 }
        return Unmanaged<TreeWalk>.fromOpaque(payload).takeUnretainedValue().visit(String(cString: root), entry)
      }, Unmanaged.passUnretained(walk).toOpaque())
    if let what = walk.tooLarge { throw GitError(.unsafePath, what) }
    if let path = walk.unsafe {
      throw GitError(
        .unsafePath, "the commit holds a file named \(path), which could be taken for another file or directory")
    }
    try Git.check("cannot read a tree") { code }
    return walk.entries
  }

  private func visit(_ root: String, _ entry: OpaquePointer) -> Int32 {
    let raw = git_tree_entry_name(entry)
    let name = raw.flatMap { String(validatingCString: $0) } ?? ""
    // Also what turns the direction of text: such a name would be read as another one.
    let unprintable = name.unicodeScalars.contains { scalar in
      [0..<0x20, 0x7f..<0xa0, 0x202a..<0x202f, 0x2066..<0x206a].contains { $0.contains(scalar.value) }
    }
    // Not by letters: a mark that joins a slash would hide it.
    let isPath = name.utf8.contains(UInt8(ascii: "/"))
    if name.isEmpty || name == "." || name == ".." || isPath || unprintable || isGitDirectory(name) {
      unsafe = root + shown(name.isEmpty ? raw.map { String(cString: $0) } ?? "" : name)
      return -1
    }
    // A letter that joins its neighbours would hide a slash, and two spellings of one letter would be one name.
    if "/\(name)/".split(separator: "/") != [name[...]] || !seen.insert(root + name).inserted {
      unsafe = root + shown(name)
      return -1
    }
    if entries.count >= Self.limits.entries {
      tooLarge = "the commit holds more than \(Self.limits.entries) files and directories"
      return -1
    }
    if root.utf8.count(where: { $0 == 0x2f }) >= Self.limits.depth {
      tooLarge = "the commit holds directories more than \(Self.limits.depth) deep: \(root.prefix(60))…"
      return -1
    }
    guard let oid = git_tree_entry_id(entry) else { return -1 }
    let kind: TreeEntry.Kind
    switch git_tree_entry_filemode(entry) {
    case GIT_FILEMODE_TREE: kind = .directory
    case GIT_FILEMODE_BLOB_EXECUTABLE: kind = .executable
    case GIT_FILEMODE_LINK: kind = .symlink
    case GIT_FILEMODE_COMMIT: kind = .submodule
    default: kind = .file
    }
    entries.append(TreeEntry(path: root + name, kind: kind, id: text(of: oid)))
    return 0
  }
}

/// Returns whether some file system would take a name for `.git`; see verify_path() in git's read-cache.c.
///
/// macOS knows no letter case and leaves out letters without a shape, Windows leaves out dots, spaces and what follows a colon
/// at the end of a name, and calls the directory `git~1` as well.
func isGitDirectory(_ name: String) -> Bool {
  let shaped = String(String.UnicodeScalarView(name.unicodeScalars.filter { !isShapeless($0.value) })).lowercased()
  let short = shaped.prefix { $0 != ":" && $0 != "\\" }
  let end = short.lastIndex { $0 != "." && $0 != " " }
  let bare = end.map { short[...$0] } ?? ""
  return [".git", "git~1"].contains(bare)
}

/// Writes a name so that nothing in it is invisible or steers a terminal.
private func shown(_ name: String) -> String {
  let scalars = name.unicodeScalars.map { scalar in
    isShapeless(scalar.value) || (0x80..<0xa0).contains(scalar.value)
      ? "\\u{\(String(scalar.value, radix: 16))}" : scalar.escaped(asASCII: false)
  }
  return "\"\(scalars.joined())\""
}

private func isShapeless(_ scalar: UInt32) -> Bool {
  switch scalar {
  case 0x200c...0x200f, 0x202a...0x202e, 0x2066...0x206f, 0xfeff, 0xad, 0x34f, 0x200b, 0x2060...0x2064: true
  default: false
  }
}

func write(_ content: UnsafeRawBufferPointer, to path: String, in directory: String, mode: mode_t) throws(GitError) {
  var parent = directory
  for part in path.split(separator: "/").dropLast() {
    parent += "/\(part)"
    if mkdir(parent, 0o755) != 0 && errno != EEXIST { throw storage("cannot make \(parent)") }
  }
  let name = "\(directory)/\(path)"
  let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
  if descriptor < 0 && errno == EEXIST { return }
  guard descriptor >= 0 else { throw storage("cannot write \(name)") }
  // Half of a file must not be taken for one that is there already.
  var isWhole = false
  defer {
    close(descriptor)
    if !isWhole { unlink(name) }
  }
  var written = 0
  while written < content.count {
    let count = Glibc.write(descriptor, content.baseAddress.map { $0 + written }, content.count - written)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw storage("cannot write \(name)") }
    written += count
  }
  // The file's mode must not depend on whoever's umask.
  guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else { throw storage("cannot write \(name)") }
  isWhole = true
}

private func storage(_ what: String) -> GitError {
  let code = errno
  return GitError(
    code == ENOSPC || code == EDQUOT ? .full : .storage, "\(what): \(String(cString: strerror(code)))")
}
