import Agent
import Core
import Glibc

/// Data to standard output, messages to standard error.
extension CLI {
  static func print(_ text: String) { print(Array(text.utf8)) }

  static func print(_ bytes: [UInt8]) { write(bytes + [10], to: 1) }

  static func print(line event: SyncEvent) { print(encode(event)) }

  static func tell(_ text: String, newline: Bool = true) { write(Array((newline ? text + "\n" : text).utf8), to: 2) }

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
