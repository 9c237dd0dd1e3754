/// What stands at a path of the host, once links are followed.
public struct HostEntry: Sendable, Equatable {
  /// What it is.
  public enum Kind: Sendable, Equatable { case missing, file, directory, other }

  var path: String
  /// What it is.
  public var kind = Kind.missing
  /// The names of owner and group, or their numbers where they have none.
  public var (owner, group) = ("", "")
  /// The numbers of owner and group.
  public var (uid, gid) = (0, 0)
  /// The twelve bits of its mode.
  public var mode = 0
  /// Whether it is a directory with nothing in it.
  public var isEmpty = false

  /// Begins to describe a path, at which nothing stands so far.
  public init(path: String) { self.path = path }

  /// Owner and mode for people: `directory psy:psy 0755`.
  var text: String {
    let word = [.missing: "missing", .file: "file", .directory: "directory", .other: "special file"][kind] ?? ""
    if kind == .missing { return word }
    let digits = String(mode, radix: 8)
    return
      "\(isEmpty ? "empty " : "")\(word) \(owner):\(group) \(String(repeating: "0", count: max(0, 4 - digits.count)))"
      + digits
  }

  /// Whether anybody on the host may change it; in a directory of mode 1777 nobody takes what is another's.
  var isOpen: Bool { mode & 0o1002 == 0o002 }

  /// Whether a user without rights beyond the mode may write to it.
  func lets(user: Int, groups: Set<Int>) -> Bool {
    if user == 0 { return true }
    if user == uid { return mode & 0o200 != 0 }
    return mode & (groups.contains(gid) ? 0o020 : 0o002) != 0
  }

  /// The command that makes a directory below this one: for a container's user, where that is not root, else with this
  /// one's owner.
  func install(_ path: String, for account: Account? = nil) -> String {
    let mode = String(mode & 0o777, radix: 8)
    if let account, account.uid != 0 { return "`install -d -o \(account.uid) -g \(account.gid) -m 750 \(path)`" }
    return kind == .directory
      ? "`install -d -o \(owner) -g \(group) -m \(mode) \(path)`" : "`mkdir -p \(path)`, with the owner that it had"
  }

  /// The command that brings a file of this directory back from a backup.
  func restore(_ file: String, for account: Account?, mode: String) -> String {
    let owner = account.flatMap { $0.uid == 0 ? nil : ("\($0.uid)", "\($0.gid)") } ?? (owner, group)
    return "`install -o \(owner.0) -g \(owner.1) -m \(mode) BACKUP/\(file) \(Path.join(path, file))`"
  }
}

/// Judges directories and what containers mount.
public enum DirectoryChecks {
  /// Judges a directory whose files clup, as root, hands to Compose; `user` is who runs clup where the directory must be
  /// that one's alone. A directory that clup makes itself may be missing.
  public static func directory(
    _ name: String, _ entry: HostEntry, stack: String? = nil, owner user: Int? = nil, mayBeMissing: Bool = false,
    parent: HostEntry
  ) -> Check {
    let found = "\(entry.path): \(entry.text)"
    func check(_ result: Check.Result, _ help: String = "") -> Check {
      let expected = user == nil ? "a directory that not everybody may write to" : "a directory of clup's own"
      return Check(.directories, name, stack: stack, result, found: found, expected: expected, help: help)
    }
    switch entry.kind {
    case .missing where mayBeMissing:
      return Check(
        .directories, name, stack: stack, skipped: "\(entry.path) does not exist yet; the first sync makes it")
    case .missing: return check(.failed, "mount its disk, or make it: \(parent.install(entry.path))")
    case .file, .other: return check(.failed, "move that aside, and make a directory there")
    case .directory: break
    }
    if entry.isOpen {
      return check(.failed, "`chmod o-w \(entry.path)`: everybody who can write there decides what runs as root")
    }
    if let user, entry.uid != user {
      return check(.warning, "`chown -R \(user) \(entry.path)`: its owner decides what clup deploys")
    }
    return check(.good)
  }

  /// Judges the configuration file, which says what runs as root; `user` is who runs clup.
  public static func configuration(_ entry: HostEntry, user: Int) -> Check {
    let (isOpen, isOwn) = (entry.mode & 0o022 != 0, [0, user].contains(entry.uid))
    return Check(
      .directories, "configuration", isOpen ? .failed : isOwn ? .good : .warning,
      found: "\(entry.path): \(entry.text)", expected: "a file that nobody else may write to",
      help: "`chown \(user) \(entry.path); chmod go-w \(entry.path)`: it says which repository decides what runs here")
  }

  /// Judges the values of a stack, which are secrets for the most part.
  public static func values(_ entry: HostEntry, stack: String) -> Check? {
    guard entry.kind == .file else { return nil }
    let isOpen = entry.mode & 0o006 != 0
    return Check(
      .directories, ".env", stack: stack, isOpen ? .warning : .good, found: "\(entry.path): \(entry.text)",
      expected: "a file that not everybody may read",
      help: "`chmod o-rw \(entry.path)`: nobody but its owner and clup has to read it")
  }

