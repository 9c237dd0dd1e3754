/// A question that is asked once Compose calls a stack up.
public struct Probe: Codable, Sendable, Equatable, CustomStringConvertible {
  /// What is asked, and which answer is a good one.
  public enum Question: Codable, Sendable, Equatable {
    /// A GET on the host's loopback. Without a status any from 200 to 299 will do; `json` holds the members that the
    /// answer must have, whatever it has beside them.
    case http(url: String, status: Int?, json: JSON?)
    /// A program that must end with 0 inside the running container of a service, or of the only one.
    case exec(service: String?, command: [String])
  }

  /// What is asked.
  public var question: Question
  /// How often it may be asked again.
  public var retries = 30
  /// The time between two tries.
  public var interval: Duration = .seconds(1)
  /// How long one try may take.
  public var timeout: Duration = .seconds(5)
  /// How long all tries may take together.
  public var deadline: Duration = .seconds(60)

  /// Asks with the usual patience.
  init(_ question: Question) { self.question = question }

  /// The question for people.
  public var description: String {
    switch question {
    case .http(let url, _, _): "probe \(url)"
    case .exec(let service, let command):
      "probe `\(command.joined(separator: " "))`\(service.map { " in \($0)" } ?? "")"
    }
  }

  /// The service in whose container it asks, where it names one.
  public var service: String? { if case .exec(let service, _) = question { service } else { nil } }

  /// What is wrong with a probe's text, and the key that says so.
  public struct Problem: Error, Sendable, Equatable {
    /// The key, or nothing for the probe as a whole.
    var key: String?
    /// What is wrong.
    var message: String
  }

  static let keys = ["http", "status", "json", "exec", "service", "retries", "interval", "timeout", "deadline"]

  /// Reads a probe from the host's configuration or a Compose file's `x-clup`.
  init(_ json: JSON) throws(Problem) {
    guard case .object(let members) = json else {
      throw Problem(message: "a probe is a mapping such as {http: \"http://127.0.0.1:8080/healthz\"}")
    }
    if let key = members.keys.sorted().first(where: { !Self.keys.contains($0) }) {
      throw Problem(key: key, message: "a probe has no key \(key)\(suggestion(for: key, among: Self.keys))")
    }
    self.init(try Self.question(members))
    if let value = members["retries"] {
      guard let count = value.integer, (0...1000).contains(count) else {
        throw Problem(key: "retries", message: "retries must be a number from 0 to 1000")
      }
      retries = count
    }
    interval = try Self.duration(members, "interval") ?? interval
    timeout = try Self.duration(members, "timeout") ?? timeout
    deadline = try Self.duration(members, "deadline") ?? deadline
  }

  private static func question(_ members: [String: JSON]) throws(Problem) -> Question {
    switch (members["http"], members["exec"]) {
    case (.some(let http), nil):
      if members["service"] != nil { throw Problem(key: "service", message: "service goes with exec, not with http") }
      guard let url = http.string, url.wholeMatch(of: loopback) != nil else {
        throw Problem(
          key: "http", message: "http must be a URL on loopback, such as http://127.0.0.1:8080/healthz")
      }
      var status: Int?
      if let value = members["status"] {
        guard let code = value.integer, (100...599).contains(code) else {
          throw Problem(key: "status", message: "status must be a number from 100 to 599")
        }
        status = code
      }
      if let json = members["json"], case .object = json {
        return .http(url: url, status: status, json: json)
      } else if members["json"] != nil {
        throw Problem(key: "json", message: "json must be a mapping of members to the values that they must have")
      }
      return .http(url: url, status: status, json: nil)
    case (nil, .some(let exec)):
      for key in ["status", "json"] where members[key] != nil {
        throw Problem(key: key, message: "\(key) goes with http, not with exec")
      }
      let command = exec.string.map { ["sh", "-c", $0] } ?? exec.strings
      guard !command.isEmpty, command.count == max(exec.array.count, exec.string == nil ? 0 : 3) else {
        throw Problem(key: "exec", message: "exec must be a list of words, or one line for the container's shell")
      }
      if let value = members["service"], value.string?.isEmpty ?? true {
        throw Problem(key: "service", message: "service must be the name of a service")
      }
      return .exec(service: members["service"]?.string, command: command)
    default: throw Problem(message: "a probe has either http or exec")
    }
  }

  private static func duration(_ members: [String: JSON], _ key: String) throws(Problem) -> Duration? {
    guard let value = members[key] else { return nil }
    guard let time = value.string.flatMap({ Duration(parsing: $0) }), time > .zero else {
      throw Problem(key: key, message: "\(key) must be a time such as 500ms, 5s or 1m")
    }
    return time
  }

  /// No user, no redirect by name: what a repository asks for must stay on this host.
  private static var loopback: Regex<Substring> {
    /https?:\/\/(?:localhost|127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})){3}|\[::1\])(?::[0-9]{1,5})?(?:[\/?][!-~]*)?/
  }
}

extension Probe {
  /// Returns the port of a URL on loopback.
  static func port(of url: String) -> Int? {
    guard let start = url.firstRange(of: "://") else { return nil }
    let host = url[start.upperBound...].prefix { !"/?#".contains($0) }
    let digits = host.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
    if host.dropLast(digits.count).last == ":", !digits.isEmpty { return Int(String(digits)) }
    return url.hasPrefix("https") ? 443 : 80
  }

  /// Returns what is wrong with an answer; nothing when it is a good one.
  public static func complaint(status: Int, body: [UInt8], wanted: Int?, json: JSON?) -> String? {
    guard wanted.map({ $0 == status }) ?? (200...299).contains(status) else {
      return "it answered \(status), not \(wanted.map(String.init) ?? "200 to 299")"
    }
    guard let json else { return nil }
    guard let answer = try? JSON(parsing: body) else { return "its answer is no JSON" }
    // It may hold anything, and be another service's.
    return difference(answer, json, at: "").map { "it answered \(status) with \(body.count) bytes, where \($0)" }
  }

  private static func difference(_ answer: JSON?, _ wanted: JSON, at path: String) -> String? {
    if case .object(let members) = wanted {
      for (key, value) in members.sorted(by: { $0.key < $1.key }) {
        let place = path.isEmpty ? key : "\(path).\(key)"
        if let found = difference(answer?[key], value, at: place) { return found }
      }
      return nil
    }
    guard let answer else { return "\(path) is missing" }
    if answer == wanted { return nil }
    switch (answer, wanted) {
    case (.integer(let left), .number(let right)) where Double(left) == right: return nil
    case (.number(let left), .integer(let right)) where left == Double(right): return nil
    default:
      let isSecret = Secrets.isSecretName(path.split(separator: ".").last.map(String.init) ?? path)
      let shown = String(decoding: wanted.canonical, as: UTF8.self).prefix(80)
      return isSecret ? "\(path) has another value" : "\(path) is not \(shown)"
    }
  }
}
