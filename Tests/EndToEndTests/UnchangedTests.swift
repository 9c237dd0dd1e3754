import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("A sync ends early where nothing changed", .disabled(if: Host.skips)) struct Unchanged {
    static let files = [
      "a/compose.yaml": sleeper("web", "networks: [default]", "volumes: ['./conf:/conf:ro']"), "a/conf/x": "x\n",
    ]

    /// Syncs until what was seen is kept: files that changed a moment ago are not taken for known.
    private func settle(_ host: Host) async throws {
      try await Task.sleep(for: .milliseconds(3100))
      #expect(try await host.sync().outcome == .unchanged)
      #expect(try await opened(by: host).isEmpty)
    }

    /// What a sync opens of the state and of the commit.
    private func opened(by host: Host) async throws -> String {
      let program = try #require(Host.binary)
      return try await host.shell(
        "CLUP_CONFIG=\(host.root)/clup.yaml strace -f -qq -e trace=openat \(program) sync 2>&1 >/dev/null "
          + "| grep -E 'state\\.json|/objects/|history|\\.new\\.' || true")
    }

    @Test func `nothing is read of the state or the commit, and nothing is written`() async throws {
      try await Host.with(Self.files) { host in
        _ = try await host.sync()
        let whole = try await host.sync()
        try await settle(host)
        let before = Picture(host.checkout).entries.mapValues(\.essence)
        let report = try await host.sync()
        #expect((report.stacks, report.links) == (whole.stacks, whole.links))
        #expect((report.commit, report.outcome) == (whole.commit, .unchanged))
        #expect(Picture(host.checkout).entries.mapValues(\.essence) == before)
        // What is damaged is made again.
        try await host.shell("sed -i 's/running/resting/' live/clup/checked")
        #expect(try await opened(by: host).contains("state.json"))
        #expect(try await host.sync().stacks == whole.stacks)
      }
    }

    /// What a first deploy asks of Compose, by what the host has of its own.
    static let firsts = [
      ("", ["config", "up"]),
      ("mkdir -p live/a && echo K=1 >live/a/.env", ["config", "config", "up"]),
    ]

    @Test(arguments: firsts) func `a stack that is new costs as few calls of Compose as it can`(
      before: String, calls: [String]
    ) async throws {
      try await Host.with(Self.files) { host in
        let program = try #require(Host.binary)
        try await host.shell(before)
        let log = try await host.shell(
          "CLUP_CONFIG=\(host.root)/clup.yaml strace -f -qq -s 400 -e trace=execve \(program) sync 2>&1 >/dev/null "
            + "| grep -oE 'docker-compose\".*\"(config|up)\"' || true")
        #expect(log.split(separator: "\n").map { $0.hasSuffix("\"up\"") ? "up" : "config" } == calls, "\(log)")
      }
    }

    /// Each line of shell is followed by what a sync must find.
    static let changes = [
      ("docker rm -f $c", "drift: container removed"),
      ("docker stop -t 0 $c", "drift: container exited"),
      ("docker network disconnect a_default $c", "left the network"),
      ("rm live/a/compose.yaml", "a/compose.yaml is not in place"),
      ("rm live/a/conf && cp -rL live/clup/stacks/a/a/conf live/a/conf", "a/conf is not in place"),
      ("rm live/clup/stacks/a", "its release link is missing"),
      ("echo K=1 >live/a/.env", "the host's a/.env changed"),
      (
        "touch -r live/a/.env stamp && echo K=2 >live/a/.env && touch -r stamp live/a/.env", "the host's a/.env changed"
      ),
      ("cp live/a/.env e && echo K=3 >e && touch -r live/a/.env e && mv e live/a/.env", "the host's a/.env changed"),
      ("rm live/a/.env && ln -s ../../e live/a/.env && echo K=4 >e", "the host's a/.env changed"),
      ("echo 'services: {web: {labels: {l: m}}}' >live/a/compose.override.yaml", "labels changed"),
    ]

    @Test func `every change on the host is found`() async throws {
      try await Host.with(Self.files) { host in
        _ = try await host.sync()
        for (line, reason) in Self.changes {
          try await settle(host)
          try await host.shell("c=$(docker ps -q --filter label=com.docker.compose.project=a); \(line)")
          let stack = try #require(try await host.sync().stacks.first, "\(line)")
          let reasons = stack.reasons + stack.services.compactMap(\.reason)
          #expect(reasons.contains { $0.contains(reason) }, "\(line): \(reasons)")
        }
        // The configuration is known by whatever name it is called.
        try await settle(host)
        try await host.shell("CLUP_CONFIG=clup.yaml \(try #require(Host.binary)) sync")
        try await host.shell("echo 'stacks: {exclude: [a]}' >>clup.yaml")
        let answer = try await host.clup(["sync"], environment: ["CLUP_CONFIG": "clup.yaml"])
        #expect(answer.status == 3 || answer.errors.contains("a is excluded"), "\(answer.output)\(answer.errors)")
      }
    }
  }
}
