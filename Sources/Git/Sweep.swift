import Glibc

/// Removes what a killed process left in a bare repository: lock files, which would be in the way for ever, and what libgit2
/// had begun to write under names with `_git2_` in them.
///
/// Only whoever is alone with the repository may: what is half written may belong to somebody else who is at it.
public func sweepRepository(at repository: String) {
  func names(in directory: String) -> [(name: String, isDirectory: Bool)] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [(String, Bool)] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
        var found = stat()
        isDirectory = lstat("\(directory)/\(name)", &found) == 0 && found.st_mode & S_IFMT == S_IFDIR
      }
      if name != "." && name != ".." { names.append((name, isDirectory)) }
    }
    return names
  }
  func unlock(_ directory: String, deep: Bool) {
    for (name, isDirectory) in names(in: directory) {
      if !isDirectory, name.hasSuffix(".lock") {
        unlink("\(directory)/\(name)")
      } else if deep, isDirectory {
        unlock("\(directory)/\(name)", deep: true)
      }
    }
  }
  unlock(repository, deep: false)
  unlock("\(repository)/refs", deep: true)
  for directory in ["\(repository)/objects", "\(repository)/objects/pack"] {
    for (name, isDirectory) in names(in: directory) where !isDirectory && name.contains("_git2_") {
      unlink("\(directory)/\(name)")
    }
  }
}
