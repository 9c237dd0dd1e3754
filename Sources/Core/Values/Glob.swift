import Glibc

/// Matches relative paths against a shell pattern whose `**` stands for any number of directories.
///
/// Each component is matched by fnmatch(3): `*`, `?` and `[…]`, none of which crosses a `/`.
public struct Glob: Sendable, Hashable {
  /// The pattern as written.
  public let pattern: String
  private let parts: [String]
  private let literal: [Bool]

  /// Keeps a pattern.
  public init(_ pattern: String) {
    self.pattern = pattern
    parts = Path.components(pattern).map(String.init)
    literal = parts.map { part in !part.contains { "*?[\\".contains($0) } }
  }

  /// Whether it matches one path alone, the one that is written.
  var isLiteral: Bool { literal.allSatisfy { $0 } }

  /// Returns whether the whole path matches.
  public func matches(_ path: String) -> Bool { matches(Path.components(path)) }

  func matches(_ path: [Substring]) -> Bool { match(0, path, 0) }

  /// Returns whether the path, or a directory above it, matches.
  public func covers(_ path: String) -> Bool {
    let path = Path.components(path)
    return path.indices.contains { match(0, Array(path[...$0]), 0) }
  }

  private func match(_ index: Int, _ path: [Substring], _ place: Int) -> Bool {
    guard index < parts.count else { return place == path.count }
    if parts[index] == "**" {
      if index == parts.count - 2, literal[index + 1] {
        return place < path.count && path.last == parts[index + 1][...]
      }
      return (place...path.count).contains { match(index + 1, path, $0) }
    }
    guard place < path.count else { return false }
    let same = literal[index] ? path[place] == parts[index][...] : fnmatch(parts[index], String(path[place]), 0) == 0
    return same && match(index + 1, path, place + 1)
  }
}

/// The globs of runtime state that clup never writes, moves or deletes.
public struct ProtectedPaths: Sendable, Hashable {
  /// Holds on every host, whatever its configuration says.
  static let builtIn: [String] = [
    "**/.env", "**/.env.*", "gw-*/config", "gw-*/workspace", "runner/jobs", "runner/audit", "runner/reports",
    "runner/logs", "runner/work", "runner/tmp", "runner/gradle", "postgres", "pgdata", "workspaces", "artifacts",
    "repo", "upstream-openclaw", "**/data", "**/volumes", "**/cache",
  ]

  private let globs: [Glob]
  private let lifted: [Glob]
  /// The directories that are called like runtime state and are a stack's.
  private var spared: Set<String> = []

  /// Adds the host's globs to the built-in ones; what `lifted` covers is not protected all the same.
  init(adding globs: [String] = [], lifting lifted: [String] = []) {
    self.globs = (Self.builtIn + globs).map(Glob.init)
    self.lifted = lifted.map(Glob.init)
  }

  /// Takes away what a built-in glob protects only since a directory has a well-known name, where that is a stack's own: its
  /// Compose files are no state. What the host names itself stays protected.
  public func sparing(_ directories: some Sequence<String>) -> ProtectedPaths {
    var other = self
    let own = Set(globs.dropFirst(Self.builtIn.count).map(\.pattern))
    other.spared = Set(directories.filter { !$0.contains("/") }).subtracting(own)
    return other
  }

  /// Returns the glob that protects a path relative to the live root, if one does.
  public func glob(protecting path: String) -> String? {
    var memory: [String: Int] = [:]
    return glob(protecting: path, memory: &memory)
  }

  /// The same for many paths; `memory` holds what was found out about their directories.
  func glob(protecting path: String, memory: inout [String: Int]) -> String? {
    if lifted.contains(where: { $0.covers(path) }) { return nil }
    let above = first(protecting: Path.parent(path), &memory)
    let parts = Path.components(path)
    let isTemplate = Template.isNamed(path)
    let own = globs.firstIndex { protects($0, parts) && !(isTemplate && $0.pattern == "**/.env.*") } ?? globs.count
    let index = min(own, above)
    return index < globs.count ? globs[index].pattern : nil
  }

  private func first(protecting directory: String, _ memory: inout [String: Int]) -> Int {
    if directory == "." || directory == "/" { return globs.count }
    if let known = memory[directory] { return known }
    let parts = Path.components(directory)
    let own = globs.firstIndex { protects($0, parts) } ?? globs.count
    let index = min(own, first(protecting: Path.parent(directory), &memory))
    memory[directory] = index
    return index
  }

  private func protects(_ glob: Glob, _ path: [Substring]) -> Bool {
    glob.matches(path) && !spared.contains(glob.pattern)
  }
}
