import Core
import Encoding
import Glibc
import Synchronization

/// The locks of stacks that are worked on, one for each.
///
/// Each lock's file begins with the token of whoever took it last, and goes on with what is being done.
final class StackLocks: Sendable {
  private struct Held {
    let descriptor: Int32
    let ownerToken: String
    /// The lock that tells why others may take it at this moment.
    var lent: Int32?
    /// Whether somebody else has taken it meanwhile.
    var isLost = false
  }

  /// What others may have the lock of a stack during.
  enum Lending: String, CaseIterable {
    /// Nothing of the stack is touched: a rollback or a repair goes first.
    case pull
    /// It runs, and is watched: a rollback goes first.
    case watch
  }

  private let held: Mutex<[String: Held]>
  private let checkout: Checkout
  /// The stacks that somebody else works on.
  let busy: Set<String>

  /// Takes the locks in the order of the stacks' names; none is waited for.
  ///
  /// What somebody has lent for others alone is left to them, as `keepsClear` says.
  init(
    of stacks: Set<String>, in checkout: Checkout, keepsClear: (String) -> Bool = { _ in false }
  ) throws(Failure) {
    var (held, busy) = ([String: Held](), Set<String>())
    for name in stacks.sorted() {
      let descriptor = try checkout.openLock(LinkPlanning.fileName(of: name))
      guard Self.take(descriptor), !keepsClear(name) else {
        unlock(descriptor)
        busy.insert(name)
        continue
      }
      // All of a stack's locks are there, or none: what was done to it on the way leaves no other files behind.
      for lending in Lending.allCases { close(try checkout.openLock(Checkout.lock(during: lending, of: name))) }
      let ownerToken = randomName()
      held[name] = Held(descriptor: descriptor, ownerToken: ownerToken)
      Self.write("", ownerToken, descriptor)
    }
    self.held = Mutex(held)
    (self.busy, self.checkout) = (busy, checkout)
  }

  /// Whoever only asks whether the stack is worked on holds it for an instant.
  private static func take(_ descriptor: Int32) -> Bool {
    var tries = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, tries < 5 {
      tries += 1
      usleep(2_000)
    }
    return tries < 5
  }

  private static func write(_ text: String, _ ownerToken: String, _ descriptor: Int32) {
    let bytes = Array("\(ownerToken)\n\(text)".utf8.prefix(220))
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, bytes, bytes.count, 0) }
  }

  func release() { release(Set(held.withLock { $0.keys })) }

  /// Gives the locks of some stacks back, which are done.
  func release(_ stacks: Set<String>) {
    held.withLock { held in
      for stack in stacks {
        guard let own = held.removeValue(forKey: stack) else { continue }
        if own.lent == nil, !own.isLost { Self.write("", own.ownerToken, own.descriptor) }
        unlock(own.descriptor)
      }
    }
  }

  /// Writes into the lock of a stack what is being done to it, for whoever asks for its status.
  func note(_ event: SyncEvent) {
    guard [.step, .ended].contains(event.kind), let stack = event.stack else { return }
    let text = event.outcome.map { "\($0.words); the sync continues with other stacks" } ?? event.text
    held.withLock { held in
      guard let own = held[stack], !own.isLost else { return }
      Self.write(text, own.ownerToken, own.lent ?? own.descriptor)
    }
  }

  /// Pulls the images of a stack, or watches it, without its lock: a rollback need not wait for a registry, nor for a deploy that
  /// never becomes healthy. Where somebody has had the lock meanwhile, what was planned for the stack holds no longer.
  func lending(
    _ stack: String, during lending: Lending, _ work: () async throws(Failure) -> Void
  ) async throws(Failure) {
    let descriptor = try checkout.openLock(Checkout.lock(during: lending, of: stack))
    while flock(descriptor, LOCK_SH) != 0, errno == EINTR {}
    defer { unlock(descriptor) }
    lend(stack, descriptor)
    var failure: Failure?
    do throws(Failure) { try await work() } catch { failure = error }
    guard takeBack(stack) else { throw Failure.overtaken(stack, during: lending) }
    if let failure { throw failure }
  }

  /// Whether the lock of a stack was not to be had back.
  func wasTakenOver(_ stack: String) -> Bool { held.withLock { $0[stack]?.isLost ?? false } }

  /// Whether somebody else has taken the lock of a stack that is lent.
  func isTaken(_ stack: String) -> Bool {
    held.withLock { held in
      held[stack].map { $0.lent != nil && checkout.ownerToken(of: stack) != $0.ownerToken } ?? false
    }
  }

  /// What is said of the stack goes on in the other lock: this one's file is whoever's takes it.
  private func lend(_ stack: String, _ lent: Int32) {
    held.withLock { held in
      guard let own = held[stack] else { return }
      held[stack]?.lent = lent
      Self.write(checkout.text(in: LinkPlanning.fileName(of: stack)), own.ownerToken, lent)
      flock(own.descriptor, LOCK_UN)
    }
  }

  private func takeBack(_ stack: String) -> Bool {
    held.withLock { held in
      guard let own = held[stack] else { return true }
      let isFree = Self.take(own.descriptor)
      let isOwn = isFree && checkout.ownerToken(of: stack) == own.ownerToken
      // Whoever has taken it may have lent it in turn.
      if isFree, !isOwn { flock(own.descriptor, LOCK_UN) }
      held[stack]?.lent = nil
      held[stack]?.isLost = !isOwn
      return isOwn
    }
  }
}

