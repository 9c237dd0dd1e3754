import Core
import Git
import Glibc

/// Gives a lock back and closes its descriptor. To close it alone is not enough: a program that is just being started has it too, until
/// its `exec`.
func unlock(_ descriptor: Int32) {
  flock(descriptor, LOCK_UN)
  close(descriptor)
}

/// A shared lock that each sync holds on the checkout. It keeps nobody from working: it only shows whether a sync is
/// alone there, and may remove what others left half done.
///
/// The kernel ends it with the process, however that ends.
struct CheckoutUse: Sendable {
  private let descriptor: Int32
  static let lock = "+present"

  /// Takes the lock; calls `alone` first if nobody else has it.
  init(in checkout: Checkout, alone: () -> Void) throws(Failure) {
    descriptor = try checkout.openLock(Self.lock)
    // Only a descriptor that holds nothing may ask: one that holds its share would lose it.
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { alone() }
    // Whoever is alone there is so for a moment.
    while flock(descriptor, LOCK_SH) != 0, errno == EINTR {}
  }

  func end() { unlock(descriptor) }
}

/// Keeps releases, and what is kept next to the mirror, from being swept while they are used.
struct ReleaseUse: Sendable {
  private var descriptor: Int32?
  private static let lock = "+releases"

  init(in checkout: Checkout) throws(Failure) { try begin(in: checkout) }

  /// Begins again, where it was ended.
  mutating func begin(in checkout: Checkout) throws(Failure) {
    let descriptor = try checkout.openLock(Self.lock)
    // Whoever sweeps may take some seconds, in which a sync can be told to end.
    while flock(descriptor, LOCK_SH | LOCK_NB) != 0 {
      if Task.isCancelled {
        close(descriptor)
        throw Failure.interrupted
      }
      usleep(2_000)
    }
    self.descriptor = descriptor
  }

  /// Ends it; once more does nothing.
  mutating func end() {
    if let descriptor { unlock(descriptor) }
    descriptor = nil
  }

  /// Does something while nobody uses them; nothing where somebody does.
  static func whileNone(
    in checkout: Checkout, _ work: () async throws(Failure) -> Void
  ) async throws(Failure) {
    let descriptor = try checkout.openLock(lock)
    defer { unlock(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try await work() }
  }
}

extension Checkout {
  /// Where the locks of stacks lie, next to that of whoever is present.
  var locks: String { "\(path)/locks" }

  /// How long anybody may take to write a record.
  private static let patience = Duration.seconds(5)
  private static let moment = Duration.milliseconds(200)

  /// Does something while nobody else reads or writes records or the mirror's heads: moments, never while anything is
  /// waited for.
  func withRecords<T>(_ work: () throws(Failure) -> T) throws(Failure) -> T {
    let lock = try lockRecords()
    defer { unlock(lock) }
    return try work()
  }

  /// Takes the lock on the records until `unlock` gives it back.
  func lockRecords() throws(Failure) -> Int32 {
    let descriptor = Glibc.open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Files.failure("cannot open \(path)/lock") }
    let start = ContinuousClock.now
    // The kernel has no wait for this lock that ends by itself. Whoever was told to end waits for one write at most.
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard start.duration(to: .now) < (Task.isCancelled ? Self.moment : Self.patience) else {
        close(descriptor)
        throw Failure(.locked, "another program holds \(path)/lock", help: "wait until it has ended, and sync again")
      }
      usleep(2_000)
    }
    return descriptor
  }

  func openLock(_ name: String) throws(Failure) -> Int32 {
    try Files.makeDirectories(locks, mode: 0o700)
    let descriptor = Glibc.open("\(locks)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Files.failure("cannot open \(locks)/\(name)") }
    return descriptor
  }

  /// Clears away what syncs have left that were cut off. Only whoever is alone there may.
  func removePartialFiles() {
    let halves = [
      "view.", "repo.git.", "lfs.git.", ".state.json.clup-", ".checked.clup-", ".compose-version.clup-",
      ".told.json.clup-",
    ]
    for name in Files.names(in: pointers) where name.hasPrefix(".") { Files.remove("\(pointers)/\(name)") }
    for name in Files.names(in: path) where halves.contains(where: name.hasPrefix) {
      Files.remove("\(path)/\(name)")
    }
    for store in stores + [mirror] {
      sweepRepository(at: store)
      Files.remove("\(store)/refs/clup/incoming")
    }
    for name in Files.names(in: modules) where !name.hasSuffix(".git") { Files.remove("\(modules)/\(name)") }
    for name in Files.names(in: releases) where name.hasPrefix(".") { Files.remove("\(releases)/\(name)") }
  }
}
