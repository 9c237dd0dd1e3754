import Core
import Git
import Glibc
import Processes

/// Puts a directory of the host's own where a link of clup's own led into a release: a container may write there.
///
/// What somebody wrote through the link comes along, and a tracked file that was edited is kept next to the commit's.
struct LinkReplacement: Sendable {
  let links: Links
  private var observe: Observe { links.observe }
  private var liveRoot: String { links.settings.liveRoot }

  /// What a link leads to.
  private struct Source {
    let place: String
    /// The same within the release.
    let path: String
    /// The id of each file of the release's commit.
    let ids: [String: String]
    /// The directories of the commit.
    let directories: Set<String>
  }

  /// Finds the file of a release that a copy takes the place of, where somebody has edited that file through the link.
  func edited(_ plan: LinkPlan) async throws(Failure) -> String? {
    guard let wish = plan.desired, wish.kind == .copy, links.isOwnLink(plan.live),
      let source = try await source(of: plan.live),
      case .file(let id) = observe.entry(at: source.place)
    else { return nil }
    return id == source.ids[source.path] || id == wish.id ? nil : source.place
  }

  /// Builds the directory next to the link with all that is to stand in it, then exchanges the two. Gives the backup of each
  /// live path that has one.
  func materialize(_ plan: LinkPlan, for plans: [LinkPlan]) async throws(Failure) -> [String: String] {
    let parent = Path.parent(plan.live)
    let directory = try DirectoryHandle(liveRoot, parent, create: false)
    let place = "\(directory.path)/\(Path.name(plan.live))"
    let present = observe.entry(at: place)
    if present == .directory || present == .absent { return [:] }
    var source: Source?
    if case .link(let text) = present, observe.links.isOwn(text) { source = try await self.source(of: plan.live) }
    let fresh = Files.unique(place)
    do throws(Failure) {
      guard mkdir(fresh, 0o700) == 0 else { throw Files.failure("cannot make a directory at \(place)") }
      var kept = try await fill(fresh, in: directory.path, from: source, plan, plans)
      if let backup = try exchange(fresh, with: place, plan) { kept[plan.live] = Path.join(parent, backup) }
      Files.flush(directory.path)
      return kept
    } catch {
      DirectoryHandle.sweep(place)
      throw error.naming(directory.path, as: Path.join(liveRoot, parent))
    }
  }

  /// Exchanges the directory for what stands at the place. What is not clup's own has its second name before that: the
  /// temporary name, which it gets then, is one that the next sync sweeps away.
  private func exchange(_ fresh: String, with place: String, _ plan: LinkPlan) throws(Failure) -> String? {
    let backup = isOwn(place, plan) ? nil : try links.keep(place)
    let kept = backup.flatMap { Files.status($0)?.st_ino }
    Files.flush(Path.parent(place))
    let code = Processes.exchange(fresh, place)
    if code != 0 {
      errno = code
      throw Files.failure("cannot exchange \(place) for a directory")
    }
    if isOwn(fresh, plan) || kept != nil && Files.status(fresh)?.st_ino == kept {
      unlink(fresh)
      return backup.map(Path.name)
    }
    // Somebody has put something else there at the last moment.
    let name = links.backupName(of: place)
    guard rename(fresh, name) == 0 else {
      let problem = Files.failure("cannot keep \(place) as \(name)")
      // Under the temporary name it would be swept away.
      _ = Processes.exchange(fresh, place)
      throw problem
    }
    return Path.name(name)
  }

  private func isOwn(_ place: String, _ plan: LinkPlan) -> Bool {
    let found = observe.entry(at: place)
    if case .link(let text) = found { return observe.links.isOwn(text) }
    return found == plan.found && !plan.backsUp
  }

  private func fill(
    _ fresh: String, in parent: String, from source: Source?, _ plan: LinkPlan, _ plans: [LinkPlan]
  ) async throws(Failure) -> [String: String] {
    let root = try DirectoryHandle(parent, Path.name(fresh), create: false)
    var wishes: [String: LinkPlan] = [:]
    for other in plans {
      if other.live != plan.live, let rest = Path.relative(other.live, to: plan.live) { wishes[rest] = other }
    }
    var kept: [String: String] = [:]
    if let source, Files.status(source.place).map(Files.isDirectory) ?? false {
      try copy(".", of: source, to: root.path, plan.live, wishes, &kept)
    }
    for (rest, wish) in wishes.sorted(by: { $0.key < $1.key }) {
      let content = try await links.content(wish)
      let directory = try DirectoryHandle(root.path, Path.parent(rest), create: true)
      let place = "\(directory.path)/\(Path.name(rest))"
      if let desired = wish.desired, desired.kind == .copy {
        try Files.write(place, content, mode: desired.executable ? 0o755 : 0o644)
      } else {
        guard symlink(wish.target, place) == 0 else { throw Files.failure("cannot link \(place)") }
      }
    }
    chmod(root.path, 0o755)
    Files.flushAll(root.path)
    return kept
  }

  /// Copies what stands in a directory of a release; of the commit's own files only what others still need, and what was
  /// edited.
  private func copy(
    _ path: String, of source: Source, to root: String, _ live: String, _ wishes: [String: LinkPlan],
    _ kept: inout [String: String]
  ) throws(Failure) {
    for name in Files.names(in: Path.join(source.place, path)) {
      let rest = Path.join(path, name)
      let from = Path.join(source.place, rest)
      let tracked = source.ids[Path.join(source.path, rest)]
      guard let status = Files.status(from) else { continue }
      if Files.isDirectory(status) {
        if !source.directories.contains(Path.join(source.path, rest)) {
          let made = try DirectoryHandle(root, rest, create: true)
          chown(made.path, status.st_uid, status.st_gid)
          chmod(made.path, status.st_mode & 0o7777)
        }
        try copy(rest, of: source, to: root, live, wishes, &kept)
        continue
      }
      var target = rest
      if let tracked, observe.entry(at: from) == .file(tracked) {
        guard wishes[rest] == nil, links.wanted.contains(Path.join(live, rest)) else { continue }
      } else if let wish = wishes[rest] {
        if wish.desired?.kind == .copy, observe.entry(at: from) == .file(wish.desired?.id ?? "") { continue }
        target = links.backupName(of: rest)
        kept[Path.join(live, rest)] = Path.join(live, target)
      }
      let directory = try DirectoryHandle(root, Path.parent(target), create: true)
      try Files.copy(from, status, to: "\(directory.path)/\(Path.name(target))", opening: tracked != nil)
    }
  }

  /// Follows a link of clup's own into the release; nothing when it leads nowhere.
  private func source(of live: String) async throws(Failure) -> Source? {
    guard let place = Files.resolved(Path.join(liveRoot, live)),
      let releases = Files.resolved(observe.checkout.releases), let inside = Path.relative(place, to: releases)
    else { return nil }
    let commit = String(inside.prefix { $0 != "/" })
    var ids: [String: String] = [:]
    // Whatever a mirror without that commit cannot tell counts as edited.
    if await links.mirror.contains(commit) {
      let tree: CommitTree
      do throws(GitError) { tree = try await CommitTree(of: commit, in: links.mirror, links.settings) } catch {
        throw Failure(.host, error.message, help: "sync again")
      }
      _ = try await links.stored.recall([Path.relative(inside, to: commit) ?? "."], in: tree)
      for entry in tree.files where entry.isRegular { ids[entry.path] = entry.id }
    }
    return Source(
      place: place, path: Path.relative(inside, to: commit) ?? ".", ids: ids,
      directories: Set(ids.keys.flatMap(Path.ancestors)))
  }
}
