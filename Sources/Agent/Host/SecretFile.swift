import Core
import Glibc
import Processes

/// Reads secrets from files. They are read again each time, so that one can be changed without a restart.
public enum SecretFile {
  /// Returns the secrets of a file, a line each; none where there is no readable file. A line of fewer than 8 letters is no
  /// secret.
  public static func lines(_ path: String?) -> [Secret] {
    guard let path else { return [] }
    Memory.forbidDumps()
    guard var bytes = Files.read(path, limit: 16 << 10) else { return [] }
    defer { wipe(&bytes) }
    return bytes.split(separator: 10).map { line in
      Array(line.last == 13 ? line.dropLast() : line)
    }.filter { $0.count >= 8 }.map { Secret($0) }
  }

  /// Returns what is wrong with a file that is to hold a secret; nothing when it is as it should be.
  public static func complaint(_ path: String) -> String? {
    var found = stat()
    guard stat(path, &found) == 0 else { return "\(path): \(String(cString: strerror(errno)))" }
    if found.st_mode & 0o077 != 0 { return "\(path) can be read by others: chmod 600 \(path)" }
    return lines(path).isEmpty ? "\(path) holds no secret of at least 8 letters" : nil
  }

  /// Reads a whole file that holds one secret, without the end of its last line where `isLine` says so.
  ///
  /// Refuses one that somebody else may read or has written. What systemd hands over (`LoadCredential=`) is kept from others
  /// by its directory, and may belong to a group.
  static func read(_ place: HostFile, isLine: Bool) throws(Failure) -> Secret {
    let path = place.path
    Memory.forbidDumps()
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Failure(
        .configuration, "cannot read \(path): \(String(cString: strerror(errno)))",
        help: "write the secret there (mode 600), or correct `credentials:` in the configuration")
    }
    defer { close(descriptor) }
    var found = stat()
    guard fstat(descriptor, &found) == 0, Files.isRegular(found), found.st_size <= 64 << 10 else {
      throw Failure(
        .configuration, "\(path) is not a regular file, or is larger than 64 KiB",
        help: "name the file that holds the secret")
    }
    let others = found.st_mode & (place.isHandedOver ? 0o007 : 0o077)
    guard others == 0 else {
      throw Failure(
        .configuration, "\(path) holds a secret and can be read or written by others", help: "chmod 600 \(path)")
    }
    guard found.st_uid == 0 || found.st_uid == geteuid() else {
      throw Failure(
        .configuration, "\(path) holds a secret and belongs to another user", help: "chown \(geteuid()) \(path)")
    }
    var bytes = [UInt8](repeating: 0, count: Int(found.st_size))
    let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    var end = max(0, count)
    while isLine, end > 0, bytes[end - 1] == 10 || bytes[end - 1] == 13 { end -= 1 }
    defer { wipe(&bytes) }
    guard end > 0 else { throw Failure(.configuration, "\(path) is empty", help: "write the secret there") }
    guard !bytes[..<end].contains(0), !isLine || !bytes[..<end].contains(10) else {
      throw Failure(.configuration, "\(path) holds more than one line", help: "write the secret alone, on one line")
    }
    return Secret(Array(bytes[..<end]))
  }
}

/// A file that the configuration names.
struct HostFile: Sendable {
  let path: String
  /// Whether systemd hands it to this service alone.
  let isHandedOver: Bool
}

extension HostFile {
  /// Finds a file: by an absolute path, from the configuration's directory, or as `$CREDENTIALS_DIRECTORY/NAME`.
  init(_ written: String, settings: Settings, environment: [String: String]) throws(Failure) {
    for prefix in ["$CREDENTIALS_DIRECTORY/", "${CREDENTIALS_DIRECTORY}/"] where written.hasPrefix(prefix) {
      let name = String(written.dropFirst(prefix.count))
      guard let directory = environment["CREDENTIALS_DIRECTORY"] else {
        throw Failure(
          .configuration, "\(written) is a credential from systemd, and clup was started without it",
          help: "put `LoadCredential=\(name):/path/of/the/file` into the service, and start it; by hand, "
            + "`systemd-run -P -p LoadCredential=\(name):/path/of/the/file clup sync`")
      }
      self.init(path: Path.join(directory, name), isHandedOver: true)
      return
    }
    let base = Files.resolved(Path.parent(settings.file)) ?? Path.parent(settings.file)
    self.init(path: written.hasPrefix("/") ? written : Path.join(base, written), isHandedOver: false)
  }
}
