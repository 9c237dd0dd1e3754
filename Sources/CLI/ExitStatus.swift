import Agent
import Core
import Glibc

extension CLI {
  static func end(_ failure: Failure) -> Int32 {
    tell("clup: \(failure.message)\nhelp: \(failure.help)")
    return status(of: failure)
  }

  static func status(of failure: Failure) -> Int32 {
    switch failure.kind {
    case .host, .deploy, .late, .interrupted: 1
    case .configuration: 2
    case .refused: 3
    case .unreachable: 4
    case .locked: 5
    }
  }
}
