import Core
import Git
import Glibc

/// The live directories as they will be once the commit is in place, made of links and shown to Compose only.
///
/// Tracked files lead into the staged release, everything else to the host's own files.
struct View: Sendable {
  let directory: String
  let liveRoot: String
  let tree: CommitTree
  let stage: String
  let mirror: Mirror
  let owns: @Sendable (String) -> Bool

  var root: String { Path.join("\(directory)/root", "." + liveRoot) }

  /// Removes the view's own directory from Compose's texts.
  func rebased(_ text: String) -> String {
    text.split(separator: "\(directory)/root", omittingEmptySubsequences: false).joined()
  }

  /// Gives the path relative to the live root that a text of Compose's names, if it lies there.
  func relative(_ absolute: String) -> String? { Path.relative(Path.normalized(absolute), to: liveRoot) }

  /// Writes the tracked files at a path into the release that is being built.
  func export(_ path: String) async throws(Failure) {
    let missing = tree.files(under: path).filter { Files.status("\(stage)/\($0.path)") == nil }
    let entries = missing.compactMap { file -> TreeEntry? in
      switch file.kind {
      case .file: TreeEntry(path: file.path, kind: .file, id: file.id)
      case .executable: TreeEntry(path: file.path, kind: .executable, id: file.id)
      default: nil
      }
    }
    guard !entries.isEmpty else { return }
    do throws(GitError) {
      try await mirror.export(entries, to: stage)
    } catch {
      throw Failure(.host, error.message, help: "see that \(stage) can be written, and sync again")
    }
  }

  /// Shows a path, relative to the live root; gives what it stands for.
  func show(_ path: String) async throws(Failure) -> Shown {
    let place = Path.join(root, path)
    if let entry = tree[path], entry.kind != .submodule {
      guard path != "." else { return .tracked }
      try await export(path)
      // A link to a whole directory would lead whatever is shown below it into the release.
      for file in tree.files(under: path) where file.kind == .file || file.kind == .executable {
        try link(Path.join(root, file.path), to: "\(stage)/\(file.path)")
      }
      return .tracked
    }
    let live = Path.join(liveRoot, path)
    guard let found = Files.status(live) else { return .absent }
    // A link of clup's own at a path that the commit no longer has goes away with this deploy.
    if Files.isLink(found), let text = Files.link(at: live), owns(text) { return .absent }
    try link(place, to: live)
    return .live
  }

  /// Stacks are looked at side by side: another one may have been faster.
  private func link(_ place: String, to target: String) throws(Failure) {
    try Files.makeDirectories(Path.parent(place))
    guard symlink(target, place) == 0 || errno == EEXIST else { throw Files.failure("cannot link \(place)") }
  }

  enum Shown: Sendable { case tracked, live, absent }
}
