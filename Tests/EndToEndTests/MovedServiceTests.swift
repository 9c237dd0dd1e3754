import Core
import Foundation
import Testing

extension EndToEnd {
  /// A service that a commit takes out of one stack and puts into another.
  @Suite("I11: services that move to another stack", .disabled(if: Host.skips)) struct MovedServices {
    static let plain = sleeper("web", "network_mode: none")

    static func database(_ mount: String, _ volumes: String = "", named name: String? = nil) -> String {
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
        ["a/compose.yaml": database(mount, volumes), "web/compose.yaml": plain], settings: settings
      ) { host in
        try await host.shell("mkdir -p live/a/state")
        _ = try await host.sync()
        let id = try #require(try await host.containers()["a/db"])
        try await host.docker("exec", id, "sh", "-c", "echo precious > /d/p")
        let volume = try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", id)
        try await host.push(["a/compose.yaml": plain, "b/compose.yaml": database(mount, volumes)])
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
        try await host.push(["b/compose.yaml": Self.database("data:/d", "{data: {name: \(volume)}}")])
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
          "b/compose.yaml": Self.database("kept:/d", "{kept: {external: true, name: \(volume)}}")
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
      let before = Self.database("data:/d", "{data: {}}", named: name)
      try await Host.with(["a/compose.yaml": before, "web/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        let volume = try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", name)
        let kept = "{data: {name: \(volume.trimmingCharacters(in: .newlines))}}"
        try await host.docker("exec", name, "sh", "-c", "echo precious > /d/p")
        try await host.push([
          "a/compose.yaml": Self.plain, "b/compose.yaml": Self.database("data:/d", kept, named: name),
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

    @Test func `one half of a move is refused with both names, and a pinned half keeps the one that gives`()
      async throws
    {
      func stack(_ services: String...) -> String {
        "services:\n" + services.map { service($0, ["network_mode: none"]) }.joined()
      }
      let (without, with) = (stack("web"), stack("web", "job"))
      try await Host.with(["a/compose.yaml": with, "b/compose.yaml": without]) { host in
        _ = try await host.sync()
        func running() async throws -> Set<String> { Set(try await host.containers().keys) }
        let (before, after): (Set<String>, Set<String>) = (["a/web", "a/job", "b/web"], ["a/web", "b/web", "b/job"])
        func refuses(_ arguments: [String], saying words: String = "--stack a --stack b") async throws {
          let known = try await host.containers()
          let answer = try await host.clup(arguments)
          #expect(answer.status == 3 && answer.output.contains("service job"), "\(arguments): \(answer)")
          #expect(answer.output.contains(words), "\(arguments): \(answer)")
          #expect(try await host.containers() == known, "\(arguments)")
        }
        try await host.push(["a/compose.yaml": without, "b/compose.yaml": with])
        try await refuses(["sync", "--stack", "a"])
        try await refuses(["sync", "--stack", "b"])
        #expect(try await host.clup("sync", "--stack", "a", "--stack", "b").status == 0)
        #expect(try await running() == after)
        try await refuses(["rollback", "--stack", "b", "HEAD~1"])
        try await refuses(["rollback", "--stack", "b"])
        #expect(try await host.clup("rollback", "--stack", "a", "--stack", "b", "HEAD~1").status == 0)
        #expect(try await running() == before)
        let half = try await host.clup("resume", "--stack", "a")
        #expect(
          half.status == 1 && half.output.contains("the service job moves between it and b, and b is pinned"), "\(half)"
        )
        #expect(try await running() == before)
        #expect(try await host.clup("resume").status == 0)
        #expect(try await running() == after)
        // Another stack with such a service is nobody's move.
        #expect(try await host.clup("rollback", "--stack", "b", "HEAD").status == 0)
        try await host.push(["b/compose.yaml": without, "c/compose.yaml": with])
        #expect(try await host.sync().named["c"]?.outcome == .deployed)
        #expect(try await host.clup("rollback", "--stack", "a", "HEAD~2").status == 0)
      }
    }

    /// What the engine has once, and two commits would exchange.
    static let trades: [(what: String, before: [String: String], after: [String: String?])] = {
      func one(_ own: String, _ name: String) -> String {
        service(own, ["network_mode: none", "container_name: clup-trade-\(name)"])
      }
      let head = "services:\n"
      return [
        (
          "two services trade their stacks",
          ["a/compose.yaml": head + one("p", "p"), "b/compose.yaml": head + one("q", "q")],
          ["a/compose.yaml": head + one("q", "q"), "b/compose.yaml": head + one("p", "p")]
        ),
        (
          "two stacks trade their names",
          ["a/compose.yaml": head + one("p", "p"), "b/compose.yaml": head + one("q", "q")],
          ["a/compose.yaml": head + one("p", "q"), "b/compose.yaml": head + one("q", "p")]
        ),
        (
          "the giver is to come later",
          ["a/compose.yaml": head + one("p", "p") + one("x", "x"), "b/compose.yaml": head + one("q", "q")],
          [
            "a/compose.yaml": head + one("x", "x") + "x-clup: {after: [b]}\n",
            "b/compose.yaml": head + one("q", "q") + one("p", "p"),
          ]
        ),
      ]
    }()

    @Test(arguments: trades.indices) func `what has no order is refused before anything is touched`(_ index: Int)
      async throws
    {
      let trade = Self.trades[index]
      try await Host.with(trade.before) { host in
        _ = try await host.sync()
        let known = try await host.containers()
        try await host.push(trade.after)
        for arguments in [["sync", "--dry-run", "--output", "json"], ["sync", "--output", "json"]] {
          let answer = try await host.clup(arguments)
          let found = try answer.report().diagnostics.filter(\.refuses)
          #expect(answer.status == 3 && !found.isEmpty, "\(trade.what): \(answer)")
          #expect(
            found.allSatisfy { $0.rule == "project-collision" && $0.help.contains("two commits") },
            "\(trade.what): \(found)")
        }
        #expect(try await host.containers() == known, "\(trade.what)")
      }
    }

    /// Commits after which services of one stack have each other's container names.
    static let exchanges: [(what: String, before: [String: String], after: [String: String])] = [
      ("they swap", ["p": "p", "q": "q"], ["p": "q", "q": "p"]),
      ("one takes it from one that stays", ["p": "p", "q": "q"], ["p": "r", "q": "p"]),
      ("a new one takes it from one that stays", ["p": "p"], ["p": "r", "q": "p"]),
      ("all three go on by one", ["p": "p", "q": "q", "r": "r"], ["p": "q", "q": "r", "r": "p"]),
    ]

    @Test(arguments: [(0, true), (0, false), (1, true), (2, false), (3, true)])
    func `container names change hands within a stack, and back where that fails`(_ index: Int, isGood: Bool)
      async throws
    {
      let exchange = Self.exchanges[index]
      func file(_ names: [String: String], _ more: String...) -> [String: String] {
        let services = names.sorted { $0.key < $1.key }.map { name, container in
          service(
            name, ["network_mode: none", "container_name: clup-trade-\(container)", "volumes: [/kept]"] + more)
        }
        return ["a/compose.yaml": "services:\n" + services.joined()]
      }
      func names(_ host: Host) async throws -> Set<String> {
        Set(
          try await host.docker("ps", "--format", "{{.Label \"com.docker.compose.service\"}}={{.Names}}")
            .split(separator: "\n").map(String.init))
      }
      func expected(_ names: [String: String]) -> Set<String> { Set(names.map { "\($0)=clup-trade-\($1)" }) }
      try await Host.with(file(exchange.before)) { host in
        _ = try await host.sync()
        for (name, container) in exchange.before {
          try await host.docker("exec", "clup-trade-\(container)", "touch", "/kept/\(name)")
        }
        let failing = "healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 1}"
        try await host.push(isGood ? file(exchange.after) : file(exchange.after, failing))
        let answer = try await host.clup("sync", "--output", "json")
        #expect(answer.status == (isGood ? 0 : 1), "\(exchange.what): \(answer)")
        #expect(try answer.report().named["a"]?.outcome == (isGood ? .deployed : .rolledBack), "\(exchange.what)")
        #expect(try await names(host) == expected(isGood ? exchange.after : exchange.before), "\(exchange.what)")
        for (name, container) in isGood ? exchange.after : exchange.before where exchange.before[name] != nil {
          #expect(try await host.docker("exec", "clup-trade-\(container)", "ls", "/kept") == "\(name)\n")
        }
        let again = try await host.clup("sync", "--output", "json")
        #expect(try again.report().outcome == .unchanged, "\(exchange.what)")
      }
    }

    @Test func `a name that begins with its project's comes along when that leaves`() async throws {
      let project = "clup-gone-\(UInt32.random(in: .min ... .max))"
      func stack(_ service: String) -> String { "name: \(project)\nservices:\n" + service }
      let moved = service("p", ["network_mode: none", "container_name: \(project)-main"])
      try await Host.with(["a/compose.yaml": stack(moved), "b/compose.yaml": Self.plain]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": nil, "b/compose.yaml": Self.plain + moved])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.containers().keys.sorted() == ["b/p", "b/web"])
      }
    }

    /// A commit that takes `p` from `a`, and gives it to `b`, which cannot have it.
    struct Loss: Sendable {
      let what: String
      var settings = ""
      /// What is done before the commit.
      var first: [[String]] = []
      var earlier: [String: String?] = [:]
      let commit: [String: String?]
      var sync = ["sync"]
    }

    private static func stack(_ services: [String], name: String? = nil) -> String {
      (name.map { "name: \($0)\n" } ?? "") + "services:\n"
        + services.map { one in
          let text = service(String(one.prefix(1)), ["network_mode: none"])
          if one.hasSuffix("!") { return text.replacing("sleep 100000", with: "'false'") }
          return one.hasSuffix("?") ? text.replacing("busybox:test", with: "127.0.0.1:1/busybox:1") : text
        }.joined()
    }

    static let losses = [
      Loss(
        what: "a goes, and b fails", settings: "sync: {prune: remove}\n",
        commit: ["a/compose.yaml": nil, "b/compose.yaml": stack(["y!", "p"])]),
      Loss(
        what: "a goes, and what p runs cannot be pulled", settings: "sync: {prune: remove}\n",
        commit: ["a/compose.yaml": nil, "b/compose.yaml": stack(["y", "p?"])]),
      Loss(
        what: "a goes, and b is pinned", settings: "sync: {prune: remove}\n",
        first: [["rollback", "--stack", "b", "HEAD"]],
        commit: ["a/compose.yaml": nil, "b/compose.yaml": stack(["y", "p"])]),
      Loss(
        what: "a goes, and b is held", settings: "sync: {prune: remove}\n",
        earlier: ["b/compose.yaml": stack(["y!", "p"])], commit: ["a/compose.yaml": nil]),
      Loss(
        what: "a goes, and b is refused", settings: "sync: {prune: remove, gate: stack}\n",
        commit: [
          "a/compose.yaml": nil,
          "b/compose.yaml": stack(["y", "p"]).replacing("network_mode: none", with: "privileged: true"),
        ]),
      Loss(
        what: "a goes, and is the only one to be synced", settings: "sync: {prune: remove}\n",
        commit: ["a/compose.yaml": nil, "b/compose.yaml": stack(["y", "p"])], sync: ["sync", "--stack", "a"]),
      Loss(
        what: "b cannot be read", settings: "sync: {gate: stack}\n",
        commit: ["a/compose.yaml": stack(["x"]), "b/compose.yaml": stack(["y", "p"]) + "    ports: 5\n"]),
      Loss(
        what: "a gets another directory, and b fails",
        commit: [
          "a/compose.yaml": nil, "c/compose.yaml": stack(["x"], name: "a"), "b/compose.yaml": stack(["y!", "p"]),
        ]),
      Loss(
        what: "a gets another directory, and is the only one to be synced",
        commit: [
          "a/compose.yaml": nil, "c/compose.yaml": stack(["x"], name: "a"), "b/compose.yaml": stack(["y", "p"]),
        ], sync: ["sync", "--stack", "c"]),
      Loss(
        what: "what p runs in b cannot be pulled",
        commit: ["a/compose.yaml": stack(["x"]), "b/compose.yaml": stack(["y", "p?"])]),
    ]

    @Test(arguments: losses.indices) func `I12: a service that another stack cannot have stays where it is`(
      _ index: Int
    )
      async throws
    {
      let loss = Self.losses[index]
      try await Host.with(
        ["a/compose.yaml": Self.stack(["p", "x"], name: "a"), "b/compose.yaml": Self.stack(["y"])],
        settings: loss.settings
      ) { host in
        _ = try await host.sync()
        let before = try #require(try await host.containers()["a/p"])
        for command in loss.first { #expect(try await host.clup(command).status == 0, "\(loss.what)") }
        if !loss.earlier.isEmpty {
          try await host.push(loss.earlier)
          _ = try await host.clup(["sync"])
        }
        try await host.push(loss.commit)
        for _ in 0..<2 {
          let answer = try await host.clup(loss.sync)
          #expect(answer.status != 0, "\(loss.what): \(answer)")
          let running = try await host.docker(
            "ps", "--filter", "label=com.docker.compose.service=p", "--format", "{{.ID}}")
          #expect(running.split(separator: "\n").count == 1, "\(loss.what): \(answer)")
        }
        // Where nothing had to make room for it, it was not touched.
        let isTouched = loss.what.hasSuffix("b fails")
        let after = try await host.containers()["a/p"]
        #expect(isTouched || after == before, "\(loss.what)")
      }
    }

    @Test func `a split with volumes whose one half fails leaves both where they are, until a commit that works`()
      async throws
    {
      let name = "clup-split-\(UInt32.random(in: .min ... .max))"
      let data = "volumes: {data: {name: \(name)}}\n"
      func web(_ test: String) -> String {
        service("web", ["healthcheck: {test: ['CMD', '\(test)'], interval: 100ms, retries: 1}"])
      }
      func db(_ container: String) -> String {
        service("db", ["volumes: ['data:/d']", "container_name: \(container)"])
      }
      try await Host.with(["all/compose.yaml": "services:\n" + web("true") + db(name) + data]) { host in
        _ = try await host.sync()
        try await host.docker("exec", name, "sh", "-c", "echo precious > /d/p")
        let before = try await Self.id(host, name)
        try await host.push([
          "all/compose.yaml": nil, "web/compose.yaml": "services:\n" + web("false"),
          "db/compose.yaml": "services:\n" + db(name) + data,
        ])
        _ = try await host.sync(expect: 1)
        #expect(try await Self.content(host, "all/db") == "precious\n")
        let back = try await Self.id(host, name)
        let held = try await host.sync(expect: 1)
        #expect(held.stacks.map(\.outcome) == [.unchanged, .held, .held], "\(held)")
        #expect(try await Self.id(host, name) == back && before.hasSuffix(" true"))
        try await host.push(["web/compose.yaml": "services:\n" + web("true")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.removed, .deployed, .deployed])
        #expect(try await Self.content(host, "db/db") == "precious\n")
        #expect(try await host.sync().outcome == .unchanged)
        try await Self.remove(name, host)
      }
    }

    /// A service that holds a port and a container name, and is healthy or not.
    private static func web(_ name: String, port: UInt16, _ more: String..., isBroken: Bool = false) -> String {
      let check = "healthcheck: {test: ['CMD', '\(isBroken ? "false" : "true")'], interval: 100ms, retries: 1}"
      return sleeper(
        "web",
        (["container_name: \(name)", "ports: ['127.0.0.1:\(port):80']", check] + more).joined(separator: "\n    "))
    }

    private static func id(_ host: Host, _ name: String) async throws -> String {
      try await host.docker("inspect", "-f", "{{.Id}} {{.State.Running}}", name).trimmingCharacters(in: .newlines)
    }

    @Test(arguments: ["", "sync: {gate: stack}\n", "sync: {prune: remove}\n"])
    func `a directory with a new name takes the project's services over, and they run on where that fails`(
      _ settings: String
    ) async throws {
      let (name, port) = ("clup-moved-\(UInt32.random(in: .min ... .max))", try Servers.freePort())
      let before = Self.web(name, port: port)
      try await Host.with(["site/compose.yaml": before], settings: settings) { host in
        _ = try await host.sync()
        try await host.push([
          "site/compose.yaml": nil, "front/compose.yaml": Self.web(name, port: port, isBroken: true),
        ])
        let failed = try await host.sync(expect: 1)
        #expect(failed.stacks.first { $0.name == "site" }?.outcome == .rolledBack, "\(failed)")
        #expect(failed.stacks.first { $0.name == "front" }?.outcome == .failed, "\(failed)")
        let back = try await Self.id(host, name)
        #expect(back.hasSuffix(" true"))
        #expect(try await host.containers()["site/web"].map(back.hasPrefix) == true)
        if !settings.contains("prune") {
          _ = try await host.sync(expect: 1)
          #expect(try await Self.id(host, name) == back, "it is left alone as long as the other one is held")
        }
        try await host.push(["front/compose.yaml": before])
        let report = try await host.sync()
        #expect(report.stacks.first { $0.name == "site" }?.outcome == .removed, "\(report)")
        let now = try await host.containers()
        #expect(now["front/web"] != nil && now["site/web"] == nil)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.status()["site"] == nil)
      }
    }

    @Test(arguments: ["", "sync: {gate: stack}\n"])
    func `a service stays with the stack that gives it up, where the other one fails or is refused`(
      _ settings: String
    ) async throws {
      let (name, port) = ("clup-moved-\(UInt32.random(in: .min ... .max))", try Servers.freePort())
      try await Host.with(
        ["a/compose.yaml": Self.web(name, port: port) + service("other", ["network_mode: none"])],
        settings: settings
      ) { host in
        _ = try await host.sync()
        let first = try await Self.id(host, name)
        let rest = sleeper("other", "network_mode: none")
        try await host.push([
          "a/compose.yaml": rest, "b/compose.yaml": Self.web(name, port: port, "privileged: true"),
        ])
        _ = try await host.sync(expect: 3)
        #expect(try await Self.id(host, name) == first, "refused: nothing was touched")
        try await host.push(["b/compose.yaml": Self.web(name, port: port, isBroken: true)])
        let failed = try await host.sync(expect: 1)
        #expect(failed.stacks.first { $0.name == "a" }?.outcome == .rolledBack, "\(failed)")
        let back = try await Self.id(host, name)
        #expect(back.hasSuffix(" true"))
        #expect(try await host.containers()["a/web"].map(back.hasPrefix) == true)
        let held = try await host.sync(expect: 1)
        #expect(held.stacks.first { $0.name == "a" }?.outcome == .held, "\(held)")
        #expect(try await Self.id(host, name) == back)
        try await host.push(["b/compose.yaml": Self.web(name, port: port)])
        #expect(try await host.sync().outcome == .deployed)
        let now = try await host.containers()
        #expect(now["b/web"] != nil && now["a/web"] == nil)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }
  }
}
