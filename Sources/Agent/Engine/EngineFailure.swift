import Core
import Engine

extension Programs {
  /// Asks the engine; what it does not do becomes a failure of the host.
  func ask<Answer: Sendable>(
    _ question: (EngineClient) async throws(EngineError) -> Answer
  ) async throws(Failure) -> Answer {
    do throws(EngineError) { return try await question(engine) } catch { throw Failure(error) }
  }
}

extension Failure {
  /// Says that the engine did not do what it was asked for.
  init(_ error: EngineError) {
    switch error.kind {
    case .cancelled:
      self.init(.interrupted, "the sync was interrupted", help: "sync again: it goes on where this one ended")
    case .status:
      self.init(.host, "Docker Engine refuses: \(error.message)", help: "see what it needs: `docker info`")
    case .unreachable, .broken, .late, .unreadable:
      self.init(
        .host, "Docker Engine does not answer: \(error.message)",
        help: "start it (`systemctl start docker`), or set DOCKER_HOST to where it listens")
    }
  }
}
