/// A stack of the repository: a directory that holds a Compose file, or what the host's configuration makes one of.
public struct StackSource: Sendable, Hashable {
  /// The directory, `.` for the repository's root; of a file that is a stack of its own its path without the ending.
  public let name: String
  /// Its Compose files, each laid over those before it.
  public let composeFiles: [String]
  /// Where its project lies; nothing where that is the directory that it is called after, and Compose finds its files.
  public var layout: ProjectPlace?
  /// The project's name, where neither its Compose file nor the `.env` says one; nothing where it is the directory's.
  public var project: String?

  /// Where its project lies.
  public var place: ProjectPlace { layout ?? ProjectPlace(directory: name) }

  /// What `stacks: {exclude: […]}` leaves it out by.
  public var excluding: String { layout == nil ? name : composeFiles.first ?? name }

  /// The paths at which Compose looks for a Compose file, whether there is one or not.
  public var lookedFor: [String] {
    layout == nil ? ComposeFileName.all.map { Path.join(name, $0) } : composeFiles
  }
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
  /// What would be a stack of its own, if others did not use its Compose file.
  var parts: [StackPart] = []
  /// The Compose files of directories that would be stacks, if the host did not name files next to them that have all of their
  /// services.
  var replaced: [String] = []
  /// The Compose files of the stacks, and those that they include or extend.
  public internal(set) var used: Set<String> = []
  /// The files that a path with a variable in it leads a stack to on one host or another.
  public var elsewhere: Set<String> = []
  /// For each stack the Compose files that it is made of, those that it includes or extends among them.
  public internal(set) var made: [String: Set<String>] = [:]

  /// Finds every stack that the host takes.
  public init(_ tree: CommitTree, settings: Settings) {
    let selection = settings.selection
    for source in Self.directories(tree, settings, selection) { add(source, tree, settings) }
    for source in Self.files(tree, settings, selection, beside: stacks) { add(source, tree, settings) }
    stacks.sort { $0.name < $1.name }
    used = Set(stacks.flatMap(\.composeFiles))
    jobs = tree.files.map(\.path).filter { path in
      Path.components(path).dropLast().contains(Self.jobDirectory[...])
        && [".yml", ".yaml", ".json"].contains(where: path.lowercased().hasSuffix) && selection.contains(path)
    }
    diagnostics += Self.forbidden(
      tree.files, stacks: stacks, selection: selection, protected: settings.sparing(stacks).protectedPaths)
  }

  private mutating func add(_ source: StackSource, _ tree: CommitTree, _ settings: Settings) {
    let name = source.name
    func refuse(_ rule: String, at place: Place, _ message: String, _ help: String) {
      diagnostics.append(Diagnostic(rule: rule, at: place, stack: name, message: message, help: help, isFinal: true))
    }
    let exclude = "leave the stack out with `stacks: {exclude: [\(source.excluding)]}`"
    if LinkPlanning.fileName(of: name).utf8.count > 200 {
      refuse(
        "forbidden-file", at: (name, nil), "the stack's name has more than 200 letters",
        "give its directories shorter names")
    }
    if let other = stacks.first(where: { $0.name == name }) {
      return refuse(
        "compose", at: (source.composeFiles[0], nil),
        "\(source.composeFiles[0]) and \(other.composeFiles.first ?? name) would both be the stack \(name)",
        "rename one of them, or " + exclude)
    }
    for path in source.lookedFor {
      guard let entry = tree[path] else {
        if source.layout == nil { continue }
        refuse(
          "compose", at: (settings.file, settings.stacks[name]?.composeFilesMark),
          "\(name) is to be made of \(path), which the commit does not have",
          "correct `compose_files` in the host's configuration, or commit the file")
        continue
      }
      guard let complaint = Self.complaint(about: entry.kind) else { continue }
      refuse(
        complaint.rule, at: (path, nil), "\(path) is \(complaint.what)",
        "commit a regular file there, or " + exclude)
    }
    stacks.append(source)
  }

  /// The directories that hold job files.
  static let jobDirectory = "job-definitions"

  /// Returns the directory that a job file is linked with.
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

  static let anywhere: Set<String> = ["**/data", "**/volumes", "**/cache"]

  /// Finds tracked files that stand where the host keeps runtime state.
  ///
  /// Directories that are merely called `data`, `volumes` or `cache` count only where a stack uses them: `ManagedPaths`.
  private static func forbidden(
    _ files: [TrackedPath], stacks: [StackSource], selection: PathSelection, protected: ProtectedPaths
  ) -> [Diagnostic] {
    var found: [Diagnostic] = []
    var memory: [String: Int] = [:]
    for file in files {
      guard let glob = protected.glob(protecting: file.path, memory: &memory), !anywhere.contains(glob) else {
        continue
      }
      let stack = stacks.last { source in
        source.place.directory != "." && Path.relative(file.path, to: source.place.directory) != nil
      }
      if GitKeepFile.isNamed(file.path) || !selection.contains(file.path) { continue }
      found.append(Self.landsOnState(file.path, glob: glob, stack: stack?.name))
    }
    return found
  }

  /// Finds files of submodules that stand where the host keeps runtime state; they come after the stacks are known.
  public func forbidden(added tree: CommitTree, settings: Settings) -> [Diagnostic] {
    let files = tree.added.filter { $0.kind != .directory }
    return Self.forbidden(
      files, stacks: stacks, selection: settings.selection, protected: settings.sparing(stacks).protectedPaths)
  }

  /// Reports that a tracked file would land on runtime state.
  public static func landsOnState(_ path: String, glob: String, stack: String?) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message: "\(path) would land on runtime state: `\(glob)` is protected on this host",
      help: "remove it from the repository with `git rm --cached -r \(path)`; the host's own file stays where it is. "
        + "If it is not state, allow it on the host: `policy: {tracked: [{path: \(path), reason: …}]}`")
  }
}
