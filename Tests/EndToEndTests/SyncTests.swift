import Core
import Foundation
import Testing

/// Drives the built program against a real Docker Engine. Tests share the engine, so they take turns.
@Suite(.serialized) struct EndToEnd {}

extension EndToEnd {
  @Suite struct Syncs {
    @Test func `an engine is there, or the run was told to skip`() throws {
      if Host.skips { return }
      _ = try #require(Host.engine, "CLUP_TEST_DOCKER_HOST names an engine for tests; deploy/test starts one")
    }

    static let gateways = ["gw-admin", "gw-family", "gw-kids", "gw-psy", "gw-wife"]

    /// The seed's host: seven stacks, one external network, `.env` files only in the live directories.
    static func seed(network: String) -> (files: [String: String], live: [String: String]) {
      let outside = "networks:\n  net: {external: true, name: \(network)}\n"
      var files = [
        "infra/docker-compose.yml":
          sleeper(
            "postgres", "environment: {POSTGRES_PASSWORD: '${POSTGRES_PASSWORD}'}", "networks: [net]",
            "healthcheck: {test: [CMD, 'true'], interval: 1s}", "volumes: ['./conf/pg.conf:/etc/pg.conf:ro']")
          + outside,
        "infra/conf/pg.conf": "a = 1\n",
        "runner/compose/docker-compose.yml":
          sleeper("claw-runner", "environment: {TOKEN: '${TOKEN}'}", "restart: unless-stopped", "networks: [net]")
          + "  migrate: {image: 'busybox:test', command: 'true'}\n" + outside,
      ]
      var live = [
        "infra/.env": "POSTGRES_PASSWORD=secret-1\n", "runner/compose/.env": "TOKEN=secret-2\n",
        "postgres/PG_VERSION": "16\n",
        "runner/jobs/1.json": "{}\n", "runner/audit/log": "x\n",
      ]
      for name in gateways {
        files["\(name)/docker-compose.yml"] =
          sleeper(
            "gateway", "environment: {KEY: '${KEY}'}", "networks: [net]",
            "volumes: ['./config:/config', './workspace:/workspace']") + outside
        live["\(name)/.env"] = "KEY=secret-\(name)\n"
        live["\(name)/config/openclaw.json"] = "{\"of\": \"\(name)\"}\n"
        live["\(name)/workspace/notes"] = "notes\n"
      }
      return (files, live)
    }

    @Test(.disabled(if: Host.skips)) func `the seed's seven stacks are deployed, then left alone, then one is changed`()
      async throws
    {
      let network = "clup-e2e-\(UInt32.random(in: .min ... .max))"
      let (files, live) = Self.seed(network: network)
      try await Host.with(files, live: live) { host in
        try await host.docker("network", "create", network)
        let original = "# the host's own\nservices: {}\n"
        try host.write("gw-admin/docker-compose.yml", original, in: host.live)
        let file = host.live + "/gw-admin/docker-compose.yml"
        chown(file, 1234, 2345)
        chmod(file, 0o640)
        let state = ["postgres", "runner/jobs", "runner/audit", "gw-admin/config", "gw-wife/workspace"]
        var before: [String] = []
        for path in state { before.append(try await host.inventory(path)) }

        // I6: a dry run changes nothing but the mirror, and prints what the sync then does.
        try FileManager.default.createDirectory(atPath: host.checkout, withIntermediateDirectories: true)
        let inventory = try await host.inventory()
        let planned = try await host.sync("--dry-run")
        #expect(planned.outcome == .planned)
        #expect(try await host.inventory() == inventory)
        #expect(try await host.containers().isEmpty)
        #expect(!FileManager.default.fileExists(atPath: host.checkout + "/stacks"))

        let first = try await host.sync()
        #expect(first.outcome == .deployed)
        #expect(
          first.stacks.map(\.name) == [
            "gw-admin", "gw-family", "gw-kids", "gw-psy", "gw-wife", "infra", "runner/compose",
          ])
        #expect(first.stacks.allSatisfy { $0.outcome == .deployed })
        #expect(planned.stacks.map(\.reasons) == first.stacks.map(\.reasons))
        #expect(planned.stacks.map { $0.services.map(\.action) } == first.stacks.map { $0.services.map(\.action) })
        #expect(planned.stacks.map { $0.services.map(\.reason) } == first.stacks.map { $0.services.map(\.reason) })
        #expect(planned.links.map(\.live) == first.links.map(\.live))
        #expect(planned.links.map(\.action) == first.links.map(\.action))
        #expect(planned.links.map(\.target) == first.links.map(\.target))

        // I4: what stood at the live path is kept, byte for byte, with owner and mode.
        let kept = try #require(first.links.first { $0.live == "gw-admin/docker-compose.yml" }?.backup)
        #expect(try String(contentsOfFile: Path.join(host.live, kept), encoding: .utf8) == original)
        var found = stat()
        #expect(lstat(Path.join(host.live, kept), &found) == 0)
        #expect(found.st_uid == 1234 && found.st_gid == 2345 && found.st_mode & 0o7777 == 0o640)
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: file)
        #expect(target == host.checkout + "/stacks/gw-admin/gw-admin/docker-compose.yml")

