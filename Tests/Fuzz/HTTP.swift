import Agent
import Foundation
import Glibc
import Synchronization

@testable import Core
@testable import Daemon
@testable import HTTPServer

/// What strangers send to the daemon.
private enum Stranger {
  static let secret = Array("It's a Secret to Everybody".utf8)
  static let settings = Settings(
    repository: "https://forge.example.org/psy/clup.git", branch: "main", liveRoot: scratch + "/live",
    checkout: scratch + "/served")

  static func signature(_ body: [UInt8]) -> String {
    ((try? HMAC.sha256(key: secret, message: body)) ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Takes headers, an empty line and a body for a request.
  static func request(_ bytes: [UInt8]) -> HTTPRequest {
    var (rest, headers) = (bytes[...], [HTTPRequest.Field]())
    while let end = rest.firstIndex(of: 10) {
      let line = rest[..<end]
      rest = rest[(end + 1)...]
      if line.isEmpty { break }
      let sides = line.split(separator: 0x3a, maxSplits: 1, omittingEmptySubsequences: false)
      headers.append(.init(text(sides[0]), sides.count > 1 ? text(sides[1].drop { $0 == 0x20 }) : ""))
    }
    return HTTPRequest(
      method: "POST", path: "/webhook", headers: headers, body: Array(rest), remoteAddress: "127.0.0.1")
  }

  /// Whoever does not know the secret is nobody.
  static func read(_ request: HTTPRequest) -> Webhook {
    let verdict = Webhook.read(request, secrets: [Secret(secret)], settings: settings)
    let own = signature(request.body)
    let knows = request.headers.contains { $0.value.utf8.elementsEqual(secret) || $0.value.contains(own) }
    hold(knows || verdict == .unsigned, "only who knows the secret is listened to")
    switch verdict {
    case .ignored(let why):
      hold(why.utf8.allSatisfy { (0x20..<0x7f).contains($0) || $0 == 9 }, "a reason can be a header: \(why)")
    case .push(let delivery): hold((delivery ?? "d").utf8.count <= 200 && delivery != "", "an id is no novel")
    case .ping, .malformed, .unsigned: break
    }
    return verdict
  }

  /// What the daemon answers, but for what it would have to start itself for.
  static let routes: Routes? = {
    try? FileManager.default.createDirectory(atPath: settings.liveRoot, withIntermediateDirectories: true)
    guard let store = try? RunStore(settings, file: "runs.json"), let runQueue = try? RunQueue(store) else {
      return nil
    }
    let source = Configuration.Source(settings, text: [])
    let children = ChildProcesses(
      program: "/bin/false", configuration: Configuration(source) { .success(source) }, environment: [:],
      runStore: store)
    return Routes(
      version: "0", runQueue: runQueue, statusCache: StatusCache(children), counters: Counters(),
      children: children, started: 0)
  }()

  static func answer(_ request: HTTPRequest) async -> HTTPResponse {
    hold(!request.path.utf8.contains(0), "no path ends early")
    var known = request
    if case .some = HostName.stranger(
      HTTPRequest(
        method: request.method, path: request.path, query: request.query, headers: request.headers, body: [],
        remoteAddress: "127.0.0.1"), known: ["host.example.org"])
    {
      hold(request.header("Host") != "localhost", "localhost is answered for")
    }
    _ = read(request)
    let dear = ["/", "/plan", "/metrics", "/api/v1/status"].contains(request.path) || request.path.hasPrefix("/runs/")
    if dear || request.header("Accept") != nil {
      known = HTTPRequest(method: request.method, path: "/healthz")
    }
    guard let routes else { return HTTPResponse(status: 500, text: "no routes") }
    let response = await routes.answer(known)
    hold((200...599).contains(response.status), "an answer has a status")
    hold(response.status != 202, "nothing is begun for a stranger")
    return response
  }

  /// Listens until the process ends.
  static let server: HTTPServer? = {
    hold(routes != nil, "the routes can be made")
    return try? HTTPServer(
      listen: [.unixSocket(path: scratch + "/http", mode: 0o600)], limits: HTTPLimits(bodyBytes: 4096)
    ) { await answer($0) }
  }()
}

extension Target {
  /// The headers and the body of a webhook, as they are and with a good signature.
  static let webhook = Target("webhook") { bytes in
    let request = Stranger.request(bytes)
    _ = Stranger.read(request)
    let signed = HTTPRequest(
      method: "POST", path: "/webhook",
      headers: request.headers + [.init("X-Forgejo-Signature", Stranger.signature(request.body))], body: request.body)
    _ = Stranger.read(signed)
    _ = Webhook.path(of: text(bytes))
    if let host = HostName.name(in: text(bytes)) {
      hold(!host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }, "a host has a plain name: \(host)")
    }
  }

  /// A connection's bytes, through libmicrohttpd to the routes and back.
  static let http = Target("http") { bytes in
    guard Stranger.server != nil else { return hold(false, "the server can listen") }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { Glibc.close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array((scratch + "/http").utf8)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let isOpen = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
    }
    hold(isOpen, "the server still listens")
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    // For half a request the server waits, as for a slow client; this one goes away.
    var patience = timeval(tv_sec: 0, tv_usec: 50_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var (answer, part) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while answer.count < 1 << 20 {
      let count = recv(descriptor, &part, part.count, 0)
      if count <= 0 { break }
      answer += part[..<count]
    }
    hold(answer.isEmpty || answer.starts(with: Array("HTTP/1.".utf8)), "an answer is one of HTTP: \(text(answer))")
  }
}
