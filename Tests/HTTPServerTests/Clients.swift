import Dispatch
import Foundation
import Glibc
import HTTPServer
import Processes
import Testing

/// Runs what blocks on a thread of its own, so that handlers keep theirs.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
  }
}

/// Starts a server on a loopback port that the system chooses.
func serve(
  _ host: String = "127.0.0.1", tls: TLSCredentials? = nil, limits: HTTPLimits = HTTPLimits(),
  _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse = { HTTPResponse(status: 200, text: $0.path) }
) throws -> (server: HTTPServer, port: UInt16) {
  let server = try HTTPServer(listen: [.address(host: host, port: 0)], tls: tls, limits: limits, handler: handler)
  return (server, try #require(server.endpoints.first?.port))
}

/// Runs curl, and returns what it printed.
func curl(_ arguments: String..., input: [UInt8] = []) async throws -> Outcome {
  let path = try #require(find("curl", in: "/usr/bin:/bin"))
  return try await run(
    Command(path, ["--silent", "--show-error", "--max-time", "30", "--noproxy", "*"] + arguments, input: input))
}

/// Is a client without manners: it sends what it is told, when it is told.
final class RawClient: Sendable {
  let socket: Int32

  struct Failure: Error { let number: Int32 }

  /// Connects over TCP, from a loopback address of its own if asked.
  init(_ port: UInt16, from source: String = "127.0.0.1") throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try Self.withAddress(source, 0) { bind(socket, $0, $1) }
    try Self.withAddress("127.0.0.1", port) { connect(socket, $0, $1) }
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  private static func withAddress(
    _ host: String, _ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    if result != 0 { throw Failure(number: errno) }
  }

  /// Sends all bytes, and says whether the server took them.
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  /// Reads until the server closes the connection, or until `enough` holds of the text so far.
  func read(until enough: (String) -> Bool = { _ in false }) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while !enough(String(decoding: bytes, as: UTF8.self)) {
      let count = recv(socket, &buffer, buffer.count, 0)
      if count <= 0 { break }
      bytes += buffer.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Waits for the server to close the connection, and says whether it did within `limit`.
  func isClosed(within limit: Duration) -> Bool {
    let end = ContinuousClock.now.advanced(by: limit)
    while ContinuousClock.now < end {
      var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, Int32(max(1, ContinuousClock.now.duration(to: end) / .milliseconds(1))))
      if entry.revents == 0 { continue }
      var byte: UInt8 = 0
      if recv(socket, &byte, 1, 0) <= 0 { return true }
    }
    return false
  }

  /// Whether the server has closed the connection by now.
  var isClosed: Bool {
    var byte: UInt8 = 0
    let count = recv(socket, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
    return count == 0 || (count < 0 && errno != EAGAIN)
  }
}

/// Is a directory that goes away with the test.
final class Scratch: Sendable {
  let path = NSTemporaryDirectory() + "http-" + UUID().uuidString.prefix(8)

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func bytes(of name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path + "/" + name))) }
}

/// Is told of things that happen, and waited for until so many have.
actor Counters {
  private(set) var count = 0
  private var waiting: [(Int, CheckedContinuation<Void, Never>)] = []

  func add() {
    count += 1
    for (number, continuation) in waiting where number <= count { continuation.resume() }
    waiting.removeAll { $0.0 <= count }
  }

  func reaches(_ number: Int) async {
    if count < number { await withCheckedContinuation { waiting.append((number, $0)) } }
  }
}