        let running = try await host.containers()
        #expect(running.count == 8)
        let second = try await host.sync()
        #expect(second.outcome == .unchanged)
        #expect(try await host.containers() == running)
        let siblings = try FileManager.default.contentsOfDirectory(atPath: host.live + "/gw-admin")
        #expect(siblings.filter { $0.contains(".bak.") }.count == 1)

        let changed = (files["gw-kids/docker-compose.yml"] ?? "").replacing("sleep 100000", with: "sleep 200000")
        try await host.push(["gw-kids/docker-compose.yml": changed])
        let third = try await host.sync()
        #expect(third.stacks.filter { $0.outcome != .unchanged }.map(\.name) == ["gw-kids"])
        #expect(third.stacks.first { $0.name == "gw-kids" }?.services.first?.reason == "command changed")
        let after = try await host.containers()
        #expect(running.keys.sorted().filter { running[$0] != after[$0] } == ["gw-kids/gateway"])

        // I1: nothing under a protected path was touched by any of this.
        for (index, path) in state.enumerated() { #expect(try await host.inventory(path) == before[index]) }
        // I8: no secret in what clup wrote.
        for name in ["state.json", "history.jsonl"] {
          #expect(try !String(contentsOfFile: host.checkout + "/" + name, encoding: .utf8).contains("secret-"))
        }
        for (_, id) in after { try await host.docker("rm", "-f", id) }
        try await host.docker("network", "rm", network)
      }
    }

