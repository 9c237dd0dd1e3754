import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Files and directories that a deploy brings", .disabled(if: Host.skips)) struct DeployedFiles {
    @Test func `a stack that runs already is taken over without a restart`() async throws {
      let file = sleeper("web", "volumes: [\"./conf:/conf:ro\"]")
      try await Host.with(["s/compose.yaml": file, "s/conf": "x\n"], live: ["s/compose.yaml": file, "s/conf": "x\n"]) {
        host in
        _ = try await host.compose("s", "up", "-d")
        let before = try await host.containers()
        let report = try await host.sync()
        #expect(report.outcome == .deployed)
        #expect(report.stacks.flatMap(\.services).map(\.action) == [.keep])
        #expect(report.links.compactMap(\.backup).count == 2)
        #expect(try await host.containers() == before)
        #expect(try await host.compose("s", "ps", "-q").split(separator: "\n").count == 1)
      }
    }

    @Test func `the root is a stack, an override is laid over its file, and a profile that is off stays off`()
      async throws
    {
      try await Host.with([
        "compose.yaml": sleeper("web") + service("debug", ["profiles: [debug]"]),
        "compose.override.yaml": "services:\n  web:\n    environment: {A: overridden}\n",
        "sub/docker-compose.yml": sleeper("inner"),
      ]) { host in
        let report = try await host.sync()
        #expect(report.stacks.map(\.name) == [".", "sub"])
        #expect(report.stacks[0].services.map(\.name) == ["web"])
        let id = try #require(try await host.containers().first { $0.key.hasSuffix("/web") }?.value)
        #expect(try await host.docker("inspect", "-f", "{{.Config.Env}}", id).contains("A=overridden"))
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `the host's .env chooses profiles, and a change there is taken up`() async throws {
      let files = [
        "s/compose.yaml": sleeper("web", "environment: {A: \"$A\"}") + service("debug", ["profiles: [debug]"])
      ]
      try await Host.with(files, live: ["s/.env": "A=1\n"]) { host in
        #expect(try await host.sync().stacks[0].services.map(\.name) == ["web"])
        try host.write("s/.env", "A=1\nCOMPOSE_PROFILES=debug\n", in: host.live)
        let report = try await host.sync()
        #expect(report.stacks[0].services.map(\.action) == [.create, .keep])
        try host.write("s/.env", "A=2\nCOMPOSE_PROFILES=debug\n", in: host.live)
        #expect(try await host.sync().stacks[0].services.map(\.reason) == [nil, "environment changed"])
      }
    }

    @Test func `a mounted directory is filled with copies, beside what the container keeps there`() async throws {
      try await Host.with(
        [
          "s/compose.yaml": sleeper("web", "volumes: [\"./site:/site\"]"), "s/site/index.html": "one\n",
          "s/site/sub/page.html": "p\n",
        ], live: ["s/site/upload.bin": "the container's own"]
      ) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers().values.first)
        #expect(try await host.docker("exec", id, "cat", "/site/index.html", "/site/sub/page.html") == "one\np\n")
        try await host.push(["s/site/index.html": "two\n", "s/site/sub/page.html": nil])
        let report = try await host.sync()
        #expect(report.stacks[0].services.map(\.reason) == ["mounted file s/site changed"])
        let next = try #require(try await host.containers().values.first)
        #expect(try await host.docker("exec", next, "cat", "/site/index.html") == "two\n")
        #expect(!FileManager.default.fileExists(atPath: host.live + "/s/site/sub/page.html"))
        #expect(try String(contentsOfFile: host.live + "/s/site/upload.bin", encoding: .utf8) == "the container's own")
      }
    }

    @Test func `what a container writes into a tracked directory stays there from commit to commit`() async throws {
      try await Host.with([
        "s/compose.yaml": sleeper("web", "volumes: [\"./state:/state\", \"./fixed:/fixed:ro\"]"),
        "s/state/.gitkeep": "",
        "s/fixed/f": "1\n",
      ]) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers().values.first)
        try await host.docker("exec", id, "sh", "-c", "echo precious >/state/file")
        try await host.push(["s/fixed/f": "2\n"])
        _ = try await host.sync()
        let next = try #require(try await host.containers().values.first)
        #expect(try await host.docker("exec", next, "cat", "/state/file", "/fixed/f") == "precious\n2\n")
        #expect(
          try FileManager.default.attributesOfItem(atPath: host.live + "/s/state")[.type] as? FileAttributeType
            == .typeDirectory)
        #expect(
          try FileManager.default.attributesOfItem(atPath: host.live + "/s/fixed")[.type] as? FileAttributeType
            == .typeSymbolicLink)
      }
    }

    @Test func `files and directories of the configuration's links are linked or copied`() async throws {
      try await Host.with(
        ["s/compose.yaml": sleeper(), "bin/tool": "#!/bin/sh\n", "jobs/a.yml": "a\n", "etc/x/y": "y\n"],
        settings:
          "links: [{from: bin/tool, to: tool}, {from: jobs, to: runner/job-definitions}, {from: etc, to: etc, mode: copy}]\n"
      ) { host in
        let report = try await host.sync()
        #expect(report.links.map(\.live) == ["etc/x/y", "runner/job-definitions", "s/compose.yaml", "tool"])
        #expect(try String(contentsOfFile: host.live + "/runner/job-definitions/a.yml", encoding: .utf8) == "a\n")
        try await host.push(["jobs/b.yml": "b\n", "etc/x/y": "z\n"])
        let second = try await host.sync()
        #expect(second.stacks.map(\.outcome) == [.unchanged])
        #expect(try String(contentsOfFile: host.live + "/runner/job-definitions/b.yml", encoding: .utf8) == "b\n")
        #expect(try String(contentsOfFile: host.live + "/etc/x/y", encoding: .utf8) == "z\n")
        #expect(second.links.compactMap(\.backup) == [])
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a directory that the configuration copies holds files also where a stack stands on it`() async throws {
      try await Host.with(
        ["s/compose.yaml": sleeper("web", "volumes: ['../etc:/e:ro']"), "etc/x/y": "1\n"],
        settings: "links: [{from: etc, to: etc, mode: copy}]\n"
      ) { host in
        for text in ["1\n", "2\n"] {
          if text != "1\n" { try await host.push(["etc/x/y": text]) }
          #expect(try await host.sync().links.map(\.live) == ["etc/x/y", "s/compose.yaml"])
          let kind =
            try FileManager.default.attributesOfItem(atPath: host.live + "/etc/x/y")[.type] as? FileAttributeType
          #expect(kind == .typeRegular)
          let id = try #require(try await host.containers()["s/web"])
          #expect(try await host.docker("exec", id, "cat", "/e/x/y") == text)
          #expect(try await host.sync().outcome == .unchanged)
        }
      }
    }

    @Test func `a file that two stacks mount is led by one link and restarts both`() async throws {
      let file = { (name: String) in sleeper(name, "volumes: [\"../common/ca.pem:/ca.pem:ro\"]") }
      try await Host.with(["a/compose.yaml": file("a"), "b/compose.yaml": file("b"), "common/ca.pem": "1\n"]) { host in
        _ = try await host.sync()
        try await host.push(["common/ca.pem": "2\n"])
        let report = try await host.sync()
        #expect(
          report.stacks.map(\.reasons) == [
            ["mounted file common/ca.pem changed"], ["mounted file common/ca.pem changed"],
          ])
        for (service, id) in try await host.containers() {
          #expect(try await host.docker("exec", id, "cat", "/ca.pem") == "2\n", "\(service)")
        }
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `only the chosen stack, an older commit, and what changes in the files`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b")]) { host in
        let only = try await host.sync("--stack", "a")
        #expect(only.stacks.map(\.name) == ["a"])
        let first = try #require(only.commit)
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": sleeper("a", "environment: {A: two}")])
        let shown = try await host.clup(["sync", "--dry-run", "--diff"])
        #expect(shown.output.contains("+    environment: {A: two}"), "\(shown.output)")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .unchanged])
        let back = try await host.sync("--commit", first)
        #expect(back.commit == first)
        #expect(back.stacks.map(\.reasons) == [["environment changed"], []])
        _ = try await host.sync("--commit", "nothing", expect: 2)
        _ = try await host.sync("--stack", "nothing", expect: 2)
      }
    }

    @Test func `include, extends, env_file and configs come along from elsewhere in the repository`() async throws {
      try await Host.with([
        "s/compose.yaml":
          "include: [../shared/side.yaml]\nservices:\n  web:\n    extends: {file: ../shared/base.yaml, service: base}\n    env_file: [web.env]\n    configs: [c]\nconfigs: {c: {file: ./c.conf}}\n",
        "s/web.env": "FROM_FILE=yes\n", "s/c.conf": "conf\n", "shared/side.yaml": sleeper("side"),
        "shared/base.yaml": sleeper("base"),
      ]) { host in
        let report = try await host.sync()
        #expect(report.stacks[0].services.map(\.name) == ["side", "web"])
        try await host.push(["s/c.conf": "other\n"])
        #expect(try await host.sync().stacks[0].services.map(\.reason) == [nil, "mounted file s/c.conf changed"])
        try await host.push(["shared/side.yaml": sleeper("side", "environment: {B: 1}")])
        #expect(try await host.sync().stacks[0].services.map(\.reason) == ["environment changed", nil])
        try await host.push(["s/web.env": "FROM_FILE=no\n"])
        #expect(try await host.sync().stacks[0].services.map(\.reason) == [nil, "environment changed"])
      }
    }

    @Test func `a push to a repository on the host deploys through hooks/post-receive`() async throws {
      try await Host.with(["s/compose.yaml": sleeper()]) { host in
        let program = try #require(Host.binary)
        let hooks =
          URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
          .deletingLastPathComponent().path + "/hooks/post-receive"
        try FileManager.default.createSymbolicLink(
          atPath: host.root + "/repo.git/hooks/post-receive", withDestinationPath: hooks)
        for (key, value) in ["clup.program": program, "clup.config": host.root + "/clup.yaml"] {
          try await host.git("-C", host.root + "/repo.git", "config", key, value)
        }
        try await host.git("push", "-q", host.root + "/repo.git", "HEAD:elsewhere")
        #expect(try await host.containers().isEmpty)
        try await host.push(["s/readme": "x\n"])
        #expect(try await host.containers().count == 1)
      }
    }
  }
}
