import Glibc

/// Finds an executable regular file called `name` in the directories of a `PATH` value, and returns its absolute path.
///
/// Relative entries of `path` (an empty one means the current directory) are ignored; a name with a slash is not found.
public func find(_ name: String, in path: String) -> String? {
  guard !name.isEmpty, !name.contains("/"), !name.utf8.contains(0) else { return nil }
  for directory in path.split(separator: ":") where directory.hasPrefix("/") {
    let candidate = directory.hasSuffix("/") ? "\(directory)\(name)" : "\(directory)/\(name)"
    var status = stat()
    guard stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
    if faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0 { return candidate }
  }
  return nil
}
