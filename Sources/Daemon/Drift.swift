import Agent
import Core
import Processes

/// Follows the engine's events, and sees what somebody changed by hand between two syncs.
actor Drift {
  private let children: ChildProcesses
  private let runQueue: RunQueue
  private let statusCache: StatusCache
  private let counters: Counters
  private let say: @Sendable (String) -> Void
  private var repairLimit = RepairLimit()
  /// Stacks whose drift is left alone for now.
  private(set) var repairPaused: [String] = []
  private var lastReported: [String: [String]] = [:]
  private var pending: (task: Task<Void, Never>, at: ContinuousClock.Instant)?
  /// The stacks of which no container had to be touched, with what had changed: it is a sync's affair, such as a changed `.env`.
  private var notRepairable: [String: [String]] = [:]
  /// The stacks that are being put right.
  private var repairing: Set<String> = []
  /// Whether the engine, or this daemon, was away since the last look.
  private var wasAway = true

  init(
    children: ChildProcesses, runQueue: RunQueue, statusCache: StatusCache, counters: Counters,
    say: @escaping @Sendable (String) -> Void
  ) {
    self.children = children
    self.runQueue = runQueue
    self.statusCache = statusCache
    self.counters = counters
    self.say = say
  }

  /// Follows the events until the task is cancelled; an engine that goes away is waited for.
  func follow() async {
    var pause = Duration.seconds(1)
    while !Task.isCancelled {
      let start = ContinuousClock.now
      do {
        for try await _ in children.events() { look(after: .milliseconds(300)) }
      } catch {
        // Whatever ended it, it is begun again.
      }
      wasAway = true
      if start.duration(to: .now) > .seconds(60) { pause = .seconds(1) }
      do { try await Task.sleep(for: pause) } catch { return }
      pause = min(pause * 2, .seconds(30))
      look(after: .zero)
    }
  }

  /// Looks a moment later, once for all that happens until then; what is to be looked at soon does not wait for later.
  func look(after time: Duration) {
    let at = ContinuousClock.now + time
    if let pending, pending.at <= at { return }
    pending?.task.cancel()
    let task = Task(executorPreference: WorkExecutor()) {
      do { try await Task.sleep(for: time) } catch { return }
      await self.check()
    }
    pending = (task, at)
  }

  private func check() async {
    pending = nil
    await statusCache.forget()
    guard case .success(let status) = await statusCache.status(within: .zero), status.error == nil else { return }
    defer { Memory.rest() }
    // What a sync works on changes by its own doing; the one who runs it looks again after it.
    let drifted = status.stacks.filter { !$0.drift.isEmpty && !$0.isBusy && !repairing.contains($0.name) }
    let names = drifted.map(\.name)
    if wasAway { repairLimit.excuse(names) }
    wasAway = false
    for stack in drifted where lastReported[stack.name] != stack.drift {
      say("\(stack.name): \(stack.drift.joined(separator: ", "))")
    }
    lastReported = Dictionary(uniqueKeysWithValues: drifted.map { ($0.name, $0.drift) })
    notRepairable = notRepairable.filter { lastReported[$0.key] == $0.value }
    guard children.configuration.settings.sync.drift == .repair else {
      note(repairPaused: names)
      return
    }
    let (due, paused) = repairLimit.judge(names, at: .now)
    for name in paused where !repairPaused.contains(name) {
      say("\(name): repaired \(RepairLimit.repairs) times in ten minutes and changed again: left alone for now")
    }
    note(repairPaused: paused)
    if let next = repairLimit.next(of: paused) { look(after: ContinuousClock.now.duration(to: next)) }
    // What a sync was cut off from is gone on with by one; what failed and is held stays as it is.
    let unfinished = drifted.filter { $0.drift.contains(Differences.unfinished) }
    if unfinished.contains(where: { $0.held == nil }), await runQueue.isIdle { await runQueue.enqueueInternal(.drift) }
    await repair(due.filter { name in notRepairable[name] == nil && !unfinished.contains { $0.name == name } })
  }

  /// Puts stacks right beside whatever else goes on. What could not be begun since others work on it is no try.
  private func repair(_ stacks: [String]) async {
    if stacks.isEmpty { return }
    repairing.formUnion(stacks)
    counters.change { $0.running += 1 }
    var worked: [StackReport]? = []
    do throws(ProcessError) { worked = try await children.repair(stacks) } catch { say("drift: \(error.message)") }
    repairing.subtract(stacks)
    counters.change { $0.running -= 1 }
    await statusCache.forget()
    guard let worked else { return look(after: .seconds(5)) }
    let tried = worked.filter { $0.outcome != .waiting }.map(\.name)
    repairLimit.note(Set(tried), at: .now)
    let repaired = worked.filter { ![.failed, .rolledBack].contains($0.outcome) }.map(\.name).sorted()
    counters.change { for name in repaired { $0.repairs[name, default: 0] += 1 } }
    let left = stacks.filter { name in !worked.contains { $0.name == name } }
    for name in left { notRepairable[name] = lastReported[name] }
    if !left.isEmpty, await runQueue.isIdle { await runQueue.enqueueInternal(.drift) }
    if !repaired.isEmpty { say("drift: repaired \(repaired.joined(separator: ", "))") }
    for stack in worked where !repaired.contains(stack.name) {
      say("drift: \(stack.name) is not repaired: \(stack.error ?? stack.outcome.rawValue)")
    }
    if !worked.isEmpty { look(after: .milliseconds(300)) }
  }

  private func note(repairPaused names: [String]) {
    repairPaused = names
    counters.change { $0.repairPaused = names }
  }
}
