import Core
import Glibc

/// The file of what the host accepts, next to the configuration. Only who may write that may write it, and no repository.
public enum BaselineFile {
  /// Reads it; nothing where there is none.
  public static func read(of settings: Settings) throws(Failure) -> [UInt8]? {
    let path = AcceptedFindings.file(beside: settings.file)
    guard let found = Files.status(path) else {
      if Files.isMissing(path) { return nil }
      throw Failure(.configuration, "cannot read \(path): \(String(cString: strerror(errno)))", help: help(path))
    }
    try refuse(place: path, settings)
    guard Files.isRegular(found), let bytes = Files.read(path, limit: 16 << 20) else {
      throw Failure(
        .configuration, "the baseline \(path) is not a readable file (a link does not count)", help: help(path))
    }
    guard Files.isGuarded(found) else {
      throw Failure(
        .configuration, "\(path) can be changed by other users than the one who runs clup",
        help: "`chown root \(path) && chmod 644 \(path)`")
    }
    return bytes
  }

  /// Writes it, with the mode of the configuration; `before` is what it held when it was read.
  static func write(_ text: String, of settings: Settings, before: [UInt8]?) throws(Failure) {
    let path = AcceptedFindings.file(beside: settings.file)
    try refuse(place: path, settings)
    guard try read(of: settings) == before else {
      throw Failure(
        .host, "somebody else changed \(path) meanwhile, and clup left it as it is", help: "run `clup baseline` again"
      )
    }
    let mode = Files.resolved(settings.file).flatMap(Files.status).map { $0.st_mode & 0o044 } ?? 0
    try Files.replace(path, with: Array(text.utf8), mode: 0o600 | mode)
  }

  /// What a repository's files come to cannot say what is accepted of them.
  private static func refuse(place path: String, _ settings: Settings) throws(Failure) {
    let directory = Files.resolved(Path.parent(path)) ?? Path.parent(path)
    for (place, name) in [(settings.checkout, "checkout"), (settings.liveRoot, "live root")] {
      guard Path.relative(directory, to: Files.resolved(place) ?? place) != nil else { continue }
      throw Failure(
        .configuration, "the baseline \(path) is in the \(name), where clup puts files of the repository",
        help: "keep the configuration elsewhere, such as /etc/clup, and the baseline beside it")
    }
  }

  private static func help(_ path: String) -> String {
    "move \(path) away, and accept the findings again with `clup baseline`"
  }
}
