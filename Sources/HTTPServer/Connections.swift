import CMicrohttpd
import Glibc
import Synchronization

/// Names a connection for as long as it is open: the address of its handle.
typealias ConnectionID = UInt

/// Knows all open connections of a server, and which of them wait for their clients.
///
/// A connection waits while its client sends a request, takes an answer, or does neither. One that waited too long is
/// ended by shutdown(2): its thread then sees the end of the stream and closes it. When there is no room, so is the one
/// that has waited longest.
final class Connections: Sendable {
  enum Phase {
    case receiving(since: ContinuousClock.Instant)
    case sending(since: ContinuousClock.Instant)
    /// The last request has been answered, and no other has begun.
    case idle(since: ContinuousClock.Instant)
    /// A handler is at work; the connection is suspended.
    case answering(UInt64, Task<Void, Never>)
    case answered(HTTPResponse)
    /// It was told to end, and is no longer counted.
    case ended
  }

  struct Connection {
    let socket: Int32
    let address: String?
    var phase: Phase
    /// How many bytes of an incomplete body are kept.
    var held = 0
  }

  struct State {
    var open: [ConnectionID: Connection] = [:]
    var lastAnswer: UInt64 = 0
    var sweeper: Task<Void, Never>?
    var relief: Task<Void, Never>?
    var stopped = false
  }

  let limits: HTTPLimits
  let state = Mutex(State())

  init(_ limits: HTTPLimits) {
    self.limits = limits
  }

  /// Takes a new connection in, and makes room for it if there is none.
  func opened(_ id: ConnectionID, socket: Int32, address: String?) {
    state.withLock { state in
      if let address { makeRoom(limits.connectionsPerAddress, in: &state) { $0.address == address } }
      makeRoom(limits.connections, in: &state) { _ in true }
      state.open[id] = Connection(socket: socket, address: address, phase: .receiving(since: .now))
      if state.stopped { state.end(id) }
      startWatching(&state)
    }
  }

  /// Forgets a connection; its socket is closed after this returns.
  func closed(_ id: ConnectionID) {
    state.withLock { _ = $0.open.removeValue(forKey: id) }
  }

  /// Notes that a request has begun to come in; the first one began with the connection.
  func begins(_ id: ConnectionID) {
    state.withLock { state in
      if case .idle = state.open[id]?.phase { state.open[id]?.phase = .receiving(since: .now) }
    }
  }

  /// Notes that a request has come to its end.
  func ends(_ id: ConnectionID) {
    state.withLock { state in
      startWaiting(id, .idle(since: .now), in: &state)
      makeRoom(limits.connections + 1, in: &state) { _ in true }
    }
  }

  func startWaiting(_ id: ConnectionID, _ phase: Phase, in state: inout State) {
    guard let connection = state.open[id], !connection.hasEnded else { return }
    state.open[id]?.phase = phase
    state.open[id]?.held = 0
    startWatching(&state)
  }

  /// Notes that more bytes of a body are kept for the connection, and ends another one if all have become too many.
  func holds(_ id: ConnectionID, _ bytes: Int) {
    state.withLock { state in
      state.open[id]?.held += bytes
      let held = state.open.values.reduce(0) { $0 + ($1.waitsSince == nil ? 0 : $1.held) }
      if held > limits.bodyBytesInAll { endOne(in: &state) { $0.held > 0 } }
    }
  }

  /// Returns the client's IP address.
  func address(of id: ConnectionID) -> String? {
    state.withLock { $0.open[id]?.address }
  }
}

extension Connections.State {
  mutating func end(_ id: ConnectionID) {
    guard let connection = open[id] else { return }
    shutdown(connection.socket, Int32(SHUT_RDWR))
    open[id]?.phase = .ended
  }
}
