import Encoding
import FoundationEssentials

/// What a program said on its two streams.
public struct ContainerOutput: Sendable, Equatable {
  /// Standard output.
  public var output: [UInt8] = []
  /// Standard error.
  public var errors: [UInt8] = []

  /// Takes the engine's frames apart: a byte that names the stream, three of zero, four of the length, and the text; see
  /// "Stream format" of the API's `attach`. What is cut off is kept as far as it came.
  init(frames bytes: [UInt8]) {
    var rest = bytes[...]
    while rest.count >= 8 {
      let header = Array(rest.prefix(8))
      let length = header[4...].reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(8)
      if header[0] == 2 { errors += rest.prefix(length) } else { output += rest.prefix(length) }
      rest = rest.dropFirst(length)
    }
  }

  init(terminal bytes: [UInt8]) { output = bytes }
}

extension EngineClient {
  /// Returns the last lines of a container's log, each behind the time that it came.
  public func log(of id: String, lines: Int) async throws(EngineError) -> ContainerOutput {
    let query = [("stdout", "1"), ("stderr", "1"), ("timestamps", "1"), ("tail", String(lines))]
    let bytes = try await call("/containers/\(id.percentEncoded())/logs", query: query, deadline: .seconds(10))
    struct Container: Decodable {
      struct Settings: Decodable {
        let terminal: Bool
        enum CodingKeys: String, CodingKey { case terminal = "Tty" }
      }
      let settings: Settings
      enum CodingKeys: String, CodingKey { case settings = "Config" }
    }
    let container = try await inspection(ofContainer: id, as: Container.self)
    return container?.settings.terminal == true ? ContainerOutput(terminal: bytes) : ContainerOutput(frames: bytes)
  }

  /// Runs a program in a running container; gives its exit status and what it said.
  ///
  /// When the deadline is over the program goes on: the engine has no way to end it.
  public func execute(
    _ command: [String], in id: String, deadline: Duration, limit: Int = 16 << 20
  ) async throws(EngineError) -> (status: Int, output: ContainerOutput) {
    struct Wish: Encodable {
      let output = true
      let errors = true
      let command: [String]
      enum CodingKeys: String, CodingKey {
        case output = "AttachStdout"
        case errors = "AttachStderr"
        case command = "Cmd"
      }
    }
    struct Made: Decodable {
      let id: String
      enum CodingKeys: String, CodingKey { case id = "Id" }
    }
    struct Ended: Decodable {
      let status: Int?
      enum CodingKeys: String, CodingKey { case status = "ExitCode" }
    }
    guard let wish = try? JSONEncoder().encode(Wish(command: command)) else {
      throw EngineError(.unreadable, "the command cannot be sent")
    }
    let made = try await value(
      Made.self, "/containers/\(id.percentEncoded())/exec", method: "POST", body: Array(wish))
    let bytes = try await call(
      "/exec/\(made.id.percentEncoded())/start", method: "POST", body: Array(#"{"Detach": false, "Tty": false}"#.utf8),
      deadline: deadline, limit: limit)
    let ended = try await value(Ended.self, "/exec/\(made.id.percentEncoded())/json")
    return (ended.status ?? -1, ContainerOutput(frames: bytes))
  }

  /// Reads a regular file of at most a MiB from a container, running or not; nothing where there is none, or a link.
  public func file(_ path: String, in id: String) async throws(EngineError) -> [UInt8]? {
    do throws(EngineError) {
      let archive = try await call(
        "/containers/\(id.percentEncoded())/archive", query: [("path", path)], deadline: .seconds(10), limit: 1 << 20)
      return Self.firstFile(of: archive)
    } catch {
      if error.isMissing { return nil }
      throw error
    }
  }

  /// The content of the first entry of an archive, where that is a regular file; see tar(5).
  static func firstFile(of archive: [UInt8]) -> [UInt8]? {
    var rest = archive[...]
    while rest.count >= 512 {
      let header = Array(rest.prefix(512))
      let digits = header[124..<136].filter { (48...55).contains($0) }
      guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 8) else { return nil }
      let body = rest.dropFirst(512)
      switch header[156] {
      case 0, UInt8(ascii: "0"): return body.count >= size ? Array(body.prefix(size)) : nil
      // What extends the header of the entry that follows.
      case UInt8(ascii: "x"), UInt8(ascii: "g"): rest = body.dropFirst((size + 511) / 512 * 512)
      default: return nil
      }
    }
    return nil
  }
}
