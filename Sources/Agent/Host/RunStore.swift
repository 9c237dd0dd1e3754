import Core
import Dispatch
import Glibc

/// What the daemon may do in the checkout beside its syncs: keep one small file of its own, and wait for the lock.
public struct RunStore: Sendable {
  private let checkout: Checkout
  private let name: String

  /// Opens the checkout and sweeps what a killed daemon left half-way; `name` is the file's.
  public init(_ settings: Settings, file name: String) throws(Failure) {
    checkout = Checkout(path: settings.checkout)
    self.name = name
    try checkout.prepare()
    // The lock is the first thing in a checkout: it says whose the directory is.
    let lock = open("\(checkout.path)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw Files.failure("cannot open \(checkout.path)/lock") }
    close(lock)
    for left in Files.names(in: checkout.path) where left.hasPrefix(".\(name).clup-") {
      Files.remove("\(checkout.path)/\(left)")
    }
  }

  /// The file's path.
  public var file: String { "\(checkout.path)/\(name)" }

  /// Reads the file; nothing where there is none.
  public func read() -> [UInt8]? { Files.read(file) }

  /// Replaces the file; on the disk when this returns.
  public func write(_ bytes: [UInt8]) throws(Failure) { try Files.replace(file, with: bytes, mode: 0o600) }

  /// Waits until no sync holds the lock.
  public func lockReleased() async {
    let path = "\(checkout.path)/lock"
    await withCheckedContinuation { continuation in
      // A thread of its own: the kernel wakes it, and nothing is asked again and again.
      DispatchQueue(label: "clup.lock").async {
        let lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        if lock >= 0 {
          while flock(lock, LOCK_SH) != 0, errno == EINTR {}
          close(lock)
        }
        continuation.resume()
      }
    }
  }
}
