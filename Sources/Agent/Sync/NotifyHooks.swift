import Core
import FoundationEssentials
import Glibc
import Processes

/// Runs the programs of `notify:`. However they end, the sync has ended as it did.
struct NotifyHooks: Sendable {
  let settings: Settings
  let environment: [String: String]
  let say: @Sendable (String) -> Void

  /// How long a hook may take where clup itself is to end.
  private static let haste = Duration.seconds(10)

  /// Tells what is new in a report: each hook that wants to hear of it gets the report on its standard input, as `--output json`
  /// prints it, and the events in `CLUP_EVENTS`, with spaces between them.
  func tell(_ ended: Sync.Ended, _ request: SyncRequest) async {
    let isMistake = ended.failure.map { [.interrupted, .locked, .incompleteSelection].contains($0.kind) } ?? false
    let isWhole = !isMistake && !request.isRepair && request.stacks.isEmpty && request.rollback == nil
    let checkout = Checkout(path: settings.checkout)
    do throws(Failure) {
      var report = ended.report
      // What was ended with clup has not failed: the next sync goes on with it.
      if Task.isCancelled { report.stacks.removeAll { $0.outcome == .failed } }
      let news = try checkout.news(in: report, isWhole: isWhole, now: Date().timeIntervalSince1970)
      let (input, limit) = (encode(ended.report), Task.isCancelled ? Self.haste : nil)
      // What ends clup must not end what tells of it.
      await Task { await run(news, input, limit) }.value
    } catch { say("warning: notify: \(error.message)") }
  }

  private func run(_ news: News, _ input: [UInt8], _ limit: Duration?) async {
    await withTaskGroup(of: Void.self) { group in
      for hook in settings.notify {
        let events = news.events(for: hook.on)
        if events.isEmpty { continue }
        group.addTask {
          if let problem = await run(hook, input, events, min(hook.timeout, limit ?? hook.timeout)) {
            say("warning: notify: \(problem)")
          }
        }
      }
    }
  }

  /// Returns what went wrong.
  private func run(
    _ hook: Notify, _ input: [UInt8], _ events: [Report.Event], _ limit: Duration
  ) async -> String? {
    do throws(Failure) {
      let program = try Self.program(of: hook, settings)
      var variables = environment.filter { ["PATH", "HOME"].contains($0.key) }
      variables["CLUP_EVENTS"] = events.map(\.rawValue).joined(separator: " ")
      let command = Command(
        program, environment: variables, directory: "/", input: input, deadline: limit, outputLimit: 64 << 10)
      let outcome: Outcome
      do throws(ProcessError) { outcome = try await Processes.run(command) } catch {
        return "\(program): \(error.message)"
      }
      if outcome.succeeded { return nil }
      if outcome.deadlineExceeded { return "\(program) did not end within \(limit.text) and was stopped" }
      let last = outcome.errorText.split(separator: "\n").last.map { ": \($0)" } ?? ""
      return "\(program) \(outcome.status)\(last)"
    } catch {
      return error.message + (error.help.isEmpty ? "" : "; \(error.help)")
    }
  }

  /// Finds the program of a hook. One that others can write is refused: they could do all that clup can.
  static func program(of hook: Notify, _ settings: Settings) throws(Failure) -> String {
    let path = Path.isAbsolute(hook.run) ? hook.run : Path.join(Path.parent(settings.file), hook.run)
    guard let program = Files.resolved(path), let found = Files.status(program), Files.isRegular(found) else {
      throw Failure(.configuration, "there is no program \(path)", help: "correct `notify:` in \(settings.file)")
    }
    guard Files.isGuarded(found) else {
      throw Failure(
        .configuration, "\(path) can be changed by other users", help: "`chown root \(path) && chmod 755 \(path)`")
    }
    // Files of the repository belong to root there.
    for place in [settings.checkout, settings.liveRoot]
    where Path.relative(program, to: Files.resolved(place) ?? place) != nil {
      throw Failure(
        .configuration, "\(path) is in \(place), where clup puts files of the repository",
        help: "keep it elsewhere, such as /etc/clup/hooks")
    }
    if let open = Self.unguardedDirectory(above: program) {
      throw Failure(
        .configuration, "\(open) can be changed by other users", help: "`chown root \(open) && chmod 755 \(open)`")
    }
    guard found.st_mode & 0o111 != 0 else {
      throw Failure(.configuration, "\(path) is not executable", help: "`chmod 755 \(path)`")
    }
    return program
  }

  /// Finds a directory in which others could put another file in the place of a program.
  private static func unguardedDirectory(above program: String) -> String? {
    var directory = program
    while directory != "/" {
      directory = Path.parent(directory)
      guard let found = Files.status(directory) else { return directory }
      if !Files.isGuarded(found), found.st_mode & S_ISVTX == 0 { return directory }
    }
    return nil
  }
}

extension Checkout {
  private var toldFile: String { "\(path)/told.json" }

  /// Returns what is new in a report, and remembers that it was told: once it is written down it is not told again.
  fileprivate func news(in report: Report, isWhole: Bool, now: Double) throws(Failure) -> News {
    try withRecords { () throws(Failure) in
      let before = Files.read(toldFile, limit: 1 << 20).flatMap {
        try? JSONDecoder().decode(ToldTroubles.self, from: Data($0))
      }
      var told = before ?? ToldTroubles()
      let news = told.news(in: report, isWhole: isWhole, now: now)
      if told != before { try Files.replace(toldFile, with: encode(told), mode: 0o600) }
      return news
    }
  }
}
