import Core
import Foundation
import Testing

extension EndToEnd {
  /// What a person ran before clup, and what had ended by then.
  @Suite("I12: a takeover that fails leaves what ran", .disabled(if: Host.skips)) struct Takeovers {
    /// A service that ends at once with a failure, and is not started again.
    static let failing = "  task:\n    image: busybox:test\n    network_mode: none\n    command: [sh, -c, 'exit 1']\n"
    static let broken = "services:\n" + service("web").replacing("sleep 100000", with: "'false'")

    /// What is known of a container, with all that changes when somebody touches it.
    static func look(_ host: Host, _ name: String) async throws -> String {
      try await host.docker(
        "inspect", "-f", "{{.Name}} {{.Id}} {{.State.Running}} {{.State.StartedAt}} {{.Config.Env}}", name)
    }

    /// Puts the live file away behind a link that leads nowhere.
    static func orphan(_ host: Host) async throws {
      try await host.shell("mv live/a/compose.yaml gone && ln -s \(host.root)/clone/compose.yaml live/a/compose.yaml")
    }

    @Test func `a one-shot that had failed is neither started again nor a reason to stop its neighbour`() async throws {
      let own = sleeper() + Self.failing
      try await Host.with(["a/compose.yaml": own], live: ["a/compose.yaml": own]) { host in
        _ = try await host.compose("a", "up", "-d")
        try await host.docker("wait", "a-task-1")
        try await Self.orphan(host)
        let before = (try await Self.look(host, "a-web-1"), try await Self.look(host, "a-task-1"))
        let report = try await host.sync()
        #expect(report.stacks.map(\.outcome) == [.deployed])
        #expect(report.stacks.first?.reasons.contains("task had failed before, and is left as it is") == true)
        #expect(try await host.sync().outcome == .unchanged)
        // A change beside it does not start it, one of its own does.
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}") + Self.failing])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await Self.look(host, "a-task-1") == before.1)
        #expect(try await Self.look(host, "a-web-1") != before.0)
        try await host.push(["a/compose.yaml": sleeper() + Self.failing.replacing("exit 1", with: "exit 2")])
        #expect(try await host.sync(expect: 1).stacks.first?.error?.contains("task ended with exit 2") == true)
      }
    }

