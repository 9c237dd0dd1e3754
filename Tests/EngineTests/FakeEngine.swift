import Foundation

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

    /// The same, one byte after the other.
    var split: Answer { Answer(pieces: pieces.flatMap { $0.map { [$0] } }) }

    /// As much of it as so many bytes.
    func cut(after count: Int) -> Answer { Answer(pieces: [Array(pieces.flatMap { $0 }.prefix(count))]) }
  }

  let path: String
  private let listener: Int32

  /// Listens; `answer` is given the method and target of each request: `GET /_ping`.
  init(_ answer: @escaping @Sendable (String) -> Answer) throws {
    path = FileManager.default.temporaryDirectory.path + "/engine-\(UInt32.random(in: 0 ... .max)).sock"
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) }
    }
    guard bound == 0, listen(listener, 16) == 0 else { throw POSIXError(.EADDRINUSE) }
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 { return }
        Thread.detachNewThread { Self.serve(connection, answer) }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    unlink(path)
  }

  private static func serve(_ connection: Int32, _ answer: (String) -> Answer) {
    defer { close(connection) }
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
