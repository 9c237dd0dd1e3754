import Core
import Glibc

/// Follows paths as they will lead once the commit is in place.
struct SymlinkResolver: Sendable {
  let view: ProjectOverlay

  /// Returns where a path leads once its links are followed, tracked ones and the host's; nothing when it has none.
  func real(_ path: String) async throws(Failure) -> String? {
    var (current, rest) = start(Path.normalized(path))
    var hops = 0
    while let part = rest.popFirst() {
      if part == ".." {
        current = Path.parent(current)
        continue
      }
      let next = Path.join(current, part)
      var text: String?
      if let relative = view.relative(next), let entry = view.tree[relative] {
        if entry.kind == .symlink {
          text = String(decoding: try await view.tracked.contents(of: entry, limit: 4096), as: UTF8.self)
        }
      } else if let link = Files.link(at: next), !view.owns(link) {
        text = link
      }
      guard let text else {
        current = next
        continue
      }
      hops += 1
      if hops > 40 { return nil }
      let tail = rest.joined(separator: "/")
      (current, rest) = start(Path.join(Path.join(current, text), tail))
    }
    return hops == 0 ? nil : current
  }

  /// Returns whether neither the commit nor the host has anything at a path.
  func isMissing(_ path: String) -> Bool {
    if let relative = view.relative(path), view.tree[relative] != nil { return false }
    // A link of clup's own goes away with this deploy.
    if let link = Files.link(at: path), view.owns(link) { return view.relative(path).flatMap(view.backup) == nil }
    return Files.followed(path) == nil
  }

  /// Returns whether the host keeps more in a directory of the commit than the commit has there.
  func holdsMore(_ path: String) -> Bool {
    guard let entry = view.tree[path], entry.kind == .directory else { return false }
    let place = Path.join(view.liveRoot, path)
    guard let found = Files.status(place), Files.isDirectory(found) else { return false }
    return Files.names(in: place).contains { name in
      let inner = Path.join(path, name)
      if name.contains(".bak.") { return false }
      return view.tree[inner] == nil || holdsMore(inner)
    }
  }

  /// The live root itself is taken as it is written.
  private func start(_ path: String) -> (String, ArraySlice<String>) {
    let base = Path.relative(path, to: view.liveRoot) == nil ? "/" : view.liveRoot
    let rest = Path.relative(path, to: base) ?? ""
    return (base, Path.components(rest).map(String.init).filter { $0 != "." }[...])
  }
}
