import CCurl
import Dispatch
import Glibc
import Synchronization

/// Sends a request and waits for its answer, away from the cooperative pool; a cancelled task ends it at once.
///
/// With `receive` the body of a good answer is handed on as it comes, and not kept. An HTTP status is no error here.
func send(_ request: Request, receive: (@Sendable ([UInt8]) -> Void)? = nil) async throws(EngineError) -> Response {
  let stop = Stop()
  let result = await withTaskCancellationHandler {
    await withCheckedContinuation { (continuation: CheckedContinuation<Result<Response, EngineError>, Never>) in
      transfers.async {
        continuation.resume(returning: Result { () throws(EngineError) in try transfer(request, stop, receive) })
      }
    }
  } onCancel: {
    stop.pull()
  }
  return try result.get()
}

private let transfers = DispatchQueue(label: "clup.engine", attributes: .concurrent)

private let initialised = curl_global_init(Int(CURL_GLOBAL_ALL))

/// Ends a transfer from another thread.
private final class Stop: Sendable {
  private struct State: Sendable {
    var pulled = false
    /// The address of the handle to wake, while there is one.
    var handle: UInt?
  }

  private let state = Mutex(State())

  var isPulled: Bool { state.withLock { $0.pulled } }

  func pull() {
    state.withLock { state in
      state.pulled = true
      if let handle = state.handle.flatMap(UnsafeMutableRawPointer.init(bitPattern:)) { curl_multi_wakeup(handle) }
    }
  }

  func watch(_ handle: UnsafeMutableRawPointer?) { state.withLock { $0.handle = handle.map { UInt(bitPattern: $0) } } }
}

/// What comes back of a transfer, while it comes; for one thread.
private final class Incoming {
  var response = Response()
  var isTooLarge = false
  var hasWholeHead = false
  let limit: Int
  let receive: (@Sendable ([UInt8]) -> Void)?

  init(limit: Int, receive: (@Sendable ([UInt8]) -> Void)?) {
    self.limit = limit
    self.receive = receive
  }

  func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    if let receive, (200..<300).contains(response.status) {
      receive(Array(bytes))
      return bytes.count
    }
    guard response.body.count + bytes.count <= limit else {
      isTooLarge = true
      return 0
    }
    response.body.append(contentsOf: bytes)
    return bytes.count
  }

  func take(header bytes: UnsafeRawBufferPointer) {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      hasWholeHead = false
      response.status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    } else if line.allSatisfy(\.isNewline) {
      hasWholeHead = true
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].drop { $0 == " " }.prefix { !$0.isNewline }
      response.headers[line[..<colon].lowercased()] = String(value)
    }
  }
}

private func transfer(
  _ request: Request, _ stop: Stop, _ receive: (@Sendable ([UInt8]) -> Void)?
) throws(EngineError) -> Response {
  guard initialised == CURLE_OK, let easy = curl_easy_init(), let multi = curl_multi_init() else {
    throw EngineError(.unreadable, "libcurl cannot be started")
  }
  defer {
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
  }
  var socket: curl_socket_t = -1
  if case .connected(let open) = request.route { socket = try open() }
  var errors = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
  let incoming = Incoming(limit: request.limit, receive: receive)
  var headers = curl_slist_append(nil, "Expect:")
  if request.body != nil { headers = curl_slist_append(headers, "Content-Type: application/json") }
  defer { curl_slist_free_all(headers) }
  let code = errors.withUnsafeMutableBufferPointer { errors in
    withUnsafeMutablePointer(to: &socket) { socket in
      set(request, easy, headers)
      if case .connected = request.route { curl_set_socket(easy, socket) }
      curl_set_errors(easy, errors.baseAddress)
      return withExtendedLifetime(incoming) { run(easy, multi, incoming, stop) }
    }
  }
  if stop.isPulled { throw EngineError(.cancelled, "it was cancelled") }
  if code == CURLE_OK {
    guard incoming.hasWholeHead else { throw EngineError(.broken, "the answer ended in the middle of its head") }
    return incoming.response
  }
  if incoming.isTooLarge {
    throw EngineError(.unreadable, "the answer has more than \(request.limit) bytes")
  }
  let said = String(decoding: errors.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  throw EngineError(code, said: said, number: curl_system_error(easy))
}

private func set(_ request: Request, _ easy: UnsafeMutableRawPointer, _ headers: UnsafeMutablePointer<curl_slist>?) {
  curl_set_text(easy, CURLOPT_URL, request.url)
  curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
  // No proxy, no redirect, no settings of a person: the answer is to come from whom the URL names.
  curl_set_text(easy, CURLOPT_NOPROXY, "*")
  curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
  curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
  if case .socket(let path) = request.route { curl_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, path) }
  if !request.verifies {
    curl_set_number(easy, CURLOPT_SSL_VERIFYPEER, 0)
    curl_set_number(easy, CURLOPT_SSL_VERIFYHOST, 0)
  }
  if let deadline = request.deadline {
    let (seconds, attoseconds) = deadline.components
    curl_set_number(easy, CURLOPT_TIMEOUT_MS, max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)))
  }
  curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
  if let body = request.body {
    curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
    // Copied; its size says where it ends.
    (body + [0]).withUnsafeBytes { bytes in
      _ = curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, bytes.assumingMemoryBound(to: CChar.self).baseAddress)
    }
  }
  curl_set_list(easy, CURLOPT_HTTPHEADER, headers)
}

private func run(
  _ easy: UnsafeMutableRawPointer, _ multi: UnsafeMutableRawPointer, _ incoming: Incoming, _ stop: Stop
) -> CURLcode {
  curl_set_receivers(
    easy,
    { bytes, size, count, payload in
      guard let payload else { return 0 }
      return Unmanaged<Incoming>.fromOpaque(payload).takeUnretainedValue()
        .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
    },
    { bytes, size, count, payload in
      guard let payload else { return 0 }
      Unmanaged<Incoming>.fromOpaque(payload).takeUnretainedValue()
        .take(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
      return size * count
    }, Unmanaged.passUnretained(incoming).toOpaque())
  curl_multi_add_handle(multi, easy)
  stop.watch(multi)
  defer {
    stop.watch(nil)
    curl_multi_remove_handle(multi, easy)
  }
  var running: Int32 = 1
  while running > 0, !stop.isPulled {
    guard curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_RECV_ERROR }
    if running > 0 { curl_multi_poll(multi, nil, 0, 60_000, nil) }
  }
  var left: Int32 = 0
  guard let message = curl_multi_info_read(multi, &left) else { return CURLE_ABORTED_BY_CALLBACK }
  return message.pointee.data.result
}

extension EngineError {
  fileprivate init(_ code: CURLcode, said: String, number: Int) {
    let words = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
    switch code {
    case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST:
      let reason = number == 0 ? "" : String(cString: strerror(Int32(number)))
      self.init(.unreachable, reason.isEmpty || words.contains(reason) ? words : "\(words): \(reason)")
    case CURLE_OPERATION_TIMEDOUT: self.init(.late, words)
    case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: self.init(.broken, words)
    default: self.init(.unreadable, words)
    }
  }
}
