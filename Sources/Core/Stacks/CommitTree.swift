/// One path of a commit, as git keeps it.
public struct TrackedPath: Sendable, Hashable {
  /// What git knows of a path's kind.
  public enum Kind: Sendable { case file, executable, symlink, submodule, directory }
  /// The path from the repository's root, `.` for the root itself.
  public let path: String
  /// The kind.
  public let kind: Kind
  /// The id of the blob or tree.
  public let id: String

  /// Whether it is a file with a content of its own.
  public var isRegular: Bool { kind == .file || kind == .executable }

  /// Makes an entry.
  public init(path: String, kind: Kind, id: String) {
    self.path = path
    self.kind = kind
    self.id = id
  }
}

/// Every path of one commit, ready to be looked up.
public struct CommitTree: Sendable {
  /// The commit.
  public let commit: String
  private let byPath: [String: TrackedPath]
  private let sorted: [TrackedPath]

  /// Indexes the paths.
  public init(commit: String, paths: [TrackedPath]) {
    self.commit = commit
    sorted = paths.filter { $0.kind != .directory }.sorted { $0.path < $1.path }
    byPath = Dictionary(paths.map { ($0.path, $0) }) { first, _ in first }
  }

  /// Shows a commit as a stack's record tells of it: against this, only the host itself can differ.
  public init(recordedBy stack: StackState) {
    self.init(
      commit: stack.commit,
      paths: stack.tracked.filter { $0.value != Fingerprint.absent }
        .map { TrackedPath(path: $0.key, kind: .file, id: $0.value) })
  }

  /// Gives what the commit has at a path.
  public subscript(_ path: String) -> TrackedPath? { byPath[path] }

  /// Every file, link and submodule, sorted by path.
  public var files: [TrackedPath] { sorted }

  /// Lists the files, links and submodules at or below a path, sorted.
  public func files(under path: String) -> ArraySlice<TrackedPath> {
    if path == "." { return sorted[...] }
    guard let entry = byPath[path] else { return [] }
    if entry.kind != .directory { return [entry] }
    let prefix = path + "/"
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].path < prefix { low = middle + 1 } else { high = middle }
    }
    return sorted[low...].prefix { $0.path.hasPrefix(prefix) }
  }

  /// Lists what stands directly in a directory, sorted.
  public func children(of directory: String) -> [TrackedPath] {
    var names: [String] = []
    for file in files(under: directory) {
      guard let rest = Path.relative(file.path, to: directory) else { continue }
      let name = Path.components(rest).first.map(String.init) ?? rest
      if names.last != name { names.append(name) }
    }
    return Set(names).sorted().compactMap { byPath[Path.join(directory, $0)] }
  }

  /// Gives the id of what stands at a path, for comparing two commits.
  public func fingerprint(_ path: String) -> String { byPath[path]?.id ?? Fingerprint.absent }
}

/// Texts that stand for a file's content.
public enum Fingerprint {
  /// Nothing stands there.
  public static let absent = "absent"
}
