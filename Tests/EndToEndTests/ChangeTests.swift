import Core
import Foundation
import Testing

extension EndToEnd {
  /// Changes that are easily taken for none, or for one stack's own.
  @Suite("Changes that are easily missed", .disabled(if: Host.skips)) struct Changes {
    @Test func `I8: a dry run's diff shows files and what Compose resolves, and no value of the host's`() async throws {
      func file(_ mark: String) -> String {
        "services:\n  web:\n    image: ${IMAGE}\n    command: [sleep, 1\(mark)]\n    network_mode: none\n"
          + "    stop_signal: SIGKILL\n    environment: {TOKEN: \"${TOKEN}\"}\n"
      }
      let values = "IMAGE=busybox:test\nTOKEN=hunter2hunter2\n"
      try await Host.with(["a/compose.yaml": file("d")], live: ["a/.env": values]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file("h")])
        try host.write("a/.env", values.replacing("hunter2hunter2", with: "correct-horse"), in: host.live)
        let said = try await host.clup("sync", "--dry-run", "--diff")
        let lines = said.output.split(separator: "\n")
        for line in [
          "-    command: [sleep, 1d]", "+    command: [sleep, 1h]", #"- services.web.command: ["sleep","1d"]"#,
          #"+ services.web.command: ["sleep","1h"]"#,
        ] { #expect(lines.contains { $0 == line }, "\(line) in \(said.output)") }
        #expect(!said.output.contains("correct-horse") && !said.output.contains("hunter2"))
      }
    }

    @Test func `a configured link follows a commit that changes nothing else`() async throws {
      try await Host.with(
        ["s/compose.yaml": sleeper(), "jobs/a.yml": "a\n"], settings: "links: [{from: jobs, to: job-definitions}]\n"
      ) { host in
        _ = try await host.sync()
        try await host.push(["jobs/a.yml": "b\n"])
        let report = try await host.sync()
        #expect(report.outcome == .deployed && report.stacks.map(\.outcome) == [.unchanged])
        #expect(try String(contentsOfFile: host.live + "/job-definitions/a.yml", encoding: .utf8) == "b\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a commit that goes back after a failed one brings the old content back`() async throws {
      let file = sleeper(
        "web", "volumes: [\"./conf:/conf:ro\"]",
        "healthcheck: {test: [CMD, grep, -q, good, /conf], interval: 1s, retries: 1}")
      try await Host.with(["s/compose.yaml": file, "s/conf": "good\n"]) { host in
        _ = try await host.sync()
        try await host.push(["s/conf": "bad\n"])
        let failed = try await host.sync(expect: 1).stacks[0]
        #expect(failed.outcome == .rolledBack && failed.error?.hasPrefix("web is unhealthy") == true)
        #expect(try String(contentsOfFile: host.live + "/s/conf", encoding: .utf8) == "good\n")
        let back = try await host.containers()
        _ = try await host.sync(expect: 1)
        #expect(try await host.containers() == back, "the same commit does not restart it again and again")
        // The content is what runs already: the new commit has nothing to do, and nothing is held any more.
        try await host.push(["s/conf": "good\n"])
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.status()["s"]?["held"] == .null)
        let id = try #require(try await host.containers().values.first)
        #expect(try await host.docker("exec", id, "cat", "/conf") == "good\n")
      }
    }

