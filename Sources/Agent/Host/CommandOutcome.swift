import Processes

extension Command {
  /// Runs a program that changes nothing of the host.
  func outcome() async throws(Failure) -> Outcome {
    do throws(ProcessError) { return try await Processes.run(self) } catch {
      if error.kind == .cancelled {
        throw Failure(.interrupted, "the sync was interrupted", help: "sync again: nothing was changed")
      }
      throw Failure(.host, error.message, help: "check that \(executable) can be run")
    }
  }
}
