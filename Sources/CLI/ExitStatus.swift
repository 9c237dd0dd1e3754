import Agent
import Core

extension ExitStatus {
  init(_ failure: Failure) {
    self =
      switch failure.kind {
      case .host, .deploy, .timeout, .interrupted: .failed
      case .configuration: .usage
      case .refused, .incompleteSelection: .refused
      case .unreachable: .unreachable
      case .locked: .busy
      }
  }

  init(_ report: Report) {
    self =
      switch report.outcome {
      case .planned: .success
      // A stack that is held is not what the repository says.
      case .unchanged, .deployed:
        report.stacks.contains { [.held, .waiting].contains($0.outcome) } ? .failed : .success
      case .failed: .failed
      case .refused: .refused
      }
  }
}

extension CLI {
  /// Says why a command ended early.
  static func end(_ failure: Failure) -> ExitStatus {
    tell("clup: \(failure.message)\nhelp: \(failure.help)")
    return ExitStatus(failure)
  }
}
