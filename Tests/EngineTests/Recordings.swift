import Foundation
import Testing

/// What an engine answered to each request of a `Scene`, as `Tests/record-engine` kept it.
struct Recording: Codable, Sendable {
  /// One request and its answer.
  struct Exchange: Codable, Sendable {
    /// `GET /v1.41/info`.
    let request: String
    let status: Int
    let headers: [String: String]
    /// The body in the pieces in which it came, several where it was chunked; each byte is a letter of Latin-1.
    let body: [String]

    var isChunked: Bool { headers["transfer-encoding"] == "chunked" }

    /// The same again, for a fake engine to send.
    var answer: FakeEngine.Answer {
      var head = "HTTP/1.1 \(status) X\r\n"
      // Without a length the answer lasts as long as the connection.
      for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
        head += "\(name): \(name == "content-length" ? "\(body.joined().unicodeScalars.count)" : value)\r\n"
      }
      head += "connection: close\r\n\r\n"
      let pieces = body.map { $0.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
      return FakeEngine.Answer(pieces: [Array(head.utf8)] + (isChunked ? FakeEngine.Answer.framed(pieces) : pieces))
    }
  }

  let exchanges: [Exchange]

  static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Answers")

  /// The names of all that are kept: `20.10.24`, `28.5.2-containerd`.
  static let names =
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
    .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()

  static func read(_ name: String) throws -> Recording {
    try JSONDecoder().decode(Recording.self, from: Data(contentsOf: directory.appending(path: name + ".json")))
  }

  func write(_ name: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A line for each exchange: a change of the scene shows as such.
    let lines = try exchanges.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try FileManager.default.createDirectory(at: Self.directory, withIntermediateDirectories: true)
    try Data("{\"exchanges\":[\n\(lines.joined(separator: ",\n"))\n]}\n".utf8)
      .write(to: Self.directory.appending(path: name + ".json"))
  }

  /// What tells one request from another. The keys of the filters of events come in any order.
  static func key(_ request: String) -> String {
    request.contains("/events?") ? String(request.prefix { $0 != "?" }) : request
  }
}

/// A way to an engine that keeps all that goes through it.
final class Recorder: Sendable {
  let server: SocketServer
  private let kept: Kept

  init(to engine: String) throws {
    let kept = Kept()
    self.kept = kept
    server = try SocketServer { connection in
      let index = kept.begin()
      guard let far = connected(to: engine) else { return }
      let asking = Thread {
        forward(connection, far) { kept.ask(index, $0) }
        shutdown(far, Int32(SHUT_RDWR))
      }
      asking.start()
      forward(far, connection) { kept.answer(index, $0) }
      shutdown(connection, Int32(SHUT_RDWR))
      while !asking.isFinished { usleep(1000) }
      close(far)
    }
  }

  /// Gives what went through, without what tells of the machine.
  func recording(hiding secrets: [(String, String)]) throws -> Recording {
    Recording(
      exchanges: try kept.all.map { asked, answered in
        let request = try #require(String(bytes: asked, encoding: .utf8)).prefix { $0 != "\r\n" }
        let end = try #require(answered.firstRange(of: Array("\r\n\r\n".utf8)))
        let lines = String(decoding: answered[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
          let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
          if parts.count == 2 { headers[parts[0].lowercased()] = parts[1] }
        }
        let body = answered[end.upperBound...]
        let pieces = headers["transfer-encoding"] == "chunked" ? chunks(body) : body.isEmpty ? [] : [Array(body)]
        for name in ["date", "connection"] { headers[name] = nil }
        return Recording.Exchange(
          request: request.split(separator: " ").prefix(2).joined(separator: " "),
          status: try #require(lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }),
          headers: headers,
          body: pieces.map { piece in
            let text = String(String.UnicodeScalarView(piece.map { Unicode.Scalar($0) }))
            return secrets.reduce(text) { $0.replacing($1.0, with: $1.1) }
          })
      })
  }

  private final class Kept: Sendable {
    private let exchanges = Guarded<[([UInt8], [UInt8])]>([])
    var all: [([UInt8], [UInt8])] { exchanges.with { $0 } }
    func begin() -> Int {
      exchanges.with {
        $0.append(([], []))
        return $0.count - 1
      }
    }
    func ask(_ index: Int, _ bytes: [UInt8]) { exchanges.with { $0[index].0 += bytes } }
    func answer(_ index: Int, _ bytes: [UInt8]) { exchanges.with { $0[index].1 += bytes } }
  }
}

/// Takes a chunked body apart; what is cut off is left out.
func chunks(_ body: ArraySlice<UInt8>) -> [[UInt8]] {
  var found: [[UInt8]] = []
  var rest = body
  while let line = rest.firstRange(of: [13, 10]),
    let count = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), count > 0
  {
    let start = line.upperBound
    guard rest.endIndex - start >= count else { break }
    found.append(Array(rest[start..<start + count]))
    rest = rest[(start + count)...].dropFirst(2)
  }
  return found
}

private func forward(_ from: Int32, _ to: Int32, _ note: ([UInt8]) -> Void) {
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(from, &buffer, buffer.count)
    if count <= 0 { return }
    note(Array(buffer.prefix(count)))
    var sent = 0
    while sent < count {
      let some = buffer.withUnsafeBytes {
        send(to, $0.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
      }
      if some <= 0 { return }
      sent += some
    }
  }
}