    @Test func `a file that goes from one stack to two, and back, is never away`() async throws {
      let file = { (name: String, with: Bool) in sleeper(name, with ? "env_file: [../common/x.env]" : "environment: {}")
      }
      try await Host.with([
        "a/compose.yaml": file("a", true), "b/compose.yaml": file("b", false), "common/x.env": "X=1\n",
      ]) {
        host in
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": file("b", true), "common/x.env": "X=2\n"])
        #expect(try await host.sync().links.map(\.action).contains(.remove) == false)
        #expect(try String(contentsOfFile: host.live + "/common/x.env", encoding: .utf8) == "X=2\n")
        try await host.push(["a/compose.yaml": file("a", false), "common/x.env": "X=3\n"])
        _ = try await host.sync()
        #expect(try String(contentsOfFile: host.live + "/common/x.env", encoding: .utf8) == "X=3\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a stack that takes over a removed one's file keeps it in place`() async throws {
      let file = sleeper("web", "env_file: [../common/x.env]")
      try await Host.with(["a/compose.yaml": file, "common/x.env": "X=1\n"], settings: "sync: {prune: remove}\n") {
        host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": nil, "b/compose.yaml": file])
        let report = try await host.sync()
        #expect(report.stacks.map(\.outcome) == [.removed, .deployed])
        #expect(try String(contentsOfFile: host.live + "/common/x.env", encoding: .utf8) == "X=1\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a directory of one stack and a file in it of another are led together`() async throws {
      try await Host.with([
        "a/compose.yaml": sleeper("a", "volumes: [\"../shared:/shared:ro\"]"),
        "b/compose.yaml": sleeper("b", "env_file: [../shared/x.env]"), "shared/x.env": "X=1\n", "shared/y": "y\n",
      ]) { host in
        _ = try await host.sync()
        try await host.push(["shared/x.env": "X=2\n"])
        let report = try await host.sync()
        #expect(report.stacks.map(\.reasons) == [["mounted file shared changed"], ["environment changed"]])
        #expect(try String(contentsOfFile: host.live + "/shared/x.env", encoding: .utf8) == "X=2\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `an order in the configuration is taken up and given up again`() async throws {
      try await Host.with(
        ["a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b")], settings: "sync: {prune: remove}\n"
      ) { host in
        let plain = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        let set = { (text: String) in
          try (plain + text).write(toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        }
        try set("stacks: {b: {after: [a]}}\n")
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": nil])
        _ = try await host.sync(expect: 3)
        try set("stacks: {b: {deploy_timeout: 1m}}\n")
        #expect(try await host.sync().stacks.map(\.outcome) == [.removed, .unchanged])
      }
    }

    @Test func `removing a stack leaves another project of the same name alone`() async throws {
      try await Host.with(
        ["a/compose/compose.yaml": sleeper("web"), "b/compose.yaml": sleeper("b")], settings: "sync: {prune: remove}\n"
      ) { host in
        _ = try await host.sync()
        try host.write("elsewhere/compose/compose.yaml", sleeper("user"), in: host.root)
        try await host.shell("cd elsewhere/compose && \(try #require(Host.plugin)) up -d 2>&1")
        try await host.push(["a/compose/compose.yaml": nil])
        #expect(try await host.sync().stacks.map(\.outcome) == [.removed, .unchanged])
        let left = try await host.docker(
          "ps", "--filter", "label=com.docker.compose.project=compose", "--format",
          "{{.Label \"com.docker.compose.service\"}}")
        #expect(left == "user\n")
        try await host.shell("cd elsewhere/compose && \(try #require(Host.plugin)) down 2>&1")
      }
    }

    @Test func `I1: a link that a container put into its directory leads clup nowhere`() async throws {
      try await Host.with(
        ["s/compose.yaml": sleeper("web", "volumes: [\"./conf:/conf\"]"), "s/conf/sub/f": "1\n"],
        live: ["s/conf/own": "x\n"]
      ) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers().values.first)
        try await host.docker("exec", id, "sh", "-c", "mv /conf/sub /conf/old && ln -s ../../clup /conf/sub")
        try await host.push(["s/conf/sub/f": "2\n"])
        let report = try await host.sync(expect: 3)
        #expect(report.diagnostics.contains { $0.message.contains("is a link") })
        #expect(!FileManager.default.fileExists(atPath: host.checkout + "/f"))
      }
    }

    @Test func `a release that is gone is made again`() async throws {
      try await Host.with(["s/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell("rm -rf live/clup/releases/*")
        #expect(try await host.clup(["status", "--exit-code"]).status == 1)
        #expect(try await host.sync().outcome == .deployed)
        #expect(FileManager.default.fileExists(atPath: host.live + "/s/compose.yaml"))
        #expect(try await host.containers() == before)
      }
    }

    @Test func `I8: no value of the host's own is told, whatever Compose or a container says`() async throws {
      let secret = "hunter2-topsecret"
      let rows = [
        ("ports: ['${PORT}:80']", "PORT=\(secret)\n"), ("image: 'busybox:${PORT}'", "PORT=\(secret)\n"),
        ("command: sh -c 'echo $$PORT; exit 3'\n    environment: {PORT: '${PORT}'}", "PORT=\(secret)\n"),
        ("labels: {a: b}", "PORT=\"\(secret)\n"),
      ]
      for (line, values) in rows {
        let file = "services:\n  web:\n    \(line.contains("image:") ? "" : "image: busybox:test\n    ")\(line)\n"
        try await Host.with(["s/compose.yaml": file], live: ["s/.env": values]) { host in
          let answer = try await host.clup(["sync", "--output", "json"])
          #expect(answer.status != 0)
          #expect(!(answer.output + answer.errors).contains("topsecret"), "\(line): \(answer.output) \(answer.errors)")
          let history = try? String(contentsOfFile: host.checkout + "/history.jsonl", encoding: .utf8)
          #expect(history?.contains("topsecret") != true, "\(line)")
        }
      }
    }

    @Test func `a kill ends what the sync had started`() async throws {
      let file =
        sleeper("base", "healthcheck: {test: [CMD, 'false'], interval: 30s}")
        + service("web", ["depends_on: {base: {condition: service_healthy}}"])
      try await Host.with(["s/compose.yaml": file]) { host in
        let program = try #require(Host.binary)
        let started =
          "for id in $(pgrep -f 'docker-compose up'); do readlink /proc/$id/cwd; done | grep -F '\(host.root)/' || true"
        let during = try await host.shell(
          "\(program) sync --config clup.yaml >/dev/null 2>&1 & sleep 3; \(started); kill -9 $!; wait $! || true")
        #expect(during == host.live + "/s\n")
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await host.shell(started) == "")
      }
    }

    @Test func `a reader that goes away does not end a sync`() async throws {
      try await Host.with(["s/compose.yaml": sleeper()]) { host in
        let program = try #require(Host.binary)
        try await host.shell(
          "(\(program) sync --config clup.yaml 2>&1; touch ended) | true; until [ -e ended ]; do sleep 0.1; done")
        #expect(try await host.containers().count == 1)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }
  }
}
