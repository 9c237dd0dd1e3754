import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("Being cut off", .disabled(if: Host.skips)) struct CutOff {
    /// Kills the program at many moments of a sync; each time the next sync ends where an uninterrupted one would.
    @Test func `I5: a sync that is killed is completed by the next one`() async throws {
      let stacks = ["a", "b", "c"]
      func files(_ round: Int) -> [String: String] {
        Dictionary(
          uniqueKeysWithValues: stacks.flatMap { name in
            [
              (
                "\(name)/compose.yaml",
                sleeper(name, "environment: {R: \"\(round)\"}", "volumes: [\"./conf:/conf:ro\"]")
              ),
              ("\(name)/conf", "round \(round)\n"),
            ]
          })
      }
      try await Host.with(files(0), live: ["a/compose.yaml": "by hand: 1\n", "a/data/x": "state\n"]) { host in
        let program = try #require(Host.binary)
        for (round, delay) in [30, 120, 250, 400, 600, 900, 1300, 1800].enumerated() {
          if round > 0 { try await host.push(files(round)) }
          var variables = host.environment
          variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
          // The deadline of a child is a TERM and then a KILL for its whole group: as hard as a crash gets.
          _ = try await run(
            Command(
              "/bin/sh", ["-c", "\(program) sync & sleep 0.\(String(format: "%04d", delay * 10)); kill -9 $!; wait"],
              environment: variables, directory: host.root, deadline: .seconds(30)))
          _ = try await host.sync()
          for name in stacks {
            let id = try #require(try await host.containers()["\(name)/\(name)"])
            #expect(try await host.docker("exec", id, "cat", "/conf") == "round \(round)\n")
          }
          #expect(try await host.sync().outcome == .unchanged)
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: host.live + "/a").filter { $0.contains(".bak.") }
        #expect(kept.count == 1)
        #expect(try String(contentsOfFile: host.live + "/a/" + kept[0], encoding: .utf8) == "by hand: 1\n")
        #expect(try String(contentsOfFile: host.live + "/a/data/x", encoding: .utf8) == "state\n")
        let left = try FileManager.default.subpathsOfDirectory(atPath: host.checkout).filter {
          $0.hasPrefix("view.") || $0.hasPrefix("releases/.new")
        }
        #expect(left == [])
      }
    }

    @Test func `an interrupt ends the sync with a report, and the next one goes on`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a", "healthcheck: {test: [CMD, \"false\"], interval: 30s}")]) {
        host in
        let program = try #require(Host.binary)
        var variables = host.environment
        variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
        let outcome = try await run(
          Command(
            "/bin/sh", ["-c", "\(program) sync --output json & sleep 3; kill -TERM $!; wait $!"],
            environment: variables,
            directory: host.root, deadline: .seconds(30)))
        #expect(outcome.status == .exited(1))
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output))
        #expect(report.stacks.first?.error?.contains("interrupted") == true, "\(report)")
        try await host.push(["a/compose.yaml": sleeper("a")])
        #expect(try await host.sync().outcome == .deployed)
      }
    }
  }
}
