/// Runs a command and gives the lines of its standard output as they come, without their newlines.
///
/// The process starts at once. The stream ends with it: normally after status 0, else by throwing a `ProcessError`, also
/// when the deadline is over or the process cannot be started. When the reader stops, by cancellation or by letting go of
/// the stream, the process group is ended: SIGTERM, grace, SIGKILL. A reader that is slow holds the process back. A line
/// longer than the command's `outputLimit` loses its end; bytes that are not UTF-8 become U+FFFD.
public func lines(of command: Command) -> AsyncThrowingStream<String, any Error> {
  do {
    let reader = LineReader(of: command, supervisor: try Supervisor.shared())
    return AsyncThrowingStream { try await reader.next() }
  } catch {
    return AsyncThrowingStream { $0.finish(throwing: error) }
  }
}

/// Ties the life of a process to the life of whoever reads its lines.
private final class LineReader: Sendable {
  private let supervisor: Supervisor
  private let id: UInt64
  private let queue: LineQueue

  init(of command: Command, supervisor: Supervisor) {
    self.supervisor = supervisor
    let queue = LineQueue(lineLimit: command.outputLimit)
    self.queue = queue
    id = supervisor.newID()
    supervisor.start(Job(id: id, command: command, lines: queue) { queue.end($0.flatMap { end(of: command, $0) }) })
  }

  deinit {
    stop()
  }

  func next() async throws -> String? {
    try await withTaskCancellationHandler {
      try await queue.next(madeRoom: supervisor.wake)
    } onCancel: {
      stop()
    }
  }

  private func stop() {
    queue.end(.success(()))
    supervisor.cancel(id)
  }
}

/// Tells whether a process that has ended did what it was started for.
private func end(of command: Command, _ outcome: Outcome) -> Result<Void, ProcessError> {
  if outcome.deadlineExceeded {
    let message = "\(command.executable) was ended: it took longer than \(command.deadline)"
    return .failure(ProcessError(kind: .deadlineExceeded, message: message))
  }
  if outcome.succeeded { return .success(()) }
  let lastWords = outcome.errorText.split(whereSeparator: \.isNewline).last.map { ": \($0.prefix(300))" } ?? ""
  return .failure(
    ProcessError(kind: .failed(outcome.status), message: "\(command.executable) \(outcome.status)\(lastWords)"))
}
