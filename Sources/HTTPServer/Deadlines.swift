extension Connections {
  /// Starts the task that ends connections whose clients are too slow; it lives while a connection waits.
  func startWatching(_ state: inout State) {
    startRelief(&state)
    guard state.sweeper == nil, !state.stopped else { return }
    state.sweeper = Task {
      while let due = nextDeadline() {
        do { try await Task.sleep(until: due, clock: .continuous) } catch { return }
        endOverdue()
      }
    }
  }

  private func nextDeadline() -> ContinuousClock.Instant? {
    state.withLock { state in
      let longest = state.open.values.compactMap(\.waitsSince).min()
      if longest == nil { state.sweeper = nil }
      return longest?.advanced(by: limits.clientTime)
    }
  }

  private func endOverdue() {
    state.withLock { state in
      let limit = ContinuousClock.now.advanced(by: .zero - limits.clientTime)
      for (id, connection) in state.open {
        if let since = connection.waitsSince, since <= limit { state.end(id) }
      }
    }
  }
}
