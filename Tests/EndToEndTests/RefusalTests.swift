import Core
import Foundation
import Testing

extension EndToEnd {
  /// What a commit must not do, and what it leaves as it was.
  @Suite struct Refusals {
    struct Bad: CustomTestStringConvertible {
      let testDescription: String
      let files: [String: String?]
      let rule: String
      let file: String
      let line: Int?
      let message: String
    }

    static let bad: [Bad] = [
      Bad(
        testDescription: "an unknown key", files: ["a/compose.yaml": "services:\n  web:\n    imag: x\n"],
        rule: "compose", file: "a/compose.yaml", line: 3, message: "imag"),
      Bad(
        testDescription: "a probe in a service that is not there",
        files: ["a/compose.yaml": "x-clup:\n  probes: [{exec: 'true', service: wbe}]\n" + sleeper()], rule: "compose",
        file: "a/compose.yaml", line: 2, message: "did you mean web?"),
      Bad(
        testDescription: "no YAML", files: ["a/compose.yaml": "services:\n  web: [\n"], rule: "compose",
        file: "a/compose.yaml", line: nil, message: "did not find"),
      Bad(
        testDescription: "an unset variable",
        files: ["a/compose.yaml": sleeper("web", "environment: {A: '${NOWHERE_SET}'}")], rule: "unset-variable",
        file: "a/compose.yaml", line: 6, message: "NOWHERE_SET"),
      Bad(
        testDescription: "a missing env_file", files: ["a/compose.yaml": sleeper("web", "env_file: [gone.env]")],
        rule: "unset-variable", file: "a/compose.yaml", line: 6, message: "gone.env"),
      Bad(
        testDescription: "one project name for two stacks",
        files: ["a/compose.yaml": "name: same\n" + sleeper(), "b/compose.yaml": "name: same\n" + sleeper()],
        rule: "project-collision", file: "a/compose.yaml", line: nil, message: "same"),
      Bad(
        testDescription: "two directories of one name",
        files: ["x/app/compose.yaml": sleeper(), "y/app/compose.yaml": sleeper()], rule: "project-collision",
        file: "x/app/compose.yaml", line: nil, message: "y/app"),
      Bad(
        testDescription: "one container name for two services",
        files: [
          "a/compose.yaml": sleeper("web", "container_name: only"),
          "b/compose.yaml": sleeper("web", "container_name: only"),
        ], rule: "project-collision", file: "a/compose.yaml", line: nil, message: "only"),
      Bad(
        testDescription: "one port for two stacks",
        files: [
          "a/compose.yaml": sleeper("web", "ports: ['127.0.0.1:18999:80']"),
          "b/compose.yaml": sleeper("web", "ports: ['18999:80']"),
        ], rule: "project-collision", file: "a/compose.yaml", line: nil, message: "18999"),
      Bad(
        testDescription: "a tracked .env", files: ["a/.env": "A=1\n"], rule: "forbidden-file", file: "a/.env",
        line: nil, message: "protected"),
      Bad(
        testDescription: "a file in a gateway's state",
        files: ["gw-x/compose.yaml": sleeper(), "gw-x/config/openclaw.json": "{}"], rule: "forbidden-file",
        file: "gw-x/config/openclaw.json", line: nil, message: "protected"),
      Bad(
        testDescription: "a file in the data that a stack uses",
        files: ["a/compose.yaml": sleeper("web", "volumes: ['./data:/d']"), "a/data/x": "x"], rule: "forbidden-file",
        file: "a/data", line: nil, message: "protected"),
      Bad(
        testDescription: "a Compose file that is a directory", files: ["d/compose.yaml/x": "x"], rule: "compose",
        file: "d/compose.yaml", line: nil, message: "directory"),
      Bad(
        testDescription: "a Compose file of 5 MB",
        files: ["a/compose.yaml": "#" + String(repeating: "x", count: 5_000_000)], rule: "compose",
        file: "a/compose.yaml", line: nil, message: "at most"),
      Bad(
        testDescription: "a file in clup's own directory", files: ["clup/compose.yaml": sleeper()],
        rule: "forbidden-file", file: "clup/compose.yaml", line: nil, message: "own directory"),
    ]

    @Test(.disabled(if: Host.skips), arguments: bad)
    func `I2: nothing live changes when one stack of a commit is refused`(_ bad: Bad) async throws {
      try await Host.with(["a/compose.yaml": sleeper(), "z/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let (containers, pointers, inventory) = (
          try await host.containers(), try await host.pointers(), try await host.inventory()
        )
        try await host.push(
          bad.files.merging(["z/compose.yaml": sleeper("web", "labels: {new: 'yes'}")]) { first, _ in first })
        let planned = try await host.sync("--dry-run", expect: 3)
        #expect(try await host.pointers() == pointers)
        let report = try await host.sync(expect: 3)
        #expect(report.outcome == .refused)
        #expect(report.diagnostics == planned.diagnostics)
        let diagnostic = try #require(
          report.diagnostics.first { $0.rule == bad.rule && $0.file == bad.file }, "\(report.diagnostics)")
        if let line = bad.line { #expect(diagnostic.line == line) }
        #expect(diagnostic.message.contains(bad.message), "\(diagnostic.message)")
        #expect(!diagnostic.help.isEmpty)
        #expect(try await host.containers() == containers)
        #expect(try await host.inventory() == inventory)
        #expect(try await host.pointers() == pointers)
      }
    }

