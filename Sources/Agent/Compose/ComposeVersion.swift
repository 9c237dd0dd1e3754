import Core
import Glibc
import Synchronization

/// Which Compose this is: asked once, beside the first question to it, so that nobody waits for it.
final class ComposeVersion: Sendable {
  /// The first that tells what a directory's `.env` gives (`config --environment`), without which no secret could be hidden.
  static let oldest = (2, 28)

  /// Where the answer is kept for the syncs to come; it may be removed at any time.
  private let file: String?
  private let asked = Mutex<Task<String, Never>?>(nil)

  init(keptIn file: String? = nil) { self.file = file }

  /// Returns what the same plugin said before; nothing where it is another one now, or nobody has asked.
  func kept(of identity: String) -> String? {
    guard let file, let bytes = Files.read(file, limit: 4096) else {
      return nil
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count == 3 && lines[0] == identity && !lines[1].isEmpty && lines[2].isEmpty ? String(lines[1]) : nil
  }

  /// Keeps what a plugin says of itself.
  func keep(_ version: String, of identity: String) {
    guard let file, !version.isEmpty, Self.refusal(of: version) == nil else { return }
    Files.note(Array("\(identity)\n\(version)\n".utf8), in: file)
  }

  /// Tells one plugin from another; nothing of a script, which may call another program from one day to the next.
  static func identity(of plugin: String) -> String? {
    guard let found = Files.followed(plugin),
      Files.read(plugin, limit: .max, to: 4) == [0x7f] + Array("ELF".utf8)
    else { return nil }
    return "\(plugin) \(found.st_dev) \(found.st_ino) \(found.st_size) \(found.st_ctim.tv_sec).\(found.st_ctim.tv_nsec)"
  }

  /// Returns the task that asks, which runs from the first call on.
  func task(_ ask: @escaping @Sendable () async -> String) -> Task<String, Never> {
    asked.withLock { asked in
      let task = asked ?? Task(executorPreference: WorkExecutor()) { await ask() }
      asked = task
      return task
    }
  }

  /// Returns the number alone: a distribution's package adds its own to what the program says (`2.40.3-3`), and not to labels.
  static func number(in version: String) -> Substring {
    (version.hasPrefix("v") ? version.dropFirst() : version[...]).prefix { $0.isNumber || $0 == "." }
  }

  /// Whether a container's label names the version that is here; where that is not known, it is taken to be.
  static func isSame(_ label: String?, _ present: String) -> Bool {
    number(in: present).isEmpty || label.map(number) == number(in: present)
  }

  /// Whether a version is older than another one; one that does not say what it is, as a build of one's own, is not.
  static func isBefore(_ other: (Int, Int), _ version: String) -> Bool {
    let parts = number(in: version).split(separator: ".").prefix(2).map { Int($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return false }
    return (major, minor) < other
  }

  /// Reports that a Compose is too old; one that does not tell its version, as a build of one's own, is taken as it is.
  static func refusal(of version: String) -> Failure? {
    guard isBefore(oldest, version) else { return nil }
    return Failure(
      .host, "Docker Compose \(number(in: version)) is too old: clup needs \(oldest.0).\(oldest.1) or later",
      help: "install a newer one: https://docs.docker.com/compose/install/linux")
  }
}

extension Programs {
  /// The version of Compose in its own words, as `2.40.3`; empty where it does not say.
  var composeVersion: Task<String, Never> {
    version.task {
      // What the docker command calls need not be a file that can be looked at.
      let plugin = compose.count == 1 ? ComposeVersion.identity(of: compose[0]) : nil
      if let plugin, let kept = version.kept(of: plugin) { return kept }
      let asked = try? await start(
        compose[0], compose.dropFirst() + ["version", "--short"], environment, directory: "/", input: [],
        Limits(deadline: .seconds(10)))
      let said = asked?.outputText.split(separator: "\n").first.map(String.init) ?? ""
      if let plugin, asked?.succeeded == true { version.keep(said, of: plugin) }
      return said
    }
  }
}
