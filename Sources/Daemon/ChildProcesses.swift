import Agent
import Core
import FoundationEssentials
import Processes

/// What a sync came to, as far as the daemon needs it.
struct SyncResult: Sendable, Equatable {
  /// What clup ended with; nothing where it was ended from outside.
  var status: Int32?
  var outcome: Report.Outcome?
  var commit: String?
  var report: String?
  var error: String?
  /// Which stacks failed or wait, and why the first of them does.
  var stacks: String?
  /// How long it took.
  var duration: Duration = .zero

  func ended(with status: ExitStatus) -> Bool { self.status == status.rawValue }
}

/// The program itself as children of the daemon: each does its work, says what it came to, and leaves nothing behind.
struct ChildProcesses: Sendable {
  /// The absolute path of the program.
  let program: String
  /// The configuration, and its path.
  let configuration: Configuration
  private let file: String
  /// What the children see.
  let environment: [String: String]
  let runStore: RunStore
  /// What the syncs among them do now.
  let working = WorkingStacks()

  init(program: String, configuration: Configuration, environment: [String: String], runStore: RunStore) {
    self.program = program
    self.configuration = configuration
    // The children are started elsewhere.
    let file = configuration.settings.file
    self.file = file.hasPrefix("/") ? file : Path.join(FileManager.default.currentDirectoryPath, file)
    self.runStore = runStore
    let own = ["PATH", "TZ", "LANG", "CREDENTIALS_DIRECTORY", "SSH_AUTH_SOCK"]
    self.environment = environment.filter { own.contains($0.key) || Programs.passed.contains($0.key) }
  }

  /// Starts the program with the configuration that counts now, whatever stands in its file by then.
  private func command(_ arguments: [String], _ more: [String: String] = [:], deadline: Duration) -> Command {
    var variables = environment.merging(more) { $1 }
    variables[Configuration.inputVariable] = "1"
    let usesAgent = configuration.settings.sources.contains { $0.credentials.sshAgent == .environment }
    if !usesAgent { variables["SSH_AUTH_SOCK"] = nil }
    return Command(
      program, arguments + ["--config", file], environment: variables, directory: "/", input: configuration.text,
      deadline: deadline)
  }

  /// Puts right what somebody changed by hand, beside whatever else goes on; gives the stacks that it worked on, nothing where
  /// others work on all of them.
  func repair(_ stacks: [String]) async throws(ProcessError) -> [StackReport]? {
    let outcome = try await sync(.drift, stacks.flatMap { ["--stack", $0] }, ["CLUP_REPAIR": "1"])
    if outcome.status == .exited(ExitStatus.busy.rawValue) { return nil }
    guard let report = Self.report(in: outcome.output) else { return [] }
    return report.stacks.filter { stack in stack.services.contains { $0.action != .keep } }
  }

  /// The report is the last line; what is left before it are events of another version.
  private static func report(in output: [UInt8]) -> Report? {
    output.split(separator: 10).last.flatMap { try? JSONDecoder().decode(Report.self, from: Data($0)) }
  }

  private func sync(
    _ trigger: Trigger, _ arguments: [String], _ more: [String: String], run id: String? = nil
  ) async throws(ProcessError) -> Outcome {
    var command = command(
      ["sync", "--output", "ndjson"] + arguments, more.merging(["CLUP_TRIGGER": trigger.rawValue]) { $1 },
      deadline: configuration.settings.sync.timeout + .seconds(60))
    (command.grace, command.outputLimit) = (.seconds(20), 16 << 20)
    let (working, name) = (working, working.begin(id))
    defer { working.end(name) }
    return try await run(command, tap: LineTap(.output) { working.take($0, of: name) })
  }

  /// Syncs, after whoever else does so by hand.
  func sync(_ run: Run, leaving drift: Set<String>) async throws(ProcessError) -> SyncResult {
    while true {
      let start = ContinuousClock.now
      let left = drift.isEmpty ? [:] : ["CLUP_LEAVE_DRIFT": drift.sorted().joined(separator: "\n")]
      let outcome = try await sync(run.trigger, [], left, run: run.id)
      if outcome.status == .exited(ExitStatus.busy.rawValue) {
        await runStore.othersEnded()
        if Task.isCancelled { throw ProcessError(kind: .cancelled, message: "the daemon ends") }
        continue
      }
      var result = SyncResult(duration: ContinuousClock.now - start)
      if case .exited(let status) = outcome.status { result.status = status }
      guard let report = Self.report(in: outcome.output) else {
        let lines = outcome.errorText.split(separator: "\n").map(String.init)
        let said = lines.first { $0.hasPrefix("clup: ") }.map { String($0.dropFirst(6)) } ?? lines.last
        result.error =
          outcome.deadlineExceeded
          ? "the sync did not end within its time" : said ?? "the sync \(outcome.status) and printed nothing"
        return result
      }
      result.outcome = report.outcome
      result.commit = report.commit
      result.report = report.sameAs ?? report.id
      result.error = report.error
      let why = report.stacks.first { [.failed, .rolledBack, .waiting].contains($0.outcome) }?.error
      result.stacks = report.badStacks.map { stacks in why.map { "\(stacks): \($0)" } ?? stacks }
      return result
    }
  }

  /// Says each time that something happens to a container of Compose's.
  func events() -> AsyncThrowingStream<Void, any Error> {
    do throws(Failure) { return try Programs(environment: environment).containerEvents() } catch {
      return AsyncThrowingStream { $0.finish(throwing: error) }
    }
  }

  /// Asks how the host stands.
  func status() async throws(ProcessError) -> Status {
    let outcome = try await ask(["status", "--output", "json"], deadline: .seconds(60))
    guard outcome.succeeded, let status = try? JSONDecoder().decode(Status.self, from: Data(outcome.output)) else {
      throw ProcessError(
        kind: .failed(outcome.status),
        message: outcome.errorText.split(separator: "\n").first.map(String.init) ?? "`clup status` \(outcome.status)")
    }
    return status
  }

  /// Asks what a sync would do, and what it would change in the files.
  func plan() async throws(ProcessError) -> (report: Report?, diff: String, error: String?) {
    let outcome = try await ask(["sync", "--dry-run", "--diff", "--output", "json"], deadline: .seconds(300))
    let report = try? JSONDecoder().decode(Report.self, from: Data(outcome.output))
    let lines = outcome.errorText.split(separator: "\n", omittingEmptySubsequences: false)
    // Messages come first on the same stream; a difference begins with its own line.
    let diff = lines.drop { !$0.hasPrefix("diff ") && !$0.hasPrefix("--- ") }.joined(separator: "\n")
    let said = lines.first { $0.hasPrefix("clup: ") }.map { String($0.dropFirst(6)) }
    return (report, diff, report == nil ? said ?? "`clup sync --dry-run` \(outcome.status)" : nil)
  }

  private func ask(_ arguments: [String], deadline: Duration) async throws(ProcessError) -> Outcome {
    try await run(command(arguments, deadline: deadline))
  }
}
