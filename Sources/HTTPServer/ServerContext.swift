import CMicrohttpd

/// Is what the callbacks of a daemon find their state through: its `payload`.
final class ServerContext: Sendable {
  let connections: Connections
  private let handler: @Sendable (HTTPRequest) async -> HTTPResponse

  init(_ connections: Connections, _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) {
    self.connections = connections
    self.handler = handler
  }

  /// Goes a step on with a request: with its head, with each part of its body, when it is whole, and with its answer.
  ///
  /// False closes the connection.
  func advance(
    _ exchange: Exchange, on connection: OpaquePointer, method: String, path: String, part: UnsafeRawBufferPointer
  ) -> Bool {
    switch exchange.phase {
    case .head:
      exchange.phase = .body
      return refusal(of: exchange, on: connection).map { send($0, on: connection) } ?? true
    case .body where !part.isEmpty:
      if exchange.body.count + part.count > connections.limits.bodyBytes {
        sendTooLarge(on: connection)
        return false
      }
      exchange.append(part)
      connections.holds(id(connection), part.count)
      return true
    case .body:
      exchange.phase = .handled
      let request = HTTPRequest(
        method: method, path: path, query: fields(of: connection, .GET_ARGUMENT_KIND),
        headers: fields(of: connection, .HEADER_KIND), body: exchange.takeBody(),
        remoteAddress: connections.address(of: id(connection)))
      return connections.begin(id(connection)) { [handler] in await handler(request) }
    case .handled:
      return connections.takeAnswer(id(connection)).map { send($0, on: connection) } ?? false
    }
  }

  /// Returns why a request is turned away before its body is read.
  private func refusal(of exchange: Exchange, on connection: OpaquePointer) -> HTTPResponse? {
    if exchange.hasNUL { return HTTPResponse(status: 400, text: "the target holds a NUL\n") }
    if let length = MHD_lookup_connection_value(connection, .HEADER_KIND, "Content-Length"),
      Int(String(cString: length)).map({ $0 > connections.limits.bodyBytes }) ?? true
    {
      return HTTPResponse(status: 413, text: "a body has \(connections.limits.bodyBytes) bytes at most\n")
    }
    return nil
  }
}

func id(_ connection: OpaquePointer) -> ConnectionID { ConnectionID(bitPattern: connection) }
