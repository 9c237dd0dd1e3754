import Core
import Foundation
import Testing

extension EndToEnd {
  /// What a sync tells while it works.
  @Suite("Events of a sync", .disabled(if: Host.skips)) struct Events {
    /// Splits what `--output ndjson` has printed into events and the report, which is the last line.
    private static func read(_ output: String) throws -> (events: [SyncEvent], report: Report) {
      var lines = output.split(separator: "\n").map { Data($0.utf8) }
      let last = try #require(lines.last)
      lines.removeLast()
      let report = try JSONDecoder().decode(Report.self, from: last)
      return (try lines.map { try JSONDecoder().decode(SyncEvent.self, from: $0) }, report)
    }

    @Test func `each stack is planned, worked on and ended, in this order, and the report comes last`() async throws {
      let watched = sleeper("web", "network_mode: none", "healthcheck: {test: [CMD, 'true'], interval: 1s}")
      let failing = sleeper(
        "web", "network_mode: none", "healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 1}")
      try await Host.with(["a/compose.yaml": watched, "b/compose.yaml": failing]) { host in
        let answer = try await host.clup(["sync", "--output", "ndjson"])
        let (events, report) = try Self.read(answer.output)
        #expect(answer.status == 1 && report.outcome == .failed)
        #expect(events.first?.kind == .phase && events.first?.text == "asking the repository")
        for (stack, outcome) in ["a": StackReport.Outcome.deployed, "b": .failed] {
          let own = events.filter { $0.stack == stack }
          #expect(own.first?.kind == .planned && own.first?.text.contains("first sync") == true, "\(own)")
          #expect(own.last?.kind == .ended && own.last?.outcome == outcome, "\(own)")
          #expect(own.contains { $0.text == "waiting for web to become healthy" && $0.limit == 300 }, "\(own)")
          #expect(own.dropFirst().dropLast().allSatisfy { $0.kind == .step })
        }
      }
    }

    @Test func `a commit that fails tells that it goes back`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("web", "network_mode: none")]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": Kills.bad])
        let (events, report) = try Self.read(try await host.clup(["sync", "--output", "ndjson"]).output)
        #expect(report.stacks.map(\.outcome) == [.rolledBack])
        let texts = events.filter { $0.stack == "a" }.map(\.text)
        let turn = try #require(texts.firstIndex { $0.hasPrefix("going back: web") }, "\(texts)")
        #expect(texts[turn...].contains("going back: waiting for web to keep running"), "\(texts)")
      }
    }

    @Test func `a pull tells how much has come of how much there is, and one that fails tells why`() async throws {
      try await Servers.with { host, servers in
        let name = try await servers.registry()
        try await host.shell(
          """
          head -c 20000000 /dev/urandom >blob; tar cf big.tar blob; docker import -q big.tar \(name)/big:1 2>/dev/null || docker import big.tar \(name)/big:1
          DOCKER_CONFIG=auth docker push -q \(name)/big:1; docker rmi \(name)/big:1
          """)
        try host.configure(host.root + "/repo.git", "credentials: {registry_auth_file: auth/config.json}")
        func compose(_ tag: String) -> String {
          "services:\n  web: {image: '\(name)/big:\(tag)', command: /blob, network_mode: none}\n"
        }
        try await host.push(["a/compose.yaml": compose("1")])
        let pulls = try Self.read(try await host.clup(["sync", "--output", "ndjson"]).output).events
          .filter { $0.text == "pulling images" }
        #expect(pulls.first?.bytes == nil && pulls.first?.limit != nil)
        #expect(pulls.contains { ($0.bytes ?? 0) > 0 && ($0.totalBytes ?? 0) >= 20_000_000 }, "\(pulls)")
        try await host.push(["a/compose.yaml": compose("2")])
        let answer = try await host.clup(["sync", "--output", "ndjson"])
        let error = try Self.read(answer.output).report.stacks.first?.error ?? ""
        #expect(error.contains("docker compose pull failed: ") && error.contains("big:2"), "\(error)")
        #expect(!error.contains("{"), "\(error)")
        _ = try? await host.docker("rmi", "-f", "\(name)/big:1")
      }
    }
  }
}
