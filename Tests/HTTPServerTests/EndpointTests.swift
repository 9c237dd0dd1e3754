import Glibc
import HTTPServer
import Testing

private let text: @Sendable (HTTPRequest) async -> HTTPResponse = {
  HTTPResponse(status: 200, text: $0.remoteAddress ?? "no address")
}

@Suite("a server listens where it is told, or says why not")
struct EndpointTests {
  @Test(
    "IPv4, IPv6, and IPv4 over IPv6", arguments: [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("::", "127.0.0.1")])
  func address(host: String, url: String) async throws {
    let (server, port) = try serve(host, text)
    defer { server.stop() }
    #expect(server.endpoints == [.address(host: host, port: port)])
    let seen = try await curl("--globoff", "http://\(url):\(port)/").outputText
    #expect(seen == url.filter { $0 != "[" && $0 != "]" })
  }

  @Test("several endpoints at once; their files go with the server")
  func several() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/s"
    let server = try HTTPServer(
      listen: [.address(host: "127.0.0.1", port: 0), .unixSocket(path: path, mode: 0o660)], handler: text)
    let port = try #require(server.endpoints[0].port)
    #expect(try await curl("http://127.0.0.1:\(port)/").outputText == "127.0.0.1")
    #expect(try await curl("--unix-socket", path, "http://host/").outputText == "no address")
    server.stop()
    server.stop()
    #expect(access(path, F_OK) != 0)
    #expect(try await curl("http://127.0.0.1:\(port)/").status == .exited(7))
  }

  @Test("the file of a Unix socket has the mode that was asked for", arguments: [0o600, 0o660, 0o666] as [UInt32])
  func mode(_ mode: UInt32) throws {
    let scratch = try Scratch()
    let server = try HTTPServer(listen: [.unixSocket(path: scratch.path + "/s", mode: mode)], handler: text)
    defer { server.stop() }
    var status = stat()
    #expect(lstat(scratch.path + "/s", &status) == 0)
    #expect(status.st_mode == S_IFSOCK | mode)
  }

  @Test("a socket file that a killed process left is replaced")
  func stale() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/s"
    let first = try #require(bound(to: path))
    close(first)
    let server = try HTTPServer(listen: [.unixSocket(path: path, mode: 0o600)], handler: text)
    #expect(try await curl("--unix-socket", path, "http://host/").succeeded)
    server.stop()
  }

  @Test("a socket file that another server made in the meantime stays")
  func replaced() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/s"
    let server = try HTTPServer(listen: [.unixSocket(path: path, mode: 0o600)], handler: text)
    unlink(path)
    let other = try #require(bound(to: path))
    defer { close(other) }
    server.stop()
    #expect(access(path, F_OK) == 0)
  }

  @Test("a socket that lives, a file and a directory are left alone", arguments: ["socket", "file", "directory"])
  func taken(by what: String) throws {
    let scratch = try Scratch()
    let path = scratch.path + "/s"
    var descriptor: Int32 = -1
    switch what {
    case "socket":
      descriptor = try #require(bound(to: path))
      listen(descriptor, 1)
    case "file": descriptor = creat(path, 0o600)
    default: mkdir(path, 0o700)
    }
    defer { close(descriptor) }
    let error = #expect(throws: HTTPServerError.self) {
      try HTTPServer(listen: [.unixSocket(path: path, mode: 0o600)], handler: text)
    }
    #expect(error?.kind == (what == "socket" ? .inUse : .badEndpoint))
    #expect(error?.message.contains(path) == true)
    #expect(access(path, F_OK) == 0)
  }

  @Test(
    "what is no place to listen is refused",
    arguments: [
      (.address(host: "localhost", port: 0), .badEndpoint), (.address(host: "", port: 0), .badEndpoint),
      (.address(host: "192.0.2.1", port: 0), .badEndpoint), (.unixSocket(path: "", mode: 0o600), .badEndpoint),
      (.unixSocket(path: "/" + String(repeating: "x", count: 108), mode: 0o600), .badEndpoint),
      (.unixSocket(path: "/nowhere/s", mode: 0o600), .system(ENOENT)),
      (.inherited(descriptor: 9999), .system(EBADF)),
    ] as [(Endpoint, HTTPServerError.Kind)])
  func refused(endpoint: Endpoint, kind: HTTPServerError.Kind) {
    let error = #expect(throws: HTTPServerError.self) { try HTTPServer(listen: [endpoint], handler: text) }
    #expect(error?.kind == kind, "\(error?.message ?? "")")
  }

  @Test("a port that is taken is refused, and nothing else stays open")
  func taken() async throws {
    let (server, port) = try serve()
    defer { server.stop() }
    let scratch = try Scratch()
    let error = #expect(throws: HTTPServerError.self) {
      try HTTPServer(
        listen: [.unixSocket(path: scratch.path + "/s", mode: 0o600), .address(host: "127.0.0.1", port: port)],
        handler: text)
    }
    #expect(error?.kind == .inUse)
    #expect(access(scratch.path + "/s", F_OK) != 0)
  }

  @Test("a socket that listens already is taken over")
  func inherited() async throws {
    let scratch = try Scratch()
    let descriptor = try #require(bound(to: scratch.path + "/s"))
    listen(descriptor, 10)
    let server = try HTTPServer(listen: [.inherited(descriptor: descriptor)], handler: text)
    #expect(try await curl("--unix-socket", scratch.path + "/s", "http://host/").outputText == "no address")
    server.stop()
    #expect(access(scratch.path + "/s", F_OK) == 0)
  }

  @Test(
    "descriptors count as inherited only if they are meant for this process",
    arguments: [
      ([:], 0), (["LISTEN_PID": "1", "LISTEN_FDS": "1"], 0), (["LISTEN_PID": "self"], 0),
      (["LISTEN_PID": "self", "LISTEN_FDS": "x"], 0), (["LISTEN_PID": "self", "LISTEN_FDS": "-1"], 0),
      (["LISTEN_PID": "self", "LISTEN_FDS": "999999999"], 0), (["LISTEN_PID": "self", "LISTEN_FDS": "0"], 0),
    ] as [([String: String], Int)])
  func environment(_ environment: [String: String], count: Int) {
    let environment = environment.mapValues { $0 == "self" ? String(getpid()) : $0 }
    #expect(inheritedDescriptors(in: environment).count == count)
  }

  @Test("a server that stops waits for no handler, and tells it")
  func stopping() async throws {
    let started = Counters()
    let cancelled = Counters()
    let (server, port) = try serve { _ in
      await started.add()
      try? await Task.sleep(for: .seconds(60))
      if Task.isCancelled { await cancelled.add() }
      return HTTPResponse(status: 200)
    }
    async let outcome = curl("http://127.0.0.1:\(port)/")
    await started.reaches(1)
    server.stop()
    #expect(try await outcome.status == .exited(52))
    await cancelled.reaches(1)
  }
}

/// Returns a Unix socket that is bound to a path.
private func bound(to path: String) -> Int32? {
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  return result == 0 ? descriptor : nil
}
