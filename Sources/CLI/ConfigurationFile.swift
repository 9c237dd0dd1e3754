import Agent
import Core
import FoundationEssentials
import Glibc

extension CLI {
  /// Reads a configuration, or takes the `text` that a daemon has read of it.
  static func load(
    _ file: String, text: [UInt8]? = nil
  ) -> Result<(settings: Settings, text: [UInt8]), Failure> {
    guard let bytes = text ?? (try? Data(contentsOf: URL(filePath: file))).map(Array.init) else {
      return .failure(
        Failure(
          .configuration, "there is no readable configuration at \(file)",
          help: "`clup init` writes one; or name another with --config"))
    }
    switch Settings.parse(bytes) {
    case .success(var settings):
      settings.file = file
      return .success((settings, bytes))
    case .failure(let problems):
      let lines = problems.all.map {
        $0.line > 0 ? "\(file):\($0.line):\($0.column): \($0.message)" : "\(file): \($0.message)"
      }
      return .failure(
        Failure(.configuration, lines.joined(separator: "\n"), help: "fix the configuration; nothing was changed"))
    }
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
