import Agent
import Core
import FoundationEssentials
import Glibc

extension CLI {
  /// Reads a configuration, or takes the `text` that a daemon has read of it.
  static func load(
    _ file: String, text: [UInt8]? = nil
  ) -> Result<(settings: Settings, text: [UInt8]), Failure> {
    // A daemon hands over the baseline after a zero byte, which no YAML holds.
    let parts = text?.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    guard let bytes = parts?.first ?? (try? Data(contentsOf: URL(filePath: file))).map(Array.init) else {
      return .failure(
        Failure(
          .configuration, "there is no readable configuration at \(file)",
          help: "`clup init` writes one; or name another with --config"))
    }
    switch Settings.parse(bytes) {
    case .success(var settings):
      settings.file = file
      let accepted: [UInt8]?
      do throws(Failure) {
        accepted = if let parts { parts.dropFirst().first } else { try BaselineFile.read(of: settings) }
      } catch {
        return .failure(error)
      }
      guard let accepted else { return .success((settings, bytes)) }
      switch AcceptedFindings.parse(accepted) {
      case .success(let baseline): settings.policy.waivers += baseline.entries
      case .failure(let problems):
        return .failure(
          failure(
            problems, in: AcceptedFindings.file(beside: file),
            help:
              "fix the baseline, or move it away and accept the findings again with `clup baseline`; nothing was changed"
          ))
      }
      return .success((settings, bytes + [0] + accepted))
    case .failure(let problems):
      return .failure(failure(problems, in: file, help: "fix the configuration; nothing was changed"))
    }
  }

  private static func failure(_ problems: SettingsProblems, in file: String, help: String) -> Failure {
    let lines = problems.all.map {
      $0.line > 0 ? "\(file):\($0.line):\($0.column): \($0.message)" : "\(file): \($0.message)"
    }
    return Failure(.configuration, lines.joined(separator: "\n"), help: help)
  }

  /// Reads standard input to its end.
  static func readInput() -> [UInt8] {
    var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 64 << 10))
    while true {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return bytes }
      bytes += buffer.prefix(count)
    }
  }
}
