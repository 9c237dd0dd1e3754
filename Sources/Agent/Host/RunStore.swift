import Core
import Dispatch
import Glibc

/// What the daemon may do in the checkout beside its syncs: keep one small file of its own, and wait for syncs to end.
public struct RunStore: Sendable {
  private let checkout: Checkout
  private let name: String

  /// Opens the checkout and sweeps what a killed daemon left half-way; `name` is the file's.
  public init(_ settings: Settings, file name: String) throws(Failure) {
    checkout = Checkout(path: settings.checkout)
    self.name = name
    try checkout.prepare()
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

  /// Waits until every sync has ended that goes on, or the task is cancelled.
  public func othersEnded() async {
    let path = "\(checkout.locks)/\(CheckoutUse.lock)"
    let (ended, end) = AsyncStream<Void>.makeStream()
    // A thread of its own: the kernel wakes it, and nothing is asked again and again.
    DispatchQueue(label: "clup.lock").async {
      let lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      if lock >= 0 {
        while flock(lock, LOCK_EX) != 0, errno == EINTR {}
        unlock(lock)
      }
      end.finish()
    }
    for await _ in ended {}
  }
}
