import Core
import Git
import Glibc

/// Keeps what somebody has edited in a release, through a link of clup's own, before a deploy leads the link elsewhere.
struct EditedFiles: Sendable {
  let links: Links
  private var observe: Observe { links.observe }

  /// A live path whose link leads into a release.
  private struct Place {
    let live: String
    let link: DesiredLink
    /// The commit, and the path in it.
    let commit: String
    let path: String
    /// The files there that were written to after the link was made, by their paths from there.
    let files: [(rest: String, file: String)]
  }

  /// Copies it next to each live path, unless it is there already; gives the new backups by live path.
  func keep(_ known: [String: DesiredLink]) async throws(Failure) -> [String: String] {
    var kept: [String: String] = [:]
    let places = known.filter { $0.value.kind == .link }.compactMap { place($0.key, $0.value) }.filter {
      !$0.files.isEmpty
    }
    for (commit, places) in Dictionary(grouping: places, by: \.commit) {
      let unknown = places.filter { place in
        place.files.contains { observe.entry(at: $0.file) != .file(place.link.id) }
      }
      if unknown.isEmpty { continue }
      guard let tree = try await tree(commit, unknown.map(\.path)) else { continue }
      for place in unknown.sorted(by: { $0.live < $1.live }) {
        let edited = place.files.filter { rest, file in
          let id = tree[rest.isEmpty ? place.path : Path.join(place.path, rest)]?.id
          return observe.entry(at: file) != .file(id ?? "")
        }
        if !edited.isEmpty { kept[place.live] = try keep(edited, of: place.live) }
      }
    }
    return kept
  }

  /// Follows a link of clup's own into the release.
  private func place(_ live: String, _ link: DesiredLink) -> Place? {
    guard case .link(let text) = observe.live(live), observe.links.isOwn(text),
      let pointer = Path.relative(text, to: observe.checkout.pointers)?.prefix(while: { $0 != "/" }),
      let made = Files.status("\(observe.checkout.pointers)/\(pointer)"),
      let place = Files.resolved(Path.join(links.settings.liveRoot, live)),
      let releases = Files.resolved(observe.checkout.releases), let inside = Path.relative(place, to: releases)
    else { return nil }
    let commit = String(inside.prefix { $0 != "/" })
    let files = files(in: place).filter { _, file in
      Files.status(file).map { ($0.st_ctim.tv_sec, $0.st_ctim.tv_nsec) > (made.st_ctim.tv_sec, made.st_ctim.tv_nsec) }
        ?? false
    }
    return Path.relative(inside, to: commit).map {
      Place(live: live, link: link, commit: commit, path: $0, files: files)
    }
  }

  /// What a commit has; nothing where the mirror, or what is kept of submodules and large files, cannot tell.
  private func tree(_ commit: String, _ paths: [String]) async throws(Failure) -> CommitTree? {
    guard await links.mirror.contains(commit) else { return nil }
    do throws(GitError) {
      let tree = try await CommitTree(of: commit, in: links.mirror, links.settings)
      guard let missing = try? await links.stored.recall(paths, in: tree), missing.modules.isEmpty,
        missing.files.isEmpty
      else { return nil }
      return tree
    } catch { throw Failure(.host, error.message, help: "sync again") }
  }

  /// A file itself, or the files below a directory, each with its path from there.
  private func files(in place: String, _ rest: String = "") -> [(rest: String, file: String)] {
    guard let found = Files.status(place) else { return [] }
    if Files.isRegular(found) { return [(rest, place)] }
    guard Files.isDirectory(found) else { return [] }
    return Files.names(in: place).flatMap { files(in: "\(place)/\($0)", rest.isEmpty ? $0 : "\(rest)/\($0)") }
  }

  /// Copies files next to a live path; those of a directory come into one. Nothing where an earlier copy holds them.
  private func keep(_ edited: [(rest: String, file: String)], of live: String) throws(Failure) -> String? {
    let parent = Path.parent(live)
    let directory = try DirectoryHandle(links.settings.liveRoot, parent, create: false)
    let place = "\(directory.path)/\(Path.name(live))"
    let isKept = links.backups(of: place).contains { name in
      edited.allSatisfy { rest, file in
        observe.entry(at: Path.join("\(directory.path)/\(name)", rest)) == observe.entry(at: file)
      }
    }
    if isKept { return nil }
    // Half a copy has a name that whoever comes next sweeps away.
    DirectoryHandle.sweep(place)
    let (fresh, backup) = (Files.unique(place), links.backupName(of: place))
    do throws(Failure) {
      for (rest, file) in edited {
        guard let status = Files.status(file) else { continue }
        let target = Path.join(Path.name(fresh), rest)
        let above = try DirectoryHandle(directory.path, Path.parent(target), create: true)
        try Files.copy(file, status, to: "\(above.path)/\(Path.name(target))", opening: true)
      }
      guard rename(fresh, backup) == 0 else { throw Files.failure("cannot keep \(live) as \(Path.name(backup))") }
    } catch {
      Files.remove(fresh)
      throw error
    }
    return Path.join(parent, Path.name(backup))
  }
}
