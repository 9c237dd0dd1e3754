import Core
import Foundation
import Testing

extension EndToEnd {
  /// Stacks that the host's configuration makes of a repository's files.
  @Suite("Layouts", .disabled(if: Host.skips)) struct Layouts {
    static let mount = "volumes: [\"./conf:/conf:ro\"]"

    @Test func `files of one directory are stacks that share its .env, and one goes without the other`() async throws {
      try await Host.with(
        [
          "apps/a.yml": sleeper("web", "environment: {A: \"$A\"}", Self.mount), "apps/conf": "x\n",
          "common/x.yaml": "services: {s: {image: 'busybox:test'}}\n", "other/compose.yaml": "no Compose file: [\n",
        ],
        live: ["apps/.env": "A=1\n"],
        settings: "stacks: {include: [apps, common], files: [\"apps/*.yml\"]}\nsync: {prune: remove}\n"
      ) { host in
        let first = try await host.sync()
        #expect(first.stacks.map(\.name) == ["apps/a"] && first.stacks.map(\.project) == ["a"])
        #expect(first.diagnostics.filter { $0.rule == "unmanaged-file" }.map(\.file) == ["common/x.yaml"])
        let before = try #require(try await host.containers()["a/web"])
        try await host.push(["apps/b.yml": sleeper("web", "labels: {v: one}", Self.mount)])
        let second = try await host.sync()
        #expect(second.stacks.map(\.outcome) == [.unchanged, .deployed])
        #expect(try await host.containers()["a/web"] == before)
        let label = try await host.docker(
          "inspect", "-f", "{{index .Config.Labels \"com.docker.compose.project.config_files\"}}", "b-web-1")
        #expect(label == "\(host.live)/apps/b.yml\n")
        // A deploy that fails, and a rollback, go back to the file that is named.
        try await host.push(["apps/b.yml": sleeper("web", "labels: {v: two}", Self.mount, "entrypoint: 'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.unchanged, .rolledBack])
        try await host.push(["apps/b.yml": sleeper("web", "labels: {v: three}", Self.mount)])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged, .deployed])
        #expect(try await host.clup("rollback", "--stack", "apps/b").status == 0)
        #expect(try await host.docker("inspect", "-f", "{{.Config.Labels.v}}", "b-web-1") == "one\n")
        #expect(try await host.clup("resume").status == 0)
        // Both take up what they share; what leaves takes nothing of the other's with it.
        try await host.push(["apps/conf": "y\n"])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .deployed])
        try await host.push(["apps/a.yml": nil])
        #expect(try await host.sync().stacks.map(\.outcome) == [.removed, .unchanged])
        #expect(try await host.containers().keys.sorted() == ["b/web"])
        #expect(try await host.docker("exec", "b-web-1", "cat", "/conf") == "y\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a file that is no longer a stack leaves what runs alone, whatever is pruned`() async throws {
      try await Host.with(
        ["c/nas.yml": sleeper("web"), "d/compose.yaml": sleeper("web")],
        settings: "stacks: {files: [c/nas.yml]}\nsync: {prune: remove}\n"
      ) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell("sed -i /^stacks/d clup.yaml")
        let answer = try await host.clup("sync")
        #expect(answer.status == 0 && answer.errors.contains("c/nas is no longer a stack of this host"))
        #expect(try await host.containers() == before)
      }
    }

    @Test func `files are laid over each other, and another list of them is taken up`() async throws {
      let prod = "services:\n  web:\n    labels: {v: prod}\n"
      try await Host.with(["api/compose.yaml": sleeper("web", "labels: {v: base}"), "api/prod.yaml": prod]) { host in
        _ = try await host.sync()
        let plain = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try host.write(
          "clup.yaml", plain + "stacks: {api: {compose_files: [compose.yaml, prod.yaml]}}\n", in: host.root)
        #expect(try await host.sync().stacks.flatMap(\.services).map(\.reason) == ["labels changed"])
        #expect(try await host.sync().outcome == .unchanged)
        try host.write("clup.yaml", plain, in: host.root)
        #expect(try await host.sync().stacks.flatMap(\.services).map(\.reason) == ["labels changed"])
        #expect(try await host.docker("inspect", "-f", "{{.Config.Labels.v}}", "api-web-1") == "base\n")
      }
    }

    @Test func `what a person runs of such a file is taken over as it is`() async throws {
      let (file, other) = ("name: shop\n" + sleeper("web"), "name: till\n" + sleeper("web"))
      let files = ["apps/a.yml": file, "apps/b.yml": other]
      try await Host.with(files, live: files, settings: "stacks: {files: [\"apps/*.yml\"]}\n") { host in
        for name in ["a.yml", "b.yml"] { _ = try await host.compose("apps", "-f", name, "up", "-d") }
        let before = try await host.containers()
        let report = try await host.sync()
        #expect(report.stacks.flatMap(\.services).map(\.action) == [.keep, .keep])
        #expect(try await host.containers() == before)
      }
    }

    @Test func `a stack that another one includes is a part of it`() async throws {
      try await Host.with([
        "compose.yaml": "name: everything\ninclude: [media/compose.yaml]\n",
        "media/compose.yaml": sleeper("player", "container_name: player-of-\(UUID().uuidString)"),
      ]) { host in
        let planned = try await host.clup("sync", "--dry-run")
        #expect(planned.status == 0 && planned.errors.contains("media/compose.yaml is not a stack of its own"))
        #expect(try await host.sync().stacks.map(\.name) == ["."])
        #expect(try await host.containers().count == 1)
      }
    }
  }
}
