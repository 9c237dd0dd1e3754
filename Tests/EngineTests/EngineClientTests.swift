import Engine
import Foundation
import Testing

@Suite struct EngineClientTests {
  static let listing = """
    [{"Id": "aa", "Names": ["/web-1"], "Image": "nginx:1", "ImageID": "sha256:01", "State": "running",
      "Status": "Up 2 minutes (healthy)", "Labels": {"com.docker.compose.project": "web"},
      "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 9000, "Type": "tcp"}, {"IP": "::1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"}],
      "Mounts": [{"Type": "volume", "Name": "data", "Source": "/v/data", "Destination": "/data", "RW": false}],
      "NetworkSettings": {"Networks": {"web_default": {"NetworkID": "n"}}}},
     {"Id": "bb", "Names": null, "Image": "sha256:02", "ImageID": "sha256:02", "State": "exited",
      "Status": "Exited (0) 3 hours ago", "Labels": null}]
    """

  /// Answers a ping as engines of some age do, and everything else as told.
  static func engine(
    _ version: String = "1.47", _ answer: @escaping @Sendable (String) -> FakeEngine.Answer
  ) throws -> FakeEngine {
    try FakeEngine { request in
      request == "GET /_ping" ? .json("OK", headers: "Api-Version: \(version)\r\n") : answer(request)
    }
  }

  static let ways: [(String, @Sendable (FakeEngine.Answer) -> FakeEngine.Answer)] = [
    ("whole", { $0 }), ("byte by byte", { $0.split }),
    (
      "in chunks",
      { answer in
        let body = Array((answer.bytes.split(separator: 13).last ?? []).dropFirst())
        return .chunked(
          stride(from: 0, to: body.count, by: 7).map { Array(body[$0..<min($0 + 7, body.count)]) })
      }
    ),
  ]

