import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Rollbacks that stay", .disabled(if: Host.skips)) struct Rollbacks {
    static func file(_ generation: Int) -> String { sleeper("web", "environment: {G: '\(generation)'}") }

    func generation(_ host: Host, _ stack: String = "a") async throws -> String {
      let id = try #require(try await host.containers()["\(stack)/web"])
      return try await host.docker("exec", id, "sh", "-c", "echo $G").trimmingCharacters(in: .newlines)
    }

    @Test func `a rollback pins through every sync, and resume goes to the head`() async throws {
      try await Host.with(["a/compose.yaml": Self.file(1), "b/compose.yaml": Self.file(1)]) { host in
        let first = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": Self.file(2)])
        _ = try await host.sync()
        let others = try await host.containers()["b/web"]

        // I6: a dry run of a rollback changes nothing.
        let state = try await host.pointers()
        let planned = try await host.clup("rollback", "--dry-run", "--output", "json").report()
        #expect(planned.stacks.map(\.name) == ["a"])
        #expect(planned.stacks.first?.outcome == .planned)
        #expect(try await host.pointers() == state)

        let answer = try await host.clup("rollback", "--all", "--output", "json")
        let report = try answer.report()
        #expect(answer.status == 0 && report.outcome == .deployed, "\(answer)")
        #expect(report.stacks.first?.to == first)
        #expect(try await generation(host) == "1")
        #expect(try await host.containers()["b/web"] == others)

        for round in 3...5 {
          try await host.push(["a/compose.yaml": Self.file(round)])
          let report = try await host.sync()
          #expect(report.stacks.map(\.outcome) == [.pinned, .unchanged])
        }
        #expect(try await generation(host) == "1")
        let status = try await host.status()
        #expect(status["a"]?["pin"]?.string == first)
        #expect(status["a"]?["behind"] == .integer(4))
        #expect(status["a"]?["pinned_since"]?.string?.hasSuffix("Z") == true)

        // What drifts is put right at the pin, and a changed `.env` is taken up there.
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .unchanged])
        try host.write("a/.env", "COMPOSE_PROFILES=x\n", in: host.live)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .unchanged])
        #expect(try await generation(host) == "1")
        #expect(try await host.sync().stacks.map(\.outcome) == [.pinned, .unchanged])

        #expect(try await host.clup("resume").status == 0)
        #expect(try await generation(host) == "5")
        #expect(try await host.sync().outcome == .unchanged)
        let history = try await host.clup("history", "-n", "100", "--output", "json")
        let triggers = try JSON(parsing: Array(history.output.utf8)).array.compactMap { $0["trigger"]?.string }
        #expect(triggers.contains("rollback") && triggers.contains("resume"))
      }
    }

    @Test func `after a commit that undoes another one, what ran in between can be gone back to`() async throws {
      try await Host.with(["a/compose.yaml": Self.file(1)]) { host in
        for round in [1, 2, 1] {
          try await host.push(["a/compose.yaml": Self.file(round)])
          _ = try await host.sync()
        }
        for wanted in ["2", "1"] {
          #expect(try await host.clup("rollback").status == 0)
          #expect(try await generation(host) == wanted)
        }
      }
    }

    @Test func `a rollback names the job files that it leaves as they are`() async throws {
      func job(_ memory: Int) -> String {
        "services: {build: {image: 'busybox:test', network_mode: none, mem_limit: \(memory)m, cpus: 1, "
          + "pids_limit: 50, command: ['true']}}\nx-clup: {timeout: 5m}\n"
      }
      try await Host.with(
        ["a/compose.yaml": Self.file(1), "a/job-definitions/j.yaml": job(64), "a/job-definitions/k.yaml": job(64)],
        settings: "policy: {job_images: ['busybox:*']}\n"
      ) { host in
        _ = try await host.sync()
        try await host.push(["a/job-definitions/j.yaml": job(99)])
        _ = try await host.sync()
        let answer = try await host.clup("rollback", "--all", "HEAD~1")
        #expect(answer.status == 0 && answer.errors.contains("a/job-definitions/j.yaml;"), "\(answer)")
        let none = try await host.clup("rollback", "--all", "HEAD")
        #expect(none.status == 0 && !none.errors.contains("job-definitions"), "\(none)")
      }
    }

    @Test func `a commit is named by its id, the beginning of it, by its distance or by a tag`() async throws {
      try await Host.with(["a/compose.yaml": Self.file(1), "b/compose.yaml": Self.file(1)]) { host in
        let first = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        _ = try await host.sync()
        for round in 2...3 {
          try await host.push(["a/compose.yaml": Self.file(round)])
          _ = try await host.sync()
        }
        try await host.git("tag", "known", first)
        try await host.git("push", "-q", host.root + "/repo.git", "known")
        for name in [first, String(first.prefix(8)), "HEAD~2", "known"] {
          #expect(try await host.clup("rollback", "--all", name).status == 0, "\(name)")
          #expect(try await generation(host) == "1")
          #expect(try await host.clup("resume").status == 0)
          #expect(try await generation(host) == "3")
        }
        for (arguments, status) in [
          (["rollback", "nothing"], 2), (["rollback", "HEAD~9"], 2), (["rollback", "--stack", "none"], 2),
          (["resume", "--stack", "a"], 2), (["rollback", "known", "extra"], 2), (["rollback", "known"], 2),
          (["rollback", "known", "--all", "--stack", "a"], 2),
        ] {
          let answer = try await host.clup(arguments)
          #expect(
            answer.status == Int32(status) && (answer.output + answer.errors).contains("help:"),
            "\(arguments): \(answer)")
        }
        #expect(try await generation(host) == "3")
        let asked = try await host.clup("rollback", "known")
        #expect((asked.output + asked.errors).contains("roll back 2 stacks: a to \(first.prefix(7)), b to"), "\(asked)")
        // The repository is not needed for a rollback.
        try await host.shell("mv repo.git away.git")
        #expect(try await host.clup("rollback", "--all", String(first.prefix(8))).status == 0)
        #expect(try await generation(host) == "1")
      }
    }

    @Test func `a rollback brings the image of that time, and fails back to where it came from`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max)):latest"
      func file(_ generation: Int) -> String {
        "services:\n  web: {image: '\(name)', command: sleep 100000, stop_signal: SIGKILL, environment: {G: '\(generation)'}}\n"
      }
      try await Host.with(["a/compose.yaml": file(1)]) { host in
        try await host.docker("tag", "busybox:test", name)
        _ = try await host.sync()
        let image = try await host.image(of: "a/web")
        try await host.rebuild(name, "echo > new")
        try await host.push(["a/compose.yaml": file(2)])
        _ = try await host.sync()
        #expect(try await host.image(of: "a/web") != image)
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await host.image(of: "a/web") == image)
        let running = try await host.containers()
        #expect(try await host.sync().stacks.map(\.outcome) == [.pinned])
        #expect(try await host.containers() == running)
        #expect(try await host.clup("resume").status == 0)
        #expect(try await host.image(of: "a/web") != image)
        #expect(try await host.sync().outcome == .unchanged)

        // A commit that never worked is no place to go back to.
        try await host.push(["a/compose.yaml": file(3).replacing("sleep 100000", with: "'false'")])
        _ = try await host.sync(expect: 1)
        try await host.push(["a/compose.yaml": file(4)])
        _ = try await host.sync()
        #expect(try await host.clup("rollback", "--all", "HEAD~1").status == 1)
        #expect(try await generation(host) == "4")
        #expect(try await host.status()["a"]?["pin"] == .null)
        #expect(try await host.sync().outcome == .unchanged)
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name)
      }
    }

    @Test func `a rollback to a commit brings the image that ran at it, also the second time`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max)):latest"
      let file = sleeper("web").replacing("busybox:test", with: name)
      try await Host.with(["a/compose.yaml": file, "b/compose.yaml": sleeper("b")]) { host in
        try await host.rebuild(name, "echo > one")
        _ = try await host.sync()
        let one = try await host.image(of: "a/web")
        let first = try await host.push(["b/compose.yaml": sleeper("b", "labels: {x: y}")])
        _ = try await host.sync()
        // The same files, another image; then other files.
        try await host.rebuild(name, "echo > two")
        let second = try await host.push([:])
        _ = try await host.sync()
        let two = try await host.image(of: "a/web")
        try await host.rebuild(name, "echo > three")
        try await host.push(["a/compose.yaml": file + "    labels: {x: y}\n"])
        _ = try await host.sync()
        #expect(Set([one, two, try await host.image(of: "a/web")]).count == 3)
        for (commit, image) in [(second, two), (first, one), (first, one)] {
          #expect(try await host.clup("rollback", commit, "--stack", "a").status == 0)
          #expect(try await host.image(of: "a/web") == image)
          #expect(try await host.sync().stacks.map(\.outcome) == [.pinned, .unchanged])
        }
        // What is gone from the host is said to be gone.
        #expect(try await host.clup("resume").status == 0)
        try await host.docker("rmi", one.trimmingCharacters(in: .newlines))
        let planned = try await host.clup("rollback", first, "--stack", "a", "--dry-run").output
        #expect(planned.contains("the image that web ran then is no longer on this host"), "\(planned)")
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name)
      }
    }

    @Test func `a pin keeps its image, whatever its name means by then`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max)):latest"
      let file = sleeper("web").replacing("busybox:test", with: name)
      try await Host.with(["a/compose.yaml": file]) { host in
        try await host.rebuild(name, "echo > one")
        _ = try await host.sync()
        let running = try await host.containers()
        // Pinned where it is; the commit failed with another image behind the name.
        try await host.rebuild(name, "echo > two")
        try await host.push(["a/compose.yaml": file.replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let one = try await host.image(of: "a/web")
        let back = try await host.containers()
        #expect(try await host.clup("rollback", "--all", "HEAD~1").status == 0)
        #expect(try await host.containers() == back && back != running)
        for _ in 0..<2 { #expect(try await host.sync().stacks.map(\.outcome) == [.pinned]) }
        #expect(try await host.image(of: "a/web") == one)
        #expect(try await host.clup("status", "--exit-code").status == 0)
        // What failed at the head is not forgotten meanwhile.
        #expect(try await host.clup("resume").status == 1)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name)
      }
    }

    @Test func `a rollback that is killed and then fails is not pinned`() async throws {
      let good = sleeper("web", "volumes: ['./data:/d']", "labels: {v: two}")
      let slow = good.replacing("labels: {v: two}", with: "healthcheck: {test: [CMD, test, -e, /d/ok], interval: 1s}")
      try await Host.with(["a/compose.yaml": slow], live: ["a/data/ok": "\n"]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": good])
        _ = try await host.sync()
        try FileManager.default.removeItem(atPath: host.live + "/a/data/ok")
        try await host.shell(
          "CLUP_CONFIG=clup.yaml \(try #require(Host.binary)) rollback >out 2>&1 & child=$!; "
            + "until docker ps --format '{{.Status}}' | grep -q 'health: starting'; do sleep 0.1; done; kill -9 $child; wait; true"
        )
        #expect(try await host.status()["a"]?["pin"] != .null)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.status()["a"]?["pin"] == .null)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a rollback that fails and is killed while it goes back is not pinned, and the next commit arrives`()
      async throws
    {
      let file = { (generation: Int) in
        sleeper("web", "volumes: ['./data:/d']", "labels: {g: '\(generation)'}")
          .replacing("sleep 100000", with: "[sh, -c, 'test ! -e /d/no-\(generation) && sleep 100000']")
      }
      try await Host.with(["a/compose.yaml": file(1)]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file(2)])
        _ = try await host.sync()
        try host.write("a/data/no-1", "", in: host.live)
        try await host.shell(
          "CLUP_CONFIG=clup.yaml \(try #require(Host.binary)) rollback >out 2>&1 & child=$!; "
            + "until grep -q '\"held\":{' \(host.checkout)/state.json; do sleep 0.05; done; kill -9 $child; wait; true"
        )
        _ = try await host.sync()
        #expect(try await host.status()["a"]?["pin"] == .null)
        try await host.push(["a/compose.yaml": file(3)])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `a rollback that fails leaves the hold on the head, and makes none`() async throws {
      let file = sleeper("web", "volumes: ['./flag:/flag:ro']")
      let first = file.replacing("sleep 100000", with: "sh -c 'test -e /flag/ok && sleep 100000'")
      try await Host.with(["a/compose.yaml": first], live: ["a/flag/ok": ""]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file])
        _ = try await host.sync()
        let broken = try await host.push(["a/compose.yaml": file.replacing("sleep 100000", with: "'false'")])
        _ = try await host.sync(expect: 1)
        try FileManager.default.removeItem(atPath: host.live + "/a/flag/ok")
        #expect(try await host.clup("rollback", "--all").status == 1)
        #expect(try await host.status()["a"]?["held"]?.string == broken)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
        try await host.push(["a/compose.yaml": file])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged])
      }
    }

    @Test func `a rollback that is cut off is gone on with`() async throws {
      let health = "healthcheck: {test: sleep 2, interval: 1s}"
      try await Host.with(["a/compose.yaml": sleeper("web", health)]) { host in
        let first = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": sleeper("web", health, "labels: {x: y}")])
        _ = try await host.sync()
        let settings = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try host.write("clup.yaml", settings + "sync: {timeout: 2s}\n", in: host.root)
        #expect(try await host.clup("rollback", "--all").status == 1)
        try host.write("clup.yaml", settings, in: host.root)
        _ = try await host.sync()
        let status = try await host.status()
        #expect(status["a"]?["pin"]?.string == first && status["a"]?["commit"]?.string == first)
        #expect(status["a"]?["health"]?.string == "healthy")
      }
    }

    @Test func `what was left as it failed goes back to what was good`() async throws {
      try await Host.with(["a/compose.yaml": Self.file(1)], settings: "sync: {on_failure: stay}\n") { host in
        let first = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": Self.file(2).replacing("sleep 100000", with: "'false'")])
        _ = try await host.sync(expect: 1)
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await generation(host) == "1")
        #expect(try await host.status()["a"]?["pin"]?.string == first)
      }
    }

    @Test func `a pinned stack follows its .env to another image`() async throws {
      let name = "clup-e2e-app-\(UInt32.random(in: .min ... .max))"
      func file(_ generation: Int) -> String {
        Self.file(generation).replacing("busybox:test", with: "'\(name):${TAG}'")
      }
      try await Host.with(["a/compose.yaml": file(1)], live: ["a/.env": "TAG=1\n"]) { host in
        try await host.docker("tag", "busybox:test", name + ":1")
        try await host.rebuild(name + ":2", "echo > new")
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file(2)])
        _ = try await host.sync()
        #expect(try await host.clup("rollback", "--all").status == 0)
        let image = try await host.image(of: "a/web")
        try host.write("a/.env", "TAG=2\n", in: host.live)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await generation(host) == "1")
        #expect(try await host.image(of: "a/web") != image)
        #expect(try await host.sync().stacks.map(\.outcome) == [.pinned])
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.docker("rmi", name + ":1", name + ":2")
      }
    }

    @Test func `what is built goes back by its image, and is built again before its name is used again`() async throws {
      let base = "clup-e2e-base-\(UInt32.random(in: .min ... .max)):1"
      let project = "built\(UInt32.random(in: .min ... .max))"
      let file = """
        name: \(project)
        services:
          web: {build: ./image, command: [sh, -c, 'grep good /v && sleep 100000'], stop_signal: SIGKILL}

        """
      func recipe(_ text: String, from: String = "busybox:test") -> String { "FROM \(from)\nRUN echo \(text) > /v\n" }
      try await Host.with(["a/compose.yaml": file, "a/image/Dockerfile": recipe("good 1", from: base)]) { host in
        try await host.docker("tag", "busybox:test", base)
        // What has the name already may be anything.
        try await host.docker("tag", "busybox:test", "\(project)-web")
        func version() async throws -> String {
          try await host.docker("exec", try #require(try await host.containers()["\(project)/web"]), "cat", "/v")
        }
        _ = try await host.sync()
        #expect(try await version() == "good 1\n")
        try await host.push(["a/image/Dockerfile": recipe("good 2")])
        _ = try await host.sync()
        // Nothing can be built from it any more, and nothing has to be.
        try await host.docker("rmi", base)
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await version() == "good 1\n")
        #expect(try await host.clup("resume").status == 0)
        #expect(try await version() == "good 2\n")

        try await host.push(["a/image/Dockerfile": recipe("bad")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await version() == "good 2\n")
        // The failed build still has the name.
        try await host.push(["a/image/Dockerfile": recipe("good 2")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged])
        try await host.docker("rm", "-f", try #require(try await host.containers()["\(project)/web"]))
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await version() == "good 2\n")
      }
    }
  }
}
