import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("A sync that is interrupted", .disabled(if: Host.skips)) struct Interruptions {
    /// Kills the program at many moments of a sync; each time the next sync ends where an uninterrupted one would.
    @Test func `I5: a sync that is killed is completed by the next one`() async throws {
      let stacks = ["a", "b", "c"]
      func files(_ round: Int) -> [String: String] {
        Dictionary(
          uniqueKeysWithValues: stacks.flatMap { name in
            [
              (
                "\(name)/compose.yaml",
                sleeper(name, "environment: {R: \"\(round)\"}", "volumes: [\"./conf:/conf:ro\"]")
              ),
              ("\(name)/conf", "round \(round)\n"),
            ]
          })
      }
      try await Host.with(files(0), live: ["a/compose.yaml": "by hand: 1\n", "a/data/x": "state\n"]) { host in
        let program = try #require(Host.binary)
        for (round, delay) in [30, 250, 600, 1300].enumerated() {
          if round > 0 { try await host.push(files(round)) }
          var variables = host.environment
          variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
          // The deadline of a child is a TERM and then a KILL for its whole group: as hard as a crash gets.
          _ = try await run(
            Command(
              "/bin/sh", ["-c", "\(program) sync & sleep 0.\(String(format: "%04d", delay * 10)); kill -9 $!; wait"],
              environment: variables, directory: host.root, deadline: .seconds(30)))
          _ = try await host.sync()
          for name in stacks {
            let id = try #require(try await host.containers()["\(name)/\(name)"])
            #expect(try await host.docker("exec", id, "cat", "/conf") == "round \(round)\n")
          }
          #expect(try await host.sync().outcome == .unchanged)
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: host.live + "/a").filter { $0.contains(".bak.") }
        #expect(kept.count == 1)
        #expect(try String(contentsOfFile: host.live + "/a/" + kept[0], encoding: .utf8) == "by hand: 1\n")
        #expect(try String(contentsOfFile: host.live + "/a/data/x", encoding: .utf8) == "state\n")
        let left = try FileManager.default.subpathsOfDirectory(atPath: host.checkout).filter {
          $0.hasPrefix("view.") || $0.hasPrefix("releases/.new")
        }
        #expect(left == [])
      }
    }

    @Test func `I4: what was half made beside a live path goes, also where every path is in place by now`() async throws
    {
      let failing = sleeper(
        "a", "env_file: [web.env]", "healthcheck: {test: [CMD, 'false'], interval: 50ms, retries: 1}")
      let files = ["a/compose.yaml": failing, "a/web.env": "G=1\n"]
      try await Host.with(files, settings: "sync: {on_failure: stay}\n") { host in
        _ = try await host.sync(expect: 1)
        // Cut off after the second name of a new link, before the temporary one goes.
        try await host.shell(
          "cp -P live/a/web.env live/a/.web.env.clup-0a1b; cp -P live/a/web.env live/a/.web.env.mine")
        try await host.push(["a/compose.yaml": sleeper("a", "env_file: [web.env]")])
        #expect(try await host.sync().named["a"]?.outcome == .deployed)
        let names = try FileManager.default.contentsOfDirectory(atPath: host.live + "/a").sorted()
        #expect(names == [".web.env.mine", "compose.yaml", "web.env"])
      }
    }

    @Test func `I12: what is healthy stays, also where that cannot be recorded yet`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a")]) { host in
        _ = try await host.sync()
        let check = "healthcheck: {test: [CMD, 'test', '-e', /good], interval: 200ms, retries: 99}"
        try await host.push(["a/compose.yaml": sleeper("a", check)])
        let program = try #require(Host.binary)
        let text = try await host.shell(
          """
          CLUP_CONFIG=$PWD/clup.yaml \(program) sync --output ndjson > events 2> errors &
          until grep -q 'waiting for' events; do sleep 0.1; done
          exec 9>> live/clup/lock; flock 9
          docker exec $(docker ps -q --filter label=com.docker.compose.project=a) touch /good
          wait $! || tail -n 1 events
          """)
        let report = try JSONDecoder().decode(Report.self, from: Data(text.utf8))
        #expect(report.named["a"]?.outcome == .failed, "\(report)")
        #expect(report.named["a"]?.error?.contains("healthy, but that cannot be recorded") == true, "\(report)")
        let healthy = try await host.containers()
        #expect(try await host.sync().named["a"]?.outcome == .deployed)
        #expect(try await host.containers() == healthy)
      }
    }

    @Test func `a full disk loses nothing, and the next sync continues`() async throws {
      try await Host.with([
        "a/compose.yaml": sleeper("web", "volumes: ['./big:/big:ro']"),
        "a/big": String(repeating: "x", count: 3_000_000),
      ]) { host in
        try FileManager.default.createDirectory(atPath: host.checkout, withIntermediateDirectories: true)
        let mount = try #require(find("mount", in: host.environment["PATH"] ?? ""))
        let unmount = try #require(find("umount", in: host.environment["PATH"] ?? ""))
        let mounted = try await run(
          Command(
            mount, ["-t", "tmpfs", "-o", "size=1m", "clup-test", host.checkout], environment: [:],
            deadline: .seconds(10))
        )
        try #require(mounted.succeeded, "\(mounted.errorText)")
        let full = try await host.clup(["sync"])
        _ = try await run(Command(unmount, [host.checkout], environment: [:], deadline: .seconds(10)))
        #expect(full.status == 1)
        #expect(full.output.contains("No space left on device"), "\(full.output)")
        #expect(!FileManager.default.fileExists(atPath: host.live + "/a"))
        let planned = try await host.clup(["sync", "--dry-run"])
        #expect(planned.status == 0, "\(planned.output)\(planned.errors)")
      }
    }

    @Test func `the recovery from where a sync was interrupted may write what the last good commit had`() async throws {
      let good = sleeper("a", "env_file: [web.env]")
      try await Host.with(["a/compose.yaml": good, "a/web.env": "G=1\n"]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let slow = "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 9}"
        try await host.push(["a/compose.yaml": sleeper("a", slow), "a/web.env": nil])
        let program = try #require(Host.binary)
        var variables = host.environment
        variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
        let old = before["a/a"] ?? ""
        let isNew = "docker ps -q --no-trunc --filter label=com.docker.compose.project=a | grep -qv \(old)"
        _ = try await run(
          Command(
            "/bin/sh",
            ["-c", "\(program) sync & until \(isNew); do sleep 0.1; done; kill -TERM $!; wait $!"],
            environment: variables, directory: host.root, deadline: .seconds(60)))
        #expect(try await host.containers() != before)
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.rolledBack], "\(report)")
        #expect(try String(contentsOfFile: host.live + "/a/web.env", encoding: .utf8) == "G=1\n")
        let id = try #require(try await host.containers()["a/a"])
        #expect(try await host.docker("exec", id, "sh", "-c", "echo $G") == "1\n")
      }
    }

    @Test func `I12: a service whose move was killed runs again, also while the repository is away`() async throws {
      let name = "clup-cut-\(UInt32.random(in: .min ... .max))"
      let (web, job) = (service("web", ["network_mode: none"]), service("job", ["container_name: \(name)"]))
      let (without, with) = ("services:\n" + web, "services:\n" + web + job)
      try await Host.with(["a/compose.yaml": with, "b/compose.yaml": without]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": without, "b/compose.yaml": with])
        let program = try #require(Host.binary)
        try await host.shell(
          "\(program) sync --config clup.yaml >/dev/null 2>&1 & pid=$!; while [ -n \"$(docker ps -q --filter name=\(name))\" ]; "
            + "do :; done; kill -9 $pid; wait $pid; mv repo.git gone.git")
        let answer = try await host.clup("sync")
        #expect(answer.status == 4, "\(answer)")
        let running = try await host.docker("ps", "--filter", "name=\(name)", "--format", "{{.Names}}")
        #expect(running == name + "\n", "\(answer)")
        let known = try await host.containers()
        try await host.shell("mv gone.git repo.git")
        _ = try await host.sync()
        #expect(try await host.containers() == known)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `an interrupt ends the sync with a report, and the next one goes on`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a", "healthcheck: {test: [CMD, \"false\"], interval: 30s}")]) {
        host in
        let program = try #require(Host.binary)
        var variables = host.environment
        variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
        let outcome = try await run(
          Command(
            "/bin/sh", ["-c", "\(program) sync --output json & sleep 3; kill -TERM $!; wait $!"],
            environment: variables,
            directory: host.root, deadline: .seconds(30)))
        #expect(outcome.status == .exited(1))
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output))
        #expect(report.stacks.first?.error?.contains("interrupted") == true, "\(report)")
        try await host.push(["a/compose.yaml": sleeper("a")])
        #expect(try await host.sync().outcome == .deployed)
      }
    }
  }
}

