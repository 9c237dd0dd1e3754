import CGit2
import Glibc

/// A git work tree that somebody is editing. Its calls block; see git_status_list_new and git_diff_tree_to_workdir.
public enum WorkTree {
  /// Lists the files of a directory that are tracked or not ignored, relative to it; nothing outside of git.
  public static func files(in directory: String) throws(GitError) -> [String]? {
    guard let opened = try open(directory) else { return nil }
    defer { git_repository_free(opened.repository) }
    var paths = Set(try opened.tracked(in: directory).map(\.path))
    var options = git_status_options()
    git_status_options_init(&options, UInt32(GIT_STATUS_OPTIONS_VERSION))
    options.show = GIT_STATUS_SHOW_WORKDIR_ONLY
    options.flags =
      GIT_STATUS_OPT_INCLUDE_UNTRACKED.rawValue | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS.rawValue
      | GIT_STATUS_OPT_EXCLUDE_SUBMODULES.rawValue
    var list: OpaquePointer?
    try Git.check("cannot look through \(directory)") { git_status_list_new(&list, opened.repository, &options) }
    defer { git_status_list_free(list) }
    for number in 0..<git_status_list_entrycount(list) {
      guard let entry = git_status_byindex(list, number)?.pointee,
        entry.status.rawValue & GIT_STATUS_WT_NEW.rawValue != 0,
        let path = entry.index_to_workdir?.pointee.new_file.path
      else { continue }
      paths.insert(String(cString: path))
    }
    return paths.compactMap(opened.inside).sorted()
  }

  /// Lists the submodules of a directory, relative to it, also those that were never brought there.
  public static func submodules(in directory: String) throws(GitError) -> Set<String> {
    guard let opened = try open(directory) else { return [] }
    defer { git_repository_free(opened.repository) }
    let modules = try opened.tracked(in: directory).filter { $0.mode == GIT_FILEMODE_COMMIT.rawValue }
    return Set(modules.compactMap { opened.inside($0.path) })
  }

  /// Finds the paths of a directory of which git holds, or would hold, a pointer of Git LFS; see gitattributes(5), "filter".
  public static func keptByLFS(in directory: String, among paths: [String]) throws(GitError) -> Set<String> {
    guard let opened = try open(directory) else { return [] }
    defer { git_repository_free(opened.repository) }
    var found: Set<String> = []
    for path in paths {
      var value: UnsafePointer<CChar>?
      let code = git_attr_get(
        &value, opened.repository, UInt32(GIT_ATTR_CHECK_FILE_THEN_INDEX), opened.prefix + path, "filter")
      if code == 0, git_attr_value(value) == GIT_ATTR_VALUE_STRING, let value, String(cString: value) == "lfs" {
        found.insert(path)
      }
    }
    return found
  }

  /// Lists the files of a directory that are not what they were at a revision, relative to it.
  public static func changes(in directory: String, since revision: String) throws(GitError) -> Set<String> {
    guard let opened = try open(directory) else {
      throw GitError(
        .notARepository, "\(directory) is not a git work tree, so nothing can have changed since \(revision)")
    }
    defer { git_repository_free(opened.repository) }
    var tree: OpaquePointer?
    guard git_revparse_single(&tree, opened.repository, revision + "^{tree}") == 0 else {
      throw GitError(.unknownRevision, "\(revision) is not a commit of \(directory)")
    }
    defer { git_object_free(tree) }
    var options = git_diff_options()
    git_diff_options_init(&options, UInt32(GIT_DIFF_OPTIONS_VERSION))
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED.rawValue | GIT_DIFF_RECURSE_UNTRACKED_DIRS.rawValue
    var diff: OpaquePointer?
    try Git.check("cannot compare \(directory) with \(revision)") {
      git_diff_tree_to_workdir_with_index(&diff, opened.repository, tree, &options)
    }
    defer { git_diff_free(diff) }
    var paths: Set<String> = []
    for number in 0..<git_diff_num_deltas(diff) {
      guard let delta = git_diff_get_delta(diff, number)?.pointee else { continue }
      for path in [delta.old_file.path, delta.new_file.path] {
        if let path, let inside = opened.inside(String(cString: path)) { paths.insert(inside) }
      }
    }
    return paths
  }

  /// Where a clone came from.
  public struct Origin: Sendable, Equatable {
    /// The directory of its work tree, with links followed.
    public let directory: String
    /// The directory of the repository itself, `.git`.
    public let repository: String
    /// The URL of its `origin`; nothing where it has none.
    public let url: String?
    /// The branch that is checked out; nothing where it is a commit.
    public let branch: String?
  }

  /// Returns where the clone came from that a directory lies in; nothing outside of one.
  public static func origin(of directory: String) throws(GitError) -> Origin? {
    guard let opened = try open(directory) else { return nil }
    defer { git_repository_free(opened.repository) }
    guard let root = git_repository_workdir(opened.repository).map({ String(cString: $0) }) else { return nil }
    var remote: OpaquePointer?
    git_remote_lookup(&remote, opened.repository, "origin")
    defer { git_remote_free(remote) }
    let url = remote.flatMap { git_remote_url($0) }.map { String(cString: $0) }
    var head: OpaquePointer?
    git_repository_head(&head, opened.repository)
    defer { git_reference_free(head) }
    let isBranch = head.map { git_reference_is_branch($0) == 1 } ?? false
    func plain(_ path: String) -> String { path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }
    return Origin(
      directory: plain(root), repository: plain(String(cString: git_repository_path(opened.repository))), url: url,
      branch: isBranch ? git_reference_shorthand(head).map { String(cString: $0) } : nil)
  }

  private struct Opened {
    let repository: OpaquePointer
    /// The directory within the work tree, ending in `/`; empty for its root.
    let prefix: String

    func inside(_ path: String) -> String? {
      path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
    }

    /// Lists what the index holds, each path relative to the work tree's root.
    func tracked(in directory: String) throws(GitError) -> [(path: String, mode: UInt32)] {
      var index: OpaquePointer?
      try Git.check("cannot read the index of \(directory)") { git_repository_index(&index, repository) }
      defer { git_index_free(index) }
      return (0..<git_index_entrycount(index)).compactMap { number in
        git_index_get_byindex(index, number).map { (String(cString: $0.pointee.path), $0.pointee.mode) }
      }
    }
  }

  private static func open(_ directory: String) throws(GitError) -> Opened? {
    try Library.start()
    var repository: OpaquePointer?
    if git_repository_open_ext(&repository, directory, 0, nil) != 0 { return nil }
    guard let repository, let root = git_repository_workdir(repository).map({ String(cString: $0) }) else {
      git_repository_free(repository)
      return nil
    }
    guard let real = realpath(directory, nil) else {
      git_repository_free(repository)
      throw GitError(.storage, "cannot read \(directory)")
    }
    defer { free(real) }
    let place = String(cString: real) + "/"
    return Opened(repository: repository, prefix: place.hasPrefix(root) ? String(place.dropFirst(root.count)) : "")
  }
}
