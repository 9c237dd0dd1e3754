import Core
import Glibc

/// Reads secrets from files, a line each. They are read anew each time, so that one can be changed without a restart.
enum SecretFile {
  /// Gives the secrets of a file; none where there is no readable file. A line of fewer than 8 letters is no secret.
  static func lines(_ path: String?) -> [Secret] {
    guard let path else { return [] }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    return buffer.prefix(max(0, count)).split(separator: 10).map { line in
      Array(line.last == 13 ? line.dropLast() : line)
    }.filter { $0.count >= 8 }.map { Secret($0) }
  }

  /// Says what is wrong with a file that is to hold a secret; nothing when it is as it should be.
  static func complaint(_ path: String) -> String? {
    var found = stat()
    guard stat(path, &found) == 0 else { return "\(path): \(String(cString: strerror(errno)))" }
    if found.st_mode & 0o077 != 0 { return "\(path) can be read by others: chmod 600 \(path)" }
    return lines(path).isEmpty ? "\(path) holds no secret of at least 8 letters" : nil
  }
}