    @Test func `a one-shot that had failed is not started for the service that depends on it`() async throws {
      let own = sleeper("web", "depends_on: [task]") + Self.failing
      try await Host.with(["a/compose.yaml": own], live: ["a/compose.yaml": own]) { host in
        _ = try await host.compose("a", "up", "-d")
        try await host.docker("wait", "a-task-1")
        let before = try await Self.look(host, "a-task-1")
        try await host.push(["a/compose.yaml": sleeper("web", "depends_on: [task]", "labels: {x: y}") + Self.failing])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await Self.look(host, "a-task-1") == before)
        #expect(try await host.docker("inspect", "-f", "{{.Config.Labels.x}}", "a-web-1") == "y\n")
      }
    }

    @Test(arguments: [true, false])
    func `what another version of Compose made is replaced only where the files say what it runs with`(_ isSaid: Bool)
      async throws
    {
      let file = sleeper("web", "network_mode: none", "environment: {TOKEN: '${TOKEN:-}'}")
      try await Host.with(["a/compose.yaml": file]) { host in
        try await host.shell("mkdir -p live/a && cp work/a/compose.yaml live/a/")
        if isSaid { try host.write("a/.env", "TOKEN=mine\n", in: host.live) }
        let labels = [
          "project=a", "service=web", "container-number=1", "oneoff=False", "version=2.20.0",
          "project.working_dir=\(host.live)/a", "project.config_files=\(host.live)/a/compose.yaml", "config-hash=0123",
        ].map { "-l com.docker.compose.\($0)" }.joined(separator: " ")
        try await host.shell(
          "docker run -d --name a-web-1 --network none --stop-signal SIGKILL -e TOKEN=mine \(labels) busybox:test sleep 100000"
        )
        let before = try #require(try await host.containers()["a/web"])
        try await host.push(["a/compose.yaml": file.replacing("sleep 100000", with: "'false'")])
        let report = try await host.sync(expect: isSaid ? 1 : 3)
        let id = try #require(try await host.containers()["a/web"])
        #expect((id == before) == !isSaid, "\(report.stacks)")
        #expect(try await host.docker("exec", id, "sh", "-c", "echo $TOKEN") == "mine\n")
      }
    }

    struct Unknown: Sendable, CustomTestStringConvertible {
      let testDescription: String
      let prepare: @Sendable (Host) async throws -> Void
    }

    static let unknown = [
      Unknown(testDescription: "its file is gone") { host in
        _ = try await host.compose("a", "up", "-d")
        try await Self.orphan(host)
      },
      Unknown(testDescription: "a variable of a shell made it") { host in
        try host.write("a/compose.yaml", sleeper("web", "environment: {MODE: '${MODE:-none}'}"), in: host.live)
        try await host.shell("cd live/a && MODE=main docker compose up -d")
      },
      Unknown(testDescription: "its file says something else by now") { host in
        _ = try await host.compose("a", "up", "-d")
        try host.write("a/compose.yaml", sleeper("web", "labels: {n: o}"), in: host.live)
      },
      Unknown(testDescription: "it is another project of the same directory") { host in
        _ = try await host.compose("a", "-p", "a", "-f", "compose.yaml", "down")
        try await host.shell(
          "mv live/a/compose.yaml live/a/mine.yml; cd live/a; docker compose -f mine.yml -p other up -d")
      },
    ]

    @Test(arguments: unknown) func `what could not come back is refused before it is touched`(_ row: Unknown)
      async throws
    {
      try await Host.with(
        ["a/compose.yaml": sleeper("web", "environment: {BY: clup}")], live: ["a/compose.yaml": sleeper()]
      ) { host in
        try await row.prepare(host)
        let (files, containers) = (try await host.inventory("a"), try await host.containers())
        let name = try #require(containers.keys.first).replacing("/", with: "-") + "-1"
        let before = try await Self.look(host, name)
        for words in [["--dry-run"], []] {
          let answer = try await host.clup(["sync", "--output", "json"] + words)
          #expect(answer.status == 3, "\(answer.output)")
          let found = try answer.report().diagnostics.filter(\.refuses)
          #expect(found.map(\.rule) == ["project-collision"] && found.first?.message.contains(name) == true, "\(found)")
        }
        #expect(try await Self.look(host, name) == before)
        #expect(try await host.containers() == containers)
        #expect(try await host.inventory("a") == files)
      }
    }

    @Test func `a file of another name, several of a service and what was stopped come back as they were`() async throws
    {
      let own = sleeper("web", "environment: {BY: hand}") + service("idle", ["restart: always"])
      try await Host.with(
        ["a/compose.yaml": Self.broken + service("idle", ["restart: always"]) + service("new")],
        live: ["a/compose.prod.yml": own]
      ) { host in
        _ = try await host.compose("a", "-f", "compose.prod.yml", "up", "-d", "--scale", "web=2")
        try await host.docker("stop", "a-idle-1")
        let (files, idle) = (try await host.inventory("a"), try await host.containers()["a/idle"])
        for _ in 0..<2 {
          let report = try await host.sync("--retry", expect: 1)
          #expect(report.stacks.map(\.outcome) == [.rolledBack], "\(report.stacks)")
          for name in ["a-web-1", "a-web-2"] {
            let seen = try await Self.look(host, name)
            #expect(seen.contains(" true ") && seen.contains("BY=hand"), "\(seen)")
          }
          #expect(try await Self.look(host, "a-idle-1").contains(" false "))
          #expect(try await host.containers()["a/idle"] == idle)
          #expect(try await host.containers()["a/new"] == nil)
        }
        #expect(
          try await host.inventory("a").split(separator: "\n").filter { !$0.hasPrefix(". ") }
            == files.split(separator: "\n").filter { !$0.hasPrefix(". ") })
        try await host.docker("rm", "-f", "a-web-1", "a-web-2")
      }
    }

    @Test func `one that was ill before, and a network that changes, do not keep the others from coming back`()
      async throws
    {
      let own =
        sleeper("web", "depends_on: [db]", "networks: [default]") + service("db", ["networks: [default]"])
        + service("ill", ["healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}", "networks: [default]"])
      try await Host.with(
        [
          "a/compose.yaml": own.replacing("depends_on", with: "labels: {x: y}\n    depends_on")
            + "networks: {default: {labels: {c: d}}}\n"
        ], live: ["a/compose.yaml": own]
      ) { host in
        _ = try await host.compose("a", "up", "-d")
        try await host.shell("until docker ps | grep a-ill-1 | grep -q unhealthy; do sleep 0.2; done")
        let db = try await host.containers()["a/db"]
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.rolledBack], "\(report.stacks.first?.error ?? "")")
        #expect(report.stacks.first?.error?.contains("ill is unhealthy") == true)
        #expect(try await host.containers()["a/db"] == db)
        for name in ["a-web-1", "a-db-1", "a-ill-1"] { #expect(try await Self.look(host, name).contains(" true ")) }
        #expect(try await host.docker("inspect", "-f", "{{.Config.Labels}}", "a-web-1").contains("x:y") == false)
        #expect(try await host.docker("network", "inspect", "-f", "{{len .Containers}}", "a_default") == "3\n")
      }
    }

    @Test func `a name that docker run gave away is seen before anything is changed`() async throws {
      let name = "clup-e2e-\(UInt32.random(in: .min ... .max))"
      try await Host.with(["a/compose.yaml": sleeper("web", "container_name: \(name)") + service("other")]) { host in
        try await host.docker("run", "-d", "--name", name, "busybox:test", "sleep", "1000")
        for words in [["--dry-run"], []] {
          let answer = try await host.clup(["sync", "--output", "json"] + words)
          let found = try answer.report().diagnostics.filter(\.refuses)
          #expect(answer.status == 3 && found.first?.message.contains(name) == true, "\(found)")
        }
        #expect(try await host.containers().isEmpty)
        try await host.docker("rm", "-f", name)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }
  }
}
