import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("I7: stacks that share a file are deployed and rolled back together", .disabled(if: Host.skips))
  struct SharedFiles {
    /// A service that mounts the common file, and ends when it does not say what it wants to read there.
    static func reader(_ wants: String, _ lines: String...) -> String {
      run("grep -q \"\(wants)\" /conf && exec sleep 100000", ["volumes: ['../common/conf:/conf:ro']"] + lines)
    }

    static func run(_ command: String, _ lines: [String] = []) -> String {
      "services:\n  web:\n"
        + (["image: busybox:test", "stop_signal: SIGKILL", "command: [sh, -c, '\(command)']"] + lines)
        .map { "    \($0)\n" }.joined()
    }

    static let files = [
      "a/compose.yaml": reader("."), "b/compose.yaml": reader("good"), "c/compose.yaml": sleeper(),
      "common/conf": "good 1\n",
    ]

    @Test func `a commit that one of them cannot live with goes back for both, and costs one attempt`() async throws {
      try await Host.with(Self.files) { host in
        let good = try #require(try await host.sync().commit)
        let images = try await host.image(of: "b/web")
        let bad = try await host.push([
          "common/conf": "bad\n", "a/compose.yaml": Self.reader(".", "labels: {x: y}"),
          "c/compose.yaml": sleeper("web", "labels: {x: y}"),
        ])
        let report = try await host.sync(expect: 1)
        let stacks = report.named
        #expect(stacks["b"]?.outcome == .rolledBack && stacks["b"]?.error?.contains("web ended with exit 1") == true)
        #expect(stacks["a"]?.outcome == .rolledBack, "\(stacks["a"]?.error ?? "")")
        #expect(stacks["a"]?.error?.contains("shares common/conf with b") == true)
        #expect(stacks["c"]?.outcome == .deployed)
        let held = try await host.containers()
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
        for stack in ["a", "b"] {
          let id = try #require(held["\(stack)/web"])
          #expect(try await host.docker("exec", id, "cat", "/conf") == "good 1\n")
          #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", id) == "true\n")
        }
        #expect(try await host.image(of: "b/web") == images)
        let status = try await host.status()
        #expect(status["a"]?["commit"]?.string == good && status["b"]?["held"]?.string == bad)
        for _ in 0..<2 {
          let again = try await host.sync(expect: 1).named
          #expect(again["a"]?.outcome == .held && again["b"]?.outcome == .held && again["c"]?.outcome == .unchanged)
          #expect(again["a"]?.reasons.first?.contains("common/conf") == true, "\(again["a"]?.reasons ?? [])")
          #expect(try await host.containers() == held)
        }
        // What changes in the one alone waits for the other, and is repaired where it is meanwhile.
        try await host.push(["a/compose.yaml": Self.reader(".", "labels: {x: z}")])
        #expect(try await host.sync(expect: 1).named["a"]?.outcome == .held)
        #expect(try await host.containers() == held)
        try await host.docker("rm", "-f", try #require(held["a/web"]))
        _ = try await host.sync(expect: 1)
        let repaired = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", repaired, "cat", "/conf") == "good 1\n")
        // A later good commit deploys by itself.
        try await host.push(["common/conf": "good 2\n"])
        #expect(try await host.sync().outcome == .deployed)
        let now = try await host.containers()
        for stack in ["a", "b"] {
          #expect(try await host.docker("exec", try #require(now["\(stack)/web"]), "cat", "/conf") == "good 2\n")
        }
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a common file that a first deploy brings along leaves the one that had it where it was`() async throws {
      try await Host.with(["a/compose.yaml": Self.reader("good"), "common/conf": "good\n"]) { host in
        _ = try await host.sync()
        try await host.push(["common/conf": "bad\n", "b/compose.yaml": Self.reader(".")])
        let stacks = try await host.sync(expect: 1).named
        #expect(stacks["a"]?.outcome == .rolledBack)
        #expect(stacks["b"]?.outcome == .failed && stacks["b"]?.error?.contains("shares common/conf with a") == true)
        #expect(try await host.shell("cat live/common/conf") == "good\n")
        let held = try await host.containers()
        let again = try await host.sync(expect: 1).named
        #expect(again["a"]?.outcome == .held && again["b"]?.outcome == .held)
        #expect(try await host.containers() == held)
        try await host.push(["common/conf": "good again\n"])
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test func `one that never had the common file and cannot be pulled keeps nobody`() async throws {
      try await Host.with(["a/compose.yaml": Self.reader("good"), "common/conf": "good 1\n"]) { host in
        _ = try await host.sync()
        let broken = Self.reader(".").replacing("busybox:test", with: "127.0.0.1:1/none:1")
        try await host.push(["common/conf": "good 2\n", "b/compose.yaml": broken])
        let stacks = try await host.sync(expect: 1).named
        #expect(stacks["a"]?.outcome == .deployed && stacks["b"]?.outcome == .waiting)
        let id = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", id, "cat", "/conf") == "good 2\n")
        #expect(try await host.sync(expect: 1).named["a"]?.outcome == .unchanged)
      }
    }

    @Test func `a rollback takes the common file along, and no stack of those that share it alone`() async throws {
      try await Host.with(Self.files) { host in
        let first = try #require(try await host.sync().commit)
        try await host.push(["common/conf": "good 2\n"])
        _ = try await host.sync()
        let before = try await host.containers()
        let alone = try await host.clup("rollback", first, "--stack", "a")
        #expect(alone.status == 3 && (alone.output + alone.errors).contains("shares common/conf with b"))
        #expect((alone.output + alone.errors).contains("--stack a --stack b"))
        #expect(try await host.containers() == before)
        #expect(try await host.clup("rollback", first, "--stack", "a", "--stack", "b").status == 0)
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
        // The pinned ones stay, whatever becomes of the file.
        try await host.push(["common/conf": "good 3\n"])
        let pinned = try await host.containers()
        #expect(try await host.sync().named["a"]?.outcome == .pinned)
        #expect(try await host.containers() == pinned)
        // The one cannot go on without the other.
        let half = try await host.clup("resume", "--stack", "a", "--output", "json")
        #expect(half.status == 1)
        #expect(try half.report().named["a"]?.outcome == .held)
        #expect(try half.report().named["a"]?.reasons.first?.contains("b, which is pinned") == true)
        #expect(try await host.containers() == pinned)
        #expect(try await host.clup("resume").status == 0)
        #expect(try await host.shell("cat live/common/conf") == "good 3\n")
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
      }
    }

    @Test func `one of them cannot be brought to another commit without the rest`() async throws {
      try await Host.with(Self.files) { host in
        _ = try await host.sync()
        try await host.push(["common/conf": "good 2\n"])
        let before = try await host.containers()
        let alone = try await host.clup("sync", "--stack", "a")
        #expect(alone.status == 3 && (alone.output + alone.errors).contains("--stack a --stack b"))
        #expect(try await host.containers() == before)
        #expect(try await host.sync("--stack", "a", "--stack", "b").outcome == .deployed)
        #expect(try await host.shell("cat live/common/conf") == "good 2\n")
      }
    }

    @Test func `gate: stack holds back what shares a file with one that was refused`() async throws {
      try await Host.with(Self.files, settings: "sync: {gate: stack}\n") { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push([
          "common/conf": "good 2\n", "b/compose.yaml": Self.reader("good", "privileged: true"),
          "c/compose.yaml": sleeper("web", "labels: {x: y}"),
        ])
        let stacks = try await host.sync(expect: 3).named
        #expect(stacks["a"]?.outcome == .held && stacks["b"]?.outcome == .refused && stacks["c"]?.outcome == .deployed)
        #expect(try await host.containers()["a/web"] == before["a/web"])
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
      }
    }

    @Test func `an order among them, and through a third one, is kept on the way there and back`() async throws {
      var files = Self.files
      files["c/compose.yaml"] = "x-clup: {after: [a]}\n" + sleeper()
      files["b/compose.yaml"] = "x-clup: {after: [c]}\n" + Self.reader("good")
      try await Host.with(files) { host in
        _ = try await host.sync()
        try await host.push([
          "common/conf": "bad\n", "c/compose.yaml": "x-clup: {after: [a]}\n" + sleeper("web", "labels: {x: y}"),
        ])
        let stacks = try await host.sync(expect: 1).named
        #expect(stacks["a"]?.outcome == .rolledBack && stacks["b"]?.outcome == .rolledBack)
        #expect(stacks["c"]?.outcome == .rolledBack && stacks["c"]?.error?.contains("comes after a") == true)
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
      }
    }

    @Test func `a common file that a commit drops stays until nobody needs it`() async throws {
      try await Host.with(Self.files) { host in
        _ = try await host.sync()
        try await host.push([
          "common/conf": nil, "a/compose.yaml": sleeper(), "b/compose.yaml": Self.run("exit 1"),
        ])
        let stacks = try await host.sync(expect: 1).named
        #expect(stacks["a"]?.outcome == .deployed && stacks["b"]?.outcome == .rolledBack)
        #expect(try await host.shell("cat live/common/conf") == "good 1\n")
        #expect(try await host.sync(expect: 1).named["b"]?.outcome == .held)
        try await host.push(["b/compose.yaml": sleeper()])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.shell("ls live/common live/clup/stacks | grep -c conf || true") == "0\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }
  }
}

extension Report {
  var named: [String: StackReport] { Dictionary(stacks.map { ($0.name, $0) }) { first, _ in first } }
}
