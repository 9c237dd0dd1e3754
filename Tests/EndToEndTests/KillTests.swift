import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  /// Kills clup at its changing system calls, counted over all its threads, and lets the next sync go on: see `KillPoints`.
  /// `CLUP_KILL_SCENARIO` names one scenario; `CLUP_KILL_SHARE=2/5` is the second of five shares of them. Unless told which points,
  /// ten scenarios are drawn by lot.
  @Suite("Killed at every call", .disabled(if: Host.skips)) struct Kills {
    private static let environment = ProcessInfo.processInfo.environment
    private static let isSample = ["CLUP_KILL_POINTS", "CLUP_KILL_SCENARIO"].allSatisfy { environment[$0] == nil }
    static let chosen = isSample ? Array(scenarios.shuffled().prefix(10)) : named
    private static let named = scenarios.enumerated().filter { index, crash in
      if let name = environment["CLUP_KILL_SCENARIO"] { return crash.testDescription == name }
      let share = (environment["CLUP_KILL_SHARE"] ?? "1/1").split(separator: "/").compactMap { Int($0) }
      return share.count == 2 && index % max(share[1], 1) == share[0] - 1
    }.map(\.element)

    @Test(arguments: 0...4) func `the call at which a program is killed is not done, those before it are`(
      _ number: Int
    ) async throws {
      try await Host.with([:]) { host in
        let (tracer, mkdir) = (
          try #require(CrashHost.tracer), try #require(find("mkdir", in: host.environment["PATH"] ?? ""))
        )
        let outcome = try await run(
          Command(tracer, [String(number), "calls", mkdir, "one", "two", "three"], directory: host.root))
        let made = ["one", "two", "three"].filter { access(host.root + "/" + $0, F_OK) == 0 }
        let killed = (1...3).contains(number)
        #expect(outcome.status == .exited(killed ? 137 : 0))
        #expect(made.count == (killed ? number - 1 : 3))
        #expect(outcome.errorText == "\(killed ? number : 3)\n")
      }
    }

    @Test(arguments: chosen)
    func `I3, I4, I5: cut off anywhere, nothing is missing, nothing is lost, and the next sync completes it`(
      _ crash: Crash
    ) async throws {
      let live = crash.live.merging(Crash.stateFiles) { own, _ in own }
      try await Host.with(crash.files, live: live, settings: crash.settings) { host in
        let place = try await CrashHost(crash, host)
        try await place.reset()
        let before = Picture.resolved(host.live, without: "clup")
        let whole = try await place.run(killingAt: 0)
        #expect(whole.status == crash.status, "\(whole.output)")
        let after = Picture.resolved(host.live, without: "clup")
        let wanted = try await place.ending()
        let bystander = try await host.containers()["b/web"]
        let points = KillPoints().chosen(of: whole.calls)
        print("killed at: \(crash.testDescription): \(whole.calls.count) points, \(points.count) tried")
        for point in points {
          try await place.reset()
          let start = Picture(host.live, without: "clup")
          let state = FileManager.default.contents(atPath: host.checkout + "/state.json")
          let run = try await place.run(killingAt: point)
          let call = "\(crash.testDescription), call \(run.calls.last ?? "-")"
          #expect(run.status == 137 || run.calls.count < point, "\(call): \(run.status)\n\(run.output)")
          check(Picture(host.live, without: "clup"), against: start, crash, call)
          missing(Picture.resolved(host.live, without: "clup"), before: before, after: after, crash, call)
          // A rollback that was not written down yet is asked for again, as its user would.
          let unheard = FileManager.default.contents(atPath: host.checkout + "/state.json") == state
          let next = try await host.clup(crash.arguments[0] != "sync" && unheard ? crash.arguments : ["sync"])
          #expect(next.status == crash.status || next.status == 0, "\(call): \(next.output)\n\(next.errors)")
          check(Picture(host.live, without: "clup"), against: start, crash, call)
          let ending = try await place.ending()
          let same = ending == wanted
          #expect(same, "\(call):\n\(wanted.difference(to: ending))\n\(next.output)\(next.errors)")
          history(of: host, call)
          #expect(try await host.containers()["b/web"] == bystander || crash.stacks.contains("b"), "\(call)")
        }
      }
    }

    /// I1, I4: state is as it was, to the inode and the time; what a person made is there, under its name or as a backup.
    private func check(_ now: Picture, against start: Picture, _ crash: Crash, _ call: String) {
      for path in Crash.state { #expect(now.below(path) == start.below(path), "\(call): \(path)") }
      let backups = start.entries.filter { $0.key.contains(".bak.") }
      for (path, entry) in backups { #expect(now.entries[path] == entry, "\(call): the backup \(path)") }
      for path in crash.handmade {
        let kept = now.entries.filter { $0.key == path || $0.key.hasPrefix(path + ".bak.") }.values
        #expect(kept.contains { $0 == start.entries[path] }, "\(call): what stood at \(path)")
      }
    }

    /// I3: each live path leads to the whole of what it led to before, or of what it leads to in the end.
    private func missing(
      _ now: [String: Data], before: [String: Data], after: [String: Data], _ crash: Crash, _ call: String
    ) {
      for path in Set(before.keys).union(after.keys).union(now.keys) {
        let isHalf = path.split(separator: "/").contains { $0.hasPrefix(".") && $0.contains(".clup-") }
        if path.contains(".bak.") || isHalf { continue }
        // Nothing is allowed only where nothing stood before, or stands in the end.
        var allowed = [before[path], after[path]]
        if let text = crash.meanwhile[path] { allowed.append(text.map { Data($0.utf8) }) }
        #expect(
          allowed.contains(now[path]),
          "\(call): \(path) holds \(now[path].map { String(decoding: $0, as: UTF8.self) } ?? "nothing")")
      }
    }

    /// I5: every line of the history is a whole report.
    private func history(of host: Host, _ call: String) {
      let lines = (FileManager.default.contents(atPath: host.checkout + "/history.jsonl") ?? Data()).split(
        separator: 10, omittingEmptySubsequences: true)
      for line in lines {
        #expect(throws: Never.self, "\(call)") { try JSONDecoder().decode(Report.self, from: Data(line)) }
      }
    }
  }
}
