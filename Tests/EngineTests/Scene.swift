import Engine
import Foundation
import Testing

/// All that clup asks an engine, of the small world that `Tests/record-engine` makes, with what every engine must say to it.
struct Scene {
  let client: EngineClient
  /// Whether a real engine answers, which needs its time.
  var isReal = false
  static let project = "com.docker.compose.project"

  private func inspect(_ name: String) async throws -> Value? {
    try await client.inspection(ofContainer: name, as: Value.self)
  }

  func play() async throws {
    let info = try await client.info()
    #expect(!info.version.isEmpty && (isReal || info.root == "/var/lib/docker"))
    let listed = try await containers()
    let web = try await inspections()
    try await images(listed, web)
    try await resources()
    try await output()
    try await changes()
    try await events()
  }

  private func containers() async throws -> [ListedContainer] {
    let listed = try await client.containers(labels: [Self.project])
    let found = Dictionary(uniqueKeysWithValues: listed.map { ($0.name, $0) })
    #expect(
      found.mapValues(\.state) == [
        "answers-web-1": "running", "answers-sick-1": "running", "answers-once-1": "exited",
        "answers-made-1": "created",
        "answers-joined-1": "running", "answers-tty-1": "running", "answers-moved-1": "running",
        "answers-paused-1": "paused",
      ])
    let web = try #require(found["answers-web-1"])
    #expect(web.id.count == 64 && web.image == "answers/web:1" && web.health == "healthy")
    #expect(web.labels["com.docker.compose.service"] == "web" && web.labels["com.docker.compose.config-hash"] == "aa")
    #expect(web.networks == ["answers_default"] && web.networkMode == "answers_default")
    #expect(
      web.ports == [
        PublishedPort(port: 47080, transport: "tcp", address: "127.0.0.1"),
        PublishedPort(port: 47053, transport: "udp", address: "127.0.0.1"),
      ])
    #expect(Set(web.mounts.map(\.destination)) == ["/data", "/host"])
    for mount in web.mounts {
      let isVolume = mount.destination == "/data"
      #expect(mount.type == (isVolume ? "volume" : "bind") && mount.isWritable == isVolume)
      #expect(isVolume ? mount.name == "answers_data" : mount.source == "/usr/share")
    }
    #expect(found["answers-sick-1"]?.health == "unhealthy")
    #expect(found["answers-once-1"]?.health == "none")
    #expect(found["answers-made-1"]?.ports == [])
    #expect(found["answers-joined-1"]?.networkMode == "container:\(web.id)")
    #expect(found["answers-joined-1"]?.networks == [])
    #expect(try await client.containers(labels: ["\(Self.project)=none"]) == [])
    return listed
  }

  private func inspections() async throws -> Value {
    let web = try #require(try await inspect("answers-web-1"))
    #expect(web["Name"] == "/answers-web-1" && web["RestartCount"] == 0)
    #expect(web["State", "Status"] == "running" && web["State", "Health", "Status"] == "healthy")
    #expect(web["State", "Pid"]?.number != 0 && web["State", "StartedAt"]?.text?.hasSuffix("Z") == true)
    #expect(web["Config", "Image"] == "answers/web:1" && web["Config", "Env"]?.list.contains("SECRET=hidden") == true)
    #expect(web["Config", "Labels", "com.docker.compose.oneoff"] == "False")
    #expect(web["HostConfig", "RestartPolicy", "Name"] == "unless-stopped")
    #expect(Set(web["Mounts"]?.list.map { $0["Destination"] } ?? []) == ["/data", "/host"])
    #expect(try await inspect("answers-sick-1")?["State", "Health", "Status"] == "unhealthy")
    let once = try #require(try await inspect("answers-once-1"))
    #expect(once["State", "Status"] == "exited" && once["State", "ExitCode"] == 3 && once["State", "Pid"] == 0)
    #expect([nil, "none"].contains(once["State", "Health", "Status"]))
    let joined = try await inspect("answers-joined-1")
    #expect(joined?["HostConfig", "NetworkMode"]?.text == "container:\(web["Id"]?.text ?? "")")
    #expect(try await inspect("answers-none-1") == nil)
    return web
  }

  private func images(_ listed: [ListedContainer], _ web: Value) async throws {
    let moved = try #require(listed.first { $0.name == "answers-moved-1" })
    let id = try #require(try await client.imageID(of: "answers/web:1"))
    #expect(id.hasPrefix("sha256:") && id.count == 71)
    #expect(web["Image"]?.text == id && listed.first { $0.name == "answers-web-1" }?.imageID == id)
    #expect(try await client.imageID(of: "answers/web:2") == id)
    #expect(try await client.imageID(of: id) == id)
    #expect(try await client.imageID(of: "answers/none:1") == nil)
    #expect(try await client.imageID(of: "Not A Reference") == nil)
    // The image that the tag had before: what runs stays.
    let old = try #require(try await inspect("answers-moved-1")?["Image"]?.text)
    #expect(moved.imageID == old)
    #expect(try await client.imageID(of: "answers/moved:1") != old)
    #expect(try await client.imageID(of: old) == old)
    let references = try await client.imageReferences()
    #expect(references.isSuperset(of: ["answers/web:1", "answers/web:2", "answers/moved:1"]))
    #expect(!references.contains("answers/kept:1"))

    #expect(try await client.tags(of: "answers/kept") == [:])
    #expect(try await client.tag(id, repository: "answers/kept", tag: "1"))
    #expect(try await client.tags(of: "answers/kept") == ["1": id])
    let missing = "sha256:" + String(repeating: "0", count: 64)
    #expect(try await client.tag(missing, repository: "answers/kept", tag: "2") == false)
    try await client.untag("answers/kept:1")
    try await client.untag("answers/kept:1")
    #expect(try await client.tags(of: "answers/kept") == [:])
  }

  private func resources() async throws {
    let networks = try await client.networks(labels: ["\(Self.project)=answers"])
    #expect(Set(networks.map(\.name)) == ["answers_default", "answers_free"])
    #expect(networks.allSatisfy { $0.labels?["com.docker.compose.config-hash"] == "bb" })
    #expect(try await client.networks().count >= networks.count)
    let used = try #require(networks.first { $0.name == "answers_default" }?.id)
    #expect(try await client.removeNetwork(used) == false)
    #expect(try await client.removeNetwork("answers_free"))
    #expect(try await client.removeNetwork("answers_free"))
    let volumes = try await client.volumes(labels: ["\(Self.project)=answers"])
    #expect(volumes.map(\.name) == ["answers_data"])
    #expect(try await client.volumes(labels: ["\(Self.project)=none"]) == [])
  }

  private func output() async throws {
    let log = try await client.log(of: "answers-once-1", lines: 20)
    #expect(String(decoding: log.output, as: UTF8.self).hasSuffix("Z out\n"))
    #expect(String(decoding: log.errors, as: UTF8.self).hasSuffix("Z err\n"))
    let terminal = try await client.log(of: "answers-tty-1", lines: 20)
    #expect(String(decoding: terminal.output, as: UTF8.self).hasSuffix("Z on a terminal\r\n"))
    #expect(await failure { try await client.log(of: "answers-none-1", lines: 1) }?.isMissing == true)

    let run = { (command: [String], name: String) in
      try await client.execute(command, in: name, deadline: .seconds(20))
    }
    let ended = try await run(["sh", "-c", "echo out; echo err >&2; exit 7"], "answers-web-1")
    #expect(ended.status == 7)
    #expect(ended.output.output == Array("out\n".utf8) && ended.output.errors == Array("err\n".utf8))
    #expect(try await run(["true"], "answers-web-1").status == 0)
    #expect(await failure { try await run(["true"], "answers-once-1") }?.kind == .status(409))
    #expect(await failure { try await run(["true"], "answers-none-1") }?.isMissing == true)
    // Some refuse to start it, others say how it ended.
    var unknown: Int?
    let refused = await failure { unknown = try await run(["/no/such/program"], "answers-web-1").status }
    #expect(refused?.isAway == false || unknown == 126 || unknown == 127)
  }

  private func changes() async throws {
    let patience = Duration.seconds(20)
    try await client.start("answers-web-1", deadline: patience)
    let taken = await failure { try await client.start("answers-made-1", deadline: patience) }
    #expect(taken?.isAway == false && taken?.isMissing == false && taken?.message.contains("47080") == true)
    #expect(await failure { try await client.start("answers-none-1", deadline: patience) }?.isMissing == true)
    try await client.stop("answers-none-1", deadline: patience)
    try await client.stop("answers-sick-1", deadline: patience)
    try await client.stop("answers-sick-1", deadline: patience)
    for name in ["answers-made-1", "answers-paused-1", "answers-none-1"] { try await client.remove(name) }
    let left = try await client.containers(labels: ["\(Self.project)=answers"])
    #expect(left.count == 6 && left.first { $0.name == "answers-sick-1" }?.state == "exited")
  }

  /// As the daemon watches: `create`, `start` and what follows come one by one, while the connection stays.
  private func events() async throws {
    let stream = client.events([
      "type": ["container"], "label": [Self.project],
      "event": ["create", "start", "die", "stop", "destroy", "rename", "pause", "unpause", "health_status"],
    ])
    let watch = Task {
      var seen: Set<String> = []
      for try await event in stream where event.type == "container" {
        seen.insert(event.action)
        if seen.isSuperset(of: ["start", "die", "stop", "destroy"]) { break }
      }
      return seen
    }
    if isReal { try await Task.sleep(for: .seconds(2)) }
    for name in ["answers-tty-1"] {
      try await client.stop(name, deadline: .seconds(20))
      try await client.start(name, deadline: .seconds(20))
      try await client.remove(name)
    }
    #expect(try await watch.value.isSuperset(of: ["start", "die", "stop", "destroy"]))
  }
}

/// A JSON value as an inspection has it.
enum Value: Decodable, Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case object([String: Value])
  case list([Value])
  case text(String)
  case number(Int)
  case other

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let object = try? value.decode([String: Value].self) {
      self = .object(object)
    } else if let list = try? value.decode([Value].self) {
      self = .list(list)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let number = try? value.decode(Int.self) {
      self = .number(number)
    } else {
      self = .other
    }
  }

  init(stringLiteral text: String) { self = .text(text) }
  init(integerLiteral number: Int) { self = .number(number) }

  subscript(_ names: String...) -> Value? {
    names.reduce(self as Value?) { value, name in if case .object(let members)? = value { members[name] } else { nil } }
  }
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var number: Int? { if case .number(let number) = self { number } else { nil } }
  var list: [Value] { if case .list(let list) = self { list } else { [] } }
}
