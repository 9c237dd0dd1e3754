import CLinux
import Dispatch
import Glibc
import Synchronization

/// Runs every child process of this program in one poll(2) loop, on one thread of its own.
final class Supervisor: Sendable {
  private enum Message: Sendable {
    case start(Job)
    case cancel(UInt64)
  }

  private static let current = Mutex<Supervisor?>(nil)

  /// The process groups that were started and not yet reaped.
  private static let groups = Mutex<Set<pid_t>>([])

  private let inbox = Mutex<[Message]>([])
  private let lastID = Atomic<UInt64>(0)
  private let bell: Descriptor

  /// Returns the one supervisor; the first call starts its thread.
  static func shared() throws(ProcessError) -> Supervisor {
    try current.withLock { current throws(ProcessError) in
      if let current { return current }
      let supervisor = try Supervisor()
      DispatchQueue(label: "processes").async { supervisor.loop() }
      current = supervisor
      return supervisor
    }
  }

  static func note(_ group: pid_t) { groups.withLock { _ = $0.insert(group) } }
  static func forget(_ group: pid_t) { groups.withLock { _ = $0.remove(group) } }

  /// Ends every process group at once.
  static func killAll() { groups.withLock { for group in $0 { kill(-group, SIGKILL) } } }

  private init() throws(ProcessError) {
    bell = try Descriptor(
      owning: check("cannot make an event descriptor") { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) })
  }

  /// Returns a number for a job that no other job has.
  func newID() -> UInt64 {
    lastID.wrappingAdd(1, ordering: .relaxed).newValue
  }

  func start(_ job: Job) {
    post(.start(job))
  }

  /// Ends the process group of a job; nothing happens when the job has ended.
  func cancel(_ id: UInt64) {
    post(.cancel(id))
  }

  /// Makes the loop look again at what each child waits for.
  func wake() {
    eventfd_write(bell.raw, 1)
  }

  private func post(_ message: Message) {
    inbox.withLock { $0.append(message) }
    wake()
  }

  private func loop() {
    clinux_block_broken_pipe_signal()
    clinux_keep_exited_children()
    var children: [UInt64: Child] = [:]
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      takeMessages(&children)
      let ready = awaitEvents(of: children)
      for (child, source) in ready { child.handle(source, buffer: &buffer) }
      let now = ContinuousClock.now
      for (id, child) in children where child.advance(to: now) {
        children[id] = nil
        child.finish()
      }
    }
  }

  private func takeMessages(_ children: inout [UInt64: Child]) {
    var count: eventfd_t = 0
    eventfd_read(bell.raw, &count)
    let messages = inbox.withLock { inbox in
      defer { inbox = [] }
      return inbox
    }
    for message in messages {
      switch message {
      case .start(let job):
        do {
          children[job.id] = try Child(job)
        } catch {
          job.finish(.failure(error))
        }
      case .cancel(let id):
        children[id]?.cancel(at: .now)
      }
    }
  }

  /// Waits until a descriptor is ready, a message arrives or something is due.
  private func awaitEvents(of children: [UInt64: Child]) -> [(Child, Child.Source)] {
    var descriptors = [pollfd(fd: bell.raw, events: Int16(POLLIN), revents: 0)]
    var owners: [(Child, Child.Source)] = []
    for child in children.values {
      child.eachAwaited { raw, events, source in
        descriptors.append(pollfd(fd: raw, events: events, revents: 0))
        owners.append((child, source))
      }
    }
    let due = children.values.compactMap(\.due).min()
    _ = try? check("poll") { poll(&descriptors, nfds_t(descriptors.count), milliseconds(until: due)) }
    return zip(descriptors.dropFirst(), owners).compactMap { $0.revents == 0 ? nil : $1 }
  }
}

/// Returns what poll(2) takes as its timeout; -1 for no end.
private func milliseconds(until due: ContinuousClock.Instant?) -> Int32 {
  guard let due else { return -1 }
  let left = ContinuousClock.now.duration(to: due)
  if left <= .zero { return 0 }
  // Rounded up, so that the loop does not spin through the last millisecond; an hour at most, which is no end either.
  return left > .seconds(3600) ? 3_600_000 : Int32((left / .milliseconds(1)).rounded(.up))
}

/// Ends every program that was started, with all that they started, for a process that ends at once itself.
public func killChildren() { Supervisor.killAll() }
