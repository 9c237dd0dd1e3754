import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Init", .disabled(if: Host.skips)) struct Inits {
    /// A person runs from the live root, with links into a clone beside, and a file that the repository does not have like that.
    @Test func `a host that runs is written down, and the first sync restarts only what differs`() async throws {
      let old = sleeper("gateway", "labels: {v: old}")
      try await Host.with(
        [
          "infra/docker-compose.yml": sleeper("db", "environment: {A: \"$A\"}"), "compose/dell.yml": sleeper("web"),
          "compose/nas.yml": sleeper("web"), "gw/docker-compose.yml": sleeper("gateway", "labels: {v: new}"),
        ], live: ["infra/.env": "A=1\n", "gw/docker-compose.yml": old]
      ) { host in
        try await host.shell(
          """
          git clone -q repo.git live/clone && mkdir -p live/compose
          ln -s "$PWD/live/clone/infra/docker-compose.yml" live/infra/docker-compose.yml
          ln -s "$PWD/live/clone/compose/dell.yml" live/compose/dell.yml
          """)
        for stack in ["infra", "gw"] { _ = try await host.compose(stack, "up", "-d") }
        _ = try await host.compose("compose", "-p", "dell", "-f", "dell.yml", "up", "-d")
        let before = try await host.containers()
        let file = host.root + "/etc/clup.yaml"
        let printed = try await host.clup("init", "live/clone", "--print", "--config", file)
        #expect(printed.status == 0 && !FileManager.default.fileExists(atPath: file), "\(printed.errors)")
        let settings = try Settings.parse(Array(printed.output.utf8)).get()
        #expect(settings.liveRoot == host.live && settings.files == ["compose/dell.yml"])
        #expect(settings.repository == host.root + "/repo.git" && settings.branch == "main")

        let asked = try await host.clup("init", "live/clone", "--config", file)
        #expect(asked.status == 2 && asked.errors.contains("--yes"))
        let answer = try await host.clup("init", "live/clone", "--yes", "--config", file)
        #expect(answer.status == 0, "\(answer.output)\n\(answer.errors)")
        let same = "taken over as it runs, nothing restarts"
        #expect(
          answer.output.contains(
            "stacks:\n  compose/dell: \(same)\n  gw: restarts gateway, because configuration changed\n  infra: \(same)\n"
          ),
          "\(answer.output)")
        #expect(try await host.containers() == before)
        let again = try await host.clup("init", "live/clone", "--yes", "--config", file)
        #expect(again.status == 2 && again.errors.contains("is not overwritten"))

        #expect(try await host.clup("sync", "--config", file).status == 0)
        let after = try await host.containers()
        #expect(after.filter { before[$0.key] != $0.value }.keys.sorted() == ["gw/gateway"])
        // By now no container leads to a clone any more.
        let shown = try await host.clup("init", "--print", "--config", file)
        #expect(shown.status == 0, "\(shown.errors)")
        let configured = try Settings.parse(Array(shown.output.utf8)).get()
        #expect(configured.repository == settings.repository && configured.liveRoot == settings.liveRoot)
      }
    }

    @Test(arguments: ["repo.git", "work"]) func `a branch that is not there is named on the command line`(
      _ source: String
    ) async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        let answer = try await host.clup("init", source, "--branch", "gone", "--print")
        #expect(answer.status == 4 && answer.errors.contains("name another with `--branch`"), "\(answer)")
      }
    }
  }
}
