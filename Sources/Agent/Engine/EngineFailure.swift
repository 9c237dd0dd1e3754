import Core
import Engine

extension Programs {
  /// Asks the engine; what it does not do becomes a failure of the host.
  func ask<Answer: Sendable>(
    _ question: (EngineClient) async throws(EngineError) -> Answer
  ) async throws(Failure) -> Answer {
    do throws(EngineError) { return try await question(engine) } catch { throw Failure(error) }
  }

  /// Returns the last thing that a program said; a line that ends in brackets which another one opened belongs to that.
  static func reason(in errors: String) -> String {
    var lines = errors.split(separator: "\n").map(String.init).filter { !$0.contains("level=warning") }
    guard var reason = lines.popLast() else { return "it gave no reason" }
    func excess(_ text: String) -> Int { text.reduce(0) { $0 + ($1 == ")" ? 1 : $1 == "(" ? -1 : 0) } }
    while excess(reason) > 0, let line = lines.popLast() { reason = line + reason }
    return reason
  }

  /// Turns the end of a Compose that failed into what a person needs: whose fault it is, the engine says and not Compose.
  func failure(
    _ what: String, _ errors: String, rewriting rewrite: (String) -> String = { $0 }
  ) async -> Failure {
    let line = rewrite(Self.reason(in: errors))
    do throws(EngineError) { try await engine.ping() } catch {
      return Failure(
        .host, "\(what) failed: \(line)", help: "check that Docker Engine runs, and sync again", outage: .engine)
    }
    return Failure(
      .deploy, "\(what) failed: \(line)", help: "fix it and push again, or fix the host and `clup sync --retry`")
  }
}

extension Failure {
  /// Says that the engine did not do what it was asked for.
  init(_ error: EngineError) {
    switch error.kind {
    case .cancelled: self = .interrupted
    case .unfit:
      self.init(
        .host, "clup cannot use this Docker Engine: \(error.message)",
        help: "clup needs Docker Engine 20.10 or later; unset DOCKER_API_VERSION if it is set")
    case .status:
      self.init(
        .host, "Docker Engine refuses: \(error.message)", help: "see its log: `journalctl -u docker`",
        outage: error.isAway ? .engine : nil)
    case .unreachable, .broken, .late, .unreadable:
      self.init(
        .host, "Docker Engine does not answer: \(error.message)",
        help: "start it (`systemctl start docker`), or set DOCKER_HOST to where it listens", outage: .engine)
    }
  }
}
