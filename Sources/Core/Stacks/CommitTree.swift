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
  private let own: TreeIndex
  private var recorded: [String: String]?
  /// What git only names, and clup brought; nothing where the host wants none of that.
  let additions: TreeAdditions?

  /// Indexes the paths; one that is `growing` takes in submodules, and the content of files that Git LFS keeps.
  public init(commit: String, paths: [TrackedPath], growing: Bool = false) {
    self.commit = commit
    own = TreeIndex(paths)
    additions = growing ? TreeAdditions(own) : nil
  }

  /// Shows a commit as a stack's record tells of it: against this, only the host itself can differ.
  public init(recordedBy stack: Deployment) { self.init(commit: stack.commit, recorded: stack.tracked) }

  /// Shows as much of a commit as was recorded of it: the fingerprint of each path.
  public init(commit: String, recorded: [String: String]) {
    self.init(
      commit: commit,
      paths: recorded.filter { $0.value != Fingerprint.absent }
        .map { TrackedPath(path: $0.key, kind: .file, id: Fingerprint.id(of: $0.value)) })
    self.recorded = recorded
  }

  /// Returns what the commit has at a path.
  public subscript(_ path: String) -> TrackedPath? { index.byPath[path] }

  /// Every file, link and submodule, sorted by path.
  public var files: [TrackedPath] { index.sorted }

  private var index: TreeIndex { additions?.index ?? own }

  /// Lists the files, links and submodules at or below a path, sorted.
  public func files(under path: String) -> ArraySlice<TrackedPath> {
    index.files(under: path)
  }

  /// Lists what stands directly in a directory, sorted.
  public func children(of directory: String) -> [TrackedPath] {
    var names: [String] = []
    for file in files(under: directory) {
      guard let rest = Path.relative(file.path, to: directory) else { continue }
      let name = Path.components(rest).first.map(String.init) ?? rest
      if names.last != name { names.append(name) }
    }
    let index = index
    return Set(names).sorted().compactMap { index.byPath[Path.join(directory, $0)] }
  }

  /// Returns what stands at a path as a text for comparing two commits: the id, and the mode unless it is a directory.
  ///
  /// It goes by what git itself holds, whatever was brought since: a pointer, or the commit of a submodule for all in it.
  public func fingerprint(_ path: String) -> String {
    if let recorded { return recorded[path] ?? Fingerprint.absent }
    guard let entry = own.byPath[path] ?? moduleAbove(path) else { return Fingerprint.absent }
    switch entry.kind {
    case .directory: return entry.id
    case .file: return entry.id + ":644"
    case .executable: return entry.id + ":755"
    case .symlink: return entry.id + ":link"
    case .submodule: return entry.id + ":module"
    }
  }

  /// Finds the submodule that a path lies in, where submodules are brought.
  private func moduleAbove(_ path: String) -> TrackedPath? {
    guard additions != nil else { return nil }
    return Path.ancestors(path).lazy.compactMap { own.byPath[$0] }.first { $0.kind == .submodule }
  }

  /// The submodules that the commit itself has at, above or below a path.
  public func modules(around path: String) -> [TrackedPath] {
    let above = moduleAbove(path).map { [$0] } ?? []
    return above + own.files(under: path).filter { $0.kind == .submodule }
  }
}

/// Texts that stand for a file's content.
public enum Fingerprint {
  /// Nothing stands there.
  public static let absent = "absent"
  /// The id of what stands at a path and is no file.
  public static let present = "present"

  /// Returns the id without the mode.
  public static func id(of fingerprint: String) -> String { String(fingerprint.prefix { $0 != ":" }) }

  /// Returns whether both are the same. An earlier version recorded no modes, and what is not known is not different.
  public static func isSame(_ one: String?, _ other: String?) -> Bool {
    guard let one, let other, one != other else { return one == other }
    return (!one.contains(":") || !other.contains(":")) && id(of: one) == id(of: other)
  }
}
