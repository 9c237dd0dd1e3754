import Core
import Foundation
import Testing

extension EndToEnd {
  /// Kills clup, and kills the sync that goes on as well; or pushes before one goes on.
  ///
  /// `CLUP_KILL_PAIRS` says how many pairs are drawn for each scenario, `all` are those that leave different hosts behind; unless
  /// told, there is one for one of them.
  @Suite("Killed twice", .disabled(if: Host.skips)) struct KilledTwice {
    static let wish = ProcessInfo.processInfo.environment["CLUP_KILL_PAIRS"]
    static let scenarios = wish == nil ? Array(Kills.scenarios.shuffled().prefix(1)) : Kills.chosen
    static let pairs = wish.flatMap { Int($0) } ?? 1

    @Test(arguments: scenarios)
    func `I5: cut off, and cut off again on the way on, it ends where a run ends that never was`(_ crash: Crash)
      async throws
    {
      let live = crash.live.merging(Crash.stateFiles) { own, _ in own }
      try await Host.with(crash.files, live: live, settings: crash.settings) { host in
        let place = try await CrashHost(crash, host)
        if Self.wish == "all" {
          var pairs = try await KillPairs(place)
          return try await pairs.explore()
        }
        try await place.reset()
        let whole = try await place.run(killingAt: 0)
        let wanted = try await place.ending()
        var going = place
        going.crash.arguments = ["sync"]
        for _ in 0..<Self.pairs {
          let (first, second) = (Int.random(in: 1...whole.calls.count), Int.random(in: 1...whole.calls.count))
          try await place.reset()
          let start = Picture(host.live, without: "clup")
          let state = FileManager.default.contents(atPath: host.checkout + "/state.json")
          let one = try await place.run(killingAt: first)
          // A rollback that was not written down yet is asked for again, as its user would.
          let unheard = FileManager.default.contents(atPath: host.checkout + "/state.json") == state
          let other = try await (unheard ? place : going).run(killingAt: second)
          let call =
            "\(crash.testDescription), \(first) \(one.calls.last ?? "-"), then \(second) \(other.calls.last ?? "-")"
          let isAsked =
            crash.arguments == ["sync"]
            || FileManager.default.contents(atPath: host.checkout + "/state.json") != state
          let next = try await host.clup(isAsked ? ["sync"] : crash.arguments)
          #expect(next.status == crash.status || next.status == 0, "\(call): \(next.output)\n\(next.errors)")
          for path in Crash.state {
            #expect(Picture(host.live, without: "clup").below(path) == start.below(path), "\(call): \(path)")
          }
          let ending = try await place.ending()
          let same = ending == wanted
          #expect(same, "\(call):\n\(wanted.difference(to: ending))\n\(next.output)\(next.errors)")
        }
      }
    }

    /// A commit that is cut off, and one that comes before anybody goes on.
    struct Move: Sendable, CustomTestStringConvertible {
      let testDescription: String
      let first: [String: String?]
      let then: [String: String?]
      let says: String
    }

    static let moves = [
      Move(
        testDescription: "a change, and another one",
        first: ["a/compose.yaml": "# changed\n" + Kills.mounted, "a/conf": "two\n"],
        then: [
          "a/compose.yaml": Kills.mounted.replacing("'./conf:/conf:ro'", with: "'./conf:/conf:ro', './more:/more:ro'"),
          "a/conf": "three\n", "a/more": "more\n",
        ], says: "three\nmore\n"),
      Move(
        testDescription: "a removal that is reverted",
        first: ["a/compose.yaml": nil, "a/conf": nil, "a/web.env": nil],
        then: ["a/compose.yaml": Kills.mounted, "a/conf": "back\n", "a/web.env": "G=1\n"], says: "back\n"),
    ]

    @Test(arguments: moves) func `I5: cut off, and then the branch moves on, the host comes to where that is`(
      _ move: Move
    ) async throws {
      try await Host.with(Kills.plain, live: Crash.stateFiles, settings: "sync: {prune: remove}\n") { host in
        _ = try await host.sync()
        try await host.push(move.first)
        let crash = Crash(testDescription: move.testDescription, files: [:])
        try await host.shell("cp -a repo.git repo.one")
        let place = try await CrashHost(crash, host)
        let count = try await place.run(killingAt: 0).calls.count
        for _ in 0..<Self.pairs {
          try await host.shell("rm -rf repo.git && cp -a repo.one repo.git && git -C work reset -q --hard")
          try await place.reset()
          let point = Int.random(in: 1...count)
          let killed = try await place.run(killingAt: point)
          let call = "\(crash.testDescription), \(point) \(killed.calls.last ?? "-")"
          try await host.shell("git -C work fetch -q ../repo.one main && git -C work reset -q --hard FETCH_HEAD")
          let head = try await host.push(move.then)
          let report = try await host.sync()
          #expect(report.commit == head && [.deployed, .unchanged].contains(report.outcome), "\(call): \(report)")
          let id = try #require(try await host.containers()["a/web"])
          let files = move.then["a/more"] == nil ? "/conf" : "/conf /more"
          #expect(try await host.docker("exec", id, "sh", "-c", "cat \(files)") == move.says, "\(call)")
          #expect(try await host.sync().outcome == .unchanged, "\(call)")
        }
      }
    }
  }
}