    @Test(.disabled(if: Host.skips))
    func `I10: of a variable without a value no more is told than that`() async throws {
      let lines = "ports: ['${PORT}', '${OTHER}:80']\n    volumes: ['${LOC}/library:/m']"
      try await Host.with(["a/compose.yaml": sleeper("web", lines)]) { host in
        let found = try await host.sync("--dry-run", expect: 3).diagnostics.filter { $0.severity == .error }
        #expect(Set(found.map(\.rule)) == ["unset-variable"] && found.count == 3, "\(found)")
        let baseline = try await host.clup(["baseline", "-n", "--output", "json"])
        #expect(!baseline.output.contains("placeholder") && !baseline.output.contains("6100"))
        #expect(!baseline.output.contains("published-port") && !baseline.output.contains("missing-bind"))
      }
    }

    @Test(.disabled(if: Host.skips))
    func `I10: a refused commit is told once, and stays in the status until it is fixed`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        func poll() async throws -> (status: Int32, report: Report, lines: Int) {
          let answer = try await host.clup(["sync", "--output", "json"], environment: ["CLUP_TRIGGER": "timer"])
          let lines = try await host.shell("wc -l < \(host.checkout)/history.jsonl")
          return (answer.status, try answer.report(), Int(lines.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
        }
        struct Status: Decodable { let trouble: Trouble? }
        func trouble() async throws -> Trouble? {
          let answer = try await host.clup("status", "--exit-code", "--output", "json")
          let status = try JSONDecoder().decode(Status.self, from: Data(answer.output.utf8))
          let isGood = status.trouble == nil
          #expect(answer.status == (isGood ? 0 : 1))
          return status.trouble
        }
        #expect(try await poll().lines == 1)
        #expect(try await trouble() == nil)
        let commit = try await host.push(["a/compose.yaml": sleeper("web", "privileged: true")])
        let first = try await poll()
        #expect(first.status == 3 && first.lines == 2 && first.report.sameAs == nil)
        let again = try await poll()
        #expect(again.status == 3 && again.lines == 2 && again.report.sameAs == first.report.id)
        let told = try #require(try await trouble())
        #expect(told.outcome == .refused && told.commit == commit && told.since == first.report.started)
        #expect(told.errors == ["a/compose.yaml:6:17: web is privileged [privileged]"])
        let shown = try await host.clup("status").output
        #expect(shown.contains("! \(commit.prefix(7))  refused since \(first.report.started)"), "\(shown)")
        // What somebody asks for is recorded each time.
        #expect(try await host.sync(expect: 3).sameAs == nil)
        #expect(try await poll().lines == 3)
        // Another trouble is told again, and so is its end.
        try await host.shell("mv repo.git away.git")
        #expect(try await poll().status == 4)
        #expect(try await poll().lines == 4)
        #expect(try await trouble()?.outcome == .failed)
        try await host.shell("mv away.git repo.git")
        try await host.push(["a/compose.yaml": sleeper()])
        let fixed = try await poll()
        #expect(fixed.report.outcome == .unchanged && fixed.lines == 5)
        #expect(try await poll().lines == 5)
        #expect(try await trouble() == nil)
      }
    }

    @Test(.disabled(if: Host.skips)) func `a Compose file that is not UTF-8 is refused`() async throws {
      try await Host.with(["b/compose.yaml": sleeper()]) { host in
        try FileManager.default.createDirectory(atPath: host.work + "/a", withIntermediateDirectories: true)
        try Data([0x73, 0xff, 0xfe, 0x3a, 0x0a]).write(to: URL(filePath: host.work + "/a/compose.yaml"))
        try await host.push([:])
        let report = try await host.sync(expect: 3)
        #expect(
          report.diagnostics.contains { $0.file == "a/compose.yaml" && $0.message.contains("UTF-8") },
          "\(report.diagnostics)")
      }
    }

    @Test(.disabled(if: Host.skips)) func `a live path whose parent is a file is refused, and the file stays`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()], live: ["a": "I am a file\n"]) { host in
        let report = try await host.sync(expect: 3)
        #expect(
          report.diagnostics.first?.message.contains("is a file where the commit has a directory") == true, "\(report)")
        #expect(try String(contentsOfFile: host.live + "/a", encoding: .utf8) == "I am a file\n")
      }
    }
  }
}
