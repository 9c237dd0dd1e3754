import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  /// A day of a host under `clup serve`: `Tests/day` gives it an engine that may be stopped, `CLUP_DAY_ENGINE`, and says how
  /// many polls it has and which seed it is drawn from.
  @Suite("A day", .disabled(if: Host.skips || DaySimulation.engine == nil)) struct Days {
    @Test func `I12, I13, I14: whatever happens, each stack is where the last good commit or its hold says`()
      async throws
    {
      let variables = ProcessInfo.processInfo.environment
      let polls = variables["CLUP_DAY_POLLS"].flatMap { Int($0) } ?? 12
      let seed = variables["CLUP_DAY_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
      print("a day of \(polls) polls, CLUP_DAY_SEED=\(seed)")
      var day = Day(polls: polls, seed: seed)
      try await Host.with(DaySimulation.files(day.head), settings: Daemon.settings) { host in
        try await host.shell(
          "mkdir secrets live/clup; echo webhook-secret >secrets/webhook; echo api-token-1 >secrets/token; "
            + "chmod 600 secrets/*; sed -i s,SECRETS,$PWD/secrets,g clup.yaml; mount -t tmpfs -o size=48m day live/clup"
        )
        var simulation = try await DaySimulation(host)
        do {
          try await simulation.check(day, "at the start")
          for (number, event) in day.events.enumerated() {
            let what = "poll \(number), \(event.map { "\($0)" } ?? "nothing")"
            try await simulation.meet(event, &day, what)
            try await simulation.check(day, what)
          }
        } catch {
          try await simulation.end()
          throw error
        }
        try await simulation.end()
      }
    }
  }
}

/// A host whose day is simulated.
struct DaySimulation {
  static let engine = ProcessInfo.processInfo.environment["CLUP_DAY_ENGINE"]
  let host: Host
  private var daemon: Daemon
  /// Each stack's container as it was last found in place.
  private var known: [String: String] = [:]
  /// What may have been restarted since by something else than clup.
  private var touched: Set<String> = []
  /// How many lines the history had by then.
  private var lines = 0
  /// What the daemon held when it was first quiet: kilobytes and descriptors.
  private var held: (memory: Int, descriptors: Int)?
  /// When somebody changed each stack by hand: what comes back again and again is left alone.
  private var drifts: [String: [ContinuousClock.Instant]] = [:]

  static func files(_ contents: [String: Day.Content]) -> [String: String] {
    Dictionary(uniqueKeysWithValues: contents.map { ("\($0.key)/compose.yaml", $0.value.text) })
  }

  init(_ host: Host) async throws {
    self.host = host
    daemon = try await Daemon(host)
  }

  func end() async throws {
    try await host.shell(
      "kill -9 $(cat daemon) 2>/dev/null; for _ in $(seq 100); do pgrep -f \(host.root)/[c]lup.yaml >/dev/null || break; "
        + "sleep 0.1; done; docker ps -aq | xargs -r docker rm -f >/dev/null; umount -l live/clup; true")
  }

  /// Asks for a sync as a forge does, and waits for it; every trigger that was accepted has its run.
  private func poll(_ what: String, _ statuses: Set<Int32> = [0, 1, 3]) async throws {
    let id = try #require(try await daemon.push(UUID().uuidString).id, "\(what)")
    let run = try await daemon.ended(id)
    let status = run["exit_status"]?.integer.map { Int32($0) } ?? -1
    #expect(statuses.contains(status), "\(what): \(run)")
  }

