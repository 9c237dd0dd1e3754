import CCurl
import Dispatch
import Glibc
import Synchronization

/// Sends a request and waits for its answer; a cancelled task ends it at once.
///
/// With `receive` the body of a good answer is handed on as it comes, and not kept. An HTTP status is no error here.
func send(_ request: Request, receive: (@Sendable ([UInt8]) -> Void)? = nil) async throws(EngineError) -> Response {
  var socket: curl_socket_t?
  if case .connected(let open) = request.route { socket = try open() }
  let id = Transfers.shared.newID()
  let result = await withTaskCancellationHandler {
    await withCheckedContinuation { continuation in
      Transfers.shared.start(
        Transfers.Job(id: id, request: request, socket: socket, receive: receive, continuation: continuation))
    }
  } onCancel: {
    Transfers.shared.cancel(id)
  }
  return try result.get()
}

/// Carries every transfer of this program, on one thread of its own: a hundred streams of events hold up nobody.
private final class Transfers: Sendable {
  struct Job: Sendable {
    let id: UInt64
    let request: Request
    /// A socket that is connected already.
    let socket: curl_socket_t?
    let receive: (@Sendable ([UInt8]) -> Void)?
    let continuation: CheckedContinuation<Result<Response, EngineError>, Never>
  }

  private enum Message: Sendable {
    case start(Job)
    case cancel(UInt64)
  }

  static let shared = Transfers()

  private let inbox = Mutex<[Message]>([])
  private let lastID = Atomic<UInt64>(0)
  /// The address of libcurl's set of transfers; 0 where libcurl cannot be started.
  private let multi: UInt

  private init() {
    let isStarted = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
    multi = isStarted ? UInt(bitPattern: curl_multi_init()) : 0
    if multi != 0 { DispatchQueue(label: "clup.engine").async { self.loop() } }
  }

  func newID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

  func start(_ job: Job) {
    if multi == 0 {
      job.continuation.resume(returning: .failure(EngineError(.unreadable, "libcurl cannot be started")))
    } else {
      post(.start(job))
    }
  }

  /// Ends a transfer; nothing happens when it has ended.
  func cancel(_ id: UInt64) { if multi != 0 { post(.cancel(id)) } }

  private func post(_ message: Message) {
    inbox.withLock { $0.append(message) }
    curl_multi_wakeup(UnsafeMutableRawPointer(bitPattern: multi))
  }

  private func loop() {
    guard let multi = UnsafeMutableRawPointer(bitPattern: multi) else { return }
    var running: [UnsafeMutableRawPointer: Transfer] = [:]
    // A cancellation may come before the transfer that it is for.
    var cancelled: Set<UInt64> = []
    while true {
      let messages = inbox.withLock { inbox in
        defer { inbox = [] }
        return inbox
      }
      for case .cancel(let id) in messages { cancelled.insert(id) }
      for case .start(let job) in messages {
        guard let transfer = Transfer(job) else { continue }
        if curl_multi_add_handle(multi, transfer.easy) == CURLM_OK {
          running[transfer.easy] = transfer
        } else {
          transfer.end(in: multi, EngineError(.unreadable, "libcurl cannot be started"))
        }
      }
      for (easy, transfer) in running where cancelled.remove(transfer.job.id) != nil {
        running[easy] = nil
        transfer.end(in: multi, EngineError(.cancelled, "it was cancelled"))
      }
      var count: Int32 = 0
      curl_multi_perform(multi, &count)
      while let message = curl_multi_info_read(multi, &count) {
        guard let transfer = running.removeValue(forKey: message.pointee.easy_handle) else { continue }
        transfer.end(in: multi, message.pointee.data.result)
      }
      curl_multi_poll(multi, nil, 0, 60_000, nil)
    }
  }
}

/// One transfer, for the thread that carries all of them.
private final class Transfer {
  let job: Transfers.Job
  let easy: UnsafeMutableRawPointer
  private let incoming: Incoming
  private let headers: UnsafeMutablePointer<curl_slist>?
  private let socket: UnsafeMutablePointer<curl_socket_t>
  private let errors: UnsafeMutablePointer<CChar>

  /// Begins a job; one that cannot be begun is ended.
  init?(_ job: Transfers.Job) {
    guard let easy = curl_easy_init() else {
      job.continuation.resume(returning: .failure(EngineError(.unreadable, "libcurl cannot be started")))
      return nil
    }
    self.job = job
    self.easy = easy
    incoming = Incoming(limit: job.request.limit, receive: job.receive)
    var headers = curl_slist_append(nil, "Expect:")
    if job.request.body != nil { headers = curl_slist_append(headers, "Content-Type: application/json") }
    for line in job.request.headers { headers = curl_slist_append(headers, line) }
    self.headers = headers
    socket = .allocate(capacity: 1)
    socket.initialize(to: job.socket ?? -1)
    errors = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errors.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    set(job.request, easy, headers)
    // Each request is for itself: what the engine closes or a person restarts breaks no other one.
    curl_set_number(easy, CURLOPT_FORBID_REUSE, 1)
    if job.socket != nil { curl_set_socket(easy, socket) }
    curl_set_errors(easy, errors)
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
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headers)
    // One that libcurl never asked for.
    if socket.pointee >= 0 { close(socket.pointee) }
    socket.deallocate()
    errors.deallocate()
  }

  /// Ends it as libcurl says.
  func end(in multi: UnsafeMutableRawPointer, _ code: CURLcode) {
    let error: EngineError?
    if code == CURLE_OK {
      error = incoming.hasWholeHead ? nil : EngineError(.broken, "the answer ended in the middle of its head")
    } else if incoming.isTooLarge {
      error = EngineError(.unreadable, "the answer has more than \(job.request.limit) bytes")
    } else {
      error = EngineError(code, said: String(cString: errors), number: curl_system_error(easy), on: job.request.route)
    }
    end(in: multi, error)
  }

  /// Ends it, with what came where there is no error.
  func end(in multi: UnsafeMutableRawPointer, _ error: EngineError?) {
    curl_multi_remove_handle(multi, easy)
    job.continuation.resume(returning: error.map { .failure($0) } ?? .success(incoming.response))
  }
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

extension EngineError {
  fileprivate init(_ code: CURLcode, said: String, number: Int, on route: Request.Route) {
    let words = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
    switch code {
    case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST:
      let reason = number == 0 ? "" : String(cString: strerror(Int32(number)))
      // The address of the request means nothing there.
      if case .socket(let path) = route {
        self.init(.unreachable, "nothing listens at \(path)" + (reason.isEmpty ? "" : ": \(reason)"))
        return
      }
      self.init(.unreachable, reason.isEmpty || words.contains(reason) ? words : "\(words): \(reason)")
    case CURLE_OPERATION_TIMEDOUT: self.init(.late, words)
    case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: self.init(.broken, words)
    default: self.init(.unreadable, words)
    }
  }
}