extension EndToEnd.Interruptions {
  /// Programs that still stand in one of this host's live directories.
  func left(_ host: Host) async throws -> String {
    try await host.shell(
      "for p in /proc/[0-9]*; do case $(readlink $p/cwd) in \(host.root)/*) cat $p/comm;; esac; done; true")
  }

  /// Waits for a condition in the shell, then sends a signal to a sync, and another one after that.
  func interrupt(
    _ host: Host, _ signals: String..., when condition: String, environment extra: [String: String] = [:]
  ) async throws -> Outcome {
    let program = try #require(Host.binary)
    var variables = host.environment.merging(extra) { _, new in new }
    variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
    let kills = signals.map { "kill -\($0) $child; sleep 0.3" }.joined(separator: "; ")
    let line = "\(program) sync --output json & child=$!; until \(condition); do sleep 0.1; done; \(kills); wait $child"
    return try await run(
      Command(
        "/bin/sh", ["-c", line], environment: variables, directory: host.root, deadline: .seconds(60)))
  }

  @Test(arguments: ["TERM", "INT"])
  func `an interrupt in the middle of up leaves no program behind, and the next sync continues`(_ signal: String)
    async throws
  {
    // `up` waits for the database to be healthy, which takes as long as the test wants.
    func file(_ generation: Int, ready: Bool) -> String {
      sleeper(
        "db", "environment: {G: '\(generation)'}",
        "healthcheck: {test: [CMD, '\(ready ? "true" : "false")'], interval: 1s, retries: 100}")
        + service("web", ["depends_on: {db: {condition: service_healthy}}", "environment: {G: '\(generation)'}"])
    }
    try await Host.with(["a/compose.yaml": file(1, ready: true)]) { host in
      _ = try await host.sync()
      try await host.push(["a/compose.yaml": file(2, ready: false)])
      let database =
        "$(docker ps -q --filter label=com.docker.compose.project=a --filter label=com.docker.compose.service=db)"
      let outcome = try await interrupt(
        host, signal, when: "docker exec \(database) sh -c 'test $G = 2' 2>/dev/null")
      #expect(outcome.status == .exited(1), "\(outcome.errorText)")
      #expect(try await left(host) == "")
      #expect(try await host.status()["a"]?["held"] == .null, "what was cut off did not fail")
      #expect(try await host.sync("--commit", "HEAD~1").stacks.map(\.outcome) == [.deployed])
      try await host.push(["a/compose.yaml": file(3, ready: true)])
      #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      for name in ["a/db", "a/web"] {
        let id = try #require(try await host.containers()[name])
        #expect(try await host.docker("exec", id, "sh", "-c", "echo $G") == "3\n")
      }
    }
  }

  @Test(arguments: [true, false])
  func `I12: what ran before a sync was killed runs again where the next commit is refused`(_ isTakeover: Bool)
    async throws
  {
    func file(_ generation: Int, _ more: String = "") -> String {
      sleeper(
        "web", "environment: {G: '\(generation)'}",
        "healthcheck: {test: [CMD, test, '\(generation)', '=', '1'], interval: 1s, retries: 100}", more)
    }
    try await Host.with(["a/compose.yaml": file(1)]) { host in
      if isTakeover {
        try await host.shell("mkdir -p live/a && cp work/a/compose.yaml live/a/ && cd live/a && docker compose up -d")
      } else {
        _ = try await host.sync()
      }
      try await host.push(["a/compose.yaml": file(2)])
      let container = "$(docker ps -q --filter label=com.docker.compose.project=a)"
      _ = try await interrupt(host, "KILL", when: "docker exec \(container) sh -c 'test $G = 2' 2>/dev/null")
      try await host.push(["a/compose.yaml": file(3, "privileged: true")])
      let report = try await host.sync(expect: 3)
      #expect(report.diagnostics.contains { $0.rule == "privileged" && $0.refuses })
      let id = try #require(try await host.containers()["a/web"], "\(report.stacks)")
      #expect(try await host.docker("exec", id, "sh", "-c", "echo $G") == "1\n", "\(report.stacks)")
      if isTakeover {
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8) == file(1))
      }
      _ = try await host.sync(expect: 3)
      #expect(try await host.containers()["a/web"] == id, "nothing more is done to it")
      try await host.push(["a/compose.yaml": file(1, "labels: {b: '1'}")])
      #expect(try await host.sync().outcome == .deployed)
    }
  }

  @Test func `a container that a killed sync made anew for a mounted file is named by the next report`() async throws {
    let web = sleeper(
      "web", "volumes: ['./conf:/conf:ro']", "healthcheck: {test: [CMD, test, -e, /ready], interval: 1s}")
    try await Host.with(["a/compose.yaml": web, "a/conf": "one\n"]) { host in
      let ready = "docker exec $(docker ps -q --filter label=com.docker.compose.project=a)"
      async let first = host.sync()
      try await host.shell("until \(ready) touch /ready 2>/dev/null; do sleep 0.2; done")
      _ = try await first
      try await host.push(["a/conf": "two\n"])
      let outcome = try await interrupt(host, "KILL", when: "\(ready) grep -q two /conf 2>/dev/null")
      #expect(outcome.status != .exited(0))
      let made = try #require(try await host.containers()["a/web"])
      try await host.shell("\(ready) touch /ready")
      let report = try await host.sync()
      #expect(try await host.containers()["a/web"] == made)
      let service = report.stacks.first?.services.first
      #expect(service?.reason == "changed since the last report: a sync was cut off", "\(service?.reason ?? "-")")
      #expect(try await host.sync().stacks.first?.outcome == .unchanged)
    }
  }

  @Test func `a second interrupt ends clup and a program that does not want to end`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()]) { host in
      let real = try #require(Host.plugin)
      try host.write(
        "config/cli-plugins/docker-compose",
        """
        #!/bin/sh
        case "$*" in *"up -d"*) trap '' TERM; touch \(host.checkout)/started; sleep 30; exit;; esac
        exec \(real) "$@"

        """, in: host.root)
      chmod(host.root + "/config/cli-plugins/docker-compose", 0o755)
      let outcome = try await interrupt(
        host, "INT", "INT", when: "test -e \(host.checkout)/started",
        environment: ["DOCKER_CONFIG": host.root + "/config"])
      #expect(outcome.status == .exited(130))
      #expect(try await left(host) == "")
      #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
    }
  }

  @Test func `I9: a sync that takes too long is ended`() async throws {
    let slow = sleeper("a", "healthcheck: {test: [CMD, 'false'], interval: 60s}")
    try await Host.with(["a/compose.yaml": slow], settings: "sync: {timeout: 3s}\n") { host in
      let report = try await host.sync(expect: 1)
      #expect(report.error?.contains("took longer than 3s") == true)
      let told = try await host.clup("history", "--output", "json").output
      #expect(try JSONDecoder().decode([Report].self, from: Data(told.utf8)).last?.error == report.error)
      #expect(try await left(host) == "")
    }
  }
}
