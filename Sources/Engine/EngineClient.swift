import Encoding
import FoundationEssentials
import Synchronization

/// Docker Engine, asked through its API.
///
/// The version of the API is agreed upon at the first call. Every call throws `EngineError`; see Docker's page "Engine API".
public struct EngineClient: Sendable {
  /// Where the engine listens.
  public enum Endpoint: Sendable {
    /// A Unix socket's path.
    case socket(String)
    /// A connected socket that this opens, for a way that the docker command knows: TLS, ssh, a context.
    case connected(@Sendable () throws(EngineError) -> Int32)
  }

  private let endpoint: Endpoint
  private let wanted: Version?
  private let agreed: AgreedVersion

  /// The newest version of the API that this was written for, and the oldest that has all of it (Engine 20.10).
  static let versions = (newest: Version(1, 51), oldest: Version(1, 41))

  /// Prepares to ask an engine; `version` is one that somebody wants (`DOCKER_API_VERSION`), as `1.43`.
  public init(_ endpoint: Endpoint, version: String? = nil) {
    self.endpoint = endpoint
    wanted = version.flatMap(Version.init)
    agreed = AgreedVersion(wanted)
  }

  /// Says whether the engine answers, and agrees upon a version.
  public func ping() async throws(EngineError) {
    let answer = try await send(Request(url: "http://127.0.0.1/_ping", route: route, deadline: .seconds(10)))
    guard answer.status == 200 else { throw EngineError(.status(answer.status), Self.words(of: answer)) }
    guard let newest = answer.headers["api-version"].flatMap(Version.init) else {
      throw EngineError(.unreadable, "what answers there is no Docker Engine")
    }
    guard newest >= Self.versions.oldest else {
      throw EngineError(
        .unfit, "it speaks version \(newest) of its API, and \(Self.versions.oldest) (Engine 20.10) is needed")
    }
    agreed.set(wanted ?? min(newest, Self.versions.newest))
  }

  /// Says that the engine refuses the version that is used, if it does: the status alone may mean the request as well.
  private func complain(of used: Version) async throws(EngineError) {
    struct Range: Decodable {
      let newest: String
      let oldest: String
      enum CodingKeys: String, CodingKey {
        case newest = "ApiVersion"
        case oldest = "MinAPIVersion"
      }
    }
    let answer = try await send(Request(url: "http://127.0.0.1/version", route: route, deadline: .seconds(10)))
    guard answer.status == 200, let range = try? JSONDecoder().decode(Range.self, from: Data(answer.body)),
      let newest = Version(range.newest), let oldest = Version(range.oldest), used < oldest || newest < used
    else { return }
    let why = wanted == nil ? "clup knows" : "DOCKER_API_VERSION wants"
    throw EngineError(.unfit, "it speaks versions \(oldest) to \(newest) of its API, and \(why) \(used)")
  }

  /// Asks, and gives the body of a good answer.
  @discardableResult
  func call(
    _ path: String, method: String = "GET", query: [(String, String)] = [], headers: [String] = [],
    body: [UInt8]? = nil, deadline: Duration? = .seconds(60), limit: Int = 64 << 20, also good: Set<Int> = [],
    receive: (@Sendable ([UInt8]) -> Void)? = nil
  ) async throws(EngineError) -> [UInt8] {
    if agreed.version == nil { try await ping() }
    let prefix = agreed.version.map { "/v\($0)" } ?? ""
    let words = query.map { "\($0.0)=\($0.1.percentEncoded())" }.joined(separator: "&")
    var request = Request(
      method: method, url: "http://127.0.0.1\(prefix)\(path)\(words.isEmpty ? "" : "?\(words)")", route: route)
    (request.headers, request.body) = (headers, body)
    (request.deadline, request.limit) = (deadline, limit)
    let answer = try await send(request, receive: receive)
    guard (200..<300).contains(answer.status) || good.contains(answer.status) else {
      if answer.status == 400, let used = agreed.version { try await complain(of: used) }
      throw EngineError(.status(answer.status), Self.words(of: answer))
    }
    return answer.body
  }

  func value<Value: Decodable>(
    _ type: Value.Type, _ path: String, method: String = "GET", query: [(String, String)] = [],
    body: [UInt8]? = nil
  ) async throws(EngineError) -> Value {
    let bytes = try await call(path, method: method, query: query, body: body)
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw EngineError(.unreadable, "the engine's answer to \(path) is not what its API promises")
    }
  }

  /// Returns the text of a `filters` parameter.
  static func filters(_ filters: [String: [String]]) -> String {
    let bytes = try? JSONEncoder().encode(filters)
    return bytes.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  private var route: Request.Route {
    switch endpoint {
    case .socket(let path): .socket(path)
    case .connected(let open): .connected(open)
    }
  }

  /// The engine's own words for what it refuses.
  private static func words(of answer: Response) -> String {
    struct Refusal: Decodable { let message: String }
    if let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)) { return refusal.message }
    return "the engine answered with status \(answer.status)"
  }
}

/// A version of the engine's API, as `1.41`.
struct Version: Sendable, Comparable, CustomStringConvertible {
  let major: Int
  let minor: Int
  var description: String { "\(major).\(minor)" }

  init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  init?(_ text: String) {
    let parts = text.split(separator: ".").map { Int($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
    self.init(major, minor)
  }

  static func < (one: Version, other: Version) -> Bool { (one.major, one.minor) < (other.major, other.minor) }
}

/// The version that was agreed upon, for all who share a client.
private final class AgreedVersion: Sendable {
  private let stored: Mutex<Version?>

  init(_ version: Version?) { stored = Mutex(version) }

  var version: Version? { stored.withLock { $0 } }

  func set(_ version: Version) { stored.withLock { $0 = version } }
}
