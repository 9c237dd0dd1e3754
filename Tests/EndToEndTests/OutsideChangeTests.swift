import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Records, files and networks that were lost or changed outside clup", .disabled(if: Host.skips))
  struct OutsideChanges {
    static let plain = sleeper("web", "network_mode: none")

    @Test(arguments: ["damage", "remove"])
    func `a deployment that cannot be read concerns its own stack alone`(_ how: String) async throws {
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let script = "cd clup/deployments && f=$(grep -l '\"project\":\"a\"' *.json) && "
        try await host.shell("cd live; " + script + (how == "damage" ? ": >$f" : "rm $f"))
        let status = try await host.clup("status")
        #expect(status.status == 0 && status.output.contains("what a was deployed with"), "\(status)")
        try await host.docker("rm", "-f", try #require(before["b/web"]))
        let report = try await host.sync()
        #expect(report.lost?.count == 1 && report.stacks.map(\.outcome) == [.deployed, .deployed], "\(report)")
        let now = try await host.containers()
        #expect(now["a/web"] == before["a/web"] && now["b/web"] != nil)
        let again = try await host.sync()
        #expect(again.outcome == .unchanged && again.lost == nil, "\(again)")
      }
    }

    @Test(arguments: ["true", ": >state.json", "echo '{' >state.json"])
    func `damaged records change nothing; without them what runs is taken over, and that is told`(_ damage: String)
      async throws
    {
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        if damage != "true" {
          try await host.shell("cd live/clup && \(damage)")
          let refused = try await host.clup("sync")
          #expect(refused.status == 2 && refused.output.contains("move it aside"), "\(refused)")
        }
        // What the sentence says.
        try await host.shell("cd live/clup && mv state.json ../aside.json && rm lock")
        let report = try await host.sync()
        #expect(report.lost?.first?.contains("pins") == true && report.outcome == .deployed, "\(report)")
        #expect(try await host.containers() == before)
        let kept = try FileManager.default.contentsOfDirectory(atPath: host.checkout)
        #expect(kept.contains { $0.hasPrefix("deployments.lost-") })
        let again = try await host.sync()
        #expect(again.outcome == .unchanged && again.lost == nil, "\(again)")
      }
    }

    @Test func `without an engine nothing is invented of what runs`() async throws {
      try await Host.with(["a/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let status = try await host.clup(
          ["status", "--output", "json"], environment: ["DOCKER_HOST": "unix://\(host.root)/none.sock"])
        let told = try JSON(parsing: Array(status.output.utf8))
        let stack = told["stacks"].array.first
        #expect(stack?["services"].array.first?["state"]?.string == "unknown", "\(status.output)")
        #expect(stack?["services"].array.first?["action"]?.string == "keep" && stack?["drift"].array == [])
        let error = told["error"]?.string ?? ""
        #expect(
          error.contains("does not answer") && error.contains("none.sock") && !error.contains("port 80"), "\(error)")
      }
    }

    @Test(arguments: [("COMPOSE_PROJECT_NAME=Secret Name!", "Secret"), ("COMPOSE_FILE=secret.yml", "secret")])
    func `what the live .env says to Compose is told of that file, without the value`(_ line: String, _ value: String)
      async throws
    {
      try await Host.with(["a/compose.yaml": Self.plain], live: ["a/.env": "A=1\n\(line)\n"]) { host in
        let report = try await host.sync(expect: 3)
        let found = try #require(report.diagnostics.first)
        #expect(found.file == "a/.env" && found.line == 2, "\(report.diagnostics)")
        #expect(!report.diagnostics.contains { ($0.message + $0.help).contains(value) }, "\(report.diagnostics)")
      }
    }

    @Test func `a change of mode alone reaches a copy`() async throws {
      let files = [
        "a/compose.yaml": Self.plain, "runner/job-definitions/x.sh": "#!/bin/sh\n", "tool.sh": "#!/bin/sh\n",
        "runner/job-definitions/j.yml":
          "x-clup: {timeout: 20m}\nservices:\n  j: {image: 'job:1', network_mode: none, mem_limit: 1g, cpus: 1, "
          + "pids_limit: 9, command: make}\n",
      ]
      try await Host.with(files, settings: "links: [{from: tool.sh, to: tool.sh, mode: copy}]\n") { host in
        _ = try await host.sync()
        let places = ["tool.sh", "runner/job-definitions/x.sh"].map { host.live + "/" + $0 }
        for mode in ["+x", "-x"] {
          try await host.shell(
            "cd work && chmod \(mode) tool.sh runner/job-definitions/x.sh && git add -A && git -c user.name=t "
              + "-c user.email=t@t commit -qm mode && git push -q ../repo.git HEAD:main")
          let report = try await host.sync()
          for place in places {
            #expect(FileManager.default.isExecutableFile(atPath: place) == (mode == "+x"), "\(place) \(report)")
          }
          #expect(try await host.sync().outcome == .unchanged)
        }
      }
    }

    @Test(arguments: ["rm -rf releases", "chmod -R u+w releases && rm releases/*/a/one"])
    func `a container that has lost the file that it mounts is made anew, and no other`(_ loss: String) async throws {
      let file =
        sleeper("one", "network_mode: none", "volumes: ['./one:/one:ro']")
        + service("two", ["network_mode: none"])
      let files = ["a/compose.yaml": file, "a/one": "1\n", "b/compose.yaml": Self.plain]
      try await Host.with(files) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell("cd live/clup && " + loss)
        let report = try await host.sync()
        let now = try await host.containers()
        #expect(now["a/one"] != before["a/one"] && now["a/two"] == before["a/two"] && now["b/web"] == before["b/web"])
        let told = report.stacks.flatMap(\.services).compactMap(\.reason)
        #expect(told.count == 1 && told[0].contains("mounts at /one"), "\(report)")
        #expect(try await host.docker("exec", try #require(now["a/one"]), "cat", "/one") == "1\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a service that lost its name in a network is made anew`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("web", "networks: [default]")]) { host in
        _ = try await host.sync()
        #expect(try await host.sync().outcome == .unchanged)
        let id = try #require(try await host.containers()["a/web"])
        let networks = try await host.docker(
          "inspect", "-f", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}", id)
        let network = networks.trimmingCharacters(in: .whitespacesAndNewlines)
        try await host.shell("docker network disconnect \(network) \(id); docker network connect \(network) \(id)")
        #expect(try await host.clup("status").output.contains("is not known as web in the network"))
        let report = try await host.sync()
        #expect(report.stacks.first?.services.first?.action == .recreate, "\(report)")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test(arguments: ["--alias web --ip 10.218.77.9", "--alias web --alias other"])
    func `a service that lost a further name or its address in a network is made anew`(_ options: String) async throws {
      let own = "networks: {back: {aliases: [other], ipv4_address: 10.218.77.9}}"
      let network = "networks:\n  back: {name: loss-back, ipam: {config: [{subnet: 10.218.77.0/24}]}}\n"
      try await Host.with(["a/compose.yaml": sleeper("web", own) + network]) { host in
        _ = try await host.sync()
        #expect(try await host.sync().outcome == .unchanged)
        let id = try #require(try await host.containers()["a/web"])
        try await host.shell(
          "docker network disconnect loss-back \(id); docker network connect \(options) loss-back \(id)")
        let report = try await host.sync()
        let lost = options.contains("other") ? "10.218.77.9" : "other"
        #expect(report.stacks.first?.services.first?.reason?.contains("not known as \(lost) in") == true, "\(report)")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test(arguments: zip(["ipc", "pid"], ["restart -t0", "recreate"]))
    func `what lives in another service's namespace follows it`(_ key: String, _ how: String) async throws {
      let base = sleeper("base", key == "ipc" ? "ipc: shareable" : "init: true")
      try await Host.with(["a/compose.yaml": base + service("child", ["\(key): 'service:base'"])]) { host in
        _ = try await host.sync()
        #expect(try await host.sync().outcome == .unchanged)
        let before = try await host.containers()
        let id = try #require(before["a/base"])
        try await host.shell(
          how == "recreate"
            ? "cd live/a && docker compose up -d --force-recreate --no-deps base" : "docker \(how) \(id)")
        let report = try await host.sync()
        let child = report.stacks.first?.services.first { $0.name == "child" }
        #expect(child.map { $0.action != .keep } == true, "\(report)")
        let (now, places) = (try await host.containers(), key == "ipc" ? "IpcMode" : "PidMode")
        let joined = try await host.docker(
          "inspect", "-f", "{{.State.Running}} {{.HostConfig.\(places)}}", try #require(now["a/child"]))
        #expect(joined == "true container:\(try #require(now["a/base"]))\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `what a failed move went back to is kept up`() async throws {
      try await Host.with(["web/compose.yaml": "name: app\n" + sleeper()]) { host in
        _ = try await host.sync()
        try await host.push([
          "web/compose.yaml": nil,
          "fe/compose.yaml": "name: app\n" + sleeper().replacing("sleep 100000", with: "'false'"),
        ])
        _ = try await host.sync(expect: 1)
        let id = try #require(try await host.containers()["app/web"])
        for round in 0..<2 {
          if round == 1 { try await host.docker("rm", "-f", id) }
          let report = try await host.sync(expect: 1)
          #expect(try await host.containers()["app/web"] != nil, "\(report)")
          let status = try await host.clup("status")
          #expect(!status.output.contains("gone") && !status.output.contains("removed"), "\(status.output)")
          #expect(status.output.contains("web  "))
        }
        try await host.push(["fe/compose.yaml": "name: app\n" + sleeper()])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .removed])
        #expect(try await host.sync().outcome == .unchanged)
      }
    }
  }
}
