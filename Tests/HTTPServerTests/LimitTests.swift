import Glibc
import HTTPServer
import Processes
import Testing

private let head = "POST /quick HTTP/1.1\r\nHost: a\r\n"

@Suite("what is too large is turned away")
struct SizeTests {
  @Test(
    "a body that is announced, or comes in parts, beyond the limit is answered with 413 before more of it is read",
    arguments: [
      "Content-Length: 1001\r\n\r\n", "Content-Length: 99999999999999999999999\r\n\r\n",
      "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + String(repeating: "a", count: 500) + "\r\n1f5\r\n"
        + String(repeating: "b", count: 501),
      "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ])
  func tooLarge(rest: String) async throws {
    let seen = Counters()
    let (server, port) = try serve(limits: HTTPLimits(bodyBytes: 1000)) { _ in
      await seen.add()
      return HTTPResponse(status: 200)
    }
    defer { server.stop() }
    let answer = try await blocking {
      let client = try RawClient(port)
      client.send(head + rest)
      return client.read()
    }
    #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
    #expect(await seen.count == 0)
  }

  @Test("a body of just the limit is taken", arguments: [[], ["-H", "Transfer-Encoding: chunked"]])
  func fits(arguments: [String]) async throws {
    let (server, port) = try serve { HTTPResponse(status: 200, text: "\($0.body.count)") }
    defer { server.stop() }
    let body = [UInt8](repeating: 7, count: 1 << 20)
    let path = try #require(find("curl", in: "/usr/bin:/bin"))
    let url = "http://127.0.0.1:\(port)/"
    let outcome = try await run(Command(path, ["-sS", "--data-binary", "@-", url] + arguments, input: body))
    #expect(outcome.outputText == "1048576")
  }

  @Test("headers or a target that do not fit are answered with an error of the client", arguments: ["/", "header"])
  func longHead(_ what: String) async throws {
    let (server, port) = try serve()
    defer { server.stop() }
    let answer = try await blocking {
      let client = try RawClient(port)
      let long = String(repeating: "x", count: 40_000)
      client.send(what == "/" ? "GET /\(long) HTTP/1.1\r\n" : "GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n")
      return client.read()
    }
    #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer.prefix(100))")
    #expect(try await curl("http://127.0.0.1:\(port)/").succeeded)
  }

  @Test("bodies that stall do not fill the memory: the longest waiting of them make room")
  func heldBodies() async throws {
    let (server, port) = try serve(limits: HTTPLimits(bodyBytes: 100_000, clientTime: .seconds(60)))
    defer { server.stop() }
    try await blocking {
      let clients = try (0..<30).map { _ in
        let client = try RawClient(port)
        client.send(head + "Content-Length: 100000\r\n\r\n" + String(repeating: "a", count: 99_000))
        return client
      }
      #expect(clients[0].isClosed(within: .seconds(20)))
      #expect(clients[5].isClosed(within: .seconds(20)))
      let last = try #require(clients.last)
      last.send(String(repeating: "a", count: 1000))
      #expect(last.read { $0.contains("/quick") }.hasPrefix("HTTP/1.1 200 "))
    }
  }
}

@Suite("a client has its time and no more")
struct DeadlineTests {
  @Test(
    "who drips is cut off, however steadily",
    arguments: [
      ("", "a"), ("GET / HTTP/1.1\r\n", "X-Header: y\r\n"), (head + "Content-Length: 9999\r\n\r\n", "a"),
      (head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"),
    ])
  func drip(start: String, drop: String) async throws {
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(600)))
    defer { server.stop() }
    let lived = try await blocking {
      let client = try RawClient(port)
      let began = ContinuousClock.now
      client.send(start)
      while !client.isClosed(within: .milliseconds(50)), began.duration(to: .now) < .seconds(20) { client.send(drop) }
      return began.duration(to: .now)
    }
    #expect(lived > .milliseconds(500))
    #expect(lived < .seconds(15))
  }

  @Test("who takes the answer byte by byte is cut off")
  func unread() async throws {
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(300))) { _ in
      HTTPResponse(status: 200, body: [UInt8](repeating: 65, count: 64 << 20))
    }
    defer { server.stop() }
    let taken = try await blocking {
      let client = try RawClient(port)
      client.send(head + "Content-Length: 0\r\n\r\n")
      var byte: UInt8 = 0
      for _ in 0..<60 {
        recv(client.socket, &byte, 1, 0)
        usleep(50_000)
      }
      return client.read().utf8.count
    }
    #expect(taken < 64 << 20)
  }

  @Test("a connection on which nothing is asked is closed", arguments: ["", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"])
  func idle(first: String) async throws {
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(300)))
    defer { server.stop() }
    #expect(
      try await blocking {
        let client = try RawClient(port)
        client.send(first)
        return client.isClosed(within: .seconds(20))
      })
  }

  @Test("a handler may take longer than a client")
  func slowHandler() async throws {
    let (server, port) = try serve(limits: HTTPLimits(clientTime: .milliseconds(200))) { _ in
      try? await Task.sleep(for: .milliseconds(900))
      return HTTPResponse(status: 200, text: "late")
    }
    defer { server.stop() }
    #expect(try await curl("http://127.0.0.1:\(port)/").outputText == "late")
  }
}
