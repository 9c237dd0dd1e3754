import Core
import Foundation
import Processes
import Testing

extension CrashHost {
  /// What the next run finds, without what differs from one run to the next: names drawn by lot, times, and the ids of containers.
  /// Where two are equal, clup goes on in the same way.
  func fingerprint() async throws -> String {
    let found = try await host.containers()
    var names = found.reduce(into: [String: String]()) { $0[$1.value] = $1.key }
    // A deployment is called by its content, which has the ids of containers.
    for (path, entry) in Picture(host.checkout + "/deployments").entries where entry.isFile {
      let text = String(decoding: entry.content ?? Data(), as: UTF8.self)
      names[String(path.prefix(40))] = "deployment \(Self.settled(text, names).hashValue)"
    }
    var lines: [String] = Picture(host.live).entries.compactMap { path, entry in
      let name = path.hasPrefix("clup/") ? String(path.dropFirst(5)) : nil
      switch name {
      // What git has begun to write is under a name that nobody looks for.
      case let name? where name.hasPrefix("repo.git/") && name.contains("/pack_git2_"): return nil
      // These are told like the history, or only save a question.
      case "history.jsonl", "compose-version": return path
      case let name? where name.hasPrefix("locks/"): return path
      case let name? where name.hasPrefix("repo.git/") && !name.hasPrefix("repo.git/refs/"):
        return "\(path) \(entry.content?.count ?? 0)"
      case "checked", "reached":
        let text = entry.content.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return "\(path) \(Set(text.matches(of: /\b[0-9a-f]{40}\b/).map { String($0.output) }).sorted())"
      default: return "\(path) \(entry.essence)"
      }
    }
    lines += try await containers()
    return lines.map { Self.settled($0, names) }.sorted().joined(separator: "\n")
  }

  /// A call as `KillAt` writes it, without what differs from one run to the next.
  static func settled(_ call: String) -> String {
    settled(call.split(separator: " ").dropFirst().joined(separator: " "), [:])
      .replacing(/deployments\/\.?[0-9a-f]{40}/, with: "deployments/")
  }

  /// A line without lots, times and ids.
  static func settled(_ line: String, _ names: [String: String]) -> String {
    var line = line.replacing(/\b([0-9a-f]{64}|[0-9a-f]{40})\b/) { names[String($0.0)] ?? String($0.0) }
    line.replace(/"containers":\["[0-9a-f]{64}[^\]]*\]/, with: "\"containers\":[gone]")
    line.replace(/"volumes":\{[^}]*\}/, with: "")
    line.replace(/\.clup-[0-9A-Za-z-]+/, with: ".clup-")
    line.replace(/\.bak\.[0-9A-Za-z.:-]+/, with: ".bak.")
    line.replace(/view\.[0-9A-Za-z-]+/, with: "view.")
    line.replace(/\.new\.[0-9A-Za-z-]+/, with: ".new.")
    line.replace(/pack_git2_[0-9A-Za-z]+/, with: "pack_git2_")
    line.replace(/incoming\/\d+/, with: "incoming/")
    return line.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/, with: "then")
  }
}

/// Kills clup at each call that leaves another host behind, and the sync that goes on from each of those hosts likewise.
///
/// A run that has come to a host that was met before, and from there makes the calls that were made then, is not killed at those
/// again: what is tried are all different hosts that two kills can leave.
struct KillPairs {
  private let place: CrashHost
  private let calls: [String]
  private let wanted: Ending
  private var before: Picture
  private let state: Data?
  /// The hosts from which a run went on to the right end, and the calls of the runs that were killed at each.
  private var met: Set<Int> = []
  private var runs: [[String]] = []
  private var pairs = 0
  /// The containers as they were when the disk was copied.
  private var kept = ""
  private var host: Host { place.host }

  init(_ place: CrashHost) async throws {
    self.place = place
    try await place.reset()
    met.insert(try await place.fingerprint().hashValue)
    before = Picture(place.host.live, without: "clup")
    state = FileManager.default.contents(atPath: place.host.checkout + "/state.json")
    calls = try await place.run(killingAt: 0).calls
    wanted = try await place.ending()
  }

