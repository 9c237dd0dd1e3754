import CMicrohttpd
import Glibc

/// Is one daemon of libmicrohttpd: a listening socket, and a thread that serves its connections.
struct Listener: Sendable {
  let endpoint: Endpoint
  private let file: SocketFile?
  private let daemon: UInt
  private let payload: UInt

  init(_ socket: consuming ListeningSocket, tls: TLSCredentials?, context: ServerContext) throws(HTTPServerError) {
    endpoint = socket.endpoint
    file = socket.file
    let retained = Unmanaged.passRetained(context)
    let limits = context.connections.limits
    let started = Self.withCStrings(endpoint.port == nil ? nil : tls) { certificate, key in
      microhttpd_start(
        socket.raw, limits.headerBytes, UInt32(clamping: limits.connectionsOfDaemon), certificate, key, noteTarget,
        advanceRequest, noteEndOfRequest, noteConnection, retained.toOpaque())
    }
    guard let started else {
      let number = errno
      retained.release()
      throw .system(number, "cannot serve \(endpoint)")
    }
    _ = socket.release()
    daemon = UInt(bitPattern: started)
    payload = UInt(bitPattern: retained.toOpaque())
  }

  /// Closes the socket and all connections, of which none may be suspended, and waits for the thread to end.
  func stop() {
    file?.remove()
    MHD_stop_daemon(OpaquePointer(bitPattern: daemon))
    if let payload = UnsafeRawPointer(bitPattern: payload) { Unmanaged<ServerContext>.fromOpaque(payload).release() }
  }

  private static func withCStrings<Result>(
    _ tls: TLSCredentials?, _ body: (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let tls else { return body(nil, nil) }
    return (tls.certificate + [0]).withUnsafeBytes { certificate in
      (tls.key + [0]).withUnsafeBytes { key in
        body(
          certificate.baseAddress?.assumingMemoryBound(to: CChar.self),
          key.baseAddress?.assumingMemoryBound(to: CChar.self))
      }
    }
  }
}
