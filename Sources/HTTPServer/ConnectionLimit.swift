import Glibc

extension Connections {
  /// Ends a connection that waits if the candidates have reached their limit.
  ///
  /// Where answers take the places, nobody is ended until `reserve` wait: newcomers must not end each other.
  func makeRoom(_ limit: Int, in state: inout State, among isCandidate: (Connection) -> Bool) {
    let candidates = state.open.values.filter { !$0.hasEnded && isCandidate($0) }
    if candidates.count >= limit, candidates.count(where: { $0.waitsSince != nil }) >= limits.reserve {
      endOne(in: &state, among: isCandidate)
    }
  }

  /// Ends the candidate that has waited longest for its client, whether a request has begun or not.
  func endOne(in state: inout State, among isCandidate: (Connection) -> Bool) {
    let waiting = state.open.filter { isCandidate($0.value) }.compactMap { id, connection in
      connection.waitsSince.map { (id: id, connection: connection, since: $0) }
    }
    let longest = waiting.sorted { $0.since < $1.since }
    if let found = longest.first(where: { $0.connection.isStalled }) { state.end(found.id) }
  }

  /// Looks again and again for connections that may be ended, for as long as there are too many.
  ///
  /// A daemon that is full takes in no client that would make others yield, and connections that were spared may stall
  /// later.
  func startRelief(_ state: inout State) {
    guard state.relief == nil, !state.stopped, isCrowded(state) else { return }
    state.relief = Task {
      while goesOn() {
        do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
      }
    }
  }

  private func goesOn() -> Bool {
    state.withLock { state in
      for _ in 0..<limits.reserve { makeRoom(limits.connections + 1, in: &state) { _ in true } }
      let goesOn = isCrowded(state)
      if !goesOn { state.relief = nil }
      return goesOn
    }
  }

  private func isCrowded(_ state: State) -> Bool {
    state.open.values.count { !$0.hasEnded } > limits.connections
  }
}

extension Connections.Connection {
  var hasEnded: Bool {
    if case .ended = phase { return true }
    return false
  }

  var waitsSince: ContinuousClock.Instant? {
    switch phase {
    case .receiving(let since), .sending(let since), .idle(let since): since
    case .answering, .answered, .ended: nil
    }
  }

  /// Whether it is the client's turn: what it sent has been read, or it does not take what could be written.
  ///
  /// After a second it always counts as the client's: one that drips fast enough has always sent something just now.
  var isStalled: Bool {
    switch phase {
    case .receiving(let since), .idle(let since):
      var byte: UInt8 = 0
      return since.duration(to: .now) > .seconds(1) || recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) <= 0
    case .sending(let since):
      var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
      return since.duration(to: .now) > .seconds(1) || poll(&entry, 1, 0) == 0
    case .answering, .answered, .ended:
      return false
    }
  }
}
