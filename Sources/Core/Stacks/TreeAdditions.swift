import Synchronization

/// Paths, to be looked up one by one or by directory.
struct TreeIndex: Sendable {
  let byPath: [String: TrackedPath]
  let sorted: [TrackedPath]

  init(_ paths: [TrackedPath]) {
    sorted = paths.filter { $0.kind != .directory }.sorted { $0.path < $1.path }
    byPath = Dictionary(paths.map { ($0.path, $0) }) { first, _ in first }
  }

  /// Lists the files, links and submodules at or below a path, sorted.
  func files(under path: String) -> ArraySlice<TrackedPath> {
    if path == "." { return sorted[...] }
    guard let entry = byPath[path] else { return [] }
    if entry.kind != .directory { return [entry] }
    let prefix = path + "/"
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].path < prefix { low = middle + 1 } else { high = middle }
    }
    return sorted[low...].prefix { $0.path.utf8.starts(with: prefix.utf8) }
  }
}

/// What was added to a commit's tree beside what git holds of it: the files of submodules, and the content behind pointers of
/// Git LFS.
///
/// Which of them a stack uses shows only while it is looked at, side by side with others. What is added follows from the commit
/// alone, so that whoever looks later sees more and never something else. Fingerprints stay those of the pointer and of the
/// submodule's commit: a stack is known to be in place without fetching anything.
final class TreeAdditions: Sendable {
  struct State {
    var index: TreeIndex
    var added: [TrackedPath] = []
    var refusals: [String: CommitTree.Refusal] = [:]
    var brought: Set<String> = []
  }
  let state: Mutex<State>

  init(_ own: TreeIndex) { state = Mutex(State(index: own)) }

  var index: TreeIndex { state.withLock { $0.index } }
  var added: [TrackedPath] { state.withLock { $0.added } }

  func add(_ paths: [TrackedPath]) {
    state.withLock { state in
      let all = state.index.byPath.merging(paths.map { ($0.path, $0) }) { _, new in new }
      state.index = TreeIndex(Array(all.values))
      state.added += paths
    }
  }
}

extension CommitTree {
  /// Why something that git only names cannot be brought.
  public struct Refusal: Sendable, Equatable {
    let message: String
    /// The way out.
    let help: String

    /// Makes a refusal.
    public init(_ message: String, help: String) {
      self.message = message
      self.help = help
    }
  }

  /// Whether it takes in what git only names.
  public var isGrowing: Bool { additions != nil }

  /// What was taken in.
  public var added: [TrackedPath] { additions?.added ?? [] }

  /// Puts a submodule's files and directories, its root as `.`, to where the commit has the submodule.
  public func add(_ paths: [TrackedPath], at module: String) {
    additions?.add(
      paths.map { TrackedPath(path: $0.path == "." ? module : "\(module)/\($0.path)", kind: $0.kind, id: $0.id) })
    for nested in paths where nested.kind == .submodule {
      refuse(
        "\(module)/\(nested.path)",
        Refusal(
          "\(module)/\(nested.path) is a submodule within the submodule \(module), and those are not fetched",
          help: "name it in the repository itself: `git submodule add URL PATH`, and have the stack use that path"))
    }
  }

  /// Puts the content of a file in the place of its pointer.
  public func replace(_ file: TrackedPath) { additions?.add([file]) }

  /// Keeps why something is not brought.
  public func refuse(_ path: String, _ refusal: Refusal) { additions?.state.withLock { $0.refusals[path] = refusal } }

  /// Returns why something is not brought.
  public func refusal(at path: String) -> Refusal? { additions?.state.withLock { $0.refusals[path] } ?? nil }

  /// Whether all that a path needs was brought before.
  public func isBrought(_ path: String) -> Bool { additions?.state.withLock { $0.brought.contains(path) } ?? true }

  /// Keeps that all that these paths need was brought.
  public func setBrought(_ paths: [String]) { additions?.state.withLock { $0.brought.formUnion(paths) } }
}
