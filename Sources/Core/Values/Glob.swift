import Glibc

/// Matches relative paths against a shell pattern whose `**` stands for any number of directories.
///
/// Each component is matched by fnmatch(3): `*`, `?` and `[…]`, none of which crosses a `/`.
public struct Glob: Sendable, Hashable {
  /// The pattern as written.
  public let pattern: String

  /// Keeps a pattern.
  public init(_ pattern: String) { self.pattern = pattern }

  /// Says whether the whole path matches.
  public func matches(_ path: String) -> Bool {
    Self.match(pattern.split(separator: "/")[...], path.split(separator: "/")[...])
  }

  /// Says whether the path, or a directory above it, matches.
  public func covers(_ path: String) -> Bool {
    matches(path) || Path.ancestors(path).contains(where: matches)
  }

  private static func match(_ pattern: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    if first == "**" {
      if match(pattern.dropFirst(), path) { return true }
      return !path.isEmpty && match(pattern, path.dropFirst())
    }
    guard let part = path.first, fnmatch(String(first), String(part), 0) == 0 else { return false }
    return match(pattern.dropFirst(), path.dropFirst())
  }
}

/// The globs of runtime state that clup never writes, moves or deletes.
public struct ProtectedPaths: Sendable, Hashable {
  /// Holds on every host, whatever its configuration says.
  public static let builtIn: [String] = [
    "**/.env", "**/.env.*", "gw-*/config", "gw-*/workspace", "runner/jobs", "runner/audit", "runner/reports",
    "runner/logs", "runner/work", "runner/tmp", "runner/gradle", "postgres", "pgdata", "workspaces", "artifacts",
    "repo", "upstream-openclaw", "**/data", "**/volumes", "**/cache",
  ]

  private let globs: [Glob]

  /// Adds the host's globs to the built-in ones.
  public init(adding globs: [String] = []) { self.globs = (Self.builtIn + globs).map(Glob.init) }

  /// Gives the glob that protects a path relative to the live root, if one does.
  public func glob(protecting path: String) -> String? {
    if Path.name(path) == ".env.example" {
      return globs.first { $0.pattern != "**/.env.*" && $0.covers(path) }?.pattern
    }
    return globs.first { $0.covers(path) }?.pattern
  }
}
