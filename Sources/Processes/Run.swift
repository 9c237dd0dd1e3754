/// Runs a command to its end and returns how it went; a status other than 0 is no error. `tap` takes lines out as they come.
///
/// The child has a session and process group of its own, no descriptors but its standard streams, an empty signal mask
/// and default signal dispositions. Once it has exited, children of its that still hold its output are given a moment to
/// finish; then the rest of the group is ended. When the deadline is over or the task is cancelled, the group gets
/// SIGTERM and, after the grace, SIGKILL; `run` returns when that is done. A child that moves to another group is out of
/// reach, and is not waited for.
public func run(_ command: Command, tap: LineTap? = nil) async throws(ProcessError) -> Outcome {
  let supervisor = try Supervisor.shared()
  let id = supervisor.newID()
  if Task.isCancelled {
    throw ProcessError(kind: .cancelled, message: "\(command.executable) was not started: the task was cancelled")
  }
  let result = await withTaskCancellationHandler {
    await withCheckedContinuation { continuation in
      supervisor.start(Job(id: id, command: command, tap: tap) { continuation.resume(returning: $0) })
      // A cancellation that came before the start was known to nobody.
      if Task.isCancelled { supervisor.cancel(id) }
    }
  } onCancel: {
    supervisor.cancel(id)
  }
  return try result.get()
}
