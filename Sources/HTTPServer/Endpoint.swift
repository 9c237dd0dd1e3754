import Glibc

/// Names a place to listen.
public enum Endpoint: Sendable, Equatable, CustomStringConvertible {
  /// An IPv4 or IPv6 address, without brackets, and a TCP port; 0 lets the system choose one. `::` is every address.
  case address(host: String, port: UInt16)
  /// A Unix socket with the mode of its file, `0o660` for example; it is never wrapped in TLS.
  case unixSocket(path: String, mode: UInt32)
  /// A socket that listens already, as systemd hands it over; it is closed with the server.
  case inherited(descriptor: Int32)

  /// The port; `nil` where there is none.
  public var port: UInt16? {
    if case .address(_, let port) = self { return port }
    return nil
  }

  /// The endpoint for people.
  public var description: String {
    switch self {
    case .address(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket(let path, _): "unix:\(path)"
    case .inherited(let descriptor): "descriptor \(descriptor)"
    }
  }

  /// Opens the socket and makes it listen.
  func open() throws(HTTPServerError) -> ListeningSocket {
    switch self {
    case .address(let host, let port): try .address(host, port, "cannot listen on \(self)")
    case .unixSocket(let path, let mode): try .unix(path, mode: mode, "cannot listen on \(self)")
    case .inherited(let descriptor): try .inherited(descriptor, "cannot listen on \(self)")
    }
  }
}

/// Returns the listening sockets that systemd handed to this process, in their order; see sd_listen_fds(3).
///
/// `environment` is that of the process. None of the descriptors is inherited by the processes that this one starts.
public func inheritedDescriptors(in environment: [String: String]) -> [Int32] {
  guard environment["LISTEN_PID"].flatMap({ pid_t($0) }) == getpid(),
    let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...1024).contains(count)
  else { return [] }
  let descriptors = Array(3..<3 + count)
  for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  return descriptors
}
