/// A directory of the repository that holds a Compose file.
public struct StackSource: Sendable, Hashable {
  /// The directory, `.` for the repository's root.
  public let name: String
  /// The Compose files that stand there, the one that Compose takes first, then its override.
  public let composeFiles: [String]
}

/// The names under which Compose looks for its files, in its own order.
public enum ComposeFileName {
  /// The main file.
  public static let main = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
  /// What is laid over it.
  public static let override = [
    "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
  ]
  /// Both.
  public static let all = main + override
}

/// The stacks of one commit.
public struct Discovery: Sendable {
  /// The stacks, sorted by name.
  public var stacks: [StackSource] = []
  /// The job files, sorted by path.
  public var jobs: [String] = []
  /// What stands where a Compose file should, and what would land on runtime state.
  public var diagnostics: [Diagnostic] = []

  /// Finds every stack that the host does not exclude.
  public init(_ tree: CommitTree, settings: Settings) {
    let excluded = settings.exclude.map(Glob.init)
    var directories: Set<String> = []
    for file in tree.files {
      let directory = Path.parent(file.path)
      let parts = Path.components(file.path).map(String.init)
      for (index, part) in parts.enumerated() where ComposeFileName.main.contains(part) {
        if index == parts.count - 1 {
          directories.insert(directory)
        } else {
          // A directory under a Compose file's name: Compose would take it for the file and fail.
          directories.insert(index == 0 ? "." : parts[..<index].joined(separator: "/"))
        }
        break
      }
    }
    func skips(_ directory: String) -> Bool {
      excluded.contains { $0.covers(directory) } || Path.components(directory).contains(Self.jobDirectory[...])
    }
    for directory in directories.sorted() where !skips(directory) {
      if LinkPlanning.pointerName(of: directory).utf8.count > 200 {
        diagnostics.append(
          Diagnostic(
            rule: "forbidden-file", file: directory, stack: directory,
            message: "the stack's name has more than 200 letters", help: "give its directories shorter names",
            isFinal: true))
      }
      let names = ComposeFileName.all.map { Path.join(directory, $0) }
      for path in names {
        guard let entry = tree[path], let complaint = Self.complaint(about: entry.kind) else { continue }
        diagnostics.append(
          Diagnostic(
            rule: complaint.rule, file: path, stack: directory, message: "\(path) is \(complaint.what)",
            help: "commit a regular file there, or leave the stack out with `stacks: {exclude: [\(directory)]}`",
            isFinal: true))
      }
      let main = ComposeFileName.main.map { Path.join(directory, $0) }.first { tree[$0] != nil }
      let override = ComposeFileName.override.map { Path.join(directory, $0) }.first { tree[$0] != nil }
      stacks.append(StackSource(name: directory, composeFiles: [main, override].compactMap { $0 }))
    }
    jobs = tree.files.map(\.path).filter { path in
      Path.components(path).dropLast().contains(Self.jobDirectory[...])
        && [".yml", ".yaml", ".json"].contains(where: path.lowercased().hasSuffix)
        && !excluded.contains { $0.covers(path) }
    }
    diagnostics += Self.forbidden(tree.files, stacks: stacks, excluded: excluded, protected: settings.protectedPaths)
  }

  /// The directories that hold job files.
  public static let jobDirectory = "job-definitions"

  /// Gives the directory that a job file is linked with.
  public static func jobDirectory(of job: String) -> String {
    (Path.ancestors(job)).first { Path.name($0) == jobDirectory } ?? Path.parent(job)
  }

  private static func complaint(about kind: TrackedPath.Kind) -> (rule: String, what: String)? {
    switch kind {
    case .file, .executable: nil
    case .directory: ("compose", "a directory where a Compose file should stand")
    case .symlink: ("forbidden-file", "a symbolic link where a Compose file should stand")
    case .submodule: ("forbidden-file", "a submodule where a Compose file should stand")
    }
  }

  private static let anywhere: Set<String> = ["**/data", "**/volumes", "**/cache"]

  /// Finds tracked files that stand where the host keeps runtime state.
  ///
  /// Directories that are merely called `data`, `volumes` or `cache` count only within a stack.
  private static func forbidden(
    _ files: [TrackedPath], stacks: [StackSource], excluded: [Glob], protected: ProtectedPaths
  ) -> [Diagnostic] {
    var found: [Diagnostic] = []
    var memory: [String: Int] = [:]
    for file in files {
      guard let glob = protected.glob(protecting: file.path, memory: &memory) else { continue }
      let stack = stacks.last { $0.name != "." && Path.relative(file.path, to: $0.name) != nil }
      if anywhere.contains(glob), stack == nil { continue }
      if Keeper.isNamed(file.path) || excluded.contains(where: { $0.covers(file.path) }) { continue }
      found.append(Self.landsOnState(file.path, glob: glob, stack: stack?.name))
    }
    return found
  }

  /// Finds files of submodules that stand where the host keeps runtime state; they come after the stacks are known.
  public func forbidden(added tree: CommitTree, settings: Settings) -> [Diagnostic] {
    let files = tree.added.filter { $0.kind != .directory }
    return Self.forbidden(
      files, stacks: stacks, excluded: settings.exclude.map(Glob.init), protected: settings.protectedPaths)
  }

  /// Says that a tracked file would land on runtime state.
  public static func landsOnState(_ path: String, glob: String, stack: String?) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message: "\(path) would land on runtime state: `\(glob)` is protected on this host",
      help: "remove it from the repository with `git rm --cached \(path)`; the host's own file stays where it is. "
        + "What is no state can be allowed on the host: `policy: {tracked: [{path: \(path), reason: …}]}`")
  }
}
