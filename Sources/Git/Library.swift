import CGit2

/// Sets libgit2 up once for the whole process.
enum Library {
  private static let ready: Int32 = {
    let code = git_libgit2_init()
    // What lies in somebody's ~/.gitconfig or /etc/gitconfig must not change where a deploy comes from.
    for level in [GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA]
    {
      git_opts_set_search_path(level.rawValue, "")
    }
    // A repository on a local path belongs to whom it belongs to; nothing in it is executed.
    git_opts_set_owner_validation(0)
    git_opts_set_window_size(1 << 20)
    git_opts_set_mapped_limit(8 << 20)
    git_opts_set_cache_limit(2 << 20)
    git_opts_enable_fsync(1)
    return code
  }()

  static func start() throws(GitError) {
    if ready < 0 { throw .last(ready, "cannot start libgit2") }
  }
}

/// Sets libgit2 up, which whoever needs it first would wait for.
public func startLibrary() { try? Library.start() }

/// Owns a repository handle; for one thread at a time.
struct Repository: ~Copyable {
  let raw: OpaquePointer

  init(opening path: String) throws(GitError) {
    try Library.start()
    var handle: OpaquePointer?
    try Git.check("cannot open \(path)") { git_repository_open_bare(&handle, path) }
    guard let handle else { throw GitError(.notARepository, "cannot open \(path)") }
    raw = handle
  }

  init(creating path: String, branch: String) throws(GitError) {
    try Library.start()
    var options = git_repository_init_options()
    git_repository_init_options_init(&options, UInt32(GIT_REPOSITORY_INIT_OPTIONS_VERSION))
    options.flags =
      GIT_REPOSITORY_INIT_BARE.rawValue | GIT_REPOSITORY_INIT_MKDIR.rawValue | GIT_REPOSITORY_INIT_NO_REINIT.rawValue
    var handle: OpaquePointer?
    try Git.check("cannot create \(path)") {
      branch.withCString {
        options.initial_head = $0
        return git_repository_init_ext(&handle, path, &options)
      }
    }
    guard let handle else { throw GitError(.storage, "cannot create \(path)") }
    raw = handle
  }

  deinit { git_repository_free(raw) }

  /// Makes a reference point to a commit.
  func setReference(_ name: String, to id: String) throws(GitError) {
    var oid = try objectID(id)
    var reference: OpaquePointer?
    defer { git_reference_free(reference) }
    try Git.check("cannot record \(name)") { git_reference_create(&reference, raw, name, &oid, 1, "accepted") }
  }

  /// Makes `HEAD` mean a branch.
  func setHead(_ branch: String) throws(GitError) {
    try Git.check("cannot record HEAD") { git_repository_set_head(raw, "refs/heads/\(branch)") }
  }

  /// Lists the references whose names match.
  func references(_ glob: String) throws(GitError) -> [String] {
    var iterator: OpaquePointer?
    try Git.check("cannot list references") { git_reference_iterator_glob_new(&iterator, raw, glob) }
    defer { git_reference_iterator_free(iterator) }
    var names: [String] = []
    var name: UnsafePointer<CChar>?
    while git_reference_next_name(&name, iterator) == 0, let name { names.append(String(cString: name)) }
    return names
  }

  /// Removes every reference whose name matches.
  func removeReferences(_ glob: String) throws(GitError) {
    for name in try references(glob) {
      try Git.check("cannot remove a reference") { git_reference_remove(raw, name) }
    }
  }

  /// Lends a looked-up object and frees it afterwards.
  func object<Result>(
    _ id: String, _ type: git_object_t, _ body: (OpaquePointer) throws(GitError) -> Result
  ) throws(GitError) -> Result {
    var oid = try objectID(id)
    var object: OpaquePointer?
    let code = git_object_lookup(&object, raw, &oid, type)
    if code == GIT_ENOTFOUND.rawValue {
      throw GitError(.missingObject, "the mirror has no object \(id.prefix(12))")
    }
    try Git.check("cannot read object \(id.prefix(12))") { code }
    guard let object else { throw GitError(.missingObject, "the mirror has no object \(id.prefix(12))") }
    defer { git_object_free(object) }
    return try body(object)
  }
}

func objectID(_ id: String) throws(GitError) -> git_oid {
  var oid = git_oid()
  guard id.utf8.count == 40, git_oid_fromstr(&oid, id) == 0 else {
    throw GitError(.unknownRevision, "\(id) is not an object id")
  }
  return oid
}

func text(of oid: UnsafePointer<git_oid>) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 41) { buffer in
    guard let start = buffer.baseAddress else { return "" }
    git_oid_tostr(start, 41, oid)
    return String(cString: start)
  }
}

/// Returns the id that git gives a blob with these bytes; see git_odb_hash.
public func blobID(of bytes: [UInt8]) -> String {
  var oid = git_oid()
  guard (try? Library.start()) != nil, git_odb_hash(&oid, bytes, bytes.count, GIT_OBJECT_BLOB) == 0 else { return "" }
  return text(of: &oid)
}

/// Returns the id that git gives a blob with the content of a file, which is read piece by piece; see git_odb_hashfile. Nothing
/// where it cannot be read.
public func blobID(ofFile path: String) -> String? {
  var oid = git_oid()
  guard (try? Library.start()) != nil, git_odb_hashfile(&oid, path, GIT_OBJECT_BLOB) == 0 else { return nil }
  return text(of: &oid)
}
