import Core
import Glibc

/// Data to standard output, messages to standard error.
extension CLI {
  /// Prints lines without what could steer a terminal.
  static func print(_ text: String) { write(text.printableLines + "\n", to: 1) }

  /// Prints a line that has colours of clup's own.
  static func print(dyed line: String) { write(line + "\n", to: 1) }

  static func print(_ bytes: [UInt8]) { write(bytes + [10], to: 1) }

  /// Prints lines as `print` does, none wider than the terminal, or than what a log takes.
  static func print(fitted lines: [String]) {
    for line in lines.flatMap({ Render.fitted($0, width) }) { print(line) }
  }

  static func tell(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).flatMap {
      Render.fitted(String($0), width(of: 2))
    }
    write(lines.joined(separator: "\n").printableLines + "\n", to: 2)
  }

  static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}

extension String {
  /// Its lines without what could steer a terminal.
  var printableLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
  }
}