    @Test(.disabled(if: Host.skips)) func `an unchanged host costs no Compose process`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        // A plugin that leaves a trace stands where Compose is looked for first.
        let plugins = host.root + "/config/cli-plugins"
        let real = try #require(Host.plugin)
        try host.write(
          "config/cli-plugins/docker-compose", "#!/bin/sh\necho ran >>\(host.root)/trace\nexec \(real) \"$@\"\n",
          in: host.root)
        chmod(plugins + "/docker-compose", 0o755)
        let answer = try await host.clup(["sync"], environment: ["DOCKER_CONFIG": host.root + "/config"])
        #expect(answer.status == 0)
        #expect(!FileManager.default.fileExists(atPath: host.root + "/trace"))
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {a: b}")])
        _ = try await host.clup(["sync"], environment: ["DOCKER_CONFIG": host.root + "/config"])
        #expect(FileManager.default.fileExists(atPath: host.root + "/trace"))
      }
    }

    static let versions = [
      ("2.27.1", false), ("v2.9.0", false), ("1.29.2", false), ("2.28.0-rc.1", true), ("dev", true),
    ]

    @Test(.disabled(if: Host.skips), arguments: versions)
    func `a Compose that is too old is told, and nothing is changed with it`(_ version: String, _ isGood: Bool)
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        let real = try #require(Host.plugin)
        try host.write(
          "config/cli-plugins/docker-compose",
          "#!/bin/sh\ncase \"$*\" in \"version --short\") echo \(version); exit;; esac\nexec \(real) \"$@\"\n",
          in: host.root)
        chmod(host.root + "/config/cli-plugins/docker-compose", 0o755)
        let answer = try await host.clup(["sync"], environment: ["DOCKER_CONFIG": host.root + "/config"])
        #expect(answer.status == (isGood ? 0 : 1), "\(answer.output)\(answer.errors)")
        #expect(try await host.containers().isEmpty == !isGood)
        #expect(FileManager.default.fileExists(atPath: host.live + "/a") == isGood)
        let told = answer.output + answer.errors
        #expect(told.contains("is too old: clup needs 2.28 or later") == !isGood, "\(told)")
      }
    }

    @Test(.disabled(if: Host.skips))
    func `a Compose that leaves an env_file out of the hash of files deploys and takes over all the same`() async throws
    {
      let files = ["a/compose.yaml": sleeper("web", "env_file: web.env"), "a/web.env": "LEVEL=info\n"]
      try await Host.with(files.merging(["b/compose.yaml": sleeper()]) { $1 }, live: files) { host in
        let real = try #require(Host.plugin)
        try host.write(
          "config/cli-plugins/docker-compose",
          """
          #!/bin/sh
          case "$*" in *"-f - "*) ;; *"config --hash"*) \(real) "$@" | sed '/^web /s/ ./ x/'; exit;; esac
          exec \(real) "$@"

          """, in: host.root)
        chmod(host.root + "/config/cli-plugins/docker-compose", 0o755)
        _ = try await host.compose("a", "up", "-d")
        let before = try await host.containers()
        for outcome in [Report.Outcome.deployed, .unchanged] {
          let answer = try await host.clup(
            ["sync", "--output", "json"], environment: ["DOCKER_CONFIG": host.root + "/config"])
          #expect(answer.status == 0, "\(answer.output)")
          #expect(try answer.report().outcome == outcome)
        }
        #expect(try await host.containers()["a/web"] == before["a/web"])
        try await host.push(["a/web.env": "LEVEL=debug\n"])
        let answer = try await host.clup(["sync"], environment: ["DOCKER_CONFIG": host.root + "/config"])
        #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        #expect(try await host.containers()["a/web"] != before["a/web"])
      }
    }

    @Test(.disabled(if: Host.skips)) func `a comment moves the pointer and restarts nothing`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let commit = try await host.push(["a/compose.yaml": "# said\n" + sleeper()])
        let report = try await host.sync()
        #expect(report.stacks.first?.reasons == ["a/compose.yaml changed"])
        #expect(report.stacks.first?.to == commit)
        #expect(try await host.containers() == before)
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8).hasPrefix("# said"))
      }
    }

    @Test(.disabled(if: Host.skips)) func `drift is repaired and named`() async throws {
      try await Host.with(["a/compose.yaml": sleeper() + service("db")]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.docker("rm", "-f", before["a/web"] ?? "")
        try await host.docker("stop", before["a/db"] ?? "")
        let report = try await host.sync()
        #expect(report.stacks.first?.reasons.sorted() == ["drift: container exited", "drift: container removed"])
        #expect(try await host.containers().count == 2)
        // A hand-made file in place of the link is kept, and the link comes back.
        try FileManager.default.removeItem(atPath: host.live + "/a/compose.yaml")
        try host.write("a/compose.yaml", "services: {}\n", in: host.live)
        let again = try await host.sync()
        #expect(again.links.first?.action == .replace)
        #expect(again.links.first?.backup != nil)
      }
    }

    @Test(.disabled(if: Host.skips))
    func `a service that does not stay up is a failure with its log, and what comes after it waits`() async throws {
      let broken =
        "services:\n  web: {image: 'busybox:test', command: [sh, -c, 'echo the reason; exit 3'], restart: always}\n"
      try await Host.with([
        "a/compose.yaml": broken, "b/compose.yaml": sleeper(), "c/compose.yaml": "x-clup: {after: [a]}\n" + sleeper(),
      ]) { host in
        let report = try await host.sync(expect: 1)
        #expect(report.outcome == .failed)
        #expect(report.stacks.map(\.outcome) == [.failed, .deployed, .skipped])
        #expect(report.stacks.first?.logTail.contains("the reason") == true)
        #expect(try await host.clup(["status", "--exit-code"]).status == 1)
        let again = try await host.sync(expect: 1)
        #expect(again.stacks.map(\.outcome) == [.held, .unchanged, .skipped])
        try await host.push(["a/compose.yaml": sleeper()])
        let fixed = try await host.sync()
        #expect(fixed.stacks.map(\.outcome) == [.deployed, .unchanged, .deployed])
      }
    }
  }
}
