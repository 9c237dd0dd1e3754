import CGit2
import Glibc

/// What is kept next to the mirror for single commits: submodules, and the content of files that Git LFS keeps.
extension Mirror {
  /// Reads from now on also what another bare repository of clup's holds; see git_odb_add_disk_alternate.
  public func include(_ other: String) throws(GitError) {
    guard included.insert(other).inserted else { return }
    try repository.include(other + "/objects")
  }

  /// Brings one commit, with the history that the other side gives with it; nothing counts as accepted.
  public func fetch(
    pinned id: String, from url: String, access: RemoteAccess = RemoteAccess(), deadline: Duration
  ) async throws(GitError) {
    let (path, monitor) = (path, TransferMonitor())
    do throws(GitError) {
      try await Remote.waiting(deadline, for: url, monitor) { () throws(GitError) in
        try Remote.fetch(
          ["\(id):refs/clup/pinned/\(id)"], from: url, into: path, access: access, monitor: monitor, tags: false)
      }
      if contains(id) { return }
    } catch {
      // Not every server gives a commit by its id, and each says so in its own way.
      guard [.unreachable, .missingObject, .other].contains(error.kind) else { throw error }
    }
    try await fetch(commit: id, from: url, access: access, deadline: deadline)
  }

  /// Keeps an object under a name for as long as a commit of the repository is needed.
  public func keep(_ id: String, as name: String, for commit: String) throws(GitError) {
    let reference = "\(Self.keeping)\(commit)/\(name)"
    if try self.reference(reference) != id { try repository.setReference(reference, to: id) }
  }

  /// Returns the object that was kept under a name for any commit; nothing where it is not there.
  public func kept(_ name: String) throws(GitError) -> String? {
    for reference in try repository.references("\(Self.keeping)*/\(name)") {
      if let id = try self.reference(reference), (try? repository.kind(of: id)) != nil { return id }
    }
    return nil
  }

  /// Forgets what was kept for other commits than these, and removes files that nothing is left of. Says whether anything is.
  public func keepOnly(for commits: Set<String>) throws(GitError) -> Bool {
    var (needed, free): (Set<String>, [(name: String, id: String)]) = ([], [])
    for name in try repository.references("\(Self.keeping)*") {
      guard let id = try reference(name) else { continue }
      let commit = name.dropFirst(Self.keeping.utf8.count).prefix { $0 != "/" }
      if commits.contains(String(commit)) { needed.insert(id) } else { free.append((name, id)) }
    }
    for (name, id) in free {
      // Before its name: a file that nobody names would stay for ever.
      if !needed.contains(id) { unlink("\(path)/objects/\(id.prefix(2))/\(id.dropFirst(2))") }
      try repository.removeReferences(name)
    }
    return !needed.isEmpty
  }

  /// Stores a file's content as a blob, piece by piece, and gives its id.
  public func store(_ file: String) throws(GitError) -> String { try repository.store(file) }

  /// Makes a commit without parents that holds these files in its root.
  public func commit(holding files: [(name: String, content: [UInt8])]) throws(GitError) -> String {
    try repository.commit(holding: files)
  }

  private static let keeping = "refs/clup/kept/"
}

extension Repository {
  func include(_ objects: String) throws(GitError) {
    let database = try database()
    defer { git_odb_free(database) }
    try Git.check("cannot read \(objects)") { git_odb_add_disk_alternate(database, objects) }
  }

  func store(_ file: String) throws(GitError) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw GitError(.storage, "cannot read \(file): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var stream: UnsafeMutablePointer<git_writestream>?
    try Git.check("cannot store \(file)") { git_blob_create_from_stream(&stream, raw, nil) }
    var buffer = [CChar](repeating: 0, count: 256 << 10)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count == 0 { break }
      guard count > 0, stream?.pointee.write(stream, buffer, count) == 0 else {
        stream?.pointee.free(stream)
        throw GitError(.storage, "cannot store \(file): the disk may be full")
      }
    }
    var oid = git_oid()
    try Git.check("cannot store \(file)") { git_blob_create_from_stream_commit(&oid, stream) }
    return text(of: &oid)
  }

  func commit(holding files: [(name: String, content: [UInt8])]) throws(GitError) -> String {
    var builder: OpaquePointer?
    try Git.check("cannot make a tree") { git_treebuilder_new(&builder, raw, nil) }
    defer { git_treebuilder_free(builder) }
    var oid = git_oid()
    for (name, content) in files {
      try Git.check("cannot store \(name)") {
        git_blob_create_from_buffer(&oid, raw, content, content.count)
      }
      try Git.check("cannot add \(name)") { git_treebuilder_insert(nil, builder, name, &oid, GIT_FILEMODE_BLOB) }
    }
    try Git.check("cannot store a tree") { git_treebuilder_write(&oid, builder) }
    var (tree, signature): (OpaquePointer?, UnsafeMutablePointer<git_signature>?)
    defer {
      git_tree_free(tree)
      git_signature_free(signature)
    }
    try Git.check("cannot read a tree") { git_tree_lookup(&tree, raw, &oid) }
    try Git.check("cannot make a commit") { git_signature_new(&signature, "clup", "clup", 0, 0) }
    try Git.check("cannot make a commit") {
      git_commit_create(&oid, raw, nil, signature, signature, nil, "", tree, 0, nil)
    }
    return text(of: &oid)
  }
}
