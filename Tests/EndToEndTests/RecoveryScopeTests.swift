import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  /// Also recoveries that begin or end in the middle.
  @Suite("I7: what a recovery restores, and what it leaves alone", .disabled(if: Host.skips)) struct RecoveryScope {
    @Test func `a network that cannot be made anew is there again after going back`() async throws {
      let file = sleeper("web", "networks: [default]")
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.shell("docker network create --subnet 10.214.2.0/25 clup-taken")
        try await host.push([
          "a/compose.yaml": file + "networks: {default: {ipam: {config: [{subnet: 10.214.2.0/24}]}}}\n"
        ])
        #expect(try await host.sync(expect: 1).stacks.first?.outcome == .rolledBack)
        let id = try #require(try await host.containers()["a/web"])
        #expect(
          try await host.docker("inspect", "-f", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}", id)
            == "a_default\n")
        try await host.shell("docker network rm clup-taken")
      }
    }

    /// A service that reads what it mounts once it is started: `bad` ends it, `slow` keeps it from becoming healthy.
    static let reader = sleeper(
      "web", "volumes: ['./conf:/conf:ro']",
      "healthcheck: {test: [CMD-SHELL, '! grep -q slow /conf'], interval: 1s, retries: 100}"
    ).replacing("command: sleep 100000", with: "command: [sh, -c, '! grep -q bad /conf && sleep 100000']")

    /// Sends TERM to a sync half a second after a condition of the shell holds.
    static func cutOff(_ host: Host, when condition: String) async throws {
      try await cutOff(
        host, by: "TERM", after: "for i in $(seq 100); do \(condition) && break; sleep 0.1; done; sleep 0.5")
    }

    /// Sends a signal to a sync when a line of the shell has come to its end.
    static func cutOff(_ host: Host, by signal: String, after line: String) async throws {
      let program = try #require(Host.binary)
      var variables = host.environment
      variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
      let script = "\(program) sync >out 2>&1 & child=$!; \(line); kill -\(signal) $child; wait $child"
      _ = try await run(
        Command("/bin/sh", ["-c", script], environment: variables, directory: host.root, deadline: .seconds(60)))
    }

    static func reads(_ host: Host, _ text: String) -> String {
      "docker exec $(docker ps -q --filter label=com.docker.compose.project.working_dir=\(host.live)/a --filter label=com.docker.compose.service=web) grep -q \(text) /conf 2>/dev/null"
    }

    @Test func `what an interrupted deploy left is not taken for what was good`() async throws {
      try await Host.with(["a/compose.yaml": Self.reader, "a/conf": "good\n"]) { host in
        _ = try await host.sync()
        try await host.push(["a/conf": "slow\n"])
        try await Self.cutOff(host, when: Self.reads(host, "slow"))
        try await host.shell(Self.reads(host, "slow"))
        // This one fails before it touches anything.
        try await host.push(["a/compose.yaml": Self.reader + "  new: {image: '127.0.0.1:1/none:1'}\n"])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        try await host.shell(Self.reads(host, "good"))
        #expect(try await host.status()["a"]?["drift"]?.array == [])
      }
    }

    @Test func `what a person ran comes back although the first deploy was interrupted`() async throws {
      let own = sleeper("web", "environment: {BY: hand}")
      let slow = sleeper("web", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 100}")
      try await Host.with(["a/compose.yaml": slow], live: ["a/compose.yaml": own]) { host in
        _ = try await host.compose("a", "up", "-d")
        try await Self.cutOff(host, when: "test -L \(host.live)/a/compose.yaml")
        try await host.push(["a/compose.yaml": sleeper("web").replacing("busybox:test", with: "127.0.0.1:1/none:1")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let id = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", id, "sh", "-c", "echo $BY") == "hand\n")
        #expect(try String(contentsOfFile: host.live + "/a/compose.yaml", encoding: .utf8) == own)
      }
    }

    @Test func `I4: a backup is a file of its own once what it kept is back, and no second one is made of that`()
      async throws
    {
      let own = sleeper("web", "environment: {BY: hand}")
      let bad = sleeper("web", "restart: always").replacing("sleep 100000", with: "'false'")
      try await Host.with(["a/compose.yaml": bad], live: ["a/compose.yaml": own]) { host in
        _ = try await host.compose("a", "up", "-d")
        let before = try await host.shell("stat -c '%i %a %Y' live/a/compose.yaml")
        for number in 1...2 {
          try await host.push(["a/compose.yaml": bad + "# \(number)\n"])
          #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
          #expect(try await host.shell("stat -c '%i %a %Y' live/a/compose.yaml") == before)
          #expect(try await host.shell("cat live/a/compose.yaml.bak.*") == own)
        }
        try await host.shell("echo '# mine' >>live/a/compose.yaml")
        #expect(try await host.shell("cat live/a/compose.yaml.bak.*") == own)
      }
    }

    @Test(arguments: ["a service", "a project's name"])
    func `I5: what an interrupted deploy began goes when its commit goes`(_ what: String) async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      let good = "name: \(name)\n" + sleeper()
      let slow = "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 100}"
      let next =
        what == "a service"
        ? "name: \(name)\n" + sleeper("web", "depends_on: {db: {condition: service_healthy}}") + service("db", [slow])
        : "name: \(name)-two\n" + sleeper("web", slow)
      try await Host.with(["a/compose.yaml": good]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": next])
        try await Self.cutOff(host, when: "[ $(docker ps -q --filter name=\(name) | wc -l) = 2 ]")
        try await host.push(["a/compose.yaml": good])
        _ = try await host.sync()
        #expect(try await host.containers().keys.sorted() == ["\(name)/web"])
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `I5: a recovery of shared files that is cut off does not make the commit good`() async throws {
      let file = { (name: String) in
        Self.reader.replacing("./conf:", with: "../common/conf:") + "    labels: {name: \(name)}\n"
      }
      try await Host.with(["a/compose.yaml": file("a"), "b/compose.yaml": file("b"), "common/conf": "good\n"]) { host in
        _ = try await host.sync()
        try await host.push(["common/conf": "bad\n"])
        // As soon as the shared file is back.
        let file = "live/common/conf"
        try await Self.cutOff(
          host, by: "KILL",
          after: ["bad", "good"].map { "until grep -q \($0) \(file); do sleep 0.02; done" }.joined(separator: "; "))
        #expect(try await host.sync(expect: 1).stacks.allSatisfy { $0.outcome == .held })
        #expect(try String(contentsOfFile: host.live + "/common/conf", encoding: .utf8) == "good\n")
        for name in ["a/web", "b/web"] {
          let id = try #require(try await host.containers()[name])
          #expect(try await host.docker("exec", id, "cat", "/conf") == "good\n")
        }
      }
    }

    @Test func `I8: what an interrupt ends is told without the values of the .env`() async throws {
      let reader = Self.reader.replacing("! grep -q bad /conf", with: "echo port $PORT; ! grep -q bad /conf")
        .replacing("$PORT", with: "$$PORT")
      let file = { (name: String) in
        reader.replacing("./conf:", with: "../common/conf:") + "    environment: {PORT: '${PORT}'}\n"
      }
      try await Host.with(
        [
          "a/compose.yaml": file("a"), "common/conf": "good\n",
          "b/compose.yaml": sleeper(
            "web", "volumes: ['../common/conf:/conf:ro']",
            "healthcheck: {test: [CMD-SHELL, 'grep -q good /conf'], interval: 1s, retries: 100}"),
        ], live: ["a/.env": "PORT=PortValue7831\n"]
      ) { host in
        _ = try await host.sync()
        try await host.push(["common/conf": "bad\n"])
        try await Self.cutOff(host, when: "false")
        let told = try await host.shell("cat out; cat \(host.checkout)/history.jsonl")
        #expect(!told.contains("PortValue7831"))
        #expect(told.contains("interrupted"))
      }
    }

    @Test func `anonymous volumes of a service that a failed commit dropped come back with it`() async throws {
      let good = sleeper() + service("db", ["volumes: [/kept]"])
      try await Host.with(["a/compose.yaml": good]) { host in
        _ = try await host.sync()
        let db = try #require(try await host.containers()["a/db"])
        try await host.docker("exec", db, "sh", "-c", "echo precious > /kept/file")
        try await host.push(["a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers()["a/db"] == db)
        #expect(try await host.docker("exec", db, "cat", "/kept/file") == "precious\n")
        try await host.push(["a/compose.yaml": sleeper()])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await host.containers().keys.sorted() == ["a/web"])
      }
    }

    @Test func `a container that a person started besides has no part in the recovery`() async throws {
      let file = sleeper() + service("debug", ["profiles: [debug]"])
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        _ = try await host.compose("a", "--profile", "debug", "up", "-d", "debug")
        let debug = try #require(try await host.containers()["a/debug"])
        try await host.push([
          "a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'") + service("debug")
        ])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers()["a/debug"] == debug)
      }
    }

    @Test func `a project's name that comes from the host's .env does not lead a recovery astray`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      try await Host.with(["a/compose.yaml": sleeper()], live: ["a/.env": "COMPOSE_PROJECT_NAME=\(name)-one\n"]) {
        host in
        _ = try await host.sync()
        try host.write("a/.env", "COMPOSE_PROJECT_NAME=\(name)-two\n", in: host.live)
        try await host.push(["a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers().keys.sorted() == ["\(name)-one/web"])
      }
    }

    @Test func `a .env that changed with a commit that failed is no drift`() async throws {
      let file = sleeper("web", "environment: {A: '${A}'}")
      try await Host.with(["a/compose.yaml": file], live: ["a/.env": "A=one\n"]) { host in
        _ = try await host.sync()
        try host.write("a/.env", "A=two\n", in: host.live)
        try await host.push(["a/compose.yaml": file.replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let running = try await host.containers()
        let again = try await host.sync(expect: 1)
        #expect(again.outcome == .unchanged && again.stacks.map(\.outcome) == [.held], "\(again)")
        #expect(try await host.containers() == running)
        #expect(try await host.status()["a"]?["drift"]?.array == [])
        // A new value is a new chance.
        try host.write("a/.env", "A=three\n", in: host.live)
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
      }
    }

    @Test func `when the recovery fails too, both causes are told and nothing more is changed`() async throws {
      let good = sleeper(
        "web", "volumes: ['./state:/x:ro']",
        "healthcheck: {test: [CMD, test, -e, /x/ok], interval: 1s, retries: 2}")
      try await Host.with(["a/compose.yaml": good], live: ["a/state/ok": "\n"]) { host in
        _ = try await host.sync()
        try FileManager.default.removeItem(atPath: host.live + "/a/state/ok")
        try await host.push(["a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'")])
        let stack = try #require(try await host.sync(expect: 1).stacks.first)
        #expect(stack.outcome == .failed)
        for cause in ["web ended with exit 1", "going back failed too: web is unhealthy"] {
          #expect(stack.error?.contains(cause) == true, "\(stack.error ?? "")")
          #expect(try await host.status()["a"]?["error"]?.string?.contains(cause) == true)
        }
        let left = try await host.containers()
        for _ in 0..<2 { #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held]) }
        #expect(try await host.containers() == left)
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {v: two}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    /// What the host has itself where a later commit brings a file, by live path, and what shows that in the container.
    static let hosts = [
      "a/h.conf": "own", "a/conf/x": "own x", "a/h.env": "E=own", "a/compose.override.yaml": over("1"),
    ]
    static let commits = [
      "a/h.conf": "git", "a/conf/x": "git x", "a/h.env": "E=git", "a/compose.override.yaml": over("2"),
    ]

    static func over(_ value: String) -> String { "services: {web: {environment: {O: '\(value)'}}}" }

    @Test func `what the host had itself comes back where a commit that replaced it fails, is rolled back or ends`()
      async throws
    {
      func file(_ more: String...) -> [String: String] {
        let own = ["env_file: [h.env]", "volumes: ['./h.conf:/h.conf:ro', './conf:/conf:ro']"]
        return ["a/compose.yaml": "services:\n" + service("web", own + more)]
      }
      func seen(_ host: Host) async throws -> String {
        let id = try #require(try await host.containers()["a/web"])
        return try await host.docker("exec", id, "sh", "-c", "cat /h.conf /conf/x; echo -n $E $O")
      }
      try await Host.with(file(), live: Self.hosts) { host in
        _ = try await host.sync()
        #expect(try await seen(host) == "ownown xown 1")
        try await host.push(
          file("healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 1}").merging(Self.commits) { $1 })
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await seen(host) == "ownown xown 1")
        try await host.push(file())
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await seen(host) == "gitgit xgit 2")
        #expect(try await host.clup("rollback", "--stack", "a").status == 0)
        #expect(try await seen(host) == "ownown xown 1")
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.clup("resume").status == 0)
        #expect(try await seen(host) == "gitgit xgit 2")
        // A commit that no longer has them leaves what the host had before.
        try await host.push(Self.commits.mapValues { _ in nil })
        #expect(try await host.clup("sync", "--dry-run").output.contains("put back the host's own a/compose.override"))
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await seen(host) == "ownown xown 1")
        #expect(try await host.sync().outcome == .unchanged)
        for (path, text) in Self.hosts {
          #expect(try String(contentsOfFile: host.live + "/" + path, encoding: .utf8) == text)
        }
      }
    }

    /// What leads a link elsewhere, or brings its content back.
    static let ends = ["a new commit", "a removed container", "a rollback"]

    @Test(arguments: ends) func `I4: what root writes through a link is kept next to it`(_ end: String) async throws {
      let volumes = "volumes: ['./one.conf:/one.conf:ro', './dir:/dir:ro']"
      let files = ["a/one.conf": "git\n", "a/dir/x": "git\n", "a/dir/y": "y\n"]
      try await Host.with(files.merging(["a/compose.yaml": sleeper("web", volumes)]) { $1 }) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": sleeper("web", volumes, "labels: {v: two}")])
        _ = try await host.sync()
        try await host.shell(
          "echo mine > live/a/one.conf; echo mine > live/a/dir/x; chmod u+w live/a/dir/.; echo new > live/a/dir/z")
        switch end {
        case "a new commit": try await host.push(["a/one.conf": "git 2\n"])
        case "a removed container":
          try await host.shell("docker rm -f $(docker ps -q --filter label=com.docker.compose.project=a)")
        default: #expect(try await host.clup("rollback", "--stack", "a").status == 0)
        }
        let answer = try await host.clup("sync")
        #expect(answer.status == 0, "\(answer)")
        if end != "a rollback" {
          #expect(answer.errors.contains("a/one.conf was edited through its link"), "\(answer)")
        }
        #expect(try await host.shell("cat live/a/one.conf.bak.*") == "mine\n")
        #expect(try await host.shell("cd live/a/dir.bak.*; ls; cat x z") == "x\nz\nmine\nnew\n")
        let id = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", id, "sh", "-c", "cat /one.conf /dir/x").contains("mine") == false)
        _ = try await host.sync()
        #expect(try await host.shell("ls -d live/a/*.bak.*").split(separator: "\n").count == 2)
      }
    }

    @Test func `I4: what is edited where several stacks mount it is kept as well, and once`() async throws {
      let file = sleeper("web", "volumes: ['../common:/common:ro']", "network_mode: none")
      try await Host.with(["a/compose.yaml": file, "b/compose.yaml": file, "common/x": "git\n"]) { host in
        _ = try await host.sync()
        try await host.shell("echo mine > live/common/x")
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        #expect(try await host.clup("sync").errors.contains("common was edited through its link"))
        #expect(try await host.shell("cat live/common.bak.*/x") == "mine\n")
        // What cannot be pulled is tried again and again.
        try await host.shell("chmod u+w live/common/x; echo more > live/common/x")
        try await host.push(["a/compose.yaml": file.replacing("busybox:test", with: "127.0.0.1:1/none:1")])
        for _ in 0..<3 { _ = try await host.sync(expect: 1) }
        #expect(try await host.shell("ls -d live/common.bak.* | wc -l") == "2\n")
      }
    }

    @Test func `a backup that somebody removed keeps no stack from going back`() async throws {
      let file = ["a/compose.yaml": sleeper("web", "volumes: ['./h.conf:/h.conf:ro']", "network_mode: none")]
      try await Host.with(file, live: ["a/h.conf": "own\n"]) { host in
        _ = try await host.sync()
        try await host.push(["a/h.conf": "git\n"])
        _ = try await host.sync()
        try await host.shell("rm live/a/h.conf.bak.*")
        #expect(try await host.clup("rollback", "--stack", "a").status == 0)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    /// Where a service mounts what the repository has nothing of yet.
    static let mounts = [
      ("./conf:/conf:ro", "a/conf/x"), ("./conf:/conf", "a/conf/x"), ("./x:/conf/x:ro", "a/x"),
      ("../shared:/conf:ro", "shared/x"), (".:/conf:ro", "a/x"),
    ]

    @Test(arguments: mounts) func `the first file that a commit brings to a mounted path is deployed`(
      _ mount: String, _ path: String
    ) async throws {
      let policy = "policy: {waivers: [{rule: writable-live-path, stack: a, reason: test, expires: 2099-01-01}]}\n"
      try await Host.with(
        ["a/compose.yaml": sleeper("web", "volumes: ['\(mount)']")], live: ["a/conf/own": "", "a/x": "own\n"],
        settings: policy
      ) { host in
        _ = try await host.sync()
        try await host.push([path: "git\n"])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        let id = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("exec", id, "cat", "/conf/x") == "git\n")
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.containers()["a/web"] == id)
      }
    }

    @Test func `what lives in another service's network goes with its container`() async throws {
      let file =
        sleeper("base", "volumes: ['./conf:/conf:ro']") + service("web", ["network_mode: 'service:base'"])
        + service("other")
      try await Host.with(["a/compose.yaml": file, "a/conf": "one\n"]) { host in
        _ = try await host.sync()
        #expect(try await host.sync().outcome == .unchanged)
        let before = try await host.containers()
        try await host.push(["a/conf": "two\n"])
        let report = try await host.sync()
        #expect(report.stacks.first?.reasons.first == "mounted file a/conf changed")
        #expect(report.stacks.first?.services.map(\.action) == [.recreate, .keep, .recreate])
        let after = try await host.containers()
        #expect(after["a/other"] == before["a/other"])
        let base = try #require(after["a/base"])
        let web = try #require(after["a/web"])
        #expect(
          try await host.docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", web) == "container:\(base)\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a one-shot that is tried again until it ends well is waited for`() async throws {
      let file =
        sleeper()
        + "  once:\n    image: busybox:test\n    restart: on-failure\n    volumes: ['tries:/tries']\n    command: [sh, -c, 'echo >> /tries/n; [ $$(wc -l < /tries/n) -ge 5 ]']\nvolumes: {tries: {}}\n"
      try await Host.with(["a/compose.yaml": file]) { host in
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/once"]))
        try await host.docker("volume", "rm", "a_tries")
      }
    }

    @Test func `a removal leaves the containers that the project has elsewhere`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      let file = "name: \(name)\n" + sleeper()
      try await Host.with(
        ["a/compose.yaml": file, "b/compose.yaml": sleeper("b")], settings: "sync: {prune: remove}\n"
      ) { host in
        _ = try await host.sync()
        try host.write(
          "elsewhere/compose.yaml", "name: \(name)\n" + sleeper("web", "labels: {by: hand}"), in: host.live)
        _ = try await host.compose("elsewhere", "up", "-d")
        let taken = try await host.containers()["\(name)/web"]
        try await host.push(["a/compose.yaml": nil])
        _ = try await host.sync()
        let id = try #require(try await host.containers()["\(name)/web"])
        #expect(id == taken)
        #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", id) == "true\n")
      }
    }

    @Test func `I1: what a person ran through another name of the live root is put back`() async throws {
      try await Host.with(
        ["a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'")], live: ["a/compose.yaml": sleeper()]
      ) { host in
        try await host.shell("ln -s live alias")
        try await host.shell("cd alias/a && \(try #require(Host.plugin)) up -d 2>&1")
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let id = try #require(try await host.containers().first?.value)
        #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", id) == "true\n")
      }
    }

    @Test func `what a Compose that was cut off had made is not taken for the container`() async throws {
      try await Host.with(["a/compose.yaml": Self.reader, "a/conf": "good\n"]) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers()["a/web"])
        let name = try await host.docker("inspect", "-f", "{{.Name}}", id).trimmingCharacters(in: .newlines).dropFirst()
        try await host.push(["a/conf": "slow\n"])
        try await Self.cutOff(host, when: Self.reads(host, "slow"))
        // Compose makes the new container under such a name, and renames it when the old one is gone.
        let labels = ["project=a", "service=web", "oneoff=False", "container-number=1", "config-hash=x"]
        _ = try await host.shell(
          "docker create --name \(id.prefix(12))_\(name) "
            + labels.map { "--label com.docker.compose.\($0) " }.joined()
            + "--label com.docker.compose.project.working_dir=\(host.live)/a busybox:test true")
        try await host.push(["a/conf": "good again\n"])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(
          try await host.docker("ps", "-a", "--filter", "label=com.docker.compose.project=a", "--format", "{{.Names}}")
            == "\(name)\n")
      }
    }

    @Test func `a service that ends again and again is told of, also when it was in place once`() async throws {
      let file = sleeper("web", "volumes: ['./data:/d']", "restart: always")
        .replacing("sleep 100000", with: "[sh, -c, 'while test -e /d/ok; do sleep 0.2; done; exit 1']")
      try await Host.with(["a/compose.yaml": file], live: ["a/data/ok": "\n"]) { host in
        _ = try await host.sync()
        #expect(try await host.clup("status", "--exit-code").status == 0)
        try FileManager.default.removeItem(atPath: host.live + "/a/data/ok")
        // By then the engine waits some seconds before it starts it again.
        let id = try #require(try await host.containers()["a/web"])
        try await host.shell("until [ $(docker inspect -f '{{.RestartCount}}' \(id)) -ge 6 ]; do sleep 0.2; done")
        try await host.shell("until docker ps --format '{{.Status}}' | grep -q Restarting; do sleep 0.1; done")
        let answer = try await host.clup("status", "--exit-code")
        #expect(answer.status == 1 && answer.output.contains("! a"), "\(answer.output)")
        #expect(try await host.status()["a"]?["health"]?.string == "restarting")
      }
    }

    @Test func `a name that one stack gives up is there for the one that takes it`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      let port = Int.random(in: 30000..<31000)
      let claims = ["container_name: \(name)", "ports: ['127.0.0.1:\(port):80']", "init: true"]
      func file(_ own: Bool) -> String { "services:\n" + service("web", own ? claims : []) }
      try await Host.with(["a/compose.yaml": file(false), "b/compose.yaml": file(true)]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file(true), "b/compose.yaml": file(false)])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .deployed])
      }
    }

    @Test func `who waits for a name that a held or pinned stack keeps is held, and the others go on`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      func file(_ own: Bool, _ more: String...) -> String {
        "services:\n" + service("web", (own ? ["container_name: \(name)"] : []) + more)
      }
      let files = ["a/compose.yaml": file(true), "b/compose.yaml": file(false), "c/compose.yaml": sleeper()]
      try await Host.with(files) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        // The giver cannot live without it.
        try await host.push([
          "a/compose.yaml": file(false).replacing("sleep 100000", with: "'false'"), "b/compose.yaml": file(true),
        ])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack, .skipped, .unchanged])
        try await host.push(["c/compose.yaml": sleeper("web", "labels: {x: y}")])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.held, .held, .deployed])
        #expect(
          report.stacks[1].reasons.first?.hasPrefix("it shares the container name \(name) with a, which is held")
            == true,
          "\(report.stacks[1].reasons)")
        #expect(try await host.containers()["b/web"] == before["b/web"])
        try await host.push(["a/compose.yaml": file(false)])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .deployed, .unchanged])
        // One of the two alone cannot go back.
        let alone = try await host.clup("rollback", "HEAD~3", "--stack", "a")
        #expect(alone.status == 3 && alone.output.contains("--stack a --stack b"), "\(alone.output)")
        #expect(try await host.clup("rollback", "HEAD~3", "--stack", "a", "--stack", "b").status == 0)
      }
    }

    @Test func `a stack that moves hands its name on to a service of another name`() async throws {
      let name = "clup-\(UInt32.random(in: .min ... .max))"
      func file(_ service: String, _ command: String = "sleep 100000") -> String {
        "name: \(name)\n"
          + sleeper(service, "container_name: \(name)-own").replacing("sleep 100000", with: command)
      }
      try await Host.with(["old/compose.yaml": file("web"), "b/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        try await host.push(["old/compose.yaml": nil, "new/compose.yaml": file("app", "'false'")])
        _ = try await host.sync(expect: 1)
        #expect(try await host.containers().keys.sorted() == ["\(name)/web", "b/web"].sorted())
        try await host.push(["new/compose.yaml": file("app")])
        _ = try await host.sync()
        #expect(try await host.containers().keys.sorted() == ["\(name)/app", "b/web"].sorted())
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `I14: a pull that does not come in time touches nothing, and is tried again`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()], settings: "sync: {pull_timeout: 2s}\n") { host in
        _ = try await host.sync()
        let real = try #require(Host.plugin)
        try host.write(
          "config/cli-plugins/docker-compose",
          "#!/bin/sh\ncase \"$*\" in *\" pull \"*) exec sleep 30;; esac\nexec \(real) \"$@\"\n", in: host.root)
        chmod(host.root + "/config/cli-plugins/docker-compose", 0o755)
        try await host.push(["a/compose.yaml": sleeper().replacing("busybox:test", with: "127.0.0.1:1/none:1")])
        let slow = ["DOCKER_CONFIG": host.root + "/config"]
        let report = try await host.clup(["sync", "--output", "json"], environment: slow).report()
        #expect(report.stacks.first?.outcome == .waiting)
        #expect(report.stacks.first?.error?.contains("docker compose pull did not end within 2s") == true, "\(report)")
        #expect(report.stacks.first?.services.first?.state == "running")
        let again = try await host.sync(expect: 1).stacks.first
        #expect(again?.outcome == .waiting && again?.error?.contains("127.0.0.1:1") == true, "\(again?.error ?? "")")
      }
    }
  }
}
