/// Starts stacks once those that they come after are in place, and only so many at a time.
actor StackScheduler {
  private var ended: [String: Bool] = [:]
  private var waiting: [(stack: String, continuation: CheckedContinuation<Bool, Never>)] = []
  private var free: Int
  private var queue: [CheckedContinuation<Void, Never>] = []

  init(slots: Int) { free = slots }

  /// Waits until a stack has ended; says whether well.
  func end(of stack: String) async -> Bool {
    if let good = ended[stack] { return good }
    return await withCheckedContinuation { waiting.append((stack, $0)) }
  }

  func report(_ stack: String, good: Bool) {
    ended[stack] = good
    for waiter in waiting where waiter.stack == stack { waiter.continuation.resume(returning: good) }
    waiting.removeAll { $0.stack == stack }
  }

  func take() async {
    if free > 0 { free -= 1 } else { await withCheckedContinuation { queue.append($0) } }
  }

  func give() {
    if queue.isEmpty { free += 1 } else { queue.removeFirst().resume() }
  }

  /// Takes a turn for a piece of work, and gives it on however that ends.
  nonisolated func turn<Value: Sendable>(
    _ work: () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    await take()
    let result: Result<Value, Failure>
    do throws(Failure) { result = .success(try await work()) } catch { result = .failure(error) }
    await give()
    return try result.get()
  }
}
