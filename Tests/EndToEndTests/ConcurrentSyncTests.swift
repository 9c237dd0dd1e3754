import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Syncs that run at the same time", .disabled(if: Host.skips)) struct ConcurrentSyncs {
    /// A service that becomes healthy once somebody says so.
    static let slow = sleeper(
      "web", "network_mode: none",
      "healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 100ms, start_period: 60s, start_interval: 100ms}")
    static let plain = sleeper("web", "network_mode: none")

    /// Waits until a service of the host has a running container, and gives its id.
    private func running(_ service: String, on host: Host, but former: String? = nil) async throws -> String {
      for _ in 0..<200 {
        if let id = try await host.containers()[service], id != former,
          try await host.docker("inspect", "-f", "{{.State.Running}}", id).hasPrefix("true")
        {
          return id
        }
        try await Task.sleep(for: .milliseconds(100))
      }
      throw Missing(service: service)
    }

    struct Missing: Error { let service: String }

    @Test func `a deploy that is watched keeps nobody from other stacks, and its own is told apart`() async throws {
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let (a, b) = try await (
          running("a/web", on: host), running("b/web", on: host)
        )
        try await host.push(["a/compose.yaml": Self.slow])
        async let deploy = host.clup("sync", "--output", "json")
        let fresh = try await running("a/web", on: host, but: a)
        // The same stack is somebody else's now.
        let answer = try await host.clup("sync", "--stack", "a")
        #expect(answer.status == 5, "\(answer)")
        #expect((answer.output + answer.errors).contains("another sync works on a (waiting for web"), "\(answer)")
        #expect((answer.output + answer.errors).contains("`clup rollback --stack a` ends it"), "\(answer)")
        // Another stack is repaired, moved on and rolled back meanwhile; what is asked about nothing is answered.
        try await host.docker("rm", "-f", b)
        let repaired = try await host.sync("--stack", "b")
        #expect(repaired.stacks.map(\.outcome) == [.deployed])
        let all = try await host.sync()
        #expect(all.outcome == .unchanged || all.stacks.first { $0.name == "a" }?.outcome == .skipped)
        #expect(all.stacks.first { $0.name == "a" }?.reasons == ["another sync works on it"], "\(all)")
        let dry = try await host.clup("sync", "--dry-run")
        #expect(dry.status == 0 && dry.output.contains("another sync works on it"), "\(dry)")
        let status = try await host.status()
        #expect(status.keys.sorted() == ["a", "b"])
        #expect(status["a"]?["note"]?.string?.hasPrefix("a sync works on it: waiting for web") == true, "\(status)")
        try await host.docker("exec", fresh, "touch", "/tmp/ok")
        let ended = try await deploy
        #expect(ended.status == 0, "\(ended)")
        #expect(try ended.report().stacks.map(\.outcome) == [.deployed, .unchanged])
        #expect(try await host.containers()["a/web"] == fresh)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.shell("ls live/clup/deployments | wc -l").hasPrefix("2"))
      }
    }

    @Test func `I5: two stacks that two syncs deploy at once are both remembered`() async throws {
      let files = ["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]
      try await Host.with(files) { host in
        async let first = host.clup("sync", "--stack", "a")
        async let second = host.clup("sync", "--stack", "b")
        let ended = try await [first, second]
        #expect(ended.map(\.status) == [0, 0], "\(ended)")
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.containers().count == 2)
      }
    }

    @Test func `whoever waits for the repository keeps nobody from going back, looking or repairing`() async throws {
      try await Servers.with { host, servers in
        try await host.push(["b/compose.yaml": Self.plain])
        _ = try await host.sync()
        let old = try await running("b/web", on: host)
        try await host.push(["b/compose.yaml": sleeper("web", "network_mode: none", "labels: {x: y}")])
        _ = try await host.sync()
        try host.configure("git://127.0.0.1:\(try await servers.slow("silent"))/repo.git", "sync: {fetch_timeout: 12s}")
        async let hanging = host.clup("sync")
        try await Task.sleep(for: .seconds(2))
        let back = try await host.clup("rollback", "--stack", "b")
        #expect(back.status == 0, "\(back)")
        #expect(try await running("b/web", on: host) != old)
        #expect(try await host.clup("status").status == 0)
        #expect(try await hanging.status == 4)
        #expect(try await host.status()["b"]?["pin"] != .null)
      }
    }

    /// Ways to a rollback of a stack whose deploy is watched.
    static let ways: [[String]] = [["--stack", "a"], ["--all"], ["HEAD~1", "--stack", "a"]]

    @Test(arguments: ways)
    func `a rollback ends a deploy that is watched, and what comes after it goes by the pin`(
      words: [String]
    ) async throws {
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let (first, b) = try await (running("a/web", on: host), running("b/web", on: host))
        try await host.push(["a/compose.yaml": Self.slow])
        async let deploy = host.clup("sync", "--output", "json")
        let fresh = try await running("a/web", on: host, but: first)
        let began = ContinuousClock.now
        let back = try await host.clup(["rollback"] + words)
        #expect(back.status == 0, "\(back)")
        let ended = try await deploy
        #expect(began.duration(to: .now) < .seconds(30), "nobody waits for the 60 s of its check")
        let report = try ended.report()
        #expect(report.outcome == .unchanged && ended.status == 0, "\(report)")
        #expect(report.stacks.first { $0.name == "a" }?.outcome == .skipped, "\(report)")
        #expect(report.stacks.first { $0.name == "a" }?.error?.contains("came first, while it was watched") == true)
        let then = try await running("a/web", on: host)
        #expect(then != fresh)
        let status = try await host.status()
        #expect(status["a"]?["pin"] != .null && status["a"]?["held"] == .null, "\(status)")
        #expect(try await host.containers()["b/web"] == b)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.containers()["a/web"] == then)
        // It follows the branch again when it is asked to.
        async let again = host.clup("resume", "--output", "json")
        let last = try await running("a/web", on: host, but: then)
        try await host.docker("exec", last, "touch", "/tmp/ok")
        let resumed = try await again
        #expect(resumed.status == 0, "\(resumed)")
      }
    }

    @Test
    func `whoever waits for a registry keeps nobody from going back or repairing, and everyone from pulling again`()
      async throws
    {
      let real = try #require(Host.plugin)
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let first = try await running("a/web", on: host)
        try await host.push(["a/compose.yaml": sleeper("web", "network_mode: none", "labels: {x: y}")])
        _ = try await host.sync()
        try host.write(
          "config/cli-plugins/docker-compose",
          "#!/bin/sh\ncase \"$*\" in *\" pull \"*) touch \(host.root)/pulling; while [ ! -e \(host.root)/go ]; do sleep 0.1; done; exit 0;; esac\nexec \(real) \"$@\"\n",
          in: host.root)
        chmod(host.root + "/config/cli-plugins/docker-compose", 0o755)
        try await host.push([
          "a/compose.yaml": Self.plain.replacing("busybox:test", with: "127.0.0.1:1/none:1"),
          "b/compose.yaml": "# b\n" + Self.plain,
        ])
        async let pulling = host.clup(
          ["sync", "--output", "json"], environment: ["DOCKER_CONFIG": host.root + "/config"])
        for _ in 0..<100 where access(host.root + "/pulling", F_OK) != 0 {
          try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await host.status()["a"]?["note"]?.string == "a sync works on it: pulling images")
        #expect(try await host.clup("sync", "--stack", "a").status == 5)
        #expect(try await host.clup("status").output.contains("failing") == false, "nothing failed")
        // What is done is free again.
        for _ in 0..<50 where try await host.status()["b"]?["busy"] == .bool(true) {
          try await Task.sleep(for: .milliseconds(50))
        }
        try await host.shell("docker stop -t 0 $(docker ps -q --filter label=com.docker.compose.project=b)")
        #expect(try await host.sync("--stack", "b").outcome == .deployed)
        try await host.shell("docker stop -t 0 $(docker ps -q --filter label=com.docker.compose.project=a)")
        #expect(try await host.clup(["sync", "--stack", "a"], environment: ["CLUP_REPAIR": "1"]).status == 0)
        let now = try await running("a/web", on: host)
        let back = try await host.clup("rollback", "--stack", "a")
        #expect(back.status == 0, "\(back)")
        let then = try await running("a/web", on: host)
        #expect(then != now && then != first)
        try host.write("go", "", in: host.root)
        let report = try await pulling.report()
        let overtaken = try #require(report.stacks.first { $0.name == "a" })
        #expect(overtaken.outcome == .skipped && overtaken.error?.contains("came first") == true, "\(report)")
        #expect(report.stacks.first { $0.name == "b" }?.outcome == .deployed && report.outcome == .deployed)
        #expect(try await running("a/web", on: host) == then)
        #expect(try await host.status()["a"]?["pin"] != .null)
      }
    }
  }
}