  /// Lets something happen, and brings what it asks for.
  mutating func meet(_ event: Day.Event?, _ day: inout Day, _ what: String) async throws {
    switch event {
    case nil: try await poll(what)
    case .good, .bad, .refused, .reverted:
      try await push(&day, event ?? .good)
      try await poll(what)
    case .drift: try await drift(&day)
    case .engine: try await stopEngine(&day, what)
    case .repository:
      try await host.shell("mv repo.git repo.away")
      try await poll(what, [4])
      #expect(try await waits() == ["repository"], "\(what)")
      try await drift(&day)
      try await host.shell("mv repo.away repo.git")
      try await poll(what)
    case .registry:
      try await push(&day, .registry)
      try await poll(what, [1])
      #expect(try await waits() == ["registry"], "\(what)")
      day.arrive(pulled: false)
      try await check(day, what + ", while it is away")
      for case .unpulled(let number) in day.head.values {
        try await host.docker("tag", "busybox:test", Day.Content.unpulled(number).image)
      }
      try await poll(what)
    case .kill:
      try await push(&day, .good)
      let id = try #require(try await daemon.push(UUID().uuidString).id)
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...1500, using: &day.dice)))
      try await host.shell("kill -9 $(cat daemon)")
      (daemon, held) = (try await Daemon(host), nil)
      _ = try await daemon.ended(id)
    case .disk:
      try await host.shell("cat /dev/zero >live/clup/fill 2>/dev/null; true")
      try await push(&day, .good)
      // A push that cannot be written down is not promised.
      if let id = try await daemon.push(UUID().uuidString).id { _ = try await daemon.ended(id) }
      try await host.shell("rm live/clup/fill")
      try await daemon.until("curl -sf http://\(daemon.address)/healthz", within: 60)
      try await poll(what)
    }
    day.arrive()
  }

  private func push(_ day: inout Day, _ event: Day.Event) async throws {
    try await host.push(Self.files(day.commit(event)).mapValues { Optional($0) })
  }

  /// Changes a stack by hand that was not changed too often, and waits until it is repaired.
  private mutating func drift(_ day: inout Day) async throws {
    let recent = drifts.mapValues { $0.filter { $0.duration(to: .now) < .seconds(630) }.count }
    let free = Day.stacks.filter { recent[$0, default: 0] < 3 }
    guard let stack = free.randomElement(using: &day.dice) else { return }
    let action = ["rm -f", "stop", "pause"].randomElement(using: &day.dice) ?? "stop"
    drifts[stack, default: []].append(.now)
    touched.insert(stack)
    try await host.shell("docker \(action) \(stack)-web-1")
  }

  /// Stops or kills the engine, between two syncs or in the middle of a deploy, and starts it again.
  private mutating func stopEngine(_ day: inout Day, _ what: String) async throws {
    let engine = try #require(Self.engine)
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy/engine").path
    var run: String?
    if Bool.random(using: &day.dice) {
      try await push(&day, .good)
      run = try await daemon.push(UUID().uuidString).id
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...4000, using: &day.dice)))
    }
    try await host.shell("\(script) \(Bool.random(using: &day.dice) ? "halt" : "kill") \(engine)")
    if let run { _ = try await daemon.ended(run) }
    try await poll(what, [1])
    #expect(try await waits().contains("engine"), "\(what)")
    try await host.shell("\(script) resume \(engine)")
    touched.formUnion(Day.stacks)
    try await poll(what)
  }

  private func status() async throws -> JSON {
    try JSON(parsing: Array(try await daemon.ask("/api/v1/status").body.utf8))
  }

  /// What `clup status` says that is waited for.
  private func waits() async throws -> Set<String> {
    try await Task.sleep(for: .seconds(1))
    return Set((try await status()["waiting"]?.array ?? []).compactMap { $0["for"]?.string })
  }

  /// Waits until the host is quiet, and holds it against what it is to be.
  mutating func check(_ day: Day, _ what: String) async throws {
    var found: [String] = []
    for _ in 0..<240 {
      found = try await differences(day)
      if found.isEmpty { break }
      try await Task.sleep(for: .milliseconds(250))
    }
    let log =
      found.isEmpty ? "" : try await host.shell("tail -n 20 served; \(Host.binary ?? "clup") status --config clup.yaml")
    try #require(found.isEmpty, "\(what): \(found)\n\(log)")
    try await checkRestarts(what)
    try await checkDaemon(what)
  }

  private func differences(_ day: Day) async throws -> [String] {
    let running = try await containers()
    var found = Day.stacks.compactMap { name -> String? in
      let (version, isUp) = running[name].map { ($0.version, $0.isUp) } ?? ("", false)
      let wanted = "\(day.runs[name]?.number ?? -1)"
      return version == wanted && isUp ? nil : "\(name) runs \(version), \(isUp ? "up" : "down"), and not \(wanted)"
    }
    let status = try await status()
    for stack in status["stacks"]?.array ?? [] {
      let name = stack["name"]?.string ?? ""
      if stack["busy"] == .bool(true) { found.append("\(name) is busy") }
      if stack["drift"]?.array.isEmpty == false { found.append("\(name) has drifted: \(stack["drift"] ?? .null)") }
      let isKept = stack["held"] != .null || stack["waits_for"] != .null
      if !day.isRefused, isKept != day.isKept(name) { found.append("\(name): \(stack["held"] ?? .null)") }
    }
    if (status["trouble"] ?? .null) != .null, !day.isRefused { found.append("\(status["trouble"] ?? .null)") }
    return found
  }

  private func containers() async throws -> [String: (version: String, isUp: Bool, start: String)] {
    let format =
      "{{index .Config.Labels \"com.docker.compose.project\"}} {{.Config.Labels.v}} {{.State.Status}} {{.Id}} {{.State.StartedAt}}"
    let lines = try await host.shell("docker ps -aq | xargs -r docker inspect -f '\(format)' 2>/dev/null; true")
    var found: [String: (version: String, isUp: Bool, start: String)] = [:]
    for line in lines.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words.count == 5 { found[words[0]] = (words[1], words[2] == "running", "\(words[3]) \(words[4])") }
    }
    return found
  }

  /// What was restarted since the last time was named by a report, or is somebody else's doing.
  private mutating func checkRestarts(_ what: String) async throws {
    let now = try await containers().mapValues(\.start)
    let history = try String(contentsOfFile: host.checkout + "/history.jsonl", encoding: .utf8).split(separator: "\n")
    var named = touched
    for line in history.dropFirst(lines) {
      let report = try JSONDecoder().decode(Report.self, from: Data(line.utf8))
      named.formUnion(
        report.stacks.filter { $0.services.contains { $0.action != .keep || $0.reason != nil } }.map(\.name))
    }
    let restarted = Set(now.filter { known[$0.key] != nil && known[$0.key] != $0.value }.keys)
    #expect(
      restarted.subtracting(named).isEmpty, "\(what): restarted without a report: \(restarted.subtracting(named))")
    (known, lines, touched) = (now, history.count, [])
  }

  /// Neither what the daemon has allocated nor its descriptors grow. The pages of its program come and go as the host has room.
  private mutating func checkDaemon(_ what: String) async throws {
    let text = try await host.shell(
      "p=$(cat daemon); sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$p/status; ls /proc/$p/fd | wc -l")
    let numbers = text.split(separator: "\n").compactMap { Int($0) }
    try #require(numbers.count == 2, "\(what): the daemon is gone: \(text)")
    guard let first = held else {
      held = (numbers[0], numbers[1])
      return
    }
    #expect(numbers[0] < first.memory + 4 << 10, "\(what): \(first.memory) KiB became \(numbers[0])")
    #expect(numbers[1] <= first.descriptors + 8, "\(what): \(first.descriptors) descriptors became \(numbers[1])")
  }
}
