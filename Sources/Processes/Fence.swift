import CLinux
import Glibc

/// Gives up, for this process and for all that it starts from then on, the right to change files outside given places.
///
/// The kernel holds the fence, by Landlock; it cannot be lowered again. See landlock(7).
public enum Fence {
  /// Before version 2 no file can be moved or hard-linked from one directory to another, wherever they are.
  private static let leastVersion: Int32 = 2

  /// The version of Landlock that the running kernel offers; 0 when it offers none, or when that cannot be told.
  public static var kernelVersion: Int { max(0, Int(clinux_landlock_abi())) }

  /// Whether the running kernel can hold a fence, which takes version 2 of Landlock (Linux 5.19).
  public static var isSupported: Bool { kernelVersion >= leastVersion }

  /// Raises the fence: from its return on, no thread of this process and no program that it starts can change the file
  /// system outside `writable`.
  ///
  /// Refused with EACCES or EXDEV are: opening for writing, truncating, making, removing, renaming and linking. Within
  /// `writable`, files can also be moved and linked from one place to another. Reading, executing and connecting to
  /// sockets stay as they were, and so do changes of mode, owner, times and extended attributes, descriptors that are open
  /// for writing already, and programs that run already. Version 2 of Landlock does not refuse truncate(2) by path. A
  /// process behind a fence cannot mount, gains no privileges by exec (PR_SET_NO_NEW_PRIVS), and can neither trace nor look
  /// into processes outside it. Fences add up, 16 at most.
  ///
  /// Before version 8 each of the other threads is interrupted by SIGSYS once, so that a call like poll(2), which is never
  /// restarted, may give EINTR; see signal(7).
  ///
  /// - Parameters:
  ///   - writable: Directories, each with all below it, and files. Symbolic links are followed, now and never again.
  ///   - deadline: The longest time for all threads to obey; from version 8 of Landlock on, the kernel sees to it alone.
  /// - Returns: `false`, and nothing has changed, when the kernel can hold no fence.
  /// - Throws: `ProcessError.Kind.system` with ENOENT and the like when an entry of `writable` cannot be opened; nothing
  ///   has changed then. With any other number the fence may stand for some threads only: the caller must not go on.
  ///   ETIMEDOUT: a thread has not obeyed in time, because it blocks SIGSYS or cannot be interrupted.
  public static func raise(writable: [String], deadline: Duration = .seconds(10)) throws(ProcessError) -> Bool {
    let version = try check("cannot ask for the version of Landlock") { clinux_landlock_abi() }
    guard version >= leastVersion else { return false }
    let rules = try Descriptor(owning: check("cannot make a Landlock ruleset") { clinux_landlock_ruleset(version) })
    for path in writable {
      try check("cannot leave \(path) writable") { clinux_landlock_allow(rules.raw, version, path) }
    }
    let patience = Int64(min(deadline, .seconds(3600)) / .nanoseconds(1))
    let number = clinux_landlock_restrict(rules.raw, version, patience)
    if number != 0 { throw .system(number, "cannot put every thread behind the fence") }
    return true
  }
}
