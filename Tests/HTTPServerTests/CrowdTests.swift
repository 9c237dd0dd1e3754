import Glibc
import HTTPServer
import Testing

@Suite("a crowd of slow clients keeps no quick one out")
struct CrowdTests {
  /// Sends a request and returns how long its answer took; `nil` when none came.
  private static func quick(_ port: UInt16) async throws -> Duration? {
    try await blocking {
      let began = ContinuousClock.now
      let client = try RawClient(port)
      client.send("POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
      return client.read { $0.hasSuffix("/quick") }.hasPrefix("HTTP/1.1 200 ") ? began.duration(to: .now) : nil
    }
  }

  @Test(
    "all from one address, hanging in whatever part of a request",
    arguments: [64, 500],
    [
      "", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab",
      "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
  func crowd(count: Int, start: String) async throws {
    let limits = HTTPLimits(connections: 64, connectionsPerAddress: 64, clientTime: .seconds(60))
    let (server, port) = try serve(limits: limits)
    defer { server.stop() }
    let crowd = try await blocking {
      try (0..<count).map { _ in
        let client = try RawClient(port)
        client.send(start)
        if start.hasPrefix("GET /kept") { _ = client.read { $0.hasSuffix("/kept") } }
        return client
      }
    }
    var times: [Duration] = []
    for _ in 0..<5 { times.append(try #require(try await Self.quick(port))) }
    #expect(times.sorted()[2] < .milliseconds(500), "\(times)")
    // Room was made by the oldest, and only as much as was needed.
    #expect(try await blocking { crowd[0].isClosed(within: .seconds(10)) })
    #expect(crowd.suffix(20).allSatisfy { !$0.isClosed })
  }

  @Test("clients that all ask at once, and then stay", arguments: [64, 500])
  func burst(count: Int) async throws {
    let limits = HTTPLimits(connections: 64, connectionsPerAddress: 64, clientTime: .seconds(60))
    let (server, port) = try serve(limits: limits)
    defer { server.stop() }
    let crowd = try await blocking {
      try (0..<count).map { _ in
        let client = try RawClient(port)
        client.send("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
        return client
      }
    }
    for _ in 0..<20 { #expect(try await Self.quick(port) != nil) }
    let answered = try await blocking { crowd.count { $0.read { $0.hasSuffix("/kept") }.hasPrefix("HTTP/1.1 200 ") } }
    #expect(answered == count)
  }

  @Test("one address cannot take the places of another")
  func addresses() async throws {
    let limits = HTTPLimits(connections: 60, connectionsPerAddress: 30, clientTime: .seconds(60))
    let (server, port) = try serve(limits: limits)
    defer { server.stop() }
    try await blocking {
      let patient = try RawClient(port, from: "127.0.0.1")
      patient.send("GET /patient HTTP/1.1\r\nHost: ")
      let crowd = try (0..<100).map { _ in try RawClient(port, from: "127.0.0.2") }
      #expect(crowd[69].isClosed(within: .seconds(10)))
      patient.send("a\r\n\r\n")
      #expect(patient.read { $0.hasSuffix("/patient") }.hasPrefix("HTTP/1.1 200 "))
      #expect(crowd.suffix(30).allSatisfy { !$0.isClosed })
    }
  }

  @Test("while slow answers take every place, more clients wait for theirs and get it")
  func busy() async throws {
    let started = Counters()
    let gate = Counters()
    let (server, port) = try serve(limits: HTTPLimits(connections: 16, connectionsPerAddress: 100)) { request in
      await started.add()
      await gate.reaches(1)
      return HTTPResponse(status: 200, text: request.path)
    }
    defer { server.stop() }
    let clients = try await blocking {
      try (0..<60).map { number in
        let client = try RawClient(port)
        client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return client
      }
    }
    await started.reaches(16)
    await gate.add()
    let answers = try await blocking { clients.map { $0.read() } }
    #expect(answers.count { $0.hasPrefix("HTTP/1.1 200 ") } == 60, "\(answers.map(\.count))")
  }

  @Test("ten thousand requests over 64 connections among dripping clients leave the memory as it was")
  func endurance() async {
    // A process of its own: what other tests hold is not counted.
    await #expect(processExitsWith: .success) {
      let limits = HTTPLimits(connections: 96, connectionsPerAddress: 96, clientTime: .seconds(2))
      let (server, port) = try serve(limits: limits) { request in
        await Task.yield()
        return HTTPResponse(status: 200, body: request.body)
      }
      defer { server.stop() }
      let slow = Task.detached {
        while !Task.isCancelled {
          let crowd = try await blocking { try (0..<16).map { _ in try RawClient(port) } }
          for _ in 0..<10 {
            crowd.forEach { $0.send("GET / HT") }
            try await Task.sleep(for: .milliseconds(20))
          }
        }
      }
      try await Self.rounds(40, port)
      let before = try residentMemory()
      try await Self.rounds(120, port)
      let after = try residentMemory()
      slow.cancel()
      // A body that leaked with each request would be 60 MiB.
      #expect(after - before < 8 << 20, "\(before) → \(after)")
    }
  }

  /// Sends 64 requests over as many connections, `count` times over.
  private static func rounds(_ count: Int, _ port: UInt16) async throws {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try await blocking {
            let clients = try (0..<16).map { _ in try RawClient(port) }
            let body = String(repeating: "b", count: 8000)
            let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000\r\n\r\n\(body)"
            return (0..<count).reduce(0) { good, _ in
              clients.forEach { $0.send(request) }
              return good + clients.count { $0.read { $0.hasSuffix(body) }.hasPrefix("HTTP/1.1 200 ") }
            }
          }
        }
      }
      let good = try await group.reduce(0, +)
      #expect(good == count * 64)
    }
  }
}

/// Returns how many bytes of this process are resident; see proc_pid_statm(5).
private func residentMemory() throws -> Int {
  let file = try #require(fopen("/proc/self/statm", "r"))
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 200)
  fgets(&line, 200, file)
  let fields = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
  return try #require(Int(fields[1])) * 4096
}
