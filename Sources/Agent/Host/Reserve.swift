import Core
import Glibc

/// A file that does nothing but hold room on the disk of the checkout. It is given up when the disk is full, so that going
/// back and writing it down does not fail for want of a few KiB; the next sync that finds room keeps it again.
struct Reserve: Sendable {
  let path: String

  /// More than a state of two hundred stacks and a report of theirs need.
  static let bytes: off_t = 512 << 10
  /// With less than this on the disk, the room is better left to others.
  private static let least = 4 * bytes

  /// Keeps the room where the disk has it.
  func keep() {
    if let found = Files.status(path), Files.isRegular(found), found.st_size == Self.bytes { return }
    guard free ?? 0 > Self.least else { return }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if posix_fallocate(descriptor, 0, Self.bytes) != 0 { unlink(path) }
  }

  /// Gives the room up where the disk is all but full, before something goes back.
  func makeRoom() {
    if let free, free < Self.bytes { unlink(path) }
  }

  /// Does a piece of work, and once more with the room given up when it fails.
  func givingRoom(_ work: () throws(Failure) -> Void) throws(Failure) {
    do throws(Failure) { try work() } catch {
      guard unlink(path) == 0 else { throw error }
      try work()
    }
  }

  /// The bytes that the disk has left.
  private var free: off_t? {
    var found = statvfs()
    guard statvfs(Files.status(path) == nil ? Path.parent(path) : path, &found) == 0 else { return nil }
    return off_t(found.f_bavail) * off_t(found.f_frsize)
  }
}
