import Glibc

/// Owns a listening socket until it is handed on.
struct ListeningSocket: ~Copyable {
  private(set) var raw: Int32
  /// What the socket really listens on; a port that the system chose stands in it.
  private(set) var endpoint: Endpoint
  /// The device and inode of the file of a Unix socket that this process made.
  private(set) var file: SocketFile?

  init(owning raw: Int32, _ endpoint: Endpoint) {
    self.raw = raw
    self.endpoint = endpoint
  }

  deinit { if raw >= 0 { close(raw) } }

  /// Gives the descriptor away.
  consuming func release() -> Int32 {
    defer { raw = -1 }
    return raw
  }

  static func address(_ host: String, _ port: UInt16, _ what: String) throws(HTTPServerError) -> ListeningSocket {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let found = list?.pointee else {
      throw HTTPServerError(kind: .badEndpoint, message: "\(what): \(host) is no IP address")
    }
    defer { freeaddrinfo(list) }
    var socket = try make(found.ai_family, .address(host: host, port: port), what)
    var on: Int32 = 1
    setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    try check(what) { bind(socket.raw, found.ai_addr, found.ai_addrlen) }
    try socket.listen(what)
    socket.endpoint = .address(host: host, port: socket.localAddress().port ?? port)
    return socket
  }

  static func unix(_ path: String, mode: UInt32, _ what: String) throws(HTTPServerError) -> ListeningSocket {
    try SocketFile.makeRoom(path, what)
    var socket = try make(AF_UNIX, .unixSocket(path: path, mode: mode), what)
    // The file gets the socket's own mode, so that it is never open to more than it should be.
    try check(what) { fchmod(socket.raw, mode) }
    try check(what) { withUnixAddress(path) { bind(socket.raw, $0, $1) } }
    socket.file = SocketFile(path)
    try check(what) { chmod(path, mode) }
    try socket.listen(what)
    return socket
  }

  static func inherited(_ descriptor: Int32, _ what: String) throws(HTTPServerError) -> ListeningSocket {
    var listens: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    try check(what) { getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) }
    if listens == 0 { throw HTTPServerError(kind: .badEndpoint, message: "\(what): it does not listen") }
    try check(what) { fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
    try check(what) { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var socket = ListeningSocket(owning: descriptor, .inherited(descriptor: descriptor))
    let (host, port) = socket.localAddress()
    if let host, let port { socket.endpoint = .address(host: host, port: port) }
    return socket
  }

  private static func make(_ family: Int32, _ endpoint: Endpoint, _ what: String) throws(HTTPServerError)
    -> ListeningSocket
  {
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    return ListeningSocket(owning: try check(what) { socket(family, Int32(kind), 0) }, endpoint)
  }

  private func listen(_ what: String) throws(HTTPServerError) {
    try check(what) { Glibc.listen(raw, SOMAXCONN) }
  }

  /// Returns the address and the port that the socket is bound to; `nil` for other than IP.
  private func localAddress() -> (host: String?, port: UInt16?) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard getsockname(raw, address, &length) == 0 else { return (nil, nil) }
        return (host(of: address), port(of: address))
      }
    }
  }
}
