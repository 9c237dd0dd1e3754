import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("I2: what a refused stack holds back", .disabled(if: Host.skips)) struct Gates {
    @Test func `gate: stack lets the others go on, and says 3`() async throws {
      let files = [
        "a/compose.yaml": sleeper("a"), "b/compose.yaml": sleeper("b"),
        "c/compose.yaml": "x-clup: {after: [a]}\n" + sleeper("c"),
      ]
      try await Host.with(files, settings: "sync: {gate: stack}\n") { host in
        _ = try await host.sync()
        let before = try await host.containers()
        let commit = try await host.push([
          "a/compose.yaml": sleeper("a", "privileged: true"), "b/compose.yaml": sleeper("b", "labels: {x: y}"),
          "c/compose.yaml": "x-clup: {after: [a]}\n" + sleeper("c", "labels: {x: y}"),
          "new/compose.yaml": "services: {web: {imagee: x}}\n",
        ])
        let planned = try await host.sync("--dry-run")
        #expect(planned.stacks.map(\.outcome) == [.refused, .planned, .planned, .refused])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.refused, .deployed, .skipped, .refused])
        #expect(report.stacks[1].to == commit)
        let after = try await host.containers()
        #expect(after["a/a"] == before["a/a"] && after["b/b"] != before["b/b"] && after["c/c"] == before["c/c"])
        try await host.push(["c/compose.yaml": "x-clup: {after: [b]}\n" + sleeper("c", "labels: {x: y}")])
        #expect(try await host.sync(expect: 3).stacks.map(\.outcome) == [.refused, .unchanged, .deployed, .refused])
        try await host.push(["a/compose.yaml": sleeper("a"), "new/compose.yaml": nil])
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `I1: a stack that is called as runtime state is one where no state is`() async throws {
      let files = ["postgres/compose.yaml": sleeper("db"), "repo/compose.yaml": sleeper("r")]
      try await Host.with(files, live: ["postgres/PG_VERSION": "16\n"]) { host in
        let refused = try await host.sync(expect: 3)
        let told = refused.diagnostics.filter { $0.rule == "forbidden-file" }
        #expect(told.map(\.file) == ["postgres/compose.yaml"], "\(refused.diagnostics)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.live + "/postgres") == ["PG_VERSION"])
        try await host.shell("rm -r live/postgres")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed, .deployed])
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a variable without a value is told, and not what Compose makes of nothing`() async throws {
      let volumes = "volumes: ['${DIR}/x:/x', '/srv:/srv:ro']"
      try await Host.with(["a/compose.yaml": sleeper("a", volumes)]) { host in
        let found = try await host.sync("--dry-run", expect: 3).diagnostics.filter(\.refuses)
        #expect(found.map(\.rule).sorted() == ["host-path", "unset-variable"], "\(found)")
        #expect(found.allSatisfy { !$0.message.contains("/x") })
      }
    }

    @Test func `a project that gets another name takes its containers along`() async throws {
      let claim = ["container_name: clup-e2e-\(UInt32.random(in: .min ... .max))"]
      func file(_ name: String) -> String { "name: \(name)\nservices:\n" + service("web", claim) }
      try await Host.with(["a/compose.yaml": file("clup-one")]) { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": file("clup-two")])
        let report = try await host.sync()
        #expect(report.stacks.first?.outcome == .deployed)
        #expect(report.stacks.first?.services.map(\.action) == [.create, .remove])
        #expect(try await host.containers().keys.sorted() == ["clup-two/web"])
        try await host.push(["a/compose.yaml": file("clup-three").replacing("sleep 100000", with: "'false'")])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers().keys.sorted() == ["clup-two/web"])
      }
    }
  }
}
