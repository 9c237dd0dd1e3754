/// A repository's URL in its parts: `https://user@host:port/path`, `ssh://…`, `user@host:path`, or a path of this host.
public struct RepositoryURL: Sendable, Equatable {
  /// How the repository is reached.
  public enum Scheme: String, Sendable { case https, http, ssh, git, file }

  /// How the repository is reached; `file` for a path.
  public let scheme: Scheme
  /// The user's name, where the URL has one.
  public let user: String?
  let password: String?
  /// The host's name or address, without brackets; empty for a path.
  public let host: String
  /// The port that the URL names.
  public let port: Int?
  /// The path on that host.
  public let path: String

  /// Takes a URL apart; nothing for a scheme that is not known or a host that no host can have.
  public init?(_ text: String) {
    guard let mark = text.firstRange(of: "://") else {
      self.init(short: text)
      return
    }
    guard let scheme = Scheme(rawValue: text[..<mark.lowerBound].lowercased()) else { return nil }
    let rest = text[mark.upperBound...]
    if scheme == .file {
      self.init(scheme, user: nil, password: nil, host: "", port: nil, path: String(rest))
      return
    }
    // A password may hold anything, even slashes: the last `@` before the path's own begins the host.
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    var (authority, login) = (rest[..<end], Substring?.none)
    if let at = authority.lastIndex(of: "@") {
      (login, authority) = (authority[..<at], authority[authority.index(after: at)...])
    } else if let at = rest.lastIndex(of: "@"), rest[..<at].contains(":") {
      let end = rest[at...].firstIndex(of: "/") ?? rest.endIndex
      (login, authority) = (rest[..<at], rest[rest.index(after: at)..<end])
    }
    let parts = login?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let (host, port) = Self.address(authority) else { return nil }
    let path = rest[authority.endIndex...]
    self.init(
      scheme, user: parts?.first, password: parts.flatMap { $0.count > 1 ? $0[1] : nil }, host: host, port: port,
      path: String(path))
  }

  /// `user@host:path` as ssh(1) takes it, or a path.
  private init?(short text: String) {
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      self.init(.file, user: nil, password: nil, host: "", port: nil, path: text)
      return
    }
    var (place, login) = (text[..<colon], Substring?.none)
    if let at = place.lastIndex(of: "@") { (login, place) = (place[..<at], place[place.index(after: at)...]) }
    guard let (host, _) = Self.address(place) else { return nil }
    self.init(
      .ssh, user: login.map(String.init), password: nil, host: host, port: nil,
      path: String(text[text.index(after: colon)...]))
  }

  private init(_ scheme: Scheme, user: String?, password: String?, host: String, port: Int?, path: String) {
    self.scheme = scheme
    self.user = user.flatMap { $0.isEmpty ? nil : $0 }
    self.password = password
    self.host = host
    self.port = port
    self.path = path
  }

  /// Splits `host:port` or `[address]:port`. What begins with a dash would be an option of a program that is called with it.
  private static func address(_ text: Substring) -> (host: String, port: Int?)? {
    let (host, rest): (Substring, Substring)
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      (host, rest) = (text[text.index(after: text.startIndex)..<end], text[text.index(after: end)...])
      guard !host.isEmpty,
        host.utf8.allSatisfy({ $0.isDigit || (0x61...0x66).contains($0 | 0x20) || ".:".utf8.contains($0) })
      else {
        return nil
      }
    } else {
      let end = text.firstIndex(of: ":") ?? text.endIndex
      (host, rest) = (text[..<end], text[end...])
      guard !host.isEmpty, host.first != "-",
        host.utf8.allSatisfy({ $0.isDigit || $0.isLetter || "_.-".utf8.contains($0) })
      else { return nil }
    }
    if rest.isEmpty { return (String(host), nil) }
    let digits = rest.dropFirst()
    guard rest.first == ":", (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit),
      let port = Int(digits), (1...65535).contains(port)
    else { return nil }
    return (String(host), port)
  }

  /// The same URL without a user and a password, which may be a token; nothing where it has none, and for ssh, where a
  /// user is no secret.
  var withoutLogin: String? {
    guard [.http, .https].contains(scheme), user != nil || password != nil else { return nil }
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(scheme.rawValue)://\(name)\(port.map { ":\($0)" } ?? "")\(path)"
  }

  /// Whether what is sent stays on this host.
  var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// The host as `known_hosts` names it: `host`, or `[host]:port` where the port is not 22; see sshd(8).
  public var knownHostName: String {
    guard let port, port != 22 else { return host.lowercased() }
    return "[\(host.lowercased())]:\(port)"
  }
}
