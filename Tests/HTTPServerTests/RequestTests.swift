import Glibc
import HTTPServer
import Processes
import Testing

/// Answers with what it was asked, a field a line.
private func echo(_ request: HTTPRequest) -> HTTPResponse {
  let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  let lines = [
    request.method, request.path, query, request.header("X-TEST") ?? "none",
    String(decoding: request.body, as: UTF8.self), request.remoteAddress ?? "none",
  ]
  return HTTPResponse(status: 200, headers: ["X-Echo": "yes"], body: Array(lines.joined(separator: "\n").utf8))
}

@Suite("a handler sees what a client meant")
struct RequestTests {
  @Test(
    "method, path, query, header and body come through",
    arguments: [
      (["/a/b"], ["GET", "/a/b", "", "none", ""]),
      (["/a%20b/%C3%A4%2f?x=1&y=%41+b&z&x=2"], ["GET", "/a b/ä/", "x=1&y=A b&z=&x=2", "none", ""]),
      (["/%zz%4"], ["GET", "/%zz%4", "", "none", ""]),
      (["/%ff"], ["GET", "/\u{FFFD}", "", "none", ""]),
      (["/", "-X", "BREW"], ["BREW", "/", "", "none", ""]),
      (["/", "-d", "hello"], ["POST", "/", "", "none", "hello"]),
      (["/", "-H", "x-TeSt:  one", "-H", "X-Test: two"], ["GET", "/", "", "one, two", ""]),
      (["/", "--http1.0", "-d", "old"], ["POST", "/", "", "none", "old"]),
      (["/", "-H", "Transfer-Encoding: chunked", "-d", "parts"], ["POST", "/", "", "none", "parts"]),
      (["/", "-H", "Expect: 100-continue", "-d", "asked"], ["POST", "/", "", "none", "asked"]),
      (["/", "-X", "DELETE", "-d", ""], ["DELETE", "/", "", "none", ""]),
    ])
  func seen(arguments: [String], expected: [String]) async throws {
    let (server, port) = try serve { echo($0) }
    defer { server.stop() }
    let path = try #require(find("curl", in: "/usr/bin:/bin"))
    let url = "http://127.0.0.1:\(port)\(arguments[0])"
    let outcome = try await run(
      Command(path, ["-sS", "--max-time", "30", "--path-as-is", url] + arguments.dropFirst()))
    let seen = outcome.outputText.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(seen == expected + ["127.0.0.1"])
  }

  @Test("HEAD is answered with the length of the body and without it")
  func head() async throws {
    let (server, port) = try serve { HTTPResponse(status: 200, text: $0.method) }
    defer { server.stop() }
    let answer = try await curl("--head", "http://127.0.0.1:\(port)/").outputText
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.contains("Content-Length: 4\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n"))
  }

  @Test("status, headers and body of an answer come through", arguments: [200, 202, 204, 304, 401, 404, 431, 500, 599])
  func answers(status: Int) async throws {
    let (server, port) = try serve { _ in HTTPResponse(status: status, headers: ["X-A": "b c"], body: [104, 105]) }
    defer { server.stop() }
    let answer = try await curl("--include", "http://127.0.0.1:\(port)/").outputText
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(answer.contains("X-A: b c\r\n"))
    #expect(answer.hasSuffix([204, 304].contains(status) ? "\r\n\r\n" : "\r\n\r\nhi"))
  }

  @Test("an answer that would break the protocol closes the connection instead")
  func brokenAnswers() async throws {
    let (server, port) = try serve {
      $0.path == "/header"
        ? HTTPResponse(status: 200, headers: ["X": "a\r\nSet-Cookie: b"]) : HTTPResponse(status: 7)
    }
    defer { server.stop() }
    for path in ["/header", "/status"] {
      #expect(try await curl("http://127.0.0.1:\(port)\(path)").status == .exited(52))
    }
  }

  @Test("requests sent in one go are answered in order, on one connection")
  func pipelining() async throws {
    let (server, port) = try serve { request in
      if request.path == "/0" { try? await Task.sleep(for: .milliseconds(50)) }
      return HTTPResponse(status: 200, text: "[\(request.path)\(request.body.count)]")
    }
    defer { server.stop() }
    let text = try await blocking {
      let client = try RawClient(port)
      for number in 0..<20 { client.send("POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") }
      return client.read { $0.contains("[/193]") }
    }
    let answers = text.split(separator: "[").dropFirst().map { $0.prefix { $0 != "]" } }
    #expect(answers.map(String.init) == (0..<20).map { "/\($0)3" })
  }

  @Test(
    "what is no request is refused, and never seen by the handler",
    arguments: [
      ("nonsense\r\n\r\n", ""), ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", ""), ("GET / HTTP/1.1\r\n\r\n", "400"),
      ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"), ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ""),
      ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"), ("GET /?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n", "400"),
      ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "400"), ("\r\n\r\n\r\n", ""), ("", ""),
    ])
  func malformed(request: String, status: String) async throws {
    let seen = Counters()
    // libmicrohttpd may not notice that no more will come of a request; the deadline does.
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(300))) { _ in
      await seen.add()
      return HTTPResponse(status: 200)
    }
    defer { server.stop() }
    let answer = try await blocking {
      let client = try RawClient(port)
      client.send(request)
      shutdown(client.socket, Int32(SHUT_WR))
      return client.read()
    }
    #expect(answer.split(separator: " ").dropFirst().first.map(String.init) ?? "" == status, "\(answer)")
    #expect(await seen.count == 0)
    #expect(try await curl("http://127.0.0.1:\(port)/").succeeded)
  }

  @Test("random bytes, and good requests with a random byte changed, do no harm")
  func noise() async throws {
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(200)))
    defer { server.stop() }
    let good = Array("POST /a?b=c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
    try await blocking {
      for _ in 0..<200 {
        var bytes = Bool.random() ? good : (0..<200).map { _ in UInt8.random(in: 0...255) }
        bytes[Int.random(in: 0..<bytes.count)] = UInt8.random(in: 0...255)
        let client = try RawClient(port)
        client.send(bytes)
        shutdown(client.socket, Int32(SHUT_WR))
        _ = client.read()
      }
    }
    #expect(try await curl("http://127.0.0.1:\(port)/ok").outputText == "/ok")
  }

  @Test("the answer for a client that has gone is dropped, and its connection closed")
  func vanished() async throws {
    let started = Counters()
    let ended = Counters()
    let (server, port) = try serve(limits: HTTPLimits(connections: 8)) { _ in
      await started.add()
      try? await Task.sleep(for: .milliseconds(20))
      await ended.add()
      return HTTPResponse(status: 200, body: [UInt8](repeating: 65, count: 1 << 20))
    }
    defer { server.stop() }
    for round in 1...40 {
      let client = try RawClient(port)
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      await started.reaches(round)
    }
    await ended.reaches(40)
    #expect(try await curl("http://127.0.0.1:\(port)/").output.count == 1 << 20)
  }
}
