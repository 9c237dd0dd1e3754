import Core
import Foundation
import Testing

extension EndToEnd {
  /// The rules as the gate inside a sync.
  @Suite("Policy", .disabled(if: Host.skips)) struct PolicyGate {
    @Test func `I2: a commit that breaks a rule changes nothing, and a waiver on the host lets it through`()
      async throws
    {
      let proxy = sleeper("proxy", "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']")
      let excused = "image: 'busybox:test', commands: [sleep 100000]"
      try await Host.with(["a/compose.yaml": sleeper("a")]) { host in
        _ = try await host.sync()
        let before = (try await host.containers(), try await host.pointers())
        try await host.push(["b/compose.yaml": proxy, "a/compose.yaml": sleeper("a", "environment: {A: 1}")])
        let refused = try await host.sync(expect: 3)
        #expect(refused.diagnostics.filter(\.refuses).map(\.rule) == ["docker-socket"])
        #expect(refused.diagnostics.first(where: \.refuses)?.line == 6)
        #expect(refused.stacks.map(\.outcome) == [.held, .refused])
        let after = (try await host.containers(), try await host.pointers())
        #expect(before == after)
        let plain = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        func waive(_ end: String) throws {
          try
            (plain
            + "policy: {waivers: [{rule: docker-socket, stack: b, service: proxy, \(excused), reason: the holder, expires: \(end)}]}\n")
            .write(toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        }
        try waive("2999-01-01")
        let passed = try await host.sync()
        #expect(passed.stacks.map(\.outcome) == [.deployed, .deployed])
        #expect(passed.diagnostics.filter { $0.rule == "docker-socket" }.map(\.waived) == [true])
        #expect(try await host.sync().outcome == .unchanged)
        // With the last day of the waiver past, an unchanged commit is refused, and what runs stays.
        try waive("2020-01-01")
        let ended = try await host.sync(expect: 3)
        #expect(
          ended.diagnostics.contains { $0.message.contains("ended on 2020-01-01") && $0.file.hasSuffix("clup.yaml") })
        #expect(try await host.containers().count == 2)
      }
    }

    @Test func `what the host lacks is found before anything is switched`() async throws {
      let network = "clup-e2e-\(UInt32.random(in: .min ... .max))"
      let outside = "networks: {net: {external: true, name: \(network)}}\n"
      try await Host.with([
        "a/compose.yaml": sleeper("a", "networks: [net]") + outside,
        "b/compose.yaml": "services: {b: {image: 'nothing-here:local', volumes: ['./absent:/x']}}\n",
        "c/compose.yaml": sleeper("c", "volumes: ['vol:/v']") + "volumes: {vol: {external: true, name: \(network)}}\n",
      ]) { host in
        for arguments in [["--dry-run"], []] {
          let answer = try await host.clup(["sync", "--output", "json"] + arguments)
          #expect(answer.status == 3)
          let found = try answer.report().diagnostics.filter { $0.rule.hasPrefix("missing") }
          #expect(
            found.map { "\($0.file) \($0.rule)" } == [
              "a/compose.yaml missing-network", "b/compose.yaml missing-image", "b/compose.yaml missing-bind",
              "c/compose.yaml missing-network",
            ])
          #expect(found.allSatisfy { $0.line != nil })
        }
        #expect(try await host.containers().isEmpty)
        // A network that a stack before it makes is there in time.
        try await host.push([
          "a/compose.yaml": "x-clup: {after: [n]}\n" + sleeper("a", "networks: [net]") + outside, "b/compose.yaml": nil,
          "c/compose.yaml": nil,
          "n/compose.yaml": sleeper("n", "networks: [net]") + "networks: {net: {name: \(network)}}\n",
        ])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .deployed])
      }
    }

    @Test func `job files reach the live path and the Runner as they are, and a bad one refuses the commit`()
      async throws
    {
      let job = """
        x-clup: {timeout: 20m, params: [BRANCH]}
        services:
          build: {image: "job:1", network_mode: none, mem_limit: 1g, cpus: 1, pids_limit: 9, command: "make ${BRANCH}"}

        """
      let runner = sleeper("run", "volumes: ['..:/data:ro']")
      try await Host.with(
        [
          "runner/compose/compose.yaml": runner, "runner/job-definitions/build.yml": job, "runner/tool/main.go": "one",
          "runner/README.md": "nobody's",
        ],
        settings: "links: [{from: runner/tool, to: runner/tool}]\n"
      ) { host in
        #expect(try await host.sync().outcome == .deployed)
        let id = try #require(try await host.containers()["compose/run"])
        let live = host.live + "/runner/job-definitions"
        #expect(try String(contentsOfFile: live + "/build.yml", encoding: .utf8) == job)
        #expect(!FileManager.default.fileExists(atPath: host.live + "/runner/README.md"))
        #expect(try await host.docker("exec", id, "cat", "/data/job-definitions/build.yml") == job)
        #expect(try await host.docker("exec", id, "cat", "/data/tool/main.go") == "one")
        try await host.push(["runner/job-definitions/evil.yml": job + "    privileged: true\n"])
        let refused = try await host.sync(expect: 3)
        #expect(refused.diagnostics.contains { $0.file == "runner/job-definitions/evil.yml" && $0.refuses })
        #expect(!FileManager.default.fileExists(atPath: live + "/evil.yml"))
        try await host.push([
          "runner/job-definitions/evil.yml": nil, "runner/job-definitions/test.yml": job, "runner/tool/main.go": "two",
        ])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.docker("exec", id, "cat", "/data/job-definitions/test.yml") == job)
        #expect(try await host.docker("exec", id, "cat", "/data/tool/main.go") == "two")
        #expect(try await host.containers()["compose/run"] == id)
        #expect(try await host.sync().outcome == .unchanged)
        for damage in ["echo hand >live/runner/job-definitions/build.yml", "rm -r live/runner/job-definitions"] {
          try await host.shell(damage)
          #expect(try await host.sync().outcome == .deployed)
          #expect(try await host.docker("exec", id, "cat", "/data/job-definitions/build.yml") == job)
          #expect(try await host.sync().outcome == .unchanged)
        }
      }
    }
  }
}
