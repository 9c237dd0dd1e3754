import Foundation
import Synchronization

/// A server on a Unix socket that answers as it is told, also as no engine should.
final class FakeEngine: Sendable {
  /// What is sent for a request, piece by piece.
  struct Answer: Sendable {
    var pieces: [[UInt8]]
    /// Waited between two pieces.
    var pause: Duration = .zero
    /// Whether the connection stays open, silent, behind the last piece.
    var stalls = false

    /// A whole answer.
    static func json(_ body: String, status: Int = 200, headers: String = "") -> Answer {
      let head =
        "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)"
        + "Connection: close\r\n\r\n"
      return Answer(pieces: [Array((head + body).utf8)])
    }

    /// A whole answer whose body comes in these chunks.
    static func chunked(_ chunks: [[UInt8]]) -> Answer {
      let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      return Answer(pieces: [Array(head.utf8)] + framed(chunks))
    }

    /// Chunks as they go over the connection, with the last one that is empty.
    static func framed(_ chunks: [[UInt8]]) -> [[UInt8]] {
      chunks.filter { !$0.isEmpty }.map { Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + [13, 10] }
        + [Array("0\r\n\r\n".utf8)]
    }

    var bytes: [UInt8] { pieces.flatMap { $0 } }

    /// The same, one byte after the other.
    var split: Answer { Answer(pieces: bytes.map { [$0] }) }

    /// As much of it as so many bytes.
    func cut(after count: Int) -> Answer { Answer(pieces: [Array(bytes.prefix(count))]) }

    /// As much of it, and then silence.
    func stalled(after count: Int) -> Answer { Answer(pieces: [Array(bytes.prefix(count))], stalls: true) }
  }

  let path: String
  private let server: SocketServer

  /// Listens; `answer` is given the method and target of each request: `GET /_ping`.
  init(_ answer: @escaping @Sendable (String) -> Answer) throws {
    server = try SocketServer { Self.serve($0, answer) }
    path = server.path
  }

  /// Plays a recording: the same request is answered as it was, time after time, and the last time from then on.
  convenience init(_ recording: Recording, _ way: @escaping @Sendable (Answer) -> Answer = { $0 }) throws {
    let left = Guarded(Dictionary(grouping: recording.exchanges) { Recording.key($0.request) })
    try self.init { request in
      let exchange = left.with { left in
        let key = Recording.key(request)
        let first = left[key]?.first
        if left[key]?.count ?? 0 > 1 { left[key]?.removeFirst() }
        return first
      }
      return exchange.map { way($0.answer) } ?? .json(#"{"message": "not recorded: \#(request)"}"#, status: 599)
    }
  }

  private static func serve(_ connection: Int32, _ answer: (String) -> Answer) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
      let count = read(connection, &buffer, buffer.count)
      if count <= 0 { return }
      bytes += buffer.prefix(count)
    }
    let words = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\r\n" }.split(separator: " ")
    let answer = answer(words.prefix(2).joined(separator: " "))
    for piece in answer.pieces {
      if send(connection, piece, piece.count, Int32(MSG_NOSIGNAL)) < 0 { return }
      if answer.pause > .zero { usleep(UInt32(answer.pause.components.attoseconds / 1_000_000_000_000)) }
    }
    // Until the other side has enough of it.
    if answer.stalls { _ = read(connection, &buffer, buffer.count) }
  }
}

/// Listens on a Unix socket of its own, with a thread for each connection.
final class SocketServer: Sendable {
  let path: String
  private let listener: Int32

  init(_ serve: @escaping @Sendable (Int32) -> Void) throws {
    path = FileManager.default.temporaryDirectory.path + "/engine-\(UInt32.random(in: 0 ... .max)).sock"
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    let bound = withAddress(path) { bind(listener, $0, $1) }
    guard bound == 0, listen(listener, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 {
          // Nobody else may have this number while this thread still asks for it.
          close(listener)
          return
        }
        Thread.detachNewThread {
          serve(connection)
          close(connection)
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    unlink(path)
  }
}

/// Connects to a Unix socket; nothing where nobody listens.
func connected(to path: String) -> Int32? {
  let connection = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  if withAddress(path, { connect(connection, $0, $1) }) == 0 { return connection }
  close(connection)
  return nil
}

private func withAddress(_ path: String, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
  return withUnsafePointer(to: &address) { address in
    address.withMemoryRebound(to: sockaddr.self, capacity: 1) { use($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}

/// A value that threads share.
final class Guarded<Value: Sendable>: Sendable {
  private let value: Mutex<Value>
  init(_ value: Value) { self.value = Mutex(value) }
  func with<Result: Sendable>(_ use: @Sendable (inout Value) -> Result) -> Result { value.withLock { use(&$0) } }
}