  mutating func explore() async throws {
    // Once it is known what a single kill leaves, no second one that leaves the same is tried to the end.
    var firsts: [(point: Int, call: String)] = []
    for point in KillPoints.distinct(calls) {
      try await reset()
      let killed = try await place.run(killingAt: point)
      guard met.insert(try await place.fingerprint().hashValue).inserted else { continue }
      firsts.append((point, killed.calls.last ?? "-"))
      try await goOn("\(point) \(killed.calls.last ?? "-")")
    }
    runs.append(calls.map(CrashHost.settled))
    for first in firsts {
      try await reset()
      _ = try await place.run(killingAt: first.point)
      try await keep()
      let going = next()
      let further = try await going.run(killingAt: 0).calls
      for second in try await points(of: further, going, after: first.point) {
        try await bringBack(first.point)
        let again = try await going.run(killingAt: second)
        pairs += 1
        guard met.insert(try await place.fingerprint().hashValue).inserted else { continue }
        try await goOn("\(first.point) \(first.call), then \(second) \(again.calls.last ?? "-")")
      }
      runs.append(further.map(CrashHost.settled))
    }
    print(
      "killed at: \(place.crash.testDescription): \(calls.count) calls, \(firsts.count) hosts after one kill, "
        + "\(pairs) second kills, \(met.count) hosts in all")
  }

  /// Leaves out the calls that follow on a host that was met before, where they are those that followed it then.
  private mutating func points(of further: [String], _ going: CrashHost, after first: Int) async throws -> [Int] {
    let points = KillPoints.distinct(further)
    let settled = further.map(CrashHost.settled)
    let shared = runs.map { zip($0.reversed(), settled.reversed()).prefix { $0 == $1 }.count }.max() ?? 0
    guard let join = points.first(where: { $0 > further.count - shared }) else { return points }
    try await bringBack(first)
    _ = try await going.run(killingAt: join)
    pairs += 1
    let isMet = met.contains(try await place.fingerprint().hashValue)
    return isMet ? points.filter { $0 < join } : points
  }

  private mutating func reset() async throws {
    try await place.reset()
    before = Picture(host.live, without: "clup")
  }

  private mutating func goOn(_ call: String) async throws {
    _ = try await next().run(killingAt: 0)
    try await check("\(place.crash.testDescription), \(call)")
  }

  /// What goes on: a rollback that was not written down yet is asked for again, as its user would.
  private func next() -> CrashHost {
    let isUnheard = FileManager.default.contents(atPath: host.checkout + "/state.json") == state
    var going = place
    if !isUnheard { going.crash.arguments = ["sync"] }
    return going
  }

  /// A run that went on leaves what one leaves that never was cut off.
  private func check(_ call: String) async throws {
    let now = Picture(host.live, without: "clup")
    let isKept = Crash.state.allSatisfy { now.below($0) == before.below($0) }
    #expect(isKept, "\(call): the directories with state are others")
    let ending = try await place.ending()
    let same = ending == wanted
    #expect(same, "\(call):\n\(wanted.difference(to: ending))")
  }

  private func running() async throws -> String {
    try await host.docker(
      "ps", "-a", "--no-trunc", "--filter", "label=com.docker.compose.project", "--format", "{{.ID}} {{.State}}")
  }

  private mutating func keep() async throws {
    try await host.shell("rm -rf shelf && cp -a live shelf")
    kept = try await running()
  }

  /// Brings the host back to where the first kill left it: where no container was touched since, its files alone, and of these
  /// those alone that are others now, since containers mount them.
  private mutating func bringBack(_ first: Int) async throws {
    guard try await running() == kept else {
      try await reset()
      _ = try await place.run(killingAt: first)
      return try await keep()
    }
    let then = Picture(host.root + "/shelf").entries
    for (path, entry) in Picture(host.live).entries.sorted(by: { $0.key > $1.key }) {
      var old = then[path]
      old?.inode = entry.inode
      if old == entry || entry.isDirectory && old?.isDirectory == true { continue }
      try FileManager.default.removeItem(atPath: Path.join(host.live, path))
    }
    try await host.shell("cp -au shelf/. live/")
    before = Picture(host.live, without: "clup")
  }
}