  @Test(arguments: ways) func `a listing is read however it arrives`(
    _ name: String, _ way: @Sendable (FakeEngine.Answer) -> FakeEngine.Answer
  ) async throws {
    let answer = way(.json(Self.listing))
    let fake = try Self.engine { $0.hasPrefix("GET /v1.47/containers/json?all=1") ? answer : .json("{}", status: 500) }
    let containers = try await EngineClient(.socket(fake.path)).containers(labels: ["com.docker.compose.project"])
    #expect(containers.map(\.id) == ["aa", "bb"])
    let web = try #require(containers.first)
    #expect(web.name == "web-1" && web.imageID == "sha256:01" && web.networks == ["web_default"])
    #expect(web.mounts.map(\.name) == ["data"] && web.mounts.allSatisfy { !$0.isWritable })
    #expect(
      web.ports == [
        PublishedPort(port: 8080, transport: "tcp", address: "127.0.0.1"),
        PublishedPort(port: 53, transport: "udp", address: "::1"),
      ])
    #expect(containers[1].name == "" && containers[1].labels == [:] && containers[1].ports == [])
  }

  static let versions = [("1.41", "/v1.41/"), ("1.44", "/v1.44/"), ("1.99", "/v1.51/"), ("2.0", "/v1.51/")]

  @Test(arguments: versions) func `the version is the newest that both know`(_ newest: String, _ prefix: String)
    async throws
  {
    let fake = try Self.engine(newest) { .json($0.hasPrefix("GET \(prefix)networks") ? "[]" : #"[{"Name": "other"}]"#) }
    #expect(try await EngineClient(.socket(fake.path)).networks().isEmpty)
  }

  @Test func `an engine that is too old, and what is no engine, are said to be so`() async throws {
    let old = try Self.engine("1.40") { _ in .json("[]") }
    let message = await failure { try await EngineClient(.socket(old.path)).networks() }?.message
    #expect(message?.contains("1.40") == true && message?.contains("20.10") == true)
    let other = try FakeEngine { _ in .json("hello") }
    let kind = await failure { try await EngineClient(.socket(other.path)).networks() }?.kind
    #expect(kind == .unreadable)
  }

  @Test func `an answer is whole wherever its chunks divide, and never where it is cut`() async throws {
    let body = Array(#"[{"Name": "wörld", "Id": "n1"}, {"Name": "web_default", "Id": "n2"}]"#.utf8)
    for place in body.indices {
      let fake = try Self.engine { _ in .chunked([Array(body[..<place]), Array(body[place...])]) }
      let names = try await EngineClient(.socket(fake.path)).networks().map(\.name)
      #expect(names == ["wörld", "web_default"], "divided at \(place)")
    }
    let answers = [FakeEngine.Answer.chunked([body]), .json(String(decoding: body, as: UTF8.self))]
    for answer in answers {
      // Behind the last chunk, which is empty, nothing can be missing but the end of its line.
      let isChunked = answer.pieces.count > 1
      for place in answer.bytes.indices.dropLast(isChunked ? 2 : 0) {
        let fake = try Self.engine { _ in answer.cut(after: place) }
        let kind = await failure { try await EngineClient(.socket(fake.path)).networks() }?.kind
        #expect(kind == .broken, "cut at \(place)")
      }
    }
  }

  @Test func `an answer that stalls anywhere is late`() async throws {
    let whole = FakeEngine.Answer.json(#"{"message": "port is taken"}"#, status: 500)
    for place in stride(from: 0, to: whole.bytes.count, by: 9) {
      let fake = try Self.engine { _ in whole.stalled(after: place) }
      let client = EngineClient(.socket(fake.path))
      try await client.ping()
      let error = await failure { try await client.start("aa", deadline: .milliseconds(40)) }
      #expect(error?.kind == .late && error?.isAway == true, "stalled at \(place)")
    }
  }

  /// Refuses versions of its API as an engine does.
  static func engine(speaking oldest: Int, _ newest: Int) throws -> FakeEngine {
    try FakeEngine { request in
      if request == "GET /_ping" { return .json("OK", headers: "Api-Version: 1.\(newest)\r\n") }
      if request == "GET /version" {
        return .json(#"{"ApiVersion": "1.\#(newest)", "MinAPIVersion": "1.\#(oldest)"}"#)
      }
      let used = request.split(separator: "/").dropFirst().first.flatMap { Int($0.dropFirst(3)) } ?? 0
      guard (oldest...newest).contains(used) else {
        return .json(#"{"message": "client version 1.\#(used) is too old or too new"}"#, status: 400)
      }
      if request.hasSuffix("/images/a/json") { return .json(#"{"Id": "sha256:\#(used)"}"#) }
      return request.contains("/images/") ? .json(#"{"message": "no reference"}"#, status: 400) : .json("[]")
    }
  }

  @Test func `an engine that refuses what is older than 1.44 is asked as it wishes`() async throws {
    let fake = try Self.engine(speaking: 44, 52)
    let client = EngineClient(.socket(fake.path))
    #expect(try await client.imageID(of: "a") == "sha256:51")
    #expect(try await client.imageID(of: "no reference") == nil)
    let wishing = EngineClient(.socket(fake.path), version: "1.45")
    try await wishing.ping()
    #expect(try await wishing.imageID(of: "a") == "sha256:45")
  }

  static let unfit: [(String, ClosedRange<Int>, String?)] = [
    ("a wish that is too old", 44...52, "1.43"), ("a wish that is too new", 24...41, "1.44"),
    ("an engine that has left this clup behind", 60...70, nil), ("an engine that is too old", 24...40, nil),
  ]

  @Test(arguments: unfit) func `a version that the engine refuses is no answer to the question`(
    _ name: String, _ speaks: ClosedRange<Int>, _ wish: String?
  ) async throws {
    let fake = try Self.engine(speaking: speaks.lowerBound, speaks.upperBound)
    let client = EngineClient(.socket(fake.path), version: wish)
    for error in [
      await failure { try await client.imageID(of: "a") }, await failure { try await client.containers() },
    ] {
      #expect(error?.kind == .unfit && error?.isAway == false)
      #expect(error?.message.contains("1.\(speaks.upperBound)") == true)
    }
  }

  static let ends: [(String, FakeEngine.Answer, EngineError.Kind)] = [
    ("cut off in its body", FakeEngine.Answer.json(listing).cut(after: 300), .broken),
    ("cut off in its head", FakeEngine.Answer.json(listing).cut(after: 20), .broken),
    ("closed without a byte", FakeEngine.Answer(pieces: []), .broken),
    ("no JSON", .json("<html>"), .unreadable), ("another shape", .json(#"{"message": "x"}"#), .unreadable),
    ("a refusal", .json(#"{"message": "no such thing"}"#, status: 404), .status(404)),
    ("a failure", .json("", status: 500), .status(500)),
  ]

  @Test(arguments: ends) func `an answer that ends badly is an error of its kind`(
    _ name: String, _ answer: FakeEngine.Answer, _ kind: EngineError.Kind
  ) async throws {
    let fake = try Self.engine { _ in answer }
    #expect(await failure { try await EngineClient(.socket(fake.path)).containers() }?.kind == kind)
  }

  @Test func `an engine that is away is told from one that stalls, and a cancelled call ends at once`() async throws {
    #expect(await failure { try await EngineClient(.socket("/nowhere/docker.sock")).ping() }?.kind == .unreachable)
    let fake = try Self.engine { _ in FakeEngine.Answer(pieces: [Array("HTTP/1.1 200".utf8)], stalls: true) }
    let client = EngineClient(.socket(fake.path))
    let late = await failure { try await client.start("aa", deadline: .milliseconds(200)) }
    #expect(late?.isAway == true)
    let task = Task { await failure { try await client.containers() } }
    try await Task.sleep(for: .milliseconds(100))
    let start = ContinuousClock.now
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
    #expect(start.duration(to: .now) < .seconds(5))
  }

  @Test func `events are read as they come, and their end is told`() async throws {
    let events = ["start", "health_status: healthy", "die"].map { #"{"Type": "container", "Action": "\#($0)"}"# + "\n" }
    let fake = try Self.engine { _ in
      let head = Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8)
      return FakeEngine.Answer(
        pieces: [head] + events.flatMap { [Array($0.utf8.prefix(9)), Array($0.utf8.dropFirst(9))] })
    }
    var actions: [String] = []
    var end: EngineError?
    do {
      for try await event in EngineClient(.socket(fake.path)).events(["type": ["container"]]) {
        actions.append(event.action)
      }
    } catch {
      end = error as? EngineError
    }
    #expect(actions == ["start", "health_status: healthy", "die"])
    #expect(end?.kind == .broken)
  }

  @Test func `events come through wherever the stream divides, and none is made up where it is cut`() async throws {
    let text = Array(#"{"Type": "container", "Action": "start"}"#.utf8) + [10]
    let stream = text + text
    for place in stream.indices {
      let fakes = [
        try Self.engine { _ in .chunked([Array(stream[..<place]), Array(stream[place...])]) },
        try Self.engine { _ in .chunked([stream]).cut(after: place + 80) },
      ]
      for (index, fake) in fakes.enumerated() {
        var count = 0
        let end = await failure {
          for try await event in EngineClient(.socket(fake.path)).events([:]) {
            count += event.action == "start" ? 1 : 9
          }
        }
        #expect(end?.kind == .broken)
        #expect(index == 0 ? count == 2 : count <= 2, "at \(place): \(count), \(String(describing: end))")
      }
    }
  }

  @Test func `what is already so is no error, and what is refused is`() async throws {
    let fake = try Self.engine { request in
      if request.contains("/containers/running/start") { return .json("", status: 304) }
      if request.contains("/containers/none/") { return .json(#"{"message": "No such container"}"#, status: 404) }
      if request.hasPrefix("DELETE") { return .json(#"{"message": "in use"}"#, status: 403) }
      return .json(#"{"message": "port is taken"}"#, status: 500)
    }
    let client = EngineClient(.socket(fake.path))
    try await client.start("running", deadline: .seconds(5))
    try await client.stop("none", deadline: .seconds(5))
    #expect(try await client.removeNetwork("used") == false)
    let refused = await failure { try await client.start("other", deadline: .seconds(5)) }
    #expect(refused == EngineError(.status(500), "port is taken"))
    #expect(refused?.isAway == false)
  }
}

/// Gives the error that a call ends with.
func failure(_ call: () async throws -> some Any) async -> EngineError? {
  do {
    _ = try await call()
    return nil
  } catch {
    return error as? EngineError
  }
}
