import Synchronization

/// Serves HTTP/1.1, and HTTPS, by libmicrohttpd from when it is made until `stop()`.
///
/// Each endpoint has a thread that sleeps until a client does something. Requests come to the handler whole; while it
/// works, which may take long, its connection is suspended. The handler's task is cancelled when the server stops, but
/// not when its client vanishes. Malformed requests are answered by libmicrohttpd and never seen by the handler.
public final class HTTPServer: Sendable {
  /// Where the server listens, in the order given; ports that the system chose stand in it.
  public let endpoints: [Endpoint]
  private let connections: Connections
  private let listeners: Mutex<[Listener]>

  /// Starts to listen on all endpoints, or on none when it throws.
  ///
  /// `tls` holds for IP addresses; Unix sockets are always plain.
  public init(
    listen endpoints: [Endpoint], tls: TLSCredentials? = nil, limits: HTTPLimits = HTTPLimits(),
    handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
  ) throws(HTTPServerError) {
    try tls?.validate()
    connections = Connections(limits)
    let context = ServerContext(connections, handler)
    var listeners: [Listener] = []
    do {
      for endpoint in endpoints {
        listeners.append(try Listener(try endpoint.open(), tls: tls, context: context))
      }
    } catch {
      Self.stop(listeners, connections)
      throw error
    }
    self.endpoints = listeners.map(\.endpoint)
    self.listeners = Mutex(listeners)
  }

  deinit { stop() }

  /// Closes all sockets and connections and removes the files of Unix sockets; who waits for an answer gets none.
  public func stop() {
    let listeners = listeners.withLock { listeners in
      defer { listeners = [] }
      return listeners
    }
    Self.stop(listeners, connections)
  }

  private static func stop(_ listeners: [Listener], _ connections: Connections) {
    connections.stop()
    for listener in listeners { listener.stop() }
  }
}
