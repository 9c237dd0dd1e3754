import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("The doctor", .disabled(if: Host.skips)) struct DoctorTests {
    /// A gateway with its state, and a runner that speaks to the engine through a proxy.
    static let files = [
      "gw-a/compose.yaml": sleeper(
        "gateway", "restart: unless-stopped", "environment: {TOKEN: \"${TOKEN}\"}", "volumes: ['./config:/state']",
        "healthcheck: {test: [CMD-SHELL, 'test -s /state/openclaw.json'], interval: 1s}"),
      "runner/compose/compose.yaml": """
      x-clup: {probes: [{exec: 'test ! -e /bad', service: runner}]}
      services:
        proxy:
          image: busybox:test
          command: [sh, -c, "mkdir /w && printf OK > /w/_ping && exec httpd -f -p 2375 -h /w"]
          stop_signal: SIGKILL
          restart: always
        runner:
          image: busybox:test
          command: sleep 100000
          stop_signal: SIGKILL
          restart: always
          environment: {DOCKER_HOST: "tcp://proxy:2375"}

      """,
    ]
    static let live = [
      "gw-a/.env": "TOKEN=\(secret)\n", "gw-a/config/openclaw.json": "{}", "gw-a/config/devices/paired.json": "{}",
      "gw-a/config/devices/pending.json": "[]",
    ]
    static let secret = "SecretValue4471"

    static func diagnose(_ host: Host, _ environment: [String: String] = [:], expect status: Int32) async throws
      -> Diagnosis
    {
      let answer = try await host.clup(["doctor", "--output", "json"], environment: environment)
      #expect(answer.status == status, "\(answer.output)\(answer.errors)")
      #expect(!answer.output.contains(secret) && !answer.errors.contains(secret))
      return try JSONDecoder().decode(Diagnosis.self, from: Data(answer.output.utf8))
    }

    static func failed(_ found: Diagnosis) -> Set<String> {
      Set(found.checks.filter { $0.result == .failed }.map { "\($0.stack ?? "") \($0.name)" })
    }

    @Test func `a host that is well is well, what breaks is found, and nothing is changed`() async throws {
      try await Host.with(Self.files, live: Self.live) { host in
        #expect(Self.failed(try await Self.diagnose(host, expect: 0)) == [])
        #expect(try await host.shell("ls \(host.live)") == "gw-a\n")
        _ = try await host.sync()
        let before = try await host.inventory() + (try await host.pointers())
        #expect(Self.failed(try await Self.diagnose(host, expect: 0)) == [])
        #expect(try await host.inventory() + (try await host.pointers()) == before)

        let containers = try await host.containers()
        let runner = try #require(containers["compose/runner"])
        try await host.docker("exec", runner, "touch", "/bad")
        try await host.docker("stop", try #require(containers["compose/proxy"]))
        try await host.docker("update", "--restart", "no", runner)
        try await host.shell(
          """
          cd \(host.live) && rm gw-a/config/openclaw.json gw-a/compose.yaml && echo 'services: {' > gw-a/compose.yaml
          chmod o+w runner/compose && mv ../repo.git ../moved.git
          """)
        let found = Self.failed(try await Self.diagnose(host, expect: 1))
        let expected: Set<String> = [
          "runner/compose sh in runner", "runner/compose proxy",
          "runner/compose /_ping from \(try await Self.name(host, runner))",
          "runner/compose restart policy", "runner/compose stack directory", "gw-a gateway state", "gw-a links",
          "gw-a Compose file", "gw-a in place", " repository",
        ]
        #expect(found.isSuperset(of: expected), "\(expected.subtracting(found))")
      }
    }

    private static func name(_ host: Host, _ id: String) async throws -> String {
      try await host.docker("inspect", "-f", "{{.Name}}", id).trimmingCharacters(in: CharacterSet(charactersIn: "/\n"))
    }

    /// What stands in the way of a sync is named with what takes it away, and after that a sync does what the doctor said.
    @Test func `the remedies work`() async throws {
      let name = "doctor-\(UUID().uuidString.prefix(8).lowercased())"
      try await Host.with(
        [
          "a/compose.yaml": sleeper("a", "container_name: \(name)", "restart: unless-stopped"),
          "b/compose.yaml": sleeper("b", "restart: unless-stopped", "environment: {TOKEN: \"${TOKEN}\"}"),
        ], live: ["b/.env": "TOKEN=\(Self.secret)\n"]
      ) { host in
        _ = try await host.sync()
        #expect(try await host.sync().outcome == .unchanged)
        try await host.docker("rm", "-f", name)
        try await host.docker("run", "-d", "--name", name, "busybox:test", "sleep", "1000")
        try await host.shell(
          "mv live/b/.env kept; chmod -R u+w live/clup/releases; rm live/clup/releases/*/b/compose.yaml")
        let found = try await Self.diagnose(host, expect: 1).checks
        func help(_ stack: String, _ name: String) -> String {
          found.first { $0.stack == stack && $0.name == name }?.help ?? ""
        }
        #expect(help("a", "a").contains("`docker rename \(name) \(name)-old`"), "\(found)")
        #expect(help("b", ".env").contains("BACKUP/.env \(host.live)/b/.env`"))
        #expect(help("b", "in place").hasPrefix("bring back \(host.live)/b/.env"))
        let aside = try #require(help("b", "links").firstMatch(of: /`(mv [^`]*)`/)?.1)
        #expect(try await host.clup("sync").status == 3)
        try await host.shell("mv kept live/b/.env; docker rename \(name) \(name)-old; \(aside)")
        _ = try await host.sync()
        #expect(Self.failed(try await Self.diagnose(host, expect: 0)) == [])
        try await host.docker("rm", "-f", "\(name)-old")
      }
    }

    @Test func `without an engine or a docker command the rest is still looked at, and the text fits 80 columns`()
      async throws
    {
      try await Host.with(Self.files, live: Self.live) { host in
        _ = try await host.sync()
        let away = try await Self.diagnose(host, ["DOCKER_HOST": "unix:///nowhere/docker.sock"], expect: 1)
        #expect(Self.failed(away) == [" Docker Engine"])
        #expect(away.checks.contains { $0.name == "containers" && $0.result == .skipped && $0.reason != nil })
        let none = try await Self.diagnose(host, ["PATH": "/nowhere"], expect: 1)
        #expect(Self.failed(none) == [" docker command"])
        let text = try await host.clup("doctor")
        #expect(
          text.output.split(separator: "\n").allSatisfy { $0.count <= 80 || !$0.contains(" · ") }, "\(text.output)")
        try host.write("clup.yaml", "branch: 1\n", in: host.root)
        #expect(try await host.clup("doctor").status == 2)
      }
    }

    @Test(arguments: [("auth", true), ("wrong", false)])
    func `a registry is asked with the logins of a pull`(_ file: String, _ isGood: Bool) async throws {
      try await Servers.with { host, servers in
        let name = try await servers.registry()
        try await host.push([
          "a/compose.yaml":
            "services:\n  web: {image: \"\(name)/web:1\", command: sleep 100000, stop_signal: SIGKILL}\n"
        ])
        try host.configure(host.root + "/repo.git", "credentials: {registry_auth_file: auth/config.json}")
        _ = try await host.sync()
        try host.configure(host.root + "/repo.git", "credentials: {registry_auth_file: \(file)/config.json}")
        let found = try await Self.diagnose(host, expect: isGood ? 0 : 1)
        let check = try #require(found.checks.first { $0.name == name })
        #expect(check.result == (isGood ? .good : .failed) && check.expected?.contains("robot") == true, "\(check)")
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        _ = try? await host.docker("rmi", "-f", "\(name)/web:1")
      }
    }
  }
}
