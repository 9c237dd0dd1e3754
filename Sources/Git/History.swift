import CGit2

extension Mirror {
  /// Lists the commits that `head` has and `base` has not, on every side of merges, parents before their children.
  public func commits(to head: String, without base: String?) throws(GitError) -> [String] {
    var ids: [String] = []
    try repository.walk(to: head, without: base, order: GIT_SORT_TOPOLOGICAL.rawValue | GIT_SORT_REVERSE.rawValue) {
      ids.append($0)
      return true
    }
    return ids
  }

  /// Counts the commits that `id` has and `head` has not, and reads the first of them, the newest first.
  public func lost(from id: String, by head: String, atMost limit: Int) throws(GitError) -> (
    count: Int, newest: [Commit]
  ) {
    var (count, ids): (Int, [String]) = (0, [])
    try repository.walk(to: id, without: head, order: GIT_SORT_TOPOLOGICAL.rawValue) {
      count += 1
      if ids.count < limit { ids.append($0) }
      return true
    }
    return (count, try ids.map { id throws(GitError) in try commit(id) })
  }

  /// Reads a commit with its signature apart.
  public func signedCommit(_ id: String) throws(GitError) -> SignedObject {
    SignedObject(commit: try repository.content(id, GIT_OBJECT_COMMIT))
  }

  /// Reads an annotated tag with its signature apart; nothing where the id is that of a commit, as a light tag's is.
  public func signedTag(_ id: String) throws(GitError) -> SignedObject? {
    guard try repository.kind(of: id).type == GIT_OBJECT_TAG else { return nil }
    return SignedObject(tag: try repository.content(id, GIT_OBJECT_TAG))
  }

  /// Returns the size of a blob without reading it.
  public func size(of id: String) throws(GitError) -> Int { try repository.kind(of: id).size }
}

extension Repository {
  /// What a person wrote into a commit or a tag is far smaller.
  private static let mostBytes = 1 << 20

  func kind(of id: String) throws(GitError) -> (size: Int, type: git_object_t) {
    var (size, type, oid) = (0, GIT_OBJECT_INVALID, try objectID(id))
    let database = try database()
    defer { git_odb_free(database) }
    let code = git_odb_read_header(&size, &type, database, &oid)
    if code == GIT_ENOTFOUND.rawValue {
      throw GitError(.missingObject, "the mirror has no object \(id.prefix(12))")
    }
    try Git.check("cannot read object \(id.prefix(12))") { code }
    return (size, type)
  }

  func content(_ id: String, _ wanted: git_object_t) throws(GitError) -> [UInt8] {
    let (size, type) = try kind(of: id)
    guard type == wanted else { throw GitError(.missingObject, "the object \(id.prefix(12)) is of another kind") }
    guard size <= Self.mostBytes else {
      throw GitError(
        .unsafePath, "the commit or tag \(id.prefix(12)) has \(size) bytes of text; at most \(Self.mostBytes) are read")
    }
    let database = try database()
    defer { git_odb_free(database) }
    var (object, oid): (OpaquePointer?, git_oid) = (nil, try objectID(id))
    try Git.check("cannot read object \(id.prefix(12))") { git_odb_read(&object, database, &oid) }
    defer { git_odb_object_free(object) }
    return Array(UnsafeRawBufferPointer(start: git_odb_object_data(object), count: git_odb_object_size(object)))
  }

  func database() throws(GitError) -> OpaquePointer? {
    var database: OpaquePointer?
    try Git.check("cannot read the mirror") { git_repository_odb(&database, raw) }
    return database
  }

  func walk(
    to head: String, without base: String?, order: UInt32, _ visit: (String) -> Bool
  ) throws(GitError) {
    var (walk, oid): (OpaquePointer?, git_oid) = (nil, try objectID(head))
    try Git.check("cannot go through the history") { git_revwalk_new(&walk, raw) }
    defer { git_revwalk_free(walk) }
    try Git.check("cannot go through the history") { git_revwalk_sorting(walk, order) }
    try Git.check("cannot go through the history of \(head.prefix(12))") { git_revwalk_push(walk, &oid) }
    if let base {
      oid = try objectID(base)
      try Git.check("cannot go through the history of \(base.prefix(12))") { git_revwalk_hide(walk, &oid) }
    }
    while true {
      let code = git_revwalk_next(&oid, walk)
      if code == GIT_ITEROVER.rawValue { return }
      try Git.check("cannot go through the history of \(head.prefix(12))") { code }
      if !visit(text(of: &oid)) { return }
    }
  }
}
