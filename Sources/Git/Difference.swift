import CGit2

extension Mirror {
  /// Returns the unified diff of two blobs, either of which may be absent.
  public func difference(from old: String?, to new: String?, path: String) throws(GitError) -> String {
    let before = try old.map { id throws(GitError) in try contents(of: id, limit: 8 << 20) } ?? []
    let after = try new.map { id throws(GitError) in try contents(of: id, limit: 8 << 20) } ?? []
    var buffer = git_buf()
    defer { git_buf_dispose(&buffer) }
    try Git.check("cannot compare \(path)") {
      before.withUnsafeBytes { before in
        after.withUnsafeBytes { after in
          // The patch points into the two texts for as long as it lives.
          var patch: OpaquePointer?
          defer { git_patch_free(patch) }
          let code = git_patch_from_buffers(
            &patch, before.baseAddress, before.count, path, after.baseAddress, after.count, path, nil)
          return code == 0 ? git_patch_to_buf(&buffer, patch) : code
        }
      }
    }
    return buffer.ptr.map { String(cString: $0) } ?? ""
  }
}
