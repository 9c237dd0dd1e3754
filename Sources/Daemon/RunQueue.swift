import Agent
import Core
import FoundationEssentials

/// The runs that were asked for: at most one waits while another goes on, and the last ones with their results.
///
/// Pushes are combined without a time window: a push that comes while a run waits joins that run.
///
/// Each answer that names a run is on the disk before it is given. What the daemon asks of itself is done also when it
/// cannot be written down; writing is then tried again until it succeeds.
actor RunQueue {
  private let runStore: RunStore
  private let say: @Sendable (String) -> Void
  /// The oldest first.
  private(set) var runs: [Run] = []
  /// Why the runs could not be written the last time; nothing once they were.
  private(set) var trouble: Failure?
  /// How often they could not be written.
  private(set) var failures = 0
  private var retry: Task<Void, Never>?
  private var waiter: CheckedContinuation<Void, Never>?

  /// How many runs are remembered.
  private static let limit = 200

  /// The pause before writing is tried again; it doubles up to half a minute.
  private static let pause = Duration.seconds(1)

  /// Takes up what a daemon before this one left: what had not ended is asked for again. What another version left is
  /// neither guessed at nor written over.
  init(
    _ runStore: RunStore, say: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(Failure) {
    self.runStore = runStore
    self.say = say
    if let bytes = runStore.read() {
      guard let left = try? JSONDecoder().decode([Run].self, from: Data(bytes)),
        left.allSatisfy({ $0.schema == Run.schema })
      else {
        throw Schema.refusal(of: runStore.file, bytes, knowing: Run.schema, lost: "the runs that it accepted")
      }
      runs = left
    }
    for index in runs.indices where runs[index].stage != .ended { runs[index].stage = .queued }
  }

  /// Asks for a run: the one that waits already, or a new one. It throws when the run cannot be written down.
  func ask(_ trigger: Trigger, delivery: String? = nil) throws(Failure) -> Run {
    if let index = runs.lastIndex(where: { $0.stage == .queued }) {
      // One that the daemon asked of itself may be in no file yet.
      if delivery != nil || trouble != nil { try change { $0[index].deliveries += delivery.map { [$0] } ?? [] } }
      return runs[index]
    }
    var run = Run(id: id(), trigger: trigger, requested: Date().formatted(.iso8601))
    if let delivery { run.deliveries = [delivery] }
    try change { $0.append(run) }
    wake()
    return run
  }

  /// Asks for a run that nobody was promised: it is done also when it cannot be written down.
  func enqueueInternal(_ trigger: Trigger) {
    if runs.contains(where: { $0.stage == .queued }) { return }
    let run = Run(id: id(), trigger: trigger, requested: Date().formatted(.iso8601))
    note { $0.append(run) }
    wake()
  }

  /// Finds the run that a delivery asked for before.
  func run(delivered id: String) -> Run? { runs.last { $0.deliveries.contains(id) } }

  func run(_ id: String) -> Run? { runs.last { $0.id == id } }

  /// Whether nothing waits and nothing goes.
  var isIdle: Bool { runs.allSatisfy { $0.stage == .ended } }

  /// Waits for something to do, and begins with all that waits.
  func begin() async throws -> Run {
    while true {
      try Task.checkCancellation()
      if let first = runs.first(where: { $0.stage == .queued }) {
        let started = Date().formatted(.iso8601)
        note { runs in
          for index in runs.indices where runs[index].stage == .queued {
            runs[index].stage = .running
            runs[index].started = started
          }
        }
        return first
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { waiter = $0 }
      } onCancel: {
        Task { await self.wake() }
      }
    }
  }

  /// Ends what was begun.
  func end(_ result: SyncResult) {
    let ended = Date().formatted(.iso8601)
    note { finish(&$0, result, ended) }
  }

  private func finish(_ runs: inout [Run], _ result: SyncResult, _ ended: String) {
    for index in runs.indices where runs[index].stage == .running {
      runs[index].stage = .ended
      runs[index].ended = ended
      runs[index].exitStatus = result.status
      runs[index].outcome = result.outcome
      runs[index].commit = result.commit
      runs[index].report = result.report
      runs[index].error = result.error
    }
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }

  /// Changes what is known, or throws when it cannot be written.
  private func change(_ change: (inout [Run]) -> Void) throws(Failure) {
    let newer = changed(change)
    do throws(Failure) { try runStore.write(encode(newer)) } catch {
      failed(error)
      throw error
    }
    runs = newer
    wrote()
  }

  /// Changes what is known, and counts also when it cannot be written: at worst a run is done once more.
  private func note(_ change: (inout [Run]) -> Void) {
    runs = changed(change)
    write()
  }

  private func changed(_ change: (inout [Run]) -> Void) -> [Run] {
    var newer = runs
    change(&newer)
    newer.removeFirst(max(0, newer.count - Self.limit))
    return newer
  }

  private func write() {
    do throws(Failure) { try runStore.write(encode(runs)) } catch {
      failed(error)
      return
    }
    wrote()
  }

  private func wrote() {
    if trouble != nil { say("\(runStore.file) can be written again") }
    trouble = nil
    retry?.cancel()
    retry = nil
  }

  private func failed(_ failure: Failure) {
    failures += 1
    if trouble != failure { say("\(failure.message); \(failure.help); clup tries again") }
    trouble = failure
    guard retry == nil else { return }
    retry = Task(executorPreference: WorkExecutor()) { [weak self] in
      var pause = Self.pause
      while (try? await Task.sleep(for: pause)) != nil {
        guard let self, await self.writesAgain() == false else { return }
        pause = min(pause * 2, .seconds(30))
      }
    }
  }

  /// Returns whether there is nothing left to write.
  private func writesAgain() -> Bool {
    if trouble != nil { write() }
    return trouble == nil
  }

  private func id() -> String { timedID(at: Date(), UInt32.random(in: .min ... .max)) }
}
