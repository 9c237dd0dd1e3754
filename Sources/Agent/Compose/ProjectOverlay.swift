import Core
import Glibc

/// The live directories as they will be once the commit is in place, made of links and shown to Compose only.
///
/// Tracked files lead into the staged release, everything else to the host's own files. So Compose reads the commit together with
/// the host's `.env` before anything live changes; once the files are live, it must give the same answer before `up` runs.
struct ProjectOverlay: Sendable {
  let directory: String
  let liveRoot: String
  let tree: CommitTree
  let tracked: Tracked
  let owns: @Sendable (String) -> Bool
  /// Fetches what the commit only names; nothing for a work tree, which holds what was brought there.
  var external: ExternalContent?
  /// Whether an empty file stands for one that is neither tracked nor on the host.
  var invents = false
  /// Returns whether a path belongs to the host, whatever is tracked there: no deploy brings a tracked file to it.
  var isProtected: @Sendable (String) -> Bool = { _ in false }
  /// Finds the file that comes back to a path from which a link of clup's own goes away.
  var backup: @Sendable (String) -> String? = { _ in nil }

  var root: String { Path.join("\(directory)/root", "." + liveRoot) }

  /// Makes the same directories to be seen at a much deeper place; a relative path that climbs out of the view comes to
  /// another place from there, and so gives itself away.
  func deepRoot() throws(Failure) -> String {
    let deep = directory + "/deep" + String(repeating: "/d", count: 40)
    try Files.makeDirectories(deep)
    try link(deep + "/root", to: "\(directory)/root")
    return Path.join(deep + "/root", "." + liveRoot)
  }

  /// Removes the deeper place from Compose's texts.
  func rebasedFromDeep(_ text: String) -> String {
    let prefix = directory + "/deep" + String(repeating: "/d", count: 40) + "/root"
    return text.split(separator: prefix, omittingEmptySubsequences: false).joined()
  }

  /// Removes the view's own directory from Compose's texts.
  func rebased(_ text: String) -> String {
    text.split(separator: "\(directory)/root", omittingEmptySubsequences: false).joined()
  }

  /// Returns the directories around the live root that relative paths lead up to, in what Compose printed as JSON.
  func climbed(in output: [UInt8]) -> Set<String> {
    Set(Path.ancestors(liveRoot).filter { output.holds(Array("\"\(directory)/root\($0)\"".utf8)) })
  }

  /// Returns the path relative to the live root that a text of Compose's names, if it lies there.
  func relative(_ absolute: String) -> String? { Path.relative(Path.normalized(absolute), to: liveRoot) }

  /// Returns the path relative to the live root of a file that Compose did not find.
  func missing(_ errors: String) -> String? {
    guard let start = errors.firstRange(of: "\(directory)/root") else { return nil }
    return relative(String(errors[start.upperBound...].prefix { !":\n\" ".contains($0) }))
  }

  /// Makes the tracked files at a path ready to be read.
  func export(_ path: String) async throws(Failure) {
    try await bring([path])
    try await tracked.export(tree.files(under: path))
  }

  /// Makes sure that the tree holds what the commit only names at, above or below these paths.
  func bring(_ paths: [String]) async throws(Failure) {
    if tree.isGrowing { try await external?.bring(paths, in: tree) }
  }

  /// Shows a path, relative to the live root; gives what it stands for. `isNeeded` says that Compose does not go on without it.
  func show(_ path: String, isNeeded: Bool = false) async throws(Failure) -> Shown {
    let place = Path.join(root, path)
    try await bring([path])
    if let entry = tree[path], entry.kind != .submodule, entry.kind == .directory || !isProtected(path) {
      guard path != "." else { return .tracked }
      try await export(path)
      // A link to a whole directory would lead whatever is shown below it into the release.
      for file in tree.files(under: path) where file.isRegular {
        try link(Path.join(root, file.path), to: "\(tracked.root)/\(file.path)")
      }
      return .tracked
    }
    let live = Path.join(liveRoot, path)
    guard let found = Files.status(live) else { return try absent(place, isNeeded) }
    // A link of clup's own at a path that the commit no longer has goes away with this deploy.
    if Files.isLink(found), let text = Files.link(at: live), owns(text) {
      guard let kept = backup(path) else { return try absent(place, isNeeded) }
      try link(place, to: kept)
      return .live
    }
    try checkReadable(live)
    try link(place, to: live)
    return .live
  }

  /// Refuses what would stall or swell whoever reads it.
  private func checkReadable(_ path: String) throws(Failure) {
    guard let found = Files.followed(path) else { return }
    if Files.isDirectory(found) { return }
    guard Files.isRegular(found) else {
      throw Failure(
        .refused, "\(path) is a pipe, a socket or a device, and clup reads no values from it",
        help: "put a regular file there")
    }
    guard found.st_size <= Self.largestRead else {
      throw Failure(
        .refused,
        "\(path) has \(Int(found.st_size).byteSize); files that Compose reads have at most \(Self.largestRead.byteSize)",
        help: "make it smaller")
    }
  }

  /// The most that a file of the host may hold that Compose reads, in bytes.
  private static let largestRead = 1 << 20

  private func absent(_ place: String, _ isNeeded: Bool) throws(Failure) -> Shown {
    if invents, isNeeded || !ComposeFileName.all.contains(Path.name(place)) && Path.name(place) != ".env" {
      try link(place, to: "/dev/null")
    }
    return .absent
  }

  /// Stacks are looked at side by side: another one may have been faster.
  private func link(_ place: String, to target: String) throws(Failure) {
    try Files.makeDirectories(Path.parent(place))
    guard symlink(target, place) == 0 || errno == EEXIST else { throw Files.failure("cannot link \(place)") }
  }

  enum Shown: Sendable { case tracked, live, absent }
}
