import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("I7: a failed deploy goes back to what was good", .disabled(if: Host.skips)) struct Recoveries {
    struct Breakage: Sendable, CustomTestStringConvertible {
      let testDescription: String
      /// The lines of the service, in the place of the good ones.
      let lines: [String]
      var top = ""
      var below = ""
      let cause: String
      var log: String?
      /// Whether the commit is held for it; what cannot be pulled is tried again.
      var isHeld = true
    }

    static let port = Int.random(in: 20000..<30000)
    static let breakages = [
      Breakage(
        testDescription: "it exits at once", lines: ["command: [sh, -c, 'echo the reason; exit 3']"],
        cause: "web ended with exit 3", log: "the reason"),
      Breakage(
        testDescription: "it never becomes healthy",
        lines: ["command: sleep 100000", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 2}"],
        cause: "web is unhealthy"),
      Breakage(
        testDescription: "its health is not known in time",
        lines: ["command: sleep 100000", "healthcheck: {test: [CMD, 'false'], interval: 30s}"],
        top: "x-clup: {deploy_timeout: 3s}\n", cause: "s: web is not healthy yet"),
      Breakage(
        testDescription: "what it depends on is not healthy in time",
        lines: [
          "command: sleep 100000", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1000}", "labels: {d: e}",
        ],
        top: "x-clup: {deploy_timeout: 4s}\n",
        below:
          "  other: {image: 'busybox:test', command: sleep 100000, depends_on: {web: {condition: service_healthy}}}\n",
        cause: "not ready after 4 s: web is not healthy yet"),
      Breakage(
        testDescription: "it is started again for ever",
        lines: ["command: [sh, -c, 'echo again; exit 4']", "restart: always"],
        cause: "web keeps restarting (exit 4)", log: "again"),
      Breakage(
        testDescription: "it cannot be pulled", lines: ["image: '127.0.0.1:1/none:1'", "command: sleep 100000"],
        cause: "127.0.0.1:1: connect: connection refused", isHeld: false),
      Breakage(
        testDescription: "a program has its port", lines: ["command: sleep 100000", "ports: ['127.0.0.1:\(port):80']"],
        cause: "address already in use"),
      Breakage(
        testDescription: "a probe in the container says no", lines: ["command: sleep 100000", "labels: {a: b}"],
        top: "x-clup: {probes: [{exec: [sh, -c, 'echo not ready; exit 1'], service: web, retries: 1}]}\n",
        cause: "it exited with status 1: not ready"),
      Breakage(
        testDescription: "a probe over HTTP says no", lines: ["command: sleep 100000", "labels: {a: c}"],
        top: "x-clup: {probes: [{http: 'http://127.0.0.1:1/healthz', json: {ok: true}, retries: 1}]}\n",
        cause: "probe http://127.0.0.1:1/healthz: "),
    ]

    static func file(_ lines: [String], top: String = "") -> String {
      let image = lines.contains { $0.hasPrefix("image:") } ? [] : ["image: busybox:test"]
      return top + "services:\n  web:\n"
        + (image + ["stop_signal: SIGKILL"] + lines).map { "    \($0)\n" }.joined()
    }

    @Test(arguments: breakages) func `the former containers serve again, and the commit is held`(_ row: Breakage)
      async throws
    {
      let good = Self.file(["command: sleep 100000", "environment: {GENERATION: first}"])
      try await Host.with(["a/compose.yaml": good, "b/compose.yaml": sleeper("b")]) { host in
        _ = try await host.sync()
        let image = try await host.image(of: "a/web")
        let taken = try await host.docker(
          "run", "-d", "--network", "host", "busybox:test", "httpd", "-f", "-p", "127.0.0.1:\(Self.port)")
        let others = try await host.containers()
        let commit = try await host.push([
          "a/compose.yaml": Self.file(row.lines, top: row.top) + row.below,
          "b/compose.yaml": sleeper("b", "labels: {new: 'yes'}"),
        ])
        let report = try await host.sync(expect: 1)
        try await host.docker("rm", "-f", taken.trimmingCharacters(in: .newlines))
        #expect(report.outcome == .failed)
        // What was not touched is not put back.
        #expect(report.stacks.map(\.outcome) == [row.isHeld ? .rolledBack : .waiting, .deployed])
        let stack = try #require(report.stacks.first)
        #expect(stack.error?.contains(row.cause) == true, "\(stack.error ?? "")")
        if let log = row.log { #expect(stack.logTail.contains(log), "\(stack.logTail)") }
        #expect(stack.services.first { $0.name == "web" }?.state == "running", "\(stack.services)")
        #expect(try await host.image(of: "a/web") == image)
        let id = try #require(try await host.containers()["a/web"])
        #expect(
          try await host.docker("inspect", "-f", "{{.State.Running}} {{.Config.Env}}", id).contains(
            "true [GENERATION=first"))
        #expect(try await host.containers()["b/b"] != others["b/b"])
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8) == good)

        // The commit that failed costs one attempt.
        let running = try await host.containers()
        for _ in 0..<2 {
          let again = try await host.sync(expect: 1)
          #expect(again.outcome == (row.isHeld ? .unchanged : .failed))
          #expect(again.stacks.map(\.outcome) == [row.isHeld ? .held : .waiting, .unchanged])
        }
        #expect(try await host.containers() == running)
        guard row.isHeld else { return }
        let status = try await host.status()
        #expect(status["a"]?["held"]?.string == commit)
        #expect(status["a"]?["error"]?.string?.contains(row.cause) == true)
        #expect(status["a"]?["drift"]?.array == [])

        // What drifts meanwhile goes back to what was good, not to what failed.
        try await host.docker("rm", "-f", id)
        let repaired = try await host.sync(expect: 1)
        #expect(repaired.outcome == .deployed && repaired.stacks.map(\.outcome) == [.held, .unchanged])
        #expect(try await host.image(of: "a/web") == image)

        // A later good commit deploys by itself.
        try await host.push(["a/compose.yaml": Self.file(["command: sleep 300000"])])
        let fixed = try await host.sync()
        #expect(fixed.stacks.map(\.outcome) == [.deployed, .unchanged])
        #expect(try await host.status()["a"]?["held"] == .null)
      }
    }

    @Test func `an image's name that has moved on does not take the former image along`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max)):latest"
      let lines = ["image: '\(name)'", "command: sh -c 'test ! -e /broken && sleep 100000'"]
      try await Host.with([
        "a/compose.yaml": Self.file(lines), "b/compose.yaml": Self.file(lines),
      ]) { host in
        try await host.docker("tag", "busybox:test", name)
        _ = try await host.sync()
        let (image, old) = (try await host.image(of: "a/web"), try await host.containers())
        // The same name, another image; both stacks use it, and only one can live with it.
        try await host.rebuild(name, "echo > broken")
        try await host.push(["b/compose.yaml": Self.file(["image: '\(name)'", "command: sleep 100000"])])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.rolledBack, .deployed])
        #expect(try await host.image(of: "a/web") == image)
        #expect(try await host.image(of: "b/web") != image)
        #expect(try await host.containers()["b/web"] != old["b/web"])
        let running = try await host.containers()
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held, .unchanged])
        #expect(try await host.containers() == running)
        // A new build behind the name is a new chance.
        try await host.rebuild(name, "echo > fixed")
        let fixed = try await host.sync()
        #expect(fixed.stacks.map(\.outcome) == [.deployed, .deployed])
        #expect(try await host.image(of: "a/web") != image)
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name)
      }
    }

    @Test func `an image that only a running container still has is pulled before that one is touched`() async throws {
      let name = "127.0.0.1:1/clup-e2e-\(UInt32.random(in: .min ... .max)):1"
      try await Host.with(["a/compose.yaml": Self.file(["image: '\(name)'", "command: sleep 100000"])]) { host in
        try await host.docker("tag", "busybox:test", name)
        _ = try await host.sync()
        let old = try await host.containers()
        try await host.docker("rmi", name)
        try await host.push(["a/compose.yaml": Self.file(["image: '\(name)'", "command: sleep 200000"])])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.waiting])
        #expect(report.stacks.first?.error?.contains("docker compose pull failed") == true)
        #expect(try await host.containers() == old)
      }
    }

    @Test func `what was started again before the deploy does not count against it`() async throws {
      let dying = """
          db:
            image: busybox:test
            restart: always
            stop_signal: SIGKILL
            command: [sh, -c, "until rm /end 2>/dev/null; do sleep 0.1; done; exit 1"]

        """
      try await Host.with(["a/compose.yaml": sleeper() + dying]) { host in
        _ = try await host.sync()
        let old = try await host.containers()
        let db = try #require(old["a/db"])
        try await host.shell(
          "until [ $(docker inspect -f '{{.RestartCount}}' \(db)) -ge 4 ]; do docker exec \(db) touch /end; sleep 0.5; done"
        )
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}") + dying])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        let new = try await host.containers()
        #expect(new["a/db"] == db && new["a/web"] != old["a/web"])
      }
    }

    @Test func `a first deploy that fails is stopped, or left as the host asks`() async throws {
      let files = [
        "a/compose.yaml": Self.file([
          "command: sleep 100000", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}",
        ])
      ]
      for (settings, running) in [("", "false"), ("sync: {on_failure: stay}\n", "true")] {
        try await Host.with(files, settings: settings) { host in
          let report = try await host.sync(expect: 1)
          #expect(report.stacks.map(\.outcome) == [.failed])
          let id = try #require(try await host.containers()["a/web"])
          #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", id) == running + "\n")
          #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
          #expect(try await host.sync("--retry", expect: 1).stacks.map(\.outcome) == [.failed])
        }
      }
    }

    @Test func `what is left as it failed is what the commit says, and its fix is named by what changed`() async throws
    {
      let check = { (test: String) in
        Self.file(["command: sleep 100000", "healthcheck: {test: [CMD, '\(test)'], interval: 200ms, retries: 2}"])
      }
      try await Host.with(["a/compose.yaml": check("true")], settings: "sync: {on_failure: stay}\n") { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": check("false")])
        _ = try await host.sync(expect: 1)
        let held = try #require(try await host.sync(expect: 1).stacks.first)
        #expect(held.outcome == .held && held.services.allSatisfy { $0.action == .keep }, "\(held)")
        try await host.push(["a/compose.yaml": check("true")])
        #expect(try await host.sync().stacks.first?.reasons == ["healthcheck changed"])
      }
    }

    @Test func `what a person ran before clup is put back when the first deploy fails`() async throws {
      let own = Self.file(["command: sleep 100000", "environment: {BY: hand}"])
      try await Host.with(
        ["a/compose.yaml": Self.file(["command: 'false'"])], live: ["a/compose.yaml": own]
      ) { host in
        _ = try await host.compose("a", "up", "-d")
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.rolledBack])
        let id = try #require(try await host.containers()["a/web"])
        #expect(
          try await host.docker("inspect", "-f", "{{.State.Running}} {{.Config.Env}}", id).contains("true [BY=hand"))
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8) == own)
        var found = stat()
        #expect(lstat(host.live + "/a/compose.yaml", &found) == 0 && found.st_mode & S_IFMT == S_IFREG)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
        #expect(try await host.status()["a"]?["held"]?.string == report.commit)
        #expect(try await host.clup("status", "--exit-code").status == 1)
        try await host.push(["a/compose.yaml": Self.file(["command: sleep 200000"])])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        let kept = try FileManager.default.contentsOfDirectory(atPath: host.live + "/a").filter { $0.contains(".bak.") }
        for name in kept { #expect(try String(contentsOfFile: host.live + "/a/" + name, encoding: .utf8) == own) }
      }
    }

    @Test func `a file that was copied, and one that could not be linked, leave what a person had there`() async throws
    {
      let own = Self.file(["command: sleep 100000", "volumes: ['./conf:/conf']"])
      try await Host.with(
        ["a/compose.yaml": Self.file(["command: 'false'", "volumes: ['./conf:/conf']"]), "a/conf/x": "repository\n"],
        live: ["a/compose.yaml": own, "a/conf/x": "mine\n"]
      ) { host in
        _ = try await host.compose("a", "up", "-d")
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try String(contentsOfFile: host.live + "/a/conf/x", encoding: .utf8) == "mine\n")
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8) == own)
      }
    }

    @Test func `a container that somebody put into the project has no part in the recovery`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max)):latest"
      try await Host.with(["a/compose.yaml": Self.file(["image: '\(name)'", "command: sleep 100000"])]) { host in
        try await host.docker("tag", "busybox:test", name)
        _ = try await host.sync()
        try host.write("extra.yaml", sleeper("extra"), in: host.root)
        _ = try await host.compose("a", "-f", "compose.yaml", "-f", host.root + "/extra.yaml", "up", "-d", "extra")
        // The image of the stack's own service is to be named, and the other container is among what was seen.
        try await host.push(["a/compose.yaml": Self.file(["image: '\(name)'", "command: sleep 200000"])])
        _ = try await host.sync()
        let extra = try await host.containers()["a/extra"]
        try await host.rebuild(name, "echo > new")
        try await host.push(["a/compose.yaml": Self.file(["image: '\(name)'", "command: 'false'"])])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers()["a/extra"] == extra)
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name)
      }
    }

    @Test func `services that a failed commit brought go away, and untouched ones are left alone`() async throws {
      let good = sleeper("web") + service("db")
      try await Host.with(["a/compose.yaml": good]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push([
          "a/compose.yaml": sleeper("web", "labels: {x: y}") + service("db") + service("new")
            + "  broken: {image: 'busybox:test', command: 'false'}\n"
        ])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.first?.error?.contains("broken ended with exit 1") == true)
        let after = try await host.containers()
        #expect(after.keys.sorted() == ["a/db", "a/web"])
        #expect(after["a/db"] == before["a/db"])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
      }
    }

    @Test func `what comes after a stack that went back is skipped`() async throws {
      try await Host.with([
        "a/compose.yaml": sleeper("a"), "b/compose.yaml": "x-clup: {after: [a]}\n" + sleeper("b"),
      ]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push([
          "a/compose.yaml": Self.file(["command: 'false'"]),
          "b/compose.yaml": "x-clup: {after: [a]}\n" + sleeper("b", "labels: {x: y}"),
        ])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.rolledBack, .skipped])
        #expect(report.stacks.last?.error == "it comes after a, which is not at its commit")
        #expect(try await host.containers()["b/b"] == before["b/b"])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held, .skipped])
      }
    }
  }
}
