import Core
import Git
import Glibc

/// Keeps what somebody has edited in a release, through a link of clup's own, before a deploy leads the link elsewhere.
struct EditedFiles: Sendable {
  let links: Links
  private var observe: Observe { links.observe }

  /// Copies it next to each live path; gives the backups by live path, relative to the live root.
  func keep(_ known: [String: DesiredLink]) async throws(Failure) -> [String: String] {
    var trees: [String: CommitTree] = [:]
    var kept: [String: String] = [:]
    for (live, link) in known.sorted(by: { $0.key < $1.key }) where link.kind == .link {
      guard let (commit, path, place) = released(live) else { continue }
      if case .file(let id) = observe.entry(at: place) {
        if id != link.id { kept[live] = try keep([("", place)], of: live) }
        continue
      }
      if trees[commit] == nil { trees[commit] = try await tree(commit, path) }
      guard let tree = trees[commit] else { continue }
      let ids = tree.files(under: path).reduce(into: [:]) { $0[$1.path] = $1.id }
      let edited = files(in: place).filter { rest, file in
        observe.entry(at: file) != .file(ids[Path.join(path, rest)] ?? "")
      }
      if !edited.isEmpty { kept[live] = try keep(edited, of: live) }
    }
    return kept
  }

  /// Follows a link of clup's own into the release: its commit, the path in that, and where it lies.
  private func released(_ live: String) -> (commit: String, path: String, place: String)? {
    guard case .link(let text) = observe.live(live), observe.links.isOwn(text),
      let place = Files.resolved(Path.join(links.settings.liveRoot, live)),
      let releases = Files.resolved(observe.checkout.releases), let inside = Path.relative(place, to: releases)
    else { return nil }
    let commit = String(inside.prefix { $0 != "/" })
    return Path.relative(inside, to: commit).map { (commit, $0, place) }
  }

  /// What a commit has; nothing where the mirror cannot tell.
  private func tree(_ commit: String, _ path: String) async throws(Failure) -> CommitTree? {
    guard await links.mirror.contains(commit) else { return nil }
    do throws(GitError) {
      let tree = try await CommitTree(of: commit, in: links.mirror, links.settings)
      do throws(Failure) { _ = try await links.stored.recall([path], in: tree) } catch { return nil }
      return tree
    } catch { throw Failure(.host, error.message, help: "sync again") }
  }

  /// The files below a directory, each with its path from there.
  private func files(in directory: String, _ rest: String = "") -> [(rest: String, file: String)] {
    Files.names(in: directory).flatMap { name -> [(rest: String, file: String)] in
      let (inner, place) = (rest.isEmpty ? name : "\(rest)/\(name)", "\(directory)/\(name)")
      guard let found = Files.status(place) else { return [] }
      if Files.isDirectory(found) { return files(in: place, inner) }
      return Files.isRegular(found) ? [(inner, place)] : []
    }
  }

  /// Copies files next to a live path; those of a directory come into one.
  private func keep(_ edited: [(rest: String, file: String)], of live: String) throws(Failure) -> String? {
    let parent = Path.parent(live)
    let directory = try DirectoryHandle(links.settings.liveRoot, parent, create: false)
    let name = Path.name(links.backupName(of: "\(directory.path)/\(Path.name(live))"))
    for (rest, file) in edited {
      guard let status = Files.status(file) else { continue }
      let target = rest.isEmpty ? name : "\(name)/\(rest)"
      let above = try DirectoryHandle(directory.path, Path.parent(target), create: true)
      try Files.copy(file, status, to: "\(above.path)/\(Path.name(target))", opening: true)
    }
    return Path.join(parent, name)
  }
}
