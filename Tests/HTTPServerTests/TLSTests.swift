import HTTPServer
import Processes
import Testing

@Suite("TLS by certificate and key")
struct TLSTests {
  /// Has openssl make a key and a certificate for 127.0.0.1.
  private static func credentials(in scratch: Scratch, _ name: String = "a") async throws -> TLSCredentials {
    let path = try #require(find("openssl", in: "/usr/bin:/bin"))
    let arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
      "/CN=test",
      "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(name).key", "-out", "\(name).pem",
    ]
    let outcome = try await run(Command(path, arguments, directory: scratch.path))
    try #require(outcome.succeeded, "\(outcome.errorText)")
    return TLSCredentials(certificate: try scratch.bytes(of: "\(name).pem"), key: try scratch.bytes(of: "\(name).key"))
  }

  @Test("requests come through, and so do refusals in the midst of a body")
  func requests() async throws {
    let scratch = try Scratch()
    let (server, port) = try serve(
      tls: try await Self.credentials(in: scratch), limits: HTTPLimits(bodyBytes: 100_000)
    ) { request in
      try? await Task.sleep(for: .milliseconds(10))
      return HTTPResponse(status: 200, text: "\(request.body.count)")
    }
    defer { server.stop() }
    let arguments = ["-sS", "--cacert", scratch.path + "/a.pem", "-w", " %{http_code}", "--data-binary", "@-"]
    let url = "https://127.0.0.1:\(port)/"
    for (size, more, expected) in [
      (10, [], "10 200"), (100_000, [], "100000 200"), (100_000, ["-H", "Transfer-Encoding: chunked"], "100000 200"),
      (100_001, ["-H", "Transfer-Encoding: chunked"], " 413"),
    ] {
      let path = try #require(find("curl", in: "/usr/bin:/bin"))
      let outcome = try await run(
        Command(path, arguments + more + [url], input: [UInt8](repeating: 1, count: size), deadline: .seconds(30)))
      #expect(outcome.outputText == expected, "\(outcome.errorText)")
    }
  }

  @Test("clients that speak no TLS, or hang in the handshake, are cut off and harm nobody")
  func plain() async throws {
    let scratch = try Scratch()
    let (server, port) = try serve(
      tls: try await Self.credentials(in: scratch), limits: HTTPLimits(clientTime: .milliseconds(500)))
    defer { server.stop() }
    let closed = try await blocking {
      try ["", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"].map { start in
        let client = try RawClient(port)
        client.send(start)
        return client.isClosed(within: .seconds(20))
      }
    }
    #expect(closed == [true, true, true])
    #expect(try await curl("--insecure", "https://127.0.0.1:\(port)/ok").outputText == "/ok")
  }

  @Test("a Unix socket beside a TLS port is plain")
  func unix() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/s"
    let server = try HTTPServer(
      listen: [.unixSocket(path: path, mode: 0o600)], tls: try await Self.credentials(in: scratch)
    ) { HTTPResponse(status: 200, text: $0.path) }
    defer { server.stop() }
    #expect(try await curl("--unix-socket", path, "http://host/ok").outputText == "/ok")
  }

  @Test("credentials that cannot be used are refused when the server is made")
  func badCredentials() async throws {
    let scratch = try Scratch()
    let one = try await Self.credentials(in: scratch, "a")
    let other = try await Self.credentials(in: scratch, "b")
    for credentials in [
      TLSCredentials(certificate: one.certificate, key: other.key), TLSCredentials(certificate: [], key: []),
      TLSCredentials(certificate: one.key, key: one.certificate),
      TLSCredentials(certificate: Array("nonsense".utf8), key: one.key),
    ] {
      let error = #expect(throws: HTTPServerError.self) { try serve(tls: credentials).server.stop() }
      #expect(error?.kind == .badCredentials)
    }
  }
}