  /// Judges a file of the host's own that a stack was deployed with, and that is gone; `directory` is where it was.
  public static func lost(_ file: String, stack: String, directory: HostEntry, containers: [InspectedContainer])
    -> Check
  {
    let isSecret = Path.name(file).hasPrefix(".env")
    let running = containers.first(where: \.isRunning)?.name
    let values =
      isSecret ? running.map { "; the running container still has its values: `docker inspect \($0)`" } ?? "" : ""
    return Check(
      .directories, Path.name(file), stack: stack, .failed, found: "\(file): missing",
      expected: "what was there when \(stack) was deployed last",
      help: "restore it from a backup, with its owner and mode: "
        + "\(directory.restore(Path.name(file), for: nil, mode: isSecret ? "640" : "644")); a sync cannot restore it\(values)"
    )
  }

  /// Judges what a container mounts, for whom its program runs as.
  public static func mount(
    _ mount: HostMount, _ entry: HostEntry, of service: String, stack: String?, by container: InspectedContainer?,
    parent: HostEntry
  ) -> Check {
    let (user, groups) = (container?.uid, container?.gids ?? [])
    let use = "\(service) mounts it at \(mount.target)"
    func check(_ result: Check.Result, _ expected: String, _ help: String = "") -> Check {
      Check(
        .directories, mount.source, stack: stack, result, found: entry.text, expected: "\(expected) (\(use))",
        help: help)
    }
    switch entry.kind {
    case .missing:
      return check(
        .failed, "what the service was deployed with",
        "restore it from a backup or, if it may be empty, create it: "
          + parent.install(mount.source, for: container?.account))
    case .directory where entry.isEmpty && isFileName(mount.target):
      return check(
        .failed, "a file",
        "restore the file: Docker makes an empty directory if it is missing. Stop \(service), "
          + "`rmdir \(mount.source)`, put the file there, and start it")
    case .directory, .file, .other: break
    }
    if entry.kind == .other { return check(.good, "what is there") }
    if entry.isOpen {
      return check(.warning, "not writable for everybody", "`chmod o-w \(mount.source)`, unless others need that")
    }
    if mount.isWritable, let user, !entry.lets(user: user, groups: groups) {
      return check(
        .warning, "writable for user \(user)",
        "give user \(user) the directories in it that \(service) writes to (`chown \(user) \(mount.source)/DIRECTORY`), or mount it `:ro`"
      )
    }
    if mount.isWritable, user == nil, let name = container?.user {
      return Check(
        .directories, mount.source, stack: stack,
        skipped: "\(entry.text); \(service) runs as \(name), and no /etc/passwd of its container says who that is")
    }
    return check(.good, mount.isWritable ? "writable for the container" : "what is there")
  }

  /// Whether a path in a container is named like a file with a usual ending.
  private static func isFileName(_ path: String) -> Bool {
    let parts = Path.name(path).split(separator: ".", omittingEmptySubsequences: false)
    let endings: Set<Substring> = [
      "json", "yml", "yaml", "toml", "conf", "cfg", "ini", "env", "pem", "crt", "key", "sql", "sh", "txt", "xml", "js",
      "py", "lua", "properties", "sock",
    ]
    return parts.count > 1 && parts.last.map { endings.contains($0) } ?? false
  }
}

/// A program whose state clup knows by the place that is protected for it.
public struct KnownService: Sendable {
  /// Where it keeps its state, below the live root.
  public let state: Glob
  /// The file without which it starts from nothing, and those that lose something when they are gone.
  public let files: (main: String, others: [String])
  /// What tells its health in its own container.
  public let health: [String]

  /// The OpenClaw gateway, whose state the built-in protected path `gw-*/config` is for.
  public static let all = [
    KnownService(
      state: Glob("gw-*/config"), files: ("openclaw.json", ["devices/paired.json", "devices/pending.json"]),
      health: ["node", "dist/index.js", "health"])
  ]

  /// Judges the state at a path below the live root, whose directory is `entry`; `present` are those of its files that are
  /// there and not empty.
  public func check(
    _ path: String, _ entry: HostEntry, stack: String?, present: Set<String>, container: InspectedContainer?
  ) -> Check {
    let name = "gateway state"
    let all = [files.main] + files.others
    let missing = all.filter { !present.contains($0) }
    if missing.count == all.count, !entry.isEmpty {
      return Check(
        .directories, name, stack: stack, skipped: "\(path) holds none of the files that clup knows (\(files.main))")
    }
    let result: Check.Result = missing.isEmpty ? .good : missing.contains(files.main) ? .failed : .warning
    return Check(
      .directories, name, stack: stack, result,
      found:
        "\(path): \(missing.isEmpty ? "" : "missing or empty: ")\((missing.isEmpty ? all : missing).joined(separator: ", "))",
      expected: all.joined(separator: ", "),
      help: "restore it from a backup: " + Self.restoring(missing, entry, container)
        + "; then " + (container.map { "`docker restart \($0.name)`" } ?? "restart the gateway")
        + ": without it the gateway has lost its pairing")
  }

  /// Whoever made an empty directory again does not tell whose the files were.
  private static func restoring(_ files: [String], _ entry: HostEntry, _ container: InspectedContainer?) -> String {
    entry.isEmpty
      ? "`cp -a BACKUP/. \(entry.path)/`, which keeps owners and modes"
      : files.map { entry.restore($0, for: container?.account, mode: "600") }.joined(separator: ", ")
  }
}
