import Core
import Foundation
import Processes
import Testing

/// A host of its own in a scratch directory: a repository, a live root, a configuration, and the built program.
struct Host {
  let root: String
  let environment: [String: String]
  var live: String { root + "/live" }
  var work: String { root + "/work" }
  var checkout: String { live + "/clup" }

  static let engine = ProcessInfo.processInfo.environment["CLUP_TEST_DOCKER_HOST"]
  static let skips = ProcessInfo.processInfo.environment["CLUP_TEST_SKIP_ENGINE"] == "1"
  static let binary = ProcessInfo.processInfo.environment["CLUP_TEST_BINARY"]

  /// The Compose plugin of this machine.
  static let plugin = [
    (ProcessInfo.processInfo.environment["HOME"] ?? "") + "/.docker", "/usr/local/lib/docker", "/usr/libexec/docker",
    "/usr/lib/docker",
  ].map { $0 + "/cli-plugins/docker-compose" }.first { access($0, X_OK) == 0 }

  /// Makes the directories and a repository with these files; `live` are the host's own.
  init(_ files: [String: String], live own: [String: String] = [:], settings: String = "") async throws {
    root =
      try #require(realpath(NSTemporaryDirectory(), nil).map { String(cString: $0) }) + "/clup-e2e-"
      + UUID().uuidString.prefix(8).lowercased()
    var variables = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME"].contains($0.key) }
    variables["DOCKER_HOST"] = Self.engine ?? "unix:///nowhere/docker.sock"
    variables["GIT_CONFIG_GLOBAL"] = "/dev/null"
    environment = variables
    for directory in [live, work] {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    for (path, text) in own { try write(path, text, in: live) }
    try "repository: \(root)/repo.git\nbranch: main\nlive_root: \(live)\ncheckout: \(checkout)\n\(settings)".write(
      toFile: root + "/clup.yaml", atomically: true, encoding: .utf8)
    try await git("init", "-q", "-b", "main")
    try await git("init", "-q", "--bare", "-b", "main", root + "/repo.git")
    if !files.isEmpty { try await push(files) }
  }

  func write(_ path: String, _ text: String, in directory: String) throws {
    let file = directory + "/" + path
    try FileManager.default.createDirectory(atPath: Path.parent(file), withIntermediateDirectories: true)
    try text.write(toFile: file, atomically: false, encoding: .utf8)
  }

  /// Commits these files, removes those without text, and pushes.
  @discardableResult
  func push(_ files: [String: String?]) async throws -> String {
    for (path, text) in files {
      if let text { try write(path, text, in: work) } else { try await git("rm", "-rq", path) }
    }
    try await git("add", "-A")
    try await git(
      "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "change")
    try await git("push", "-q", root + "/repo.git", "HEAD:main")
    return try await git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
  }

  @discardableResult
  func git(_ arguments: String...) async throws -> String { try await call("git", arguments, in: work) }

  @discardableResult
  func docker(_ arguments: String...) async throws -> String { try await call("docker", arguments, in: root) }

  /// Runs Compose in a live directory, as a person would.
  func compose(_ stack: String, _ arguments: String...) async throws -> String {
    let plugin = try #require(Self.plugin)
    let outcome = try await run(
      Command(
        plugin, arguments, environment: environment, directory: Path.join(live, stack), deadline: .seconds(60)))
    if !outcome.succeeded { Issue.record("compose \(arguments): \(outcome.errorText)") }
    return outcome.outputText
  }

  /// Runs a line of shell in the host's directory.
  @discardableResult
  func shell(_ line: String) async throws -> String { try await call("sh", ["-c", line], in: root) }

  private func call(_ name: String, _ arguments: [String], in directory: String) async throws -> String {
    let program = try #require(find(name, in: environment["PATH"] ?? ""))
    let outcome = try await run(
      Command(program, arguments, environment: environment, directory: directory, deadline: .seconds(60)))
    if !outcome.succeeded { Issue.record("\(name) \(arguments): \(outcome.errorText)") }
    return outcome.outputText
  }

  struct Answer {
    let status: Int32
    let output: String
    let errors: String
    /// The report of a sync; a test that needs one fails without it.
    func report() throws -> Report { try JSONDecoder().decode(Report.self, from: Data(output.utf8)) }
  }

  /// Runs the program as a user would.
  func clup(_ arguments: [String], environment extra: [String: String] = [:], configuration: Bool = true) async throws
    -> Answer
  {
    let program = try #require(Self.binary, "CLUP_TEST_BINARY names the built program; deploy/test sets it")
    var variables = environment.merging(extra) { _, new in new }
    if configuration, variables["CLUP_CONFIG"] == nil { variables["CLUP_CONFIG"] = root + "/clup.yaml" }
    let outcome = try await run(
      Command(program, arguments, environment: variables, directory: root, deadline: .seconds(120)))
    guard case .exited(let status) = outcome.status else {
      return Answer(status: -1, output: outcome.outputText, errors: outcome.errorText)
    }
    return Answer(status: status, output: outcome.outputText, errors: outcome.errorText)
  }

  func sync(_ arguments: String..., expect status: Int32 = 0, _ place: SourceLocation = #_sourceLocation) async throws
    -> Report
  {
    let answer = try await clup(["sync", "--output", "json"] + arguments)
    #expect(answer.status == status, "\(answer.output)\n\(answer.errors)", sourceLocation: place)
    return try answer.report()
  }

  /// Runs the program with this host's configuration.
  func clup(_ arguments: String...) async throws -> Answer { try await clup(arguments) }

  /// What `clup status` says of each stack.
  func status() async throws -> [String: JSON] {
    let stacks =
      try JSON(parsing: Array(try await clup("status", "--output", "json").output.utf8))["stacks"]?.array ?? []
    return Dictionary(stacks.map { ($0["name"]?.string ?? "", $0) }) { first, _ in first }
  }

  /// The id of the image that a service's container runs, as `project/service`.
  func image(of service: String) async throws -> String {
    let id = try #require(try await containers()[service])
    return try await docker("inspect", "-f", "{{.Image}}", id)
  }

  /// Puts another image behind a name.
  func rebuild(_ name: String, _ change: String) async throws {
    let layer = "layer-\(UUID().uuidString)"
    try await shell(
      "mkdir \(layer) && docker export $(docker create busybox:test true) | tar -C \(layer) -x && (cd \(layer) && \(change))"
        + " && tar -C \(layer) -c . | docker import --change 'ENV PATH=/bin' - \(name) && rm -rf \(layer)"
        + " && docker rm $(docker ps -aq --filter status=created --filter ancestor=busybox:test)")
  }

  /// A container of every service of this host: `project/service` with its id.
  func containers() async throws -> [String: String] {
    Dictionary(try await allContainers()) { $1 }
  }

  private func allContainers() async throws -> [(String, String)] {
    let format =
      "{{.Label \"com.docker.compose.project\"}}/{{.Label \"com.docker.compose.service\"}} {{.ID}} {{.Label \"com.docker.compose.project.working_dir\"}}"
    return try await docker("ps", "-a", "--no-trunc", "--format", format).split(separator: "\n").compactMap { line in
      let parts = line.split(separator: " ").map(String.init)
      return parts.count == 3 && parts[2].hasPrefix(root) ? (parts[0], parts[1]) : nil
    }
  }

  /// Names, inodes, modes, owners, sizes, times and contents below a path of the live root.
  func inventory(_ path: String = ".") async throws -> String {
    try await call(
      "sh",
      [
        "-c",
        "find . -path ./clup -prune -o -printf '%p %i %m %U:%G %s %T@ %l\\n' | sort; find . -path ./clup -prune -o -type f -exec sha256sum {} + | sort",
      ],
      in: Path.join(live, path))
  }

  /// What decides about the stacks: releases, pointers and state.
  func pointers() async throws -> String {
    try await call(
      "sh",
      ["-c", "find clup/stacks clup/state.json -printf '%p %i %T@ %l\\n' 2>/dev/null | sort; ls -A clup/releases"],
      in: live)
  }

  /// The commits that have a release, sorted.
  func releases() async throws -> [String] {
    try await shell("ls \(checkout)/releases").split(separator: "\n").map(String.init)
  }

  /// Removes what the test made, on the engine and on the disk.
  func end() async throws {
    if Self.engine != nil {
      let found = try await allContainers()
      if !found.isEmpty { _ = try await call("docker", ["rm", "-f", "-v"] + found.map(\.1), in: root) }
      for project in Set(found.map { Path.parent($0.0) }) {
        let label = "label=com.docker.compose.project=\(project)"
        let networks = try await docker("network", "ls", "-q", "--filter", label).split(separator: "\n").map(
          String.init)
        if !networks.isEmpty { _ = try await call("docker", ["network", "rm"] + networks, in: root) }
      }
    }
    try FileManager.default.removeItem(atPath: root)
  }

  /// Gives a test its host, and takes it away again however the test ends.
  static func with(
    _ files: [String: String], live: [String: String] = [:], settings: String = "", _ test: (Host) async throws -> Void
  ) async throws {
    let host = try await Host(files, live: live, settings: settings)
    do { try await test(host) } catch {
      try await host.end()
      throw error
    }
    try await host.end()
  }
}

/// A service that sleeps, with further lines of its own.
func sleeper(_ name: String = "web", _ lines: String...) -> String {
  "services:\n" + service(name, lines)
}

func service(_ name: String, _ lines: [String] = []) -> String {
  var own = ["image: busybox:test", "command: sleep 100000", "stop_signal: SIGKILL"] + lines
  // A third of the time that a container takes to start is that of its network.
  if !lines.contains(where: { $0.contains("net") || $0.contains("port") }) { own.append("network_mode: none") }
  return "  \(name):\n" + own.map { "    \($0)\n" }.joined()
}
