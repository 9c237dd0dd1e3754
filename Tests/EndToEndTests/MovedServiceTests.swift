import Core
import Foundation
import Testing

extension EndToEnd {
  /// A service that a commit takes out of one stack and puts into another.
  @Suite("I11: services that move to another stack", .disabled(if: Host.skips)) struct MovedServices {
    static let plain = sleeper("web", "network_mode: none")

    static func service(_ mount: String, _ volumes: String = "", named name: String? = nil) -> String {
      let container = name.map { ["container_name: \($0)"] } ?? []
      return sleeper("db", (["network_mode: none", "volumes: ['\(mount)']"] + container).joined(separator: "\n    "))
        + (volumes.isEmpty ? "" : "volumes: \(volumes)\n")
    }

    /// Deploys a service in `a`, lets it write, and moves it to `b`.
    private static func moving(
      _ mount: String, _ volumes: String = "", settings: String = "",
      _ check: (Host, Report, _ volume: String) async throws -> Void
    ) async throws {
      try await Host.with(
        ["a/compose.yaml": service(mount, volumes), "web/compose.yaml": plain], settings: settings
      ) { host in
        try await host.shell("mkdir -p live/a/state")
        _ = try await host.sync()
        let id = try #require(try await host.containers()["a/db"])
        try await host.docker("exec", id, "sh", "-c", "echo precious > /d/p")
        let volume = try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", id)
        try await host.push(["a/compose.yaml": plain, "b/compose.yaml": service(mount, volumes)])
        let report = try await host.sync(expect: 3)
        #expect(try await host.containers()["a/db"] == id, "it is left as it is")
        try await check(host, report, volume.trimmingCharacters(in: .newlines))
        if volumes.hasPrefix("{") { try await remove("a_data", host) }
      }
    }

    private static func remove(_ volume: String, _ host: Host) async throws {
      try await host.shell("docker rm -f $(docker ps -aq --filter volume=\(volume)); docker volume rm \(volume)")
    }

    private static func content(_ host: Host, _ service: String = "b/db") async throws -> String {
      let id = try #require(try await host.containers()[service])
      return try await host.docker("exec", id, "cat", "/d/p")
    }

    @Test(arguments: ["", "sync: {gate: stack}\n"])
    func `a named volume stays with it by its name`(_ settings: String) async throws {
      try await Self.moving("data:/d", "{data: {}}", settings: settings) { host, report, volume in
        let found = try #require(report.diagnostics.first { $0.rule == "volume-changed" })
        #expect(found.stack == "b" && found.help.contains("{data: {name: \(volume)}}"), "\(found)")
        try await host.push(["b/compose.yaml": Self.service("data:/d", "{data: {name: \(volume)}}")])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await Self.content(host) == "precious\n")
        #expect(try await host.containers()["a/db"] == nil)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `an anonymous volume stays with it by its name`() async throws {
      try await Self.moving("/d") { host, report, volume in
        let found = try #require(report.diagnostics.first { $0.rule == "volume-changed" })
        #expect(found.help.contains("mount `kept:/d`") && found.help.contains(volume), "\(found)")
        try await host.push([
          "b/compose.yaml": Self.service("kept:/d", "{kept: {external: true, name: \(volume)}}")
        ])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await Self.content(host) == "precious\n")
      }
    }

    @Test func `a directory has to be moved along`() async throws {
      try await Self.moving("./state:/d") { host, report, _ in
        let found = try #require(report.diagnostics.first { $0.rule == "missing-bind" })
        #expect(found.severity == .error && found.message.contains("when db was moved"), "\(found)")
        try await host.shell("mkdir -p live/b && mv live/a/state live/b/state && ln -s ../b/state live/a/state")
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await Self.content(host) == "precious\n")
      }
    }

    @Test func `a move can be undone in the repository, and a rollback says so`() async throws {
      let name = "clup-moved-\(UInt32.random(in: .min ... .max))"
      let before = Self.service("data:/d", "{data: {}}", named: name)
      try await Host.with(["a/compose.yaml": before, "web/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let volume = try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", name)
        let kept = "{data: {name: \(volume.trimmingCharacters(in: .newlines))}}"
        try await host.docker("exec", name, "sh", "-c", "echo precious > /d/p")
        try await host.push([
          "a/compose.yaml": Self.plain, "b/compose.yaml": Self.service("data:/d", kept, named: name),
        ])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await Self.content(host) == "precious\n")
        let answer = try await host.clup("rollback", "--all", "HEAD~1")
        #expect(answer.status == 3 && answer.output.contains("has no stack b"), "\(answer)")
        #expect(answer.output.contains("git revert"), "\(answer)")
        try await host.push(["a/compose.yaml": before, "b/compose.yaml": nil])
        let report = try await host.sync()
        #expect(report.stacks.first { $0.name == "b" }?.outcome == .removed, "\(report)")
        #expect(try await Self.content(host, "a/db") == "precious\n")
        #expect(try await host.sync().outcome == .unchanged)
        try await Self.remove("a_data", host)
      }
    }
  }
}
