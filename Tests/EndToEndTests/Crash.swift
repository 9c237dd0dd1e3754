import Core
import Foundation
import Processes
import Testing

/// A run of clup that can be cut off at any of its changing system calls, on a host that can be brought back to where it began.
struct Crash: Sendable, CustomTestStringConvertible {
  let testDescription: String
  var files: [String: String]
  var live: [String: String] = [:]
  var settings = ""
  /// Files at live paths that a person made: none of them may get lost.
  var handmade: [String] = []
  /// What a live path may lead to meanwhile, besides what it led to before and leads to in the end; nothing, where the commit in
  /// between has no such path.
  var meanwhile: [String: String?] = [:]
  /// The stacks whose containers the run changes, and which run before it.
  var stacks = ["a"]
  var arguments = ["sync"]
  var status: Int32 = 0
  /// Whether a person started the stacks before, and not clup.
  var byHand = false
  /// Brings a new host to where the run begins.
  var prepare: @Sendable (Host) async throws -> Void = { _ in }

  /// The live directories that no run may touch.
  static let state = ["a/data", "gw-x/config", "gw-x/workspace", "runner/jobs"]
  static let stateFiles = [
    "a/data/x": "state\n", "gw-x/config/openclaw.json": "{}\n", "gw-x/workspace/notes": "notes\n",
    "runner/jobs/1.json": "{}\n", "a/.env": "SECRET=s\n",
  ]
}

/// What a run leaves behind, without what differs from one run to the next.
struct Ending: Equatable {
  var live: [String]
  var checkout: [String]
  var state: JSON
  var containers: [String]
  /// What the next sync has to say.
  var next: String

  /// Says in which way another ending differs.
  func difference(to other: Ending) -> String {
    var lines: [String] = []
    if live != other.live { lines.append("live paths:\n" + EndToEndTests.difference(live, other.live)) }
    if checkout != other.checkout { lines.append("checkout:\n" + EndToEndTests.difference(checkout, other.checkout)) }
    if state != other.state { lines.append("state:\n\(state)\n\(other.state)") }
    if containers != other.containers {
      lines.append("containers:\n" + EndToEndTests.difference(containers, other.containers))
    }
    if next != other.next { lines.append("next sync:\n\(next)\n\(other.next)") }
    return lines.joined(separator: "\n")
  }
}

/// A host on which a run is cut off again and again.
struct CrashHost {
  var crash: Crash
  let host: Host
  static let tracer = Host.binary.map { Path.join(Path.parent($0), "KillAt") }
  private let tracer: String
  private var copy: String { host.root + "/copy" }
  private var log: String { host.root + "/calls" }

  init(_ crash: Crash, _ host: Host) async throws {
    self.crash = crash
    self.host = host
    tracer = try #require(Self.tracer)
    try #require(access(tracer, X_OK) == 0, "KillAt is built beside the program by `swift build --build-tests`")
    try await crash.prepare(host)
    try await host.shell("cp -a live copy")
  }

  /// Brings the host back to where the run begins: its disk from a copy, its containers as a person would.
  func reset() async throws {
    let moving = Set(crash.stacks.map { Path.name($0) })
    let containers = try await host.containers().filter { moving.contains(Path.parent($0.key)) }
    if !containers.isEmpty { try await host.shell("docker rm -f -v \(containers.values.joined(separator: " "))") }
    try await host.shell("rm -rf live && cp -a copy live")
    for stack in crash.stacks where crash.byHand || access("\(host.checkout)/stacks/\(stack)", F_OK) == 0 {
      _ = try await host.compose(stack, "up", "-d", "--quiet-pull")
    }
  }

  struct Run {
    /// The status of the program, 137 when it was killed.
    let status: Int32
    let calls: [String]
    let output: String
  }

  /// Runs clup and kills it at the entry of its N-th changing call; 0 lets it run.
  func run(killingAt number: Int) async throws -> Run {
    let program = try #require(Host.binary)
    var variables = host.environment
    variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
    let outcome = try await Processes.run(
      Command(
        tracer, [String(number), log, program] + crash.arguments, environment: variables, directory: host.root,
        deadline: .seconds(120)))
    guard case .exited(let status) = outcome.status else {
      throw ProcessError(kind: .cancelled, message: "the run \(outcome.status)")
    }
    let calls = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
    return Run(status: status, calls: calls, output: outcome.outputText + outcome.errorText)
  }

