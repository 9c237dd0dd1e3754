import CMicrohttpd

extension Connections {
  /// Suspends a connection while `answer` is at work; false when the server stops.
  func begin(_ id: ConnectionID, _ answer: @escaping @Sendable () async -> HTTPResponse) -> Bool {
    state.withLock { state in
      guard !state.stopped, let connection = state.open[id], !connection.hasEnded else { return false }
      MHD_suspend_connection(OpaquePointer(bitPattern: id))
      state.lastAnswer += 1
      let number = state.lastAnswer
      let task = Task { self.finish(id, number, await answer()) }
      state.open[id]?.phase = .answering(number, task)
      return true
    }
  }

  /// Takes the answer out, for the thread that sends it.
  func takeAnswer(_ id: ConnectionID) -> HTTPResponse? {
    state.withLock { state in
      guard case .answered(let response) = state.open[id]?.phase else { return nil }
      startWaiting(id, .sending(since: .now), in: &state)
      return response
    }
  }

  /// Ends all connections. What handlers still answer is dropped: libmicrohttpd must not stop while one is suspended.
  func stop() {
    state.withLock { state in
      state.stopped = true
      state.sweeper?.cancel()
      state.relief?.cancel()
      for (id, connection) in state.open {
        state.end(id)
        if case .answering(_, let task) = connection.phase {
          task.cancel()
          MHD_resume_connection(OpaquePointer(bitPattern: id))
        }
      }
    }
  }

  private func finish(_ id: ConnectionID, _ number: UInt64, _ response: HTTPResponse) {
    state.withLock { state in
      guard case .answering(number, _) = state.open[id]?.phase else { return }
      state.open[id]?.phase = .answered(response)
      MHD_resume_connection(OpaquePointer(bitPattern: id))
    }
  }
}
