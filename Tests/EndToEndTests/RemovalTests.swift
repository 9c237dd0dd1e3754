import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("What goes, and what stays", .disabled(if: Host.skips)) struct Removals {
    @Test func `a stack that is gone from the repository runs on, and is told of at every sync`() async throws {
      try await Host.with(
        ["a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b", "ports: ['127.0.0.1:38123:80']")]
      ) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(["b/compose.yaml": nil])
        for _ in 0..<2 {
          let answer = try await host.clup("sync", "--output", "json")
          #expect(answer.status == 0)
          let stack = try #require(try answer.report().stacks.first { $0.name == "b" })
          #expect(stack.outcome == .unchanged && stack.reasons.first?.hasPrefix("gone from the repository") == true)
          #expect(answer.errors.contains("warning: b is gone from the repository"))
        }
        #expect(try await host.containers() == before)
        #expect(try await host.status()["b"]?["drift"]?.array == [])
        // What it holds cannot be another's meanwhile.
        try await host.push(["c/compose.yaml": sleeper("c", "ports: ['127.0.0.1:38123:80']")])
        #expect(try await host.sync(expect: 3).diagnostics.contains { $0.rule == "project-collision" })
      }
    }

    @Test func `I11: what comes back has its volume, under a project's own name as well, and nobody else gets it`()
      async throws
    {
      let project = "clup-back-\(UInt32.random(in: .min ... .max))"
      let web = "name: \(project)\nservices:\n" + service("web", ["network_mode: none"])
      let whole = web + service("db", ["network_mode: none", "volumes: ['data:/d']"]) + "volumes: {data: {}}\n"
      try await Host.with(
        ["a/compose.yaml": whole, "z/compose.yaml": sleeper("z")], settings: "sync: {prune: remove}\n"
      ) { host in
        func content() async throws -> String { try await host.docker("exec", "\(project)-db-1", "cat", "/d/p") }
        _ = try await host.sync()
        try await host.docker("exec", "\(project)-db-1", "sh", "-c", "echo precious > /d/p")
        for gone in [web, nil] {
          try await host.push(["a/compose.yaml": gone])
          _ = try await host.sync()
          try await host.push(["a/compose.yaml": whole])
          #expect(try await host.sync().outcome == .deployed)
          #expect(try await content() == "precious\n")
        }
        // Another stack under the same name gets nothing of it.
        try await host.push(["a/compose.yaml": nil])
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": whole])
        let found = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(found.map(\.rule) == ["project-collision"] && found.first?.message.contains("data") == true, "\(found)")
        try await host.docker("volume", "rm", "\(project)_data")
      }
    }

    @Test func `I13: a stack that is gone and does not run is not in place, and status says the same`() async throws {
      try await Host.with(["a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b")]) { host in
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": nil])
        #expect(try await host.sync().named["b"]?.isLeft == true)
        try await host.docker("rm", "-f", try #require(try await host.containers()["b/b"]))
        for _ in 0..<2 {
          let answer = try await host.clup(["sync"])
          let why = "gone from the repository, and left as it is, b not running"
          #expect(answer.errors.contains("warning: b is \(why)"), "\(answer.errors)")
          #expect(answer.output.contains("1 stack in place, 1 gone from the repository"), "\(answer.output)")
          #expect(try await host.status()["b"]?["note"]?.string?.hasPrefix(why) == true)
        }
        // A person who takes it down by hand is not undone.
        #expect(try await host.containers().keys.sorted() == ["a/a"])
      }
    }

    @Test(arguments: ["report", "remove"])
    func `I3: the links of a stack that is gone come along where the live root is moved`(_ prune: String) async throws {
      try await Host.with(["a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b")]) { host in
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": nil])
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.shell(
          "mv live other; sed -i 's|/live|/other|' clup.yaml; echo 'sync: {prune: \(prune)}' >> clup.yaml")
        let answer = try await host.clup(["sync"])
        #expect(answer.status == 0, "\(answer.output) \(answer.errors)")
        if prune == "report" {
          try await host.shell("cat other/b/compose.yaml")
          #expect(try await host.containers() == before)
          #expect(try await host.status()["b"]?["drift"]?.array == [])
          #expect(try await host.clup(["sync"]).output.contains("1 stack in place, 1 gone from the repository"))
        } else {
          try await host.shell("[ ! -L other/b/compose.yaml ]")
        }
      }
    }

    @Test func `prune: remove takes it down, and names the last backup`() async throws {
      let volume = "clup-e2e-\(UInt32.random(in: .min ... .max))"
      let file =
        "services:\n" + service("b", ["volumes: ['data:/data', './data:/own']"])
        + service("late", ["depends_on: [b]"]) + "volumes: {data: {name: \(volume)}}\n"
      try await Host.with(
        ["a/compose.yaml": sleeper("a"), "b/compose.yaml": file],
        live: ["b/compose.yaml": "by hand: 1\n", "b/data/state": "1\n", "b/.env": "X=1\n"],
        settings: "sync: {prune: remove}\n"
      ) { host in
        let first = try await host.sync()
        let kept = try #require(first.links.first { $0.live == "b/compose.yaml" }?.backup)
        let state = try await host.inventory("b/data")
        try await host.push(["b/compose.yaml": nil])
        let planned = try await host.sync("--dry-run")
        #expect(planned.stacks.last?.reasons == ["stack removed"] && planned.links.last?.action == .remove)
        let report = try await host.sync()
        #expect(report.stacks.map(\.outcome) == [.unchanged, .removed])
        #expect(report.links.first { $0.live == "b/compose.yaml" }?.backup == kept)
        #expect(try await host.containers().keys.sorted() == ["a/a"])
        // I1, I4: state, volumes and backups stay.
        #expect(try await host.inventory("b/data") == state)
        #expect(try String(contentsOfFile: host.live + "/b/.env", encoding: .utf8) == "X=1\n")
        #expect(try String(contentsOfFile: Path.join(host.live, kept), encoding: .utf8) == "by hand: 1\n")
        #expect(!FileManager.default.fileExists(atPath: host.live + "/b/compose.yaml"))
        #expect(try await host.docker("volume", "ls", "-q").contains(volume))
        #expect(try await host.sync().outcome == .unchanged)
        try await host.docker("volume", "rm", volume)
      }
    }

    @Test func `releases go, but none that a pointer, a record or a mount still uses`() async throws {
      func file(_ generation: Int) -> String {
        sleeper("web", "environment: {G: '\(generation)'}", "healthcheck: {test: [CMD, 'true'], interval: 1s}")
      }
      let mounting = sleeper("web", "volumes: ['./conf:/conf:ro']", "healthcheck: {test: [CMD, 'true'], interval: 1s}")
      try await Host.with(
        ["a/compose.yaml": file(0), "still/compose.yaml": mounting, "still/conf": "first\n"],
        settings: "sync: {keep_releases: 2}\n"
      ) { host in
        _ = try await host.sync()
        let first = try #require(try await host.releases().first)
        // The pointer moves on with a comment; the container goes on mounting what it was started with.
        try await host.push(["still/compose.yaml": "# said\n" + mounting])
        _ = try await host.sync()
        for generation in 1...4 {
          try await host.push(["a/compose.yaml": file(generation)])
          _ = try await host.sync()
        }
        let left = try await host.releases()
        #expect(left.contains(first), "a container mounts it")
        #expect(left.count <= 5, "two to keep, those of the pointers, the one of the mount: \(left)")
        let id = try #require(try await host.containers()["still/web"])
        #expect(try await host.docker("exec", id, "cat", "/conf") == "first\n")
        try await host.docker("restart", "-t", "0", id)
        #expect(try await host.docker("exec", id, "cat", "/conf") == "first\n")
        // What was swept can still be gone back to.
        #expect(try await host.clup("rollback", "HEAD~4", "--stack", "a").status == 0)
        try await host.docker("rm", "-f", id)
        _ = try await host.sync()
        for generation in 5...6 {
          try await host.push(["still/conf": "generation \(generation)\n"])
          _ = try await host.sync()
        }
        #expect(try await !host.releases().contains(first))
      }
    }
  }

  @Suite("One clup at a time, one host each", .disabled(if: Host.skips)) struct Sharing {
    @Test func `a checkout serves one live root`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let text = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try text.replacing("live_root: \(host.live)", with: "live_root: \(host.root)/other").write(
          toFile: host.root + "/other.yaml", atomically: true, encoding: .utf8)
        let answer = try await host.clup("sync", "--config", host.root + "/other.yaml")
        #expect(answer.status == 2 && (answer.output + answer.errors).contains("belongs to the live root"))
        #expect(!FileManager.default.fileExists(atPath: host.root + "/other/a"))
      }
    }

    @Test func `a live path is led by one clup`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let text = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try text.replacing("checkout: \(host.checkout)", with: "checkout: \(host.root)/second").write(
          toFile: host.root + "/other.yaml", atomically: true, encoding: .utf8)
        let answer = try await host.clup("sync", "--config", host.root + "/other.yaml", "--output", "json")
        #expect(answer.status == 3)
        #expect(try answer.report().diagnostics.contains { $0.message.contains("points to another clup") })
        #expect(try await host.containers() == before)
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `I9: of many at the same moment one runs, the others say 5 or follow it`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        let answers = try await withThrowingTaskGroup(of: Host.Answer.self) { group in
          for command in [
            ["sync"], ["sync"], ["sync", "--dry-run"], ["rollback", "HEAD", "--all"], ["resume"], ["sync", "--retry"],
          ] {
            group.addTask { try await host.clup(command) }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.contains { $0.status == 0 })
        #expect(answers.filter { ![0, 5].contains($0.status) }.map { $0.output + $0.errors } == [])
        #expect(try await host.clup("resume").status == 0)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.containers().count == 1)
      }
    }
  }
}
