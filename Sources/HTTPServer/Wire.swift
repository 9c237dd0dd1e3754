import CMicrohttpd
import Glibc

/// Reads the headers or the query items of a request; see MHD_get_connection_values_n.
func fields(of connection: OpaquePointer, _ kind: MHD_ValueKind) -> [HTTPRequest.Field] {
  var fields: [HTTPRequest.Field] = []
  withUnsafeMutablePointer(to: &fields) { fields in
    _ = MHD_get_connection_values_n(
      connection, kind,
      { payload, _, name, nameLength, value, valueLength in
        let fields = payload?.assumingMemoryBound(to: [HTTPRequest.Field].self)
        fields?.pointee.append(HTTPRequest.Field(text(name, nameLength), text(value, valueLength)))
        return .YES
      }, fields)
  }
  return fields
}

private func text(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
  String(decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : length), as: UTF8.self)
}

/// Queues an answer; false when libmicrohttpd cannot, upon which it closes the connection.
func send(_ response: HTTPResponse, on connection: OpaquePointer) -> Bool {
  var body = response.body
  let raw = body.withUnsafeMutableBytes {
    MHD_create_response_from_buffer($0.count, $0.baseAddress, .RESPMEM_MUST_COPY)
  }
  guard let raw else { return false }
  defer { MHD_destroy_response(raw) }
  for (name, value) in response.headers where MHD_add_response_header(raw, name, value) != .YES {
    return false
  }
  return MHD_queue_response(connection, UInt32(clamping: response.status), raw) == .YES
}

/// Says that a body without an announced length became too large; libmicrohttpd takes no answer in the midst of a body.
///
/// What is written is the whole answer: nothing else has been sent for this request, and the connection is closed next.
func sendTooLarge(on connection: OpaquePointer) {
  let answer = Array("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".utf8)
  if let session = microhttpd_tls(connection) {
    _ = gnutls_record_send(session, answer, answer.count)
  } else {
    _ = Glibc.send(microhttpd_socket(connection), answer, answer.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
  }
}