  /// Looks at everything that a run decides, and asks a further sync what it thinks of it.
  func ending() async throws -> Ending {
    let next = try await host.clup(["sync", "--output", "json"])
    let report = try next.report()
    let said =
      ["\(next.status) \(report.outcome)"] + report.stacks.map { "\($0.name) \($0.outcome) \($0.to ?? "-")" }
      + report.links.map { "\($0.live) \($0.action)" }
    return Ending(
      live: Picture(host.live, without: "clup").essence, checkout: try checkout(), state: try state(),
      containers: try await containers(), next: said.joined(separator: ", "))
  }

  /// Names and contents in the checkout; of the mirror only what a killed process could have left in the way.
  private func checkout() throws -> [String] {
    let deployments = try deployments()
    return Picture(host.checkout).entries.compactMap { path, entry in
      if ["history.jsonl", "state.json"].contains(path) { return path }
      // What a sync saw that found nothing to do may be there or not.
      if ["checked", "compose-version", "reached"].contains(path) { return nil }
      // What was being done when it was cut off is said in a lock that nobody holds.
      if path.hasPrefix("locks/") { return path }
      if path.hasPrefix("deployments/") { return deployments[path] ?? path }
      guard path.hasPrefix("repo.git/") else { return "\(path) \(entry.essence)" }
      let name = Path.name(path)
      if path.hasPrefix("repo.git/refs/") || path.hasSuffix(".lock") { return "\(path) \(entry.essence)" }
      let isObject = name.hasPrefix("pack-") || name.count == 38
      return path.hasPrefix("repo.git/objects/") && !isObject && entry.isFile ? path : nil
    }.sorted()
  }

  /// What each deployment says, by its path, but for the ids of containers: each run makes others.
  private func deployments() throws -> [String: String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: host.checkout + "/deployments")) ?? []
    return try names.reduce(into: [:]) { found, name in
      let text = try String(contentsOfFile: "\(host.checkout)/deployments/\(name)", encoding: .utf8)
      found["deployments/\(name)"] = text.replacing(/"containers":\["[0-9a-f]{64}[^\]]*\],/, with: "")
    }
  }

  private func state() throws -> JSON {
    let deployments = try deployments()
    func timeless(_ value: JSON, _ left: Set<String> = ["since", "said", "volumes"]) -> JSON {
      switch value {
      // How the last sync ended is told like the history: a killed one tells nothing. Volumes without a name are named by lot.
      case .object(let members):
        // What stopped has no container to be compared with.
        let without = members["leaving"] == .string("stopped") ? left.union(["hash"]) : left
        return .object(members.filter { !left.contains($0.key) }.mapValues { timeless($0, without) })
      case .array(let values): return .array(values.map { timeless($0, left) })
      case .string(let text): return .string(deployments["deployments/\(text).json"] ?? text)
      default: return value
      }
    }
    let text = try Data(contentsOf: URL(filePath: host.checkout + "/state.json"))
    return timeless(try JSON(parsing: Array(text)))
  }

  /// Each container's configuration, and what it sees of the files that are mounted into it.
  func containers() async throws -> [String] {
    let ids = try await host.containers().values.joined(separator: " ")
    if ids.isEmpty { return [] }
    let found = try JSON(parsing: Array(try await host.shell("docker inspect --type container \(ids)").utf8))
    return found.array.map { container in
      let configuration = container["Config"]
      var labels = configuration?["Labels"]?.object ?? [:]
      labels["com.docker.compose.replace"] = nil
      let state = container["State"]
      var said = [
        "\(container["Name"] ?? .null)", "\(container["Image"] ?? .null)", JSON.object(labels).canonicalText,
        "\(configuration?["Cmd"] ?? .null)", "\(configuration?["Env"] ?? .null)",
        "\(state?["Status"] ?? .null) \(state?["Health"]?["Status"] ?? .null)",
      ]
      if case .integer(let process)? = state?["Pid"], process > 0 {
        // The engine lists them in any order.
        let mounts = (container["Mounts"]?.array ?? []).map { ($0["Destination"]?.string ?? "", $0) }
        for (place, mount) in mounts.sorted(by: { $0.0 < $1.0 }) {
          said.append("\(mount["Source"] ?? .null) \(mount["RW"] ?? .null) at \(place):")
          said += Picture("/proc/\(process)/root\(place)").essence
        }
      }
      return said.joined(separator: "\n  ")
    }.sorted()
  }
}

extension JSON {
  var canonicalText: String { String(decoding: canonical, as: UTF8.self) }
}
