import Core
import Processes

/// Runs the programs of `notify:`. However they end, the sync has ended as it did.
struct NotifyHooks: Sendable {
  let settings: Settings
  let environment: [String: String]
  let say: @Sendable (String) -> Void

  /// Gives the report to each hook that wants to hear of one of these events, all at the same time: on its standard input, as
  /// `--output json` prints it, and the events in `CLUP_EVENTS`, with spaces between them.
  func run(_ report: Report, _ events: [Report.Event]) async {
    let input = encode(report)
    await withTaskGroup(of: Void.self) { group in
      for hook in settings.notify where !hook.on.isDisjoint(with: events) {
        group.addTask {
          if let problem = await run(hook, input, events) { say("warning: notify: \(problem)") }
        }
      }
    }
  }

  /// Returns what went wrong.
  private func run(_ hook: Notify, _ input: [UInt8], _ events: [Report.Event]) async -> String? {
    do throws(Failure) {
      let program = try Self.program(of: hook, settings)
      var variables = environment.filter { ["PATH", "HOME"].contains($0.key) }
      variables["CLUP_EVENTS"] = events.map(\.rawValue).joined(separator: " ")
      let command = Command(
        program, environment: variables, directory: "/", input: input, deadline: hook.timeout, outputLimit: 64 << 10)
      let outcome: Outcome
      do throws(ProcessError) { outcome = try await Processes.run(command) } catch {
        return "\(program): \(error.message)"
      }
      if outcome.succeeded { return nil }
      if outcome.deadlineExceeded { return "\(program) did not end within \(hook.timeout.text) and was stopped" }
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
    guard found.st_mode & 0o111 != 0 else {
      throw Failure(.configuration, "\(path) is not executable", help: "`chmod 755 \(path)`")
    }
    return program
  }
}