extension Sync {
  /// The same, telling what is done to each stack in its lock, too.
  func noting(_ locks: StackLocks) -> Sync {
    Sync(settings: settings, request: request, environment: environment) { [tell] event in
      locks.note(event)
      tell(event)
    }
  }
}

extension Checkout {
  /// What somebody is doing to a stack at this moment; nothing where nobody says so.
  func doing(_ stack: String) -> String? {
    let lock = lending(of: stack).map { Self.lock(during: $0, of: stack) } ?? LinkPlanning.fileName(of: stack)
    let text = text(in: lock)
    return text.isEmpty ? nil : text.printable
  }

  fileprivate func text(in lock: String) -> String { written(in: lock).dropFirst().joined(separator: "\n") }

  /// What was written into the lock of a stack when it was last taken.
  fileprivate func ownerToken(of stack: String) -> String? {
    written(in: LinkPlanning.fileName(of: stack)).first.map { String($0) }
  }

  private func written(in lock: String) -> [Substring] {
    let bytes = Files.read("\(locks)/\(lock)", limit: 1000) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  }

  fileprivate static func lock(during lending: StackLocks.Lending, of stack: String) -> String {
    "+\(lending.rawValue).\(LinkPlanning.fileName(of: stack))"
  }

  /// Why nothing of what was asked for can be done now: others work on all of these stacks.
  func taken(_ stacks: Set<String>) -> Failure {
    let names = stacks.sorted().map { name in name + (doing(name).map { " (\($0))" } ?? "") }
    let watched = stacks.sorted().first { lending(of: $0) == .watch }
    return Failure(
      .locked, "another sync works on \(names.joined(separator: ", "))",
      help: "wait until it has ended, and try again"
        + (watched.map { "; `clup rollback --stack \($0)` ends it and goes back" } ?? ""))
  }

  /// Whether somebody changes a stack at this moment.
  func isBusy(_ stack: String) -> Bool { isLocked(LinkPlanning.fileName(of: stack), LOCK_SH) }

  /// During what somebody else may have the lock of a stack at this moment.
  func lending(of stack: String) -> StackLocks.Lending? {
    StackLocks.Lending.allCases.first { isLocked(Self.lock(during: $0, of: stack), LOCK_EX) }
  }

  private func isLocked(_ name: String, _ kind: Int32) -> Bool {
    let descriptor = Glibc.open("\(locks)/\(name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { unlock(descriptor) }
    return flock(descriptor, kind | LOCK_NB) != 0
  }
}
