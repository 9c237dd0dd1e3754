import CGit2
import Encoding
import Glibc

/// One commit, as far as people want to know of it.
public struct Commit: Sendable, Hashable {
  /// The id, 40 hexadecimal digits.
  public let id: String
  /// The first line of the message.
  public let subject: String
  /// The time of the commit in seconds since 1970.
  public let time: Int64
  /// The ids of the parents.
  public let parents: [String]
}

/// A bare repository that holds one branch of another one.
///
/// It keeps the accepted head, the tag that named it (`refs/clup/tag/`) and the commit up to which signatures were checked
/// (`refs/clup/trusted`); none of them moves before a head was checked.
///
/// Every call runs on one queue of its own, never on the cooperative pool.
public actor Mirror {
  private let queue = MirrorQueue()
  let repository: Repository
  let path: String
  /// The repositories whose objects are read as well.
  var included: Set<String> = []
  private let branch: String

  /// Runs the actor on its own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

  /// Opens the mirror at `path`, or creates it when nothing stands there and `create` says so.
  ///
  /// Any number of processes may have it open.
  public init(at path: String, branch: String, create: Bool) throws(GitError) {
    self.path = path
    self.branch = branch
    if create, access(path, F_OK) != 0 {
      // Made beside and renamed, so that a killed process leaves no half of one under this name.
      let fresh = "\(path).\(randomName())"
      _ = try Repository(creating: fresh, branch: branch)
      // Somebody else may have been faster.
      guard rename(fresh, path) == 0 || access(path, F_OK) == 0 else {
        throw GitError(.storage, "cannot name \(path): \(String(cString: strerror(errno)))")
      }
    }
    repository = try Repository(opening: path)
  }

  /// Asks a repository for the id of a branch's head, without a mirror.
  public static func remoteHead(
    of url: String, branch: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) -> String {
    try await Remote.waiting(deadline, for: url) { () throws(GitError) in
      try Remote.head(of: url, branch: branch, access: access)
    }
  }

  /// Asks a repository which branch it stands at by itself; nothing where it has none.
  public static func remoteBranch(
    of url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) -> String? {
    try await Remote.waiting(deadline, for: url) { () throws(GitError) in
      let listed = try Remote.references(of: url, access: access)
      let branches = listed.filter { $0.name.hasPrefix("refs/heads/") }.map { (String($0.name.dropFirst(11)), $0.id) }
      let head = listed.first { $0.name == "HEAD" }?.id
      let same = branches.filter { $0.1 == head }.map(\.0)
      return ["main", "master"].first(where: same.contains) ?? same.first ?? branches.first?.0
    }
  }

  /// Brings the branch up to date from `url` and gives the id that it has there now; nothing counts as accepted yet.
  public func fetch(
    from url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) -> String {
    let (path, branch, monitor, incoming) = (path, branch, TransferMonitor(), incoming)
    try repository.removeReferences(incoming)
    try await Remote.waiting(deadline, for: url, monitor) { () throws(GitError) in
      try Remote.fetch(
        ["+refs/heads/\(branch):\(incoming)"], from: url, into: path, access: access, monitor: monitor)
    }
    guard let id = try takeIncoming() else {
      throw GitError(.branchMissing, "\(redacted(url)) has no branch \(branch)")
    }
    return id
  }

  /// What a fetch of this process brings: what another one brings must not be taken for it.
  private let incoming = "refs/clup/incoming/\(getpid())"

  /// Keeps what was brought under a name of its own, so that the next fetch tells the other side that it is here, also where
  /// nothing was accepted.
  private func takeIncoming() throws(GitError) -> String? {
    guard let id = try reference(incoming) else { return nil }
    // Where somebody else sets it at this very moment, that is as good.
    try? repository.setReference("refs/clup/fetched", to: id)
    try repository.removeReferences(incoming)
    return id
  }

  /// Asks a repository for its tags, without a mirror.
  public static func remoteTags(
    of url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) -> [RemoteTag] {
    try await Remote.waiting(deadline, for: url) { () throws(GitError) in
      RemoteTag.all(in: try Remote.references(of: url, access: access))
    }
  }

  /// Brings a tag with the history of its commit; nothing counts as accepted yet.
  public func fetch(
    tag name: String, from url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) -> RemoteTag {
    let (path, monitor, incoming) = (path, TransferMonitor(), incoming)
    try repository.removeReferences(incoming)
    try await Remote.waiting(deadline, for: url, monitor) { () throws(GitError) in
      try Remote.fetch(
        ["+refs/tags/\(name):\(incoming)", "+refs/tags/\(name):refs/tags/\(name)"], from: url, into: path,
        access: access, monitor: monitor, tags: false)
    }
    guard let id = try takeIncoming() else {
      throw GitError(.branchMissing, "\(redacted(url)) has no tag \(name)")
    }
    do throws(GitError) { return RemoteTag(name: name, object: id, commit: try resolve(id)) } catch {
      throw GitError(.unsafePath, "the tag \(name) names no commit")
    }
  }

  /// Brings every branch and tag of a repository, in which a commit should be; nothing counts as accepted yet.
  public func fetch(
    commit id: String, from url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) {
    let (path, monitor) = (path, TransferMonitor())
    try await Remote.waiting(deadline, for: url, monitor) { () throws(GitError) in
      try Remote.fetch(
        ["+refs/heads/*:refs/clup/seen/*", "+refs/tags/*:refs/tags/*"], from: url, into: path, access: access,
        monitor: monitor, tags: false)
    }
    try repository.removeReferences("refs/clup/seen/*")
    guard contains(id) else {
      throw GitError(.branchMissing, "no branch and no tag of \(redacted(url)) has the commit \(id)")
    }
  }

  /// Returns the accepted head of the branch, or nothing before the first fetch.
  public func head() throws(GitError) -> String? { try reference("refs/heads/\(branch)") }

  /// Accepts a commit as the head of the branch.
  public func setHead(_ id: String) throws(GitError) {
    // The mirror has one branch: another one's name may even stand in the way of this one's.
    if try reference("refs/heads/\(branch)") == nil { try repository.removeReferences("refs/heads/*") }
    try repository.setReference("refs/heads/\(branch)", to: id)
    try repository.setHead(branch)
  }

  /// Returns the tag by which the accepted head was found, where it was found by one.
  public func acceptedTag() throws(GitError) -> RemoteTag? {
    guard let name = try repository.references(Self.tags + "*").first, let object = try reference(name),
      let commit = try head()
    else { return nil }
    return RemoteTag(name: String(name.dropFirst(Self.tags.utf8.count)), object: object, commit: commit)
  }

  /// Keeps the tag by which the accepted head was found.
  public func setAcceptedTag(_ tag: RemoteTag?) throws(GitError) {
    if try acceptedTag() == tag { return }
    try repository.removeReferences(Self.tags + "*")
    if let tag { try repository.setReference(Self.tags + tag.name, to: tag.object) }
  }

  private static let tags = "refs/clup/tag/"

  /// Returns the commit up to which every signature was checked; nothing where none was.
  public func trusted() throws(GitError) -> String? { try reference("refs/clup/trusted") }

  /// Keeps the commit up to which every signature was checked.
  public func setTrusted(_ id: String) throws(GitError) { try repository.setReference("refs/clup/trusted", to: id) }

  /// Reads what every use of the mirror needs; throws where a power cut, say, has left it damaged.
  public func check() throws(GitError) {
    _ = try (reference("HEAD"), acceptedTag(), trusted())
    if let head = try head(), !contains(head) { throw GitError(.missingObject, "the commit \(head) is missing") }
  }

  /// Returns whether the mirror holds a commit.
  public func contains(_ id: String) -> Bool {
    (try? repository.object(id, GIT_OBJECT_COMMIT) { _ in true }) ?? false
  }

  /// Returns whether `ancestor` is `id` or comes before it.
  public func isAncestor(_ ancestor: String, of id: String) throws(GitError) -> Bool {
    if ancestor == id { return true }
    var (old, new) = (try objectID(ancestor), try objectID(id))
    let code = git_graph_descendant_of(repository.raw, &new, &old)
    return try Git.check("cannot compare \(ancestor.prefix(12)) with \(id.prefix(12))") { code } == 1
  }

  /// Counts the commits that `id` has and `other` has not.
  public func distance(from other: String, to id: String) throws(GitError) -> Int {
    var (old, new) = (try objectID(other), try objectID(id))
    var (ahead, behind) = (0, 0)
    try Git.check("cannot compare \(other.prefix(12)) with \(id.prefix(12))") {
      git_graph_ahead_behind(&ahead, &behind, repository.raw, &new, &old)
    }
    return ahead
  }

  /// Finds the commit that a revision names (`HEAD~2`, a tag, an id or its beginning); see gitrevisions(7).
  public func resolve(_ revision: String) throws(GitError) -> String {
    var object: OpaquePointer?
    let code = git_revparse_single(&object, repository.raw, revision)
    defer { git_object_free(object) }
    if code == GIT_EAMBIGUOUS.rawValue {
      throw GitError(
        .ambiguousRevision,
        revision.utf8.count < 4
          ? "\(revision) is too short for a commit's id; give four digits or more"
          : "\(revision) fits more than one commit; give more digits")
    }
    guard code == 0 else { throw GitError(.unknownRevision, "\(revision) names no commit of \(branch)") }
    var commit: OpaquePointer?
    defer { git_object_free(commit) }
    guard git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0, let id = git_object_id(commit) else {
      throw GitError(.unknownRevision, "\(revision) names no commit of \(branch)")
    }
    return text(of: id)
  }

  /// Reads a commit.
  public func commit(_ id: String) throws(GitError) -> Commit {
    try repository.object(id, GIT_OBJECT_COMMIT) { commit throws(GitError) in
      Commit(
        id: id,
        subject: git_commit_summary(commit).map { String(cString: $0) } ?? "",
        time: git_commit_time(commit),
        parents: (0..<git_commit_parentcount(commit)).compactMap {
          git_commit_parent_id(commit, $0).map { text(of: $0) }
        })
    }
  }

  /// Lists every file and directory of a commit, in the order of the tree, its root as `.`.
  ///
  /// Throws for names that could lead out of a directory.
  public func entries(of commit: String) throws(GitError) -> [TreeEntry] {
    try repository.object(commit, GIT_OBJECT_COMMIT) { commit throws(GitError) in
      var tree: OpaquePointer?
      try Git.check("cannot read a tree") { git_commit_tree(&tree, commit) }
      defer { git_tree_free(tree) }
      let root = git_tree_id(tree).map { TreeEntry(path: ".", kind: .directory, id: text(of: $0)) }
      return try (root.map { [$0] } ?? []) + TreeWalk.entries(of: tree)
    }
  }

  /// Reads a blob of at most `limit` bytes.
  public func contents(of id: String, limit: Int) throws(GitError) -> [UInt8] {
    // A look-up would bring all of it into memory.
    let size = try size(of: id)
    guard size <= limit else { throw GitError(.tooLarge, "it has \(size) bytes; at most \(limit) are read") }
    return try repository.object(id, GIT_OBJECT_BLOB) { blob throws(GitError) in
      Array(UnsafeRawBufferPointer(start: git_blob_rawcontent(blob), count: Int(git_blob_rawsize(blob))))
    }
  }

  /// Writes files below `directory`, read-only (0444, or 0555 for executables), each flushed to the disk.
  ///
  /// Makes the directories in between; a file that is there already stays as it is. One of more than `limit` bytes is left
  /// out: libgit2 holds all of a file in memory.
  public func export(_ entries: [TreeEntry], to directory: String, limit: Int = .max) throws(GitError) {
    for entry in entries where entry.kind == .file || entry.kind == .executable {
      if try size(of: entry.id) > limit { continue }
      try repository.object(entry.id, GIT_OBJECT_BLOB) { blob throws(GitError) in
        let content = UnsafeRawBufferPointer(start: git_blob_rawcontent(blob), count: Int(git_blob_rawsize(blob)))
        try write(content, to: entry.path, in: directory, mode: entry.kind == .executable ? 0o555 : 0o444)
      }
    }
  }

  func reference(_ name: String) throws(GitError) -> String? {
    var oid = git_oid()
    let code = git_reference_name_to_id(&oid, repository.raw, name)
    if code == GIT_ENOTFOUND.rawValue { return nil }
    try Git.check("cannot read \(name)") { code }
    return text(of: &oid)
  }
}
