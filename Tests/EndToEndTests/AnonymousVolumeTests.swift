import Core
import Testing

extension EndToEnd {
  /// What stands in a volume without a name, which Compose hands on only from the container that it replaces.
  @Suite("I11: anonymous volumes", .disabled(if: Host.skips)) struct AnonymousVolumesTests {
    static let keeping = "volumes: [/keep]"

    /// Writes into the volume of each container of a service, and says the names of those volumes.
    static func fill(_ host: Host, _ project: String = "a") async throws -> String {
      for id in try await ids(host, project) {
        try await host.shell("docker exec \(id) sh -c 'hostname > /keep/who'")
      }
      return try await volumes(host, project)
    }

    static func volumes(_ host: Host, _ project: String = "a") async throws -> String {
      var names: [String] = []
      for id in try await ids(host, project) {
        names.append(
          try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", id).replacing("\n", with: ""))
      }
      return names.joined()
    }

    private static func ids(_ host: Host, _ project: String) async throws -> [String] {
      let numbered = "{{.Label \"com.docker.compose.container-number\"}} {{.ID}}"
      return try await host.docker(
        "ps", "-a", "--filter", "label=com.docker.compose.project.working_dir=\(host.live)/\(project)", "--format",
        numbered
      ).split(separator: "\n").sorted().compactMap { $0.split(separator: " ").last.map(String.init) }
    }

    @Test func `a recovery mounts what a failed commit dropped`() async throws {
      let scale = "scale: 2"
      try await Host.with(["a/compose.yaml": sleeper("web", Self.keeping, scale)]) { host in
        _ = try await host.sync()
        let before = try await Self.fill(host)
        let bad = sleeper("web", "volumes: [/other]", "restart: always", scale)
        try await host.push(["a/compose.yaml": bad.replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await Self.volumes(host) == before)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
        #expect(try await Self.volumes(host) == before)
      }
    }

    @Test(arguments: [true, false]) func `a service that comes back after a commit without it has them again`(
      _ isRollback: Bool
    ) async throws {
      let both = sleeper("web", Self.keeping) + service("other")
      try await Host.with(["a/compose.yaml": both]) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers()["a/web"])
        try await host.shell("docker exec \(id) sh -c 'echo precious > /keep/who'")
        try await host.push(["a/compose.yaml": sleeper("other")])
        #expect(try await host.sync().outcome == .deployed)
        if isRollback {
          #expect(try await host.clup("rollback").status == 0)
        } else {
          try await host.push(["a/compose.yaml": both])
          _ = try await host.sync()
        }
        let back = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", back, "cat", "/keep/who") == "precious\n")
      }
    }

    @Test func `a container that somebody removed comes back with them`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("web", Self.keeping, "scale: 2")]) { host in
        _ = try await host.sync()
        let before = try await Self.fill(host)
        try await host.shell("docker rm -f $(docker ps -q --filter name=a-web-2)")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await Self.volumes(host) == before)
      }
    }

    @Test func `a recovery mounts those that stood there, not those that were deployed`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("web", Self.keeping)]) { host in
        _ = try await host.sync()
        _ = try await host.compose("a", "up", "-d", "--force-recreate", "--renew-anon-volumes")
        let before = try await Self.fill(host)
        try await host.push([
          "a/compose.yaml": sleeper("web", "restart: always").replacing("sleep 100000", with: "'false'")
        ])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await Self.volumes(host) == before)
      }
    }

    @Test func `a project that gets another name keeps them`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      try await Host.with(["a/compose.yaml": sleeper("web", Self.keeping)]) { host in
        _ = try await host.sync()
        let before = try await Self.fill(host)
        try await host.push(["a/compose.yaml": "name: \(name)\n" + sleeper("web", Self.keeping)])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await Self.volumes(host) == before)
      }
    }

    @Test func `a name over them is refused until it is there`() async throws {
      let named = sleeper("web", "volumes: ['data:/keep']") + "volumes: {data: {}}"
      try await Host.with(["a/compose.yaml": sleeper("web", Self.keeping)]) { host in
        _ = try await host.sync()
        let before = try await Self.fill(host)
        try await host.push(["a/compose.yaml": named])
        let refused = try await host.sync(expect: 3).diagnostics.first { $0.rule == "volume-changed" }
        #expect(refused?.line == 6 && refused?.message.contains(before.prefix(12)) == true)
        #expect(try await Self.volumes(host) == before)
        try await host.shell("docker volume create a_data")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        try await host.shell("docker volume rm -f \(before); docker rm -f a-web-1; docker volume rm -f a_data")
      }
    }

    @Test func `a rollback to a commit whose volume is gone is refused`() async throws {
      let top = "volumes: {data: {}}\n"
      try await Host.with(["a/compose.yaml": sleeper("web", "volumes: ['data:/d']") + top]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": sleeper("web")])
        _ = try await host.sync()
        try await host.shell("docker volume rm a_data")
        let refused = try await host.clup("rollback", "--output", "json")
        #expect(refused.status == 3)
        #expect(
          try refused.report().diagnostics.contains { $0.rule == "volume-changed" && $0.message.contains("a_data") })
        try await host.shell("docker volume create a_data")
        #expect(try await host.clup("rollback").status == 0)
        try await host.shell("docker rm -f a-web-1; docker volume rm -f a_data")
      }
    }

    @Test func `what a person ran comes back with them`() async throws {
      try await Host.with(
        ["a/compose.yaml": sleeper("web", "restart: always").replacing("sleep 100000", with: "'false'")],
        live: ["a/compose.yaml": sleeper("web", Self.keeping)]
      ) { host in
        _ = try await host.compose("a", "up", "-d")
        let before = try await Self.fill(host)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await Self.volumes(host) == before)
      }
    }
  }
}
