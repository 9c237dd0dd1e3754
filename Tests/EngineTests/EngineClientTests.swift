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
        let body = Array(answer.pieces.flatMap { $0 }.split(separator: 13).last ?? []).dropFirst()
        var pieces = [Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".utf8)]
        for start in stride(from: body.startIndex, to: body.endIndex, by: 7) {
          let part = body[start..<min(start + 7, body.endIndex)]
          pieces.append(Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10])
        }
        return FakeEngine.Answer(pieces: pieces + [Array("0\r\n\r\n".utf8)])
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
