import Core
import Glibc

/// A directory below the live root, held open: nobody who may write there can lead clup elsewhere by a link.
///
/// Containers may write to many live directories, and clup is root.
struct DirectoryHandle: ~Copyable {
  private let descriptor: Int32
  /// A path to the directory itself, whatever its name leads to now; see proc(5).
  var path: String { "/proc/self/fd/\(descriptor)" }

  /// Walks down from the live root without following a link below it; makes what is missing when `create` says so.
  init(_ liveRoot: String, _ relative: String, create: Bool) throws(Failure) {
    if create { try Files.makeDirectories(liveRoot) }
    var current = open(liveRoot, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard current >= 0 else { throw Files.failure("cannot open \(liveRoot)") }
    var walked = liveRoot
    for part in Path.components(relative).map(String.init) where part != "." {
      walked += "/" + part
      var isNew = false
      if create {
        isNew = mkdirat(current, part, 0o755) == 0
        if !isNew, errno != EEXIST {
          let problem = Files.failure("cannot make the directory \(walked)")
          close(current)
          throw problem
        }
      }
      let next = openat(current, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      let problem = next < 0 ? Self.problem(walked) : nil
      close(current)
      if let problem { throw problem }
      current = next
      // Whoever's umask: a container that is not root may have to read what is mounted.
      if isNew { fchmod(current, 0o755) }
    }
    descriptor = current
  }

  deinit { close(descriptor) }

  /// Removes what a killed sync left half-way next to a live path, or next to a directory above it.
  static func sweep(beside live: String, in liveRoot: String) {
    for path in Path.ancestors(live) + [live] {
      do throws(Failure) {
        let directory = try DirectoryHandle(liveRoot, Path.parent(path), create: false)
        sweep("\(directory.path)/\(Path.name(path))")
      } catch { return }
    }
  }

  /// Removes what was made half-way at a path, or at a backup of it.
  static func sweep(_ place: String) {
    let (parent, hidden) = (Path.parent(place), ".\(Path.name(place))")
    for name in Files.names(in: parent)
    where name.hasPrefix("\(hidden).clup-") || name.hasPrefix("\(hidden).bak.") && name.contains(".clup-") {
      remove(name, in: parent)
    }
  }

  /// Removes a file, or a directory with all below it, without following a link that somebody puts there meanwhile.
  private static func remove(_ name: String, in parent: String) {
    if unlink("\(parent)/\(name)") == 0 || errno != EISDIR { return }
    do throws(Failure) {
      let directory = try DirectoryHandle(parent, name, create: false)
      for inner in Files.names(in: directory.path) { remove(inner, in: directory.path) }
    } catch { return }
    rmdir("\(parent)/\(name)")
  }

  private static func problem(_ path: String) -> Failure {
    if errno == ELOOP || errno == ENOTDIR {
      return Failure(
        .host, "\(path) is not a directory, but a link or a file", help: "make it a directory, and sync again")
    }
    return Files.failure("cannot open \(path)")
  }
}

extension Failure {
  /// Puts the name that people know in the place of another.
  func naming(_ path: String, as name: String) -> Failure {
    Failure(kind, message.replacing(path, with: name), help: help.replacing(path, with: name))
  }
}
