import Core
import Foundation
import Testing

extension EndToEnd {
  /// What is there today is accepted for a while, and what is new is refused.
  @Suite("Baseline", .disabled(if: Host.skips)) struct BaselineTests {
    static func open(_ port: Int) -> String { "ports: ['\(port):80']" }

    static func acceptance(_ answer: Host.Answer) throws -> Acceptance {
      try JSONDecoder().decode(Acceptance.self, from: Data(answer.output.utf8))
    }

    static func baseline(of host: Host, _ arguments: String..., expect status: Int32 = 0) async throws -> Acceptance {
      let answer = try await host.clup(["baseline", "--output", "json"] + arguments)
      #expect(answer.status == status, "\(answer.output)\n\(answer.errors)")
      return try acceptance(answer)
    }

    /// Below those that the kernel gives away.
    static func port() -> Int { Int.random(in: 20000...23999) }

    @Test func `what is there is accepted, what is new is refused, what was fixed is dropped, and it ends`()
      async throws
    {
      let (one, two, three) = (Self.port(), Self.port() + 4000, Self.port() + 8000)
      try await Host.with([
        "a/compose.yaml": sleeper("a", Self.open(one)),
        "b/compose.yaml": sleeper("b", Self.open(two), "environment: {DB_PASSWORD: hunter22hunter22}"),
      ]) { host in
        let file = host.root + "/baseline.yaml"
        func text() throws -> String { try String(contentsOfFile: file, encoding: .utf8) }
        #expect(try await host.sync(expect: 3).outcome == .refused)
        let shown = try await Self.baseline(of: host, "-n")
        #expect(shown.accepted.count == 3 && !FileManager.default.fileExists(atPath: file))
        let first = try await Self.baseline(of: host)
        #expect(first.accepted.map(\.rule) == ["published-port", "published-port", "plaintext-secret"])
        #expect(try !text().contains("hunter") && text().hasPrefix("# Findings that this host accepts"))
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o644)
        let synced = try await host.sync()
        #expect(synced.stacks.map(\.outcome) == [.deployed, .deployed])
        #expect(synced.diagnostics.filter { $0.severity == .error }.allSatisfy { $0.acceptedUntil != nil })
        #expect(try await host.sync().outcome == .unchanged)
        let validated = try await host.clup("validate", host.work, "--config", host.root + "/clup.yaml")
        #expect(validated.status == 0 && validated.output.contains("3 accepted by the baseline"), "\(validated.output)")
        let status = try await host.clup("status")
        #expect(status.output.contains("baseline: 3 findings accepted; `clup baseline --prune --dry-run` lists"))
        // Lines move, and one more port is published.
        try await host.push([
          "a/compose.yaml": "# one\n\n" + sleeper("a", "environment: {A: 1}", "ports: ['\(three):90', '\(one):80']")
        ])
        let refused = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(refused.map(\.rule) == ["published-port"] && refused[0].message.contains("\(three)"))
        // The first one is fixed, and the baseline keeps what it had.
        try await host.push(["a/compose.yaml": sleeper("a", "environment: {A: 1}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .unchanged])
        let before = try text()
        let known = try await Self.baseline(of: host)
        #expect(known.known.count == 2 && known.fixed.map(\.stack) == ["a"] && known.accepted == [])
        #expect(try text() == before)
        #expect(try await Self.baseline(of: host, "--prune").fixed.count == 1)
        #expect(try !text().contains("stack: a") && text().contains("stack: b"))
        // With its last day past, an unchanged commit is refused, and what runs stays.
        let day = try #require(try text().firstMatch(of: /expires: (\d{4}-\d\d-\d\d)/)?.1)
        try text().replacingOccurrences(of: "expires: \(day)", with: "expires: 2026-01-01")
          .write(toFile: file, atomically: false, encoding: .utf8)
        let ended = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(ended.count == 2 && ended.allSatisfy { $0.help.contains("`clup baseline` accepts it again") })
        #expect(try await host.containers().count == 2)
        #expect(try await host.clup("status").output.contains("2 ended and refused again"))
        #expect(try await Self.baseline(of: host).renewed.count == 2)
        #expect(try await host.sync().outcome != .refused)
      }
    }

    @Test func `the socket is accepted by name and as it is, with what its holder opens`() async throws {
      let proxy = sleeper(
        "proxy", "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", "environment: {EXEC: 1}")
      try await Host.with(["p/compose.yaml": proxy]) { host in
        let plain = try await Self.baseline(of: host, expect: 3)
        #expect(plain.accepted == [] && plain.refused.contains { $0.reason.contains("--include docker-socket") })
        // What is found of whoever holds the socket is told at once, with all that accepts it.
        let both = "`--include docker-socket --include socket-proxy`"
        let open = plain.refused.filter { ["docker-socket", "socket-proxy"].contains($0.finding.rule) }
        #expect(Set(open.map(\.finding.rule)).count == 2 && open.allSatisfy { $0.reason.contains(both) }, "\(open)")
        let half = try await Self.baseline(of: host, "--include", "docker-socket", "-n", expect: 3)
        #expect(half.refused.filter { $0.finding.refuses }.map(\.finding.rule) == ["socket-proxy"])
        let whole = try await Self.baseline(of: host, "--include=docker-socket", "--include=socket-proxy")
        #expect(Set(whole.accepted.map(\.rule)) == ["docker-socket", "socket-proxy"])
        _ = try await host.sync()
        let doctor = try await host.clup("doctor")
        #expect(doctor.output.contains("accepted until"), "\(doctor.output)")
        try await host.push(["p/compose.yaml": proxy.replacing("sleep 100000", with: "sleep 99999")])
        let refused = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(refused.map(\.rule) == ["docker-socket"] && refused[0].help.hasPrefix("the baseline does not cover it"))
      }
    }

    @Test func `I13: nothing by hand lifts what cannot be deployed, and no other file counts`() async throws {
      let broken = "services: {web: {image: busybox:test, depends_on: [nobody]}}\n"
      try await Host.with(["a/compose.yaml": broken, "baseline.yaml": "findings: []\n"]) { host in
        let told = try await Self.baseline(of: host, "--include", "compose", expect: 3)
        #expect(told.refused.contains { $0.reason.hasPrefix("never accepted") } && told.accepted == [])
        let message = try #require(told.refused.first { $0.finding.rule == "compose" }).finding.message
        let entry =
          "{rule: compose, stack: a, text: \"\(message.replacing("\"", with: "\\\""))\", since: 2026-01-01, expires: 2999-01-01}"
        let file = host.root + "/baseline.yaml"
        func write(_ text: String) throws { try text.write(toFile: file, atomically: false, encoding: .utf8) }
        try write("findings: [\(entry)]\n")
        #expect(try await host.sync(expect: 3).diagnostics.contains { $0.rule == "compose" && $0.refuses })
        try write("findings:\n  - {rule: no-limit}\n")
        for command in [["sync"], ["status"], ["validate", host.work, "--config", host.root + "/clup.yaml"]] {
          let wrong = try await host.clup(command)
          #expect(
            wrong.status == 2 && wrong.errors.contains("\(file):2:12: there is no rule no-limit;"), "\(wrong.errors)")
        }
        try write("findings: []\n")
        try await host.shell("chmod 666 baseline.yaml")
        let loose = try await host.clup("sync")
        #expect(loose.status == 2 && loose.errors.contains("can be changed by other users than the one who runs clup"))
        try await host.shell("mv baseline.yaml there.yaml && chmod 644 there.yaml && ln -s there.yaml baseline.yaml")
        #expect(try await host.clup("sync").status == 2)
        // Below the live root, the repository could bring it.
        try await host.shell("rm baseline.yaml && cp clup.yaml live/clup.yaml && cp there.yaml live/baseline.yaml")
        let inside = try await host.clup("sync", "--config", host.live + "/clup.yaml")
        #expect(inside.status == 2 && inside.errors.contains("is in the live root"), "\(inside.errors)")
        #expect(try await host.clup("baseline", "--include", "no-limit").status == 2)
        #expect(try await host.clup("baseline", "--prune", "--include", "no-limits").status == 2)
      }
    }
  }
}
