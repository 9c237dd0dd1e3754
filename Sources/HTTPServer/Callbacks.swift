import CMicrohttpd
import Glibc

/// Makes the exchange of a new request; see MHD_OPTION_URI_LOG_CALLBACK.
func noteTarget(
  payload: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  if let payload, let connection {
    Unmanaged<ServerContext>.fromOpaque(payload).takeUnretainedValue().connections.begins(id(connection))
  }
  return Unmanaged.passRetained(Exchange(target: target.map { String(cString: $0) } ?? "")).toOpaque()
}

/// Goes a step on with a request; see MHD_AccessHandlerCallback.
func advanceRequest(
  payload: UnsafeMutableRawPointer?, connection: OpaquePointer?, path: UnsafePointer<CChar>?,
  method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, part: UnsafePointer<CChar>?,
  size: UnsafeMutablePointer<Int>?, context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let payload, let connection, let path, let method, let size, let exchange = context?.pointee else { return .NO }
  let goesOn = Unmanaged<ServerContext>.fromOpaque(payload).takeUnretainedValue().advance(
    Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue(), on: connection, method: String(cString: method),
    path: String(cString: path), part: UnsafeRawBufferPointer(start: part, count: part == nil ? 0 : size.pointee))
  size.pointee = 0
  return goesOn ? .YES : .NO
}

/// Lets go of the exchange of a request that has ended in whatever way; see MHD_RequestCompletedCallback.
func noteEndOfRequest(
  payload: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _: MHD_RequestTerminationCode
) {
  if let exchange = context?.pointee { Unmanaged<Exchange>.fromOpaque(exchange).release() }
  context?.pointee = nil
  guard let payload, let connection else { return }
  Unmanaged<ServerContext>.fromOpaque(payload).takeUnretainedValue().connections.ends(id(connection))
}

/// Notes that a connection was opened or is about to be closed; see MHD_NotifyConnectionCallback.
func noteConnection(
  payload: UnsafeMutableRawPointer?, connection: OpaquePointer?, _: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  code: MHD_ConnectionNotificationCode
) {
  guard let payload, let connection else { return }
  let connections = Unmanaged<ServerContext>.fromOpaque(payload).takeUnretainedValue().connections
  if code == .CONNECTION_NOTIFY_STARTED {
    connections.opened(
      id(connection), socket: microhttpd_socket(connection), address: microhttpd_client(connection).flatMap(host(of:)))
  } else {
    connections.closed(id(connection))
  }
}
