import Core
import Foundation
import Testing

extension EndToEnd {
  /// Whose a volume, a network or a place is, told by what the engine has and clup remembers.
  @Suite("Each stack keeps its own", .disabled(if: Host.skips)) struct Ownership {
    static func words(_ report: Report) -> [String] {
      report.diagnostics.filter(\.refuses).map { "\($0.rule) \($0.file):\($0.line ?? 0) \($0.message)" }
    }

    @Test func `a volume of another project, or one that a container outside of clup uses, is not taken`() async throws
    {
      let id = UUID().uuidString.prefix(8).lowercased()
      let (made, dormant, free) = ("hand-\(id)", "vault\(id)_data", "free-\(id)")
      func external(_ name: String) -> String {
        sleeper("a", "volumes: ['vol:/v']") + "volumes: {vol: {external: true, name: \(name)}}\n"
      }
      let job =
        "x-clup: {timeout: 1m}\nservices: {j: {image: 'j:1', network_mode: none, mem_limit: 1g, cpus: 1, pids_limit: 9, volumes: ['vol:/v:ro']}}\nvolumes: {vol: {external: true, name: \(made)}}\n"
      try await Host.with(["z/compose.yaml": sleeper("z")]) { host in
        for name in [made, free] { try await host.docker("volume", "create", name) }
        try await host.docker("volume", "create", "--label", "com.docker.compose.project=vault\(id)", dormant)
        try await host.docker("create", "--name", made, "-v", "\(made):/x", "busybox:test", "true")
        let claims = [
          (external(made), "a container that no project made"), (external(dormant), "the project vault\(id)"),
          (
            "name: vault\(id)\n" + sleeper("a", "volumes: ['data:/v']") + "volumes: {data: {}}\n",
            "the project vault\(id)"
          ),
        ]
        for (text, owner) in claims {
          try await host.push(["a/compose.yaml": text])
          let words = Self.words(try await host.sync("--dry-run", expect: 3))
          #expect(
            words.contains { $0.hasPrefix("project-collision a/compose.yaml:") && $0.contains(owner) }, "\(words)")
        }
        try await host.push(["a/compose.yaml": sleeper("a"), "runner/job-definitions/j.yml": job])
        let words = Self.words(try await host.sync("--dry-run", expect: 3))
        #expect(words.contains { $0.hasPrefix("project-collision runner/job-definitions/j.yml:") }, "\(words)")
        // What nobody uses is there to be used, and stays the stack's.
        try await host.push(["a/compose.yaml": external(free), "runner/job-definitions/j.yml": nil])
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": external(free) + "x-more: 1\n"])
        _ = try await host.sync()
        try await host.docker("rm", "-f", made)
        _ = try await host.docker("rm", "-f", try #require(try await host.containers()["a/a"]))
        for name in [made, dormant, free] { try await host.docker("volume", "rm", name) }
      }
    }

    @Test func `a project's chosen name keeps the volumes that the stack had`() async throws {
      let name = "kept\(UUID().uuidString.prefix(8).lowercased())"
      let file = "name: \(name)\n" + sleeper("a", "volumes: ['data:/v']") + "volumes: {data: {}}\n"
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file.replacing("100000", with: "100001")])
        #expect(try await host.sync().outcome == .deployed)
        // What a person ran by that name before clup, too.
        try await host.shell("rm \(host.checkout)/state.json")
        try await host.push(["a/compose.yaml": file])
        #expect(try await host.sync().outcome == .deployed)
        _ = try await host.docker("rm", "-f", try #require(try await host.containers()["\(name)/a"]))
        try await host.docker("volume", "rm", "\(name)_data")
      }
    }

    @Test func `the holder of the socket does not join a network that another stack is on`() async throws {
      let id = UUID().uuidString.prefix(8).lowercased()
      let proxy = sleeper("proxy", "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", "networks: [net]")
      func file(_ network: String) -> String { proxy + "networks: {net: {\(network)}}\n" }
      let policy =
        "policy: {waivers: [{rule: docker-socket, stack: p, service: proxy, image: 'busybox:test', commands: [sleep 100000], reason: the holder, expires: 2999-01-01}]}\n"
      try await Host.with(
        [
          "a/compose.yaml": sleeper("a", "networks: [net]") + "networks: {net: {name: shared-\(id)}}\n",
          "p/compose.yaml": file(""),
        ], settings: policy
      ) { host in
        _ = try await host.sync()
        try await host.push(["p/compose.yaml": "x-clup: {after: [a]}\n" + file("external: true, name: shared-\(id)")])
        let words = Self.words(try await host.sync(expect: 3))
        #expect(
          words.contains { $0.hasPrefix("socket-proxy p/compose.yaml:") && $0.contains("shared-\(id)") }, "\(words)")
      }
    }

    @Test func `who shares a network with the holder of the socket is asked for once the holder is excused`()
      async throws
    {
      let id = "shared-\(UUID().uuidString.prefix(8).lowercased())"
      let holder = sleeper("h", "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", "networks: [net]")
      let guest =
        "x-clup: {after: [h]}\n" + sleeper("a", "networks: [net]") + "networks: {net: {name: \(id), external: true}}\n"
      let files = ["h/compose.yaml": holder + "networks: {net: {name: \(id)}}\n", "apps/a/compose.yaml": guest]
      let waiver =
        "waivers: [{rule: docker-socket, stack: h, service: h, image: 'busybox:test', commands: [sleep 100000], reason: the holder, expires: 2999-01-01}]"
      let rows: [(policy: String, refused: Set<String>)] = [
        ("", ["docker-socket h"]), ("policy: {\(waiver)}\n", ["docker-socket apps/a", "socket-proxy h"]),
        ("policy: {\(waiver), shared: [{network: \(id), stacks: [h, 'apps/*']}]}\n", []),
        (
          "policy: {\(waiver), shared: [{network: \(id), stacks: [apps/a]}]}\n",
          ["docker-socket apps/a", "socket-proxy h"]
        ),
      ]
      for (policy, refused) in rows {
        try await Host.with(files, settings: policy) { host in
          let answer = try await host.clup(["validate", "work", "--config", "clup.yaml", "--output", "json"])
          let errors = (try JSON(parsing: Array(answer.output.utf8))["diagnostics"]?.array ?? []).filter {
            $0["severity"]?.string == "error" && $0["waived"] != .bool(true)
          }
          let found = errors.map { "\($0["rule"]?.string ?? "") \($0["stack"]?.string ?? "")" }
          #expect(Set(found) == refused && found.count == refused.count, "\(answer.output)")
          // On a host the holder may run already, started by hand.
          _ = try await host.sync("--dry-run", expect: refused.isEmpty ? 0 : 3)
        }
      }
    }

    @Test func `a place that was not there is given back to the stack that comes there`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a", "volumes: ['../later/data:/d']")]) { host in
        #expect(try await host.sync().outcome == .deployed)
        try await host.push(["later/compose.yaml": sleeper("later", "volumes: ['./data:/d']")])
        let words = Self.words(try await host.sync(expect: 3))
        #expect(words.contains { $0.hasPrefix("host-path later/compose.yaml:") && $0.contains("a mounts") }, "\(words)")
        try await host.push(["a/compose.yaml": sleeper("a")])
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test func `a claim that is refused does not hold back the one whose it is`() async throws {
      let port = "127.0.0.1:\(Int.random(in: 20000...29999)):80"
      let bank = sleeper("db", "volumes: ['data:/d']", "ports: ['\(port)']") + "volumes: {data: {}}\n"
      try await Host.with(
        ["bank/compose.yaml": bank, "app/compose.yaml": sleeper("a")], settings: "sync: {gate: stack}\n"
      ) { host in
        _ = try await host.sync()
        let thief =
          sleeper("a", "container_name: bank-db-1", "volumes: ['data:/d']", "ports: ['\(port)']")
          + "volumes: {data: {name: bank_data}}\nnetworks: {default: {name: bank_default}}\n"
        try await host.push(["bank/compose.yaml": bank.replacing("100000", with: "100001"), "app/compose.yaml": thief])
        let report = try await host.sync(expect: 3)
        #expect(report.stacks.map(\.outcome) == [.refused, .deployed], "\(Self.words(report))")
        #expect(Self.words(report).allSatisfy { $0.contains(" app/") }, "\(Self.words(report))")
        #expect(Self.words(report).count == 4, "\(Self.words(report))")
        try await host.push(["bank/compose.yaml": bank, "app/compose.yaml": "name: bank\n" + sleeper("a")])
        #expect(try await host.sync(expect: 3).stacks.map(\.outcome) == [.refused, .deployed])
      }
    }
  }
}
