import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("I7, I12: what was good is repaired, whatever the repository says", .disabled(if: Host.skips)) struct Repairs {
    static let plain = sleeper("web", "network_mode: none")

    /// What the repository does meanwhile, and the status of a sync.
    static let trouble: [(what: String, change: String, status: Int32)] = [
      ("it is away", "mv repo.git gone.git", 4),
      (
        "its head is refused",
        "cd work && printf '    privileged: true\\n' >> b/compose.yaml && git -c user.name=t -c user.email=t@t commit -qam bad "
          + "&& git push -q ../repo.git HEAD:main", 3
      ),
      (
        "its branch was rewritten",
        "cd work && git -c user.name=t -c user.email=t@t commit -q --amend -m other && git push -qf ../repo.git HEAD:main",
        3
      ),
    ]

    @Test(arguments: trouble.indices) func `I7: drift is repaired whatever the repository says`(_ index: Int)
      async throws
    {
      let row = Self.trouble[index]
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell(row.change)
        try await host.docker("rm", "-f", try #require(before["a/web"]))
        let report = try await host.sync(expect: row.status)
        #expect(report.error != nil || !report.diagnostics.isEmpty, "\(row.what) is still said")
        let stack = report.stacks.first { $0.name == "a" }
        #expect(stack?.outcome == .deployed && stack?.reasons == ["drift: container removed"], "\(report)")
        let now = try await host.containers()
        #expect(now["b/web"] == before["b/web"] && now["a/web"] != nil)
        // Nothing more is done for it, and the trouble stays.
        let again = try await host.sync(expect: row.status)
        #expect(again.stacks.allSatisfy { $0.outcome != .deployed })
        #expect(try await host.containers() == now)
        #expect(try await host.clup("status", "--exit-code").status == 1)
      }
    }

    @Test func `I12: what waits for an image is kept up meanwhile`() async throws {
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": Self.plain.replacing("busybox:test", with: "127.0.0.1:9/none:1")])
        let waiting = try await host.sync(expect: 1)
        #expect(waiting.stacks.first { $0.name == "a" }?.outcome == .waiting)
        for how in ["rm", "stop"] {
          let id = try #require(try await host.containers()["a/web"])
          try await host.shell("docker \(how) \(how == "rm" ? "-f" : "-t0") \(id)")
          let report = try await host.sync("--retry", expect: 1)
          let stack = report.stacks.first { $0.name == "a" }
          #expect(stack?.outcome == .waiting && stack?.waitsFor != nil, "what it waits for is still said")
          #expect(stack?.reasons.contains { $0.hasPrefix("drift") } == true, "\(report.stacks)")
          let now = try #require(try await host.containers()["a/web"])
          #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", now) == "true\n")
        }
      }
    }

    @Test func `I12, I14: a registry that is away neither fails a commit nor keeps a container away`() async throws {
      func file(_ generation: Int) -> String {
        Self.plain.replacing("busybox:test", with: "127.0.0.1:9/always:1")
          + "    pull_policy: always\n    environment: {G: '\(generation)'}\n"
      }
      try await Host.with(["a/compose.yaml": Self.plain]) { host in
        try await host.shell("docker tag busybox:test 127.0.0.1:9/always:1")
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file(1)])
        let first = try await host.sync(expect: 1)
        #expect(first.stacks.first?.outcome == .waiting, "\(first.stacks)")
        #expect(try await host.status()["a"]?["held"] == .null)
        try await host.push(["a/compose.yaml": file(1).replacing("always\n", with: "missing\n")])
        #expect(try await host.sync().outcome == .deployed)
        try await host.push(["a/compose.yaml": file(1)])
        _ = try await host.sync()
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        #expect(try await host.sync().stacks.first?.reasons == ["drift: container removed"])
        try await host.push(["a/compose.yaml": file(2)])
        #expect(try await host.sync(expect: 1).stacks.first?.outcome == .waiting)
        try await host.shell(
          "docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=a); docker rmi 127.0.0.1:9/always:1")
      }
    }

    @Test func `I7: values that nobody has judged come into no container with a repair`() async throws {
      let file = sleeper("web", "network_mode: none", "privileged: ${P:-false}", "environment: {MODE: '${MODE:-a}'}")
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.shell("mv repo.git gone.git && printf 'MODE=b\\nP=true\\n' > live/a/.env")
        let id = try #require(try await host.containers()["a/web"])
        try await host.docker("stop", "-t0", id)
        #expect(try await host.sync(expect: 4).stacks.first?.outcome == .deployed, "it is started as it is")
        #expect(try await host.containers()["a/web"] == id)
        try await host.docker("rm", "-f", id)
        for source in ["it is away", "it refuses them"] {
          let stack = try await host.sync(expect: source == "it is away" ? 4 : 3).stacks.first
          #expect(
            stack?.outcome == .failed && stack?.error?.contains("were not checked") == true, "\(source): \(stack)")
          #expect(stack?.error?.contains("live/a") == true && stack?.error?.contains("runs as before") == false)
          #expect(try await host.containers().isEmpty)
          try await host.shell("if [ -e gone.git ]; then mv gone.git repo.git; fi")
        }
        try await host.shell("echo MODE=b > live/a/.env")
        #expect(try await host.sync().outcome == .deployed, "what may run does")
        let now = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("inspect", "-f", "{{.Config.Env}}", now).contains("MODE=b"))
      }
    }

    @Test func `I7: what is only stopped starts as it is, what lives in another one's network after that`() async throws
    {
      // A unit of systemd may have a /tmp of its own, so that clup believes nothing of what is missing there.
      let data = "/var/lib/clup-test-\(UInt32.random(in: .min ... .max))"
      let file =
        service("a-child", ["network_mode: 'service:base'"])
        + service("base", ["privileged: ${P:-false}", "volumes: ['\(data):/data']"])
      defer { try? FileManager.default.removeItem(atPath: data) }
      try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
      try await Host.with(
        ["a/compose.yaml": "services:\n" + file], settings: "policy: {bind_roots: [\(data)]}\n"
      ) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell("mv repo.git gone.git && echo P=true > live/a/.env && rmdir \(data)")
        try await host.shell("docker stop -t0 $(docker ps -q --filter label=com.docker.compose.project=a)")
        let failed = try await host.sync(expect: 4).stacks.first
        #expect(failed?.outcome == .failed && failed?.error?.contains("no longer on this host") == true, "\(failed)")
        try await host.shell("mkdir \(data)")
        #expect(try await host.sync(expect: 4).stacks.first?.outcome == .deployed)
        #expect(try await host.containers() == before)
      }
    }

    static let heads = [
      "waits": sleeper("web", "network_mode: none").replacing("busybox:test", with: "127.0.0.1:9/none:1"),
      "fails": "services:\n  web: {image: 'busybox:test', command: 'false', restart: always, network_mode: none}\n",
    ]

    @Test(arguments: heads.keys.sorted())
    func `I7: values judged with the head alone come into no container of what was good`(_ head: String) async throws {
      let file = sleeper("web", "network_mode: none", "volumes: ['${D:-./data}:/d']")
      try await Host.with(["a/compose.yaml": file], settings: "sync: {deploy_timeout: 10s}\n") { host in
        try await host.shell("mkdir -p live/a/data")
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": Self.heads[head]])
        try await host.shell("echo D=/etc > live/a/.env")
        _ = try await host.sync(expect: 1)
        try await host.shell("docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=a)")
        for away in [false, true] {
          if away { try await host.shell("mv repo.git gone.git") }
          _ = try await host.clup("sync")
          #expect(try await host.containers().isEmpty, "\(away)")
        }
        try await host.shell("rm live/a/.env")
        _ = try await host.sync(expect: 4)
        let now = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("inspect", "-f", "{{.HostConfig.Binds}}", now).contains("live/a/data:/d"))
      }
    }

    @Test func `I7: what the .env brings in is not started with a repair, and one other service keeps none away`()
      async throws
    {
      let file =
        sleeper("web", "network_mode: none")
        + service("other", ["network_mode: none", "environment: {MODE: '${MODE:-a}'}"])
        + service("debug", ["network_mode: none", "profiles: [debug]"])
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell("mv repo.git gone.git; printf 'COMPOSE_PROFILES=debug\nMODE=b\n' > live/a/.env")
        try await host.docker("rm", "-f", try #require(before["a/web"]))
        #expect(try await host.sync(expect: 4).stacks.first?.outcome == .deployed)
        let now = try await host.containers()
        #expect(Set(now.keys) == ["a/web", "a/other"] && now["a/other"] == before["a/other"])
        try await host.docker("rm", "-f", try #require(now["a/web"]), try #require(now["a/other"]))
        let stack = try await host.sync(expect: 4).stacks.first
        #expect(
          stack?.outcome == .failed
            && stack?.error?.contains("define other differently from its last good deploy") == true)
        #expect(try await host.containers().keys.sorted() == ["a/web"])
      }
    }

    @Test func `I12: values that changed while a commit waits are judged, and then count`() async throws {
      let file = sleeper("web", "network_mode: none", "environment: {MODE: '${MODE:-a}'}")
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file.replacing("busybox:test", with: "127.0.0.1:9/none:1")])
        #expect(try await host.sync(expect: 1).stacks.first?.outcome == .waiting)
        try await host.shell("echo MODE=b > live/a/.env")
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        _ = try await host.sync(expect: 1)
        let now = try #require(try await host.containers()["a/web"])
        #expect(try await host.docker("inspect", "-f", "{{.Config.Env}}", now).contains("MODE=b"))
      }
    }

    @Test func `a stopped container whose network was pruned is made anew, and blames no commit`() async throws {
      let files = { (generation: Int) in
        sleeper("web", "networks: [n]") + service("other", ["network_mode: none", "environment: {G: '\(generation)'}"])
          + "networks: {n: {}}\n"
      }
      try await Host.with(["a/compose.yaml": files(1)]) { host in
        _ = try await host.sync()
        for generation in [1, 2] {
          try await host.shell("docker stop -t0 $(docker ps -q --filter label=com.docker.compose.service=web)")
          try await host.shell("docker network rm a_n")
          if generation == 2 { try await host.push(["a/compose.yaml": files(2)]) }
          #expect(try await host.sync().outcome == .deployed)
          let id = try #require(try await host.containers()["a/web"])
          #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", id) == "true\n")
        }
      }
    }

    @Test func `I12: what comes after a stack that failed is repaired where it is`() async throws {
      let after = "x-clup: {after: [a]}\n"
      try await Host.with(["a/compose.yaml": Self.plain, "b/compose.yaml": after + Self.plain]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let bad = Self.plain.replacing("sleep 100000", with: "'false'")
        try await host.push(["a/compose.yaml": bad, "b/compose.yaml": after + sleeper("web", "labels: {v: two}")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack, .skipped])
        #expect(try await host.containers()["b/web"] == before["b/web"])
        try await host.docker("rm", "-f", try #require(before["b/web"]))
        let report = try await host.sync(expect: 1)
        let skipped = try #require(report.stacks.last)
        #expect(report.stacks.map(\.outcome) == [.held, .skipped] && skipped.services.map(\.action) == [.create])
        let now = try #require(try await host.containers()["b/web"])
        #expect(
          try await host.docker("inspect", "-f", "{{index .Config.Labels \"v\"}}", now) == "\n", "at its good commit")
        _ = try await host.sync(expect: 1)
        #expect(try await host.containers()["b/web"] == now)
        try await host.push(["a/compose.yaml": Self.plain])
        #expect(try await host.sync().stacks.map(\.outcome) == [.unchanged, .deployed])
      }
    }

    /// What keeps another stack's commit away, and the status of a sync then; each stack reads `common/x`.
    static let neighbours: [(what: String, change: [String: String], status: Int32)] = [
      ("another stack is refused", ["b/compose.yaml": "services:\n" + service("web", ["privileged: true"])], 3),
      ("one that shares a file failed", ["common/x": "two\n", "b/compose.yaml": labelled("'false'")], 1),
    ]

    static func labelled(_ command: String = "sleep 100000") -> String {
      sleeper("web", "network_mode: none", "labels: {v: '${V}'}", "volumes: ['../common/x:/x:ro']")
        .replacing("sleep 100000", with: command)
    }

    @Test(arguments: neighbours.indices)
    func `I12: changed values count for a repair once a sync has judged them, whatever becomes of others`(_ index: Int)
      async throws
    {
      let row = Self.neighbours[index]
      let values = ["a/.env": "V=one\n", "b/.env": "V=one\n"]
      try await Host.with(
        ["a/compose.yaml": Self.labelled(), "b/compose.yaml": Self.labelled(), "common/x": "one\n"], live: values
      ) { host in
        _ = try await host.sync()
        try await host.push(row.change)
        _ = try await host.sync(expect: row.status)
        let before = try await host.containers()
        try host.write("a/.env", "V=two\n", in: host.live)
        try await host.docker("rm", "-f", try #require(before["a/web"]))
        _ = try await host.sync(expect: row.status)
        let now = try await host.containers()
        let id = try #require(now["a/web"], "\(row.what)")
        #expect(try await host.docker("inspect", "-f", "{{index .Config.Labels \"v\"}}", id) == "two\n", "\(row.what)")
        #expect(now["b/web"] == before["b/web"], "\(row.what)")
        // What a rule refuses does not come in with them.
        try host.write("a/compose.override.yaml", "services: {web: {privileged: true}}\n", in: host.live)
        try await host.docker("rm", "-f", id)
        _ = try await host.clup("sync")
        #expect(try await host.containers()["a/web"] == nil, "\(row.what)")
        try await host.shell("rm live/a/compose.override.yaml")
        _ = try await host.sync(expect: row.status)
        #expect(try await host.containers()["a/web"] != nil, "\(row.what)")
      }
    }

    @Test func `I14: a port that somebody else took meanwhile is refused, and no failure of the commit`() async throws {
      let port = 20000 + Int.random(in: 0..<10000)
      let file = sleeper("web", "ports: ['127.0.0.1:\(port):80']")
      try await Host.with(["a/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        let name = "clup-e2e-\(port)"
        try await host.docker(
          "run", "-d", "--name", name, "-p", "127.0.0.1:\(port):80", "busybox:test", "sleep", "1000")
        try await host.push(["a/compose.yaml": file.replacing("services:", with: "# two\nservices:")])
        let refused = try await host.sync(expect: 3)
        #expect(
          refused.diagnostics.contains { $0.rule == "project-collision" && $0.help.contains("docker stop \(name)") })
        #expect(try await host.status()["a"]?["held"] == .null)
        try await host.docker("rm", "-f", name)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `drift: report leaves it alone there, too`() async throws {
      try await Host.with(["a/compose.yaml": Self.plain], settings: "sync: {drift: report}\n") { host in
        _ = try await host.sync()
        try await host.shell("mv repo.git gone.git")
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        _ = try await host.sync(expect: 4)
        #expect(try await host.containers().isEmpty)
        _ = try await host.sync("--stack", "a", expect: 4)
        #expect(try await host.containers()["a/web"] != nil, "a person asked for it")
      }
    }

    @Test func `a host that moves to another disk keeps its pins and holds, and only what mounts it is made anew`()
      async throws
    {
      let mounting = sleeper("web", "network_mode: none", "volumes: ['./conf:/conf:ro', './data:/data']")
      try await Host.with(
        ["a/compose.yaml": mounting, "a/conf": "one\n", "b/compose.yaml": Self.plain, "c/compose.yaml": Self.plain],
        live: ["a/data/x": "state\n"]
      ) { host in
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": sleeper("web", "network_mode: none", "labels: {x: y}")])
        _ = try await host.sync()
        #expect(try await host.clup("rollback", "--stack", "b").status == 0)
        try await host.push(["c/compose.yaml": Self.plain.replacing("sleep 100000", with: "'false'")])
        _ = try await host.sync(expect: 1)
        let (before, known) = try await (host.containers(), host.status())
        let text = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        // A second live root next to the first is not served by the same checkout.
        try text.replacing("live_root: \(host.live)", with: "live_root: \(host.root)/other").write(
          toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        #expect(try await host.clup("sync").status == 2)
        try await host.shell("mv live moved")
        try text.replacing(host.live, with: host.root + "/moved").write(
          toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.deployed, .deployed, .held], "\(report.stacks)")
        let services = report.stacks.flatMap(\.services).filter { $0.action != .keep }
        #expect(services.count == 1)
        let now = try await host.containers()
        #expect(now["b/web"] == before["b/web"] && now["c/web"] == before["c/web"] && now["a/web"] != before["a/web"])
        for name in ["a", "b", "c"] {
          let state = try await host.status()[name]
          #expect(state?["pin"] == known[name]?["pin"] && state?["held"] == known[name]?["held"])
          #expect(
            try await host.shell("readlink -f moved/\(name)/compose.yaml").hasPrefix(
              "\(host.root)/moved/clup/releases/"))
        }
        #expect(try await host.shell("find moved -name '*.bak.*' -not -path '*/clup/*' | wc -l").hasPrefix("0"))
        #expect(try await host.shell("docker exec \(now["a/web"] ?? "") cat /data/x /conf") == "state\none\n")
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.unchanged, .pinned, .held])
      }
    }

    /// What a power cut leaves of a mirror; two of it are drawn by lot.
    static let damage = [
      "truncate -s 0 $m/refs/heads/main", "rm -rf $m/objects/pack/*", "truncate -s 0 $m/HEAD",
      "rm -rf $m/objects $m/refs",
    ]

    @Test(arguments: damage.shuffled().prefix(2))
    func `a damaged mirror is fetched anew, and forgets no rewritten branch`(
      _ damage: String
    ) async throws {
      try await Host.with(["a/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let harm = damage.replacing("$m", with: host.checkout + "/repo.git")
        let head = try await host.push(["b/compose.yaml": Self.plain])
        try await host.shell(harm)
        #expect(try await host.sync().commit == head)
        #expect(try await host.containers()["a/web"] == before["a/web"])
        try await host.shell(
          "cd work && echo '# x' >> b/compose.yaml && git -c user.name=t -c user.email=t@t commit -qa --amend -m other "
            + "&& git push -qf ../repo.git HEAD:main")
        try await host.shell(harm)
        for _ in 0..<2 {
          let refused = try await host.clup("sync")
          #expect(refused.status == 3 && refused.output.contains("was rewritten"), "\(refused)")
        }
        let new = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        #expect(try await host.sync("--accept-rewrite", new).commit == new)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.shell("ls live/clup").contains("repo.git.") == false)
      }
    }

    @Test func `I4: a link into a person's own clone is kept as a copy of the file, and comes back as a link`()
      async throws
    {
      let file = Self.plain.replacing("sleep 100000", with: "'false'")
      try await Host.with(["a/compose.yaml": file]) { host in
        func link() async throws {
          _ = try await host.shell(
            "rm -rf clone && git clone -q repo.git clone && (echo '# mine'; cat clone/a/compose.yaml) > f && mv f clone/a/compose.yaml "
              + "&& sed -i 's/false/sleep 100000/' clone/a/compose.yaml && mkdir -p live/a && ln -sf $PWD/clone/a/compose.yaml live/a/compose.yaml"
          )
        }
        try await link()
        _ = try await host.compose("a", "up", "-d")
        #expect(try await host.clup("sync").status == 1)
        #expect(try await host.shell("readlink live/a/compose.yaml") == "\(host.root)/clone/a/compose.yaml\n")
        try await host.push(["a/compose.yaml": Self.plain])
        _ = try await host.sync()
        try await host.shell("rm -rf clone")
        #expect(try await host.shell("cat live/a/compose.yaml.bak.* | grep -c '# mine'").hasPrefix("0") == false)
      }
    }

    @Test(arguments: [true, false])
    func `I4: where a container may write, only a link to the same file of a clone is kept as a copy`(_ isSame: Bool)
      async throws
    {
      let file = sleeper("web", "network_mode: none", "volumes: ['..:/data']")
      try await Host.with(["r/compose/compose.yaml": file]) { host in
        let target = isSame ? "clone/r/compose/compose.yaml" : "clone/secret"
        try await host.shell(
          "git clone -q repo.git clone && cp clone/r/compose/compose.yaml clone/secret && mkdir -p live/r/compose "
            + "&& ln -s $PWD/\(target) live/r/compose/compose.yaml")
        _ = try await host.compose("r/compose", "up", "-d")
        _ = try await host.sync()
        let kept = try await host.shell("find live/r/compose -name 'compose.yaml.bak.*' -printf %y")
        #expect(kept == (isSame ? "f" : "l"))
      }
    }

    @Test(arguments: [false, true]) func `a stack that left the repository can be taken down by hand`(_ isAway: Bool)
      async throws
    {
      let file = sleeper("web", "network_mode: none")
      try await Host.with(["a/compose.yaml": file, "b/compose.yaml": file]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": nil])
        #expect(try await host.sync().stacks.first { $0.name == "a" }?.gone == true)
        let id = try #require(try await host.containers()["a/web"])
        try await host.docker("rm", "-f", id)
        #expect(try await host.status()["a"]?["drift"]?.array.isEmpty == true)
        if isAway { try await host.shell("mv repo.git gone.git") }
        let repair = try await host.clup(["sync", "--stack", "a"], environment: ["CLUP_REPAIR": "1"])
        let sync = try await host.clup("sync")
        #expect(repair.status == 0 && sync.status == (isAway ? 4 : 0), "\(repair)\(sync)")
        #expect(try await host.containers()["a/web"] == nil)
        if isAway { try await host.shell("mv gone.git repo.git") }
      }
    }
  }
}
