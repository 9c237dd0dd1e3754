import Core
import Foundation
import Testing

extension EndToEnd {
  /// A stack whose directory is another one from a commit on, and whose Compose project is the same.
  @Suite("A stack that moves", .disabled(if: Host.skips)) struct Moves {
    static let plain = sleeper()
    static let mounting = sleeper("web", "volumes: ['./conf:/conf:ro']")

    static func moved(_ file: String, _ rest: [String: String?] = [:]) -> [String: String?] {
      ["x/app/compose.yaml": nil, "y/app/compose.yaml": file].merging(rest) { $1 }
    }

    @Test(arguments: ["report", "remove"])
    func `a container that Compose leaves as it is stays the stack's own, also when the stack changes or goes`(
      _ prune: String
    ) async throws {
      try await Host.with(
        ["x/app/compose.yaml": Self.plain, "b/compose.yaml": sleeper("b")], settings: Self.prune(prune)
      ) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(Self.moved(Self.plain))
        let report = try await host.sync()
        #expect(report.stacks.map(\.outcome) == [.unchanged, .removed, .deployed])
        #expect(try await host.containers() == before)
        #expect(!FileManager.default.fileExists(atPath: host.live + "/x/app/compose.yaml"))
        try await host.push(["y/app/compose.yaml": sleeper("web", "labels: {x: y}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged, .deployed])
        try await host.push(["y/app/compose.yaml": nil])
        _ = try await host.sync()
        #expect(try await host.containers()["app/web"] == nil || prune == "report")
      }
    }

    @Test func `stacks trade directories one after the other, as the refusal says, and keep their containers`()
      async throws
    {
      let (one, two) = ("name: one\n" + sleeper(), "name: two\n" + sleeper())
      try await Host.with(["x/compose.yaml": one, "y/compose.yaml": two]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(["x/compose.yaml": two, "y/compose.yaml": one])
        let refused = try await host.sync(expect: 3).diagnostics.filter { $0.rule == "project-collision" }
        #expect(
          refused.count == 2 && refused.allSatisfy { $0.help.contains("move one to a directory that no stack has") })
        try await host.push(["x/compose.yaml": nil, "y/compose.yaml": two, "z/compose.yaml": one])
        _ = try await host.sync()
        try await host.push(["x/compose.yaml": two, "y/compose.yaml": nil])
        _ = try await host.sync()
        try await host.push(["y/compose.yaml": one, "z/compose.yaml": nil])
        _ = try await host.sync()
        #expect(try await host.containers() == before)
      }
    }

    @Test func `a service that goes with the move goes, and a pinned stack is not moved`() async throws {
      let two = sleeper() + service("worker")
      try await Host.with(["x/app/compose.yaml": two]) { host in
        _ = try await host.sync()
        try await host.push(["x/app/compose.yaml": two.replacing("100000", with: "100001")])
        _ = try await host.sync()
        #expect(try await host.clup("rollback", "--all").status == 0)
        let pinned = try await host.containers()
        try await host.push(Self.moved(sleeper()))
        _ = try await host.clup(["sync"])
        #expect(try await host.containers() == pinned)
        _ = try await host.clup(["resume"])
        #expect(Set(try await host.containers().keys) == ["app/web"])
        #expect(!FileManager.default.fileExists(atPath: host.live + "/x/app/compose.yaml"))
        try await host.push(["y/app/compose.yaml": sleeper("web", "labels: {x: y}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `nothing is pruned that may have moved to a stack that is refused`() async throws {
      try await Host.with(
        ["x/app/compose.yaml": Self.plain, "b/compose.yaml": sleeper("b")],
        settings: "sync: {prune: remove, gate: stack}\n"
      ) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(Self.moved(sleeper("web", "environment: {A: '${NOWHERE_SET:?}'}")))
        _ = try await host.sync(expect: 3)
        #expect(try await host.containers() == before)
        #expect(FileManager.default.fileExists(atPath: host.live + "/x/app/compose.yaml"))
        try await host.push(["y/app/compose.yaml": Self.plain])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged, .removed, .deployed])
        #expect(try await host.containers() == before)
      }
    }

    @Test func `I1: what a stack keeps beside it is not left behind, on the way there and back`() async throws {
      let keeping = sleeper("web", "volumes: ['./data:/data']")
      let broken = sleeper(
        "web", "volumes: ['./data:/data']", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}")
      try await Host.with(["x/app/compose.yaml": keeping], live: ["x/app/data/base": "1\n"]) { host in
        func base() async throws -> String {
          try await host.docker("exec", try #require(try await host.containers()["app/web"]), "cat", "/data/base")
        }
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(Self.moved(broken))
        let report = try await host.sync(expect: 3)
        let found = try #require(report.diagnostics.first { $0.rule == "missing-bind" })
        #expect(found.severity == .error && found.file == "y/app/compose.yaml" && found.line != nil)
        #expect(found.message.contains("stayed at \(host.live)/x/app/data"), "\(found.message)")
        #expect(try await host.containers() == before)
        #expect(!FileManager.default.fileExists(atPath: host.live + "/y/app/data"))
        try await host.shell(
          "mkdir -p live/y/app && mv live/x/app/data live/y/app/data && ln -s ../../y/app/data live/x/app/data")
        _ = try await host.sync(expect: 1)
        #expect(try await base() == "1\n", "back at the old place")
        try await host.push(["y/app/compose.yaml": keeping])
        #expect(try await host.sync().stacks.map(\.outcome) == [.removed, .deployed])
        #expect(try await base() == "1\n")
      }
    }

    struct Bad: CustomTestStringConvertible {
      let testDescription: String
      let file: String
      /// Whether the commit is held for it; what cannot be pulled is tried again.
      var isHeld = true
    }

    static let bad = [
      Bad(
        testDescription: "an image that cannot be pulled",
        file: mounting.replacing("busybox:test", with: "127.0.0.1:1/nothing:1"), isHeld: false),
      Bad(testDescription: "a container that exits", file: mounting.replacing("sleep 100000", with: "'false'")),
      Bad(
        testDescription: "a container that is not healthy",
        file: sleeper(
          "web", "volumes: ['./conf:/conf:ro']", "healthcheck: {test: [CMD, 'false'], interval: 200ms, retries: 1}")),
    ]

    @Test(arguments: bad, ["report", "remove"])
    func `one that cannot live there runs on where it was, until a commit that can`(_ bad: Bad, _ prune: String)
      async throws
    {
      let files = ["x/app/compose.yaml": Self.mounting, "x/app/conf": "one\n", "b/compose.yaml": sleeper("b")]
      try await Host.with(files, live: ["x/app/conf": "by hand\n"], settings: Self.prune(prune)) { host in
        _ = try await host.sync()
        let bystander = try await host.containers()["b/b"]
        try await host.push(Self.moved(bad.file, ["x/app/conf": nil, "y/app/conf": "two\n"]))
        let report = try await host.sync(expect: 1)
        #expect(
          report.stacks.map(\.outcome) == [.unchanged, .skipped, bad.isHeld ? .rolledBack : .waiting], "\(report)")
        for round in 0...2 {
          let id = try #require(try await host.containers()["app/web"])
          #expect(try await host.docker("exec", id, "cat", "/conf") == "one\n")
          #expect(try String(contentsOfFile: host.live + "/x/app/conf", encoding: .utf8) == "one\n")
          #expect(!FileManager.default.fileExists(atPath: host.live + "/y/app/compose.yaml"))
          #expect(try await host.containers()["b/b"] == bystander)
          if round == 2 { break }
          let held = try await host.sync(expect: 1)
          #expect(held.stacks.first { $0.name == "y/app" }?.outcome == (bad.isHeld ? .held : .waiting), "\(held)")
          #expect(try await host.containers()["app/web"] == id)
        }
        try await host.push(["y/app/compose.yaml": Self.mounting])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged, .removed, .deployed])
        let id = try #require(try await host.containers()["app/web"])
        #expect(try await host.docker("exec", id, "cat", "/conf") == "two\n")
        #expect(!FileManager.default.fileExists(atPath: host.live + "/x/app/compose.yaml"))
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    private static func prune(_ way: String) -> String { "sync: {prune: \(way)}\n" }
  }
}
