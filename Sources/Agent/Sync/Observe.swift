import Core
import Dispatch
import Git
import Glibc
import Synchronization

/// Looks at the host, without changing anything.
struct Observe: Sendable {
  let settings: Settings
  let checkout: Checkout
  let links: LinkPlanning

  /// Returns what stands at a live path.
  func live(_ path: String) -> LiveEntry { entry(at: Path.join(settings.liveRoot, path)) }

  /// Returns what stands at an absolute path.
  func entry(at place: String) -> LiveEntry {
    guard let found = Files.status(place) else { return .absent }
    if Files.isLink(found) { return .link(Files.link(at: place) ?? "") }
    if Files.isDirectory(found) { return .directory }
    guard Files.isRegular(found) else { return .other }
    return .file(Self.id(of: place, found))
  }

  /// Returns the id of the host's own file at a path; clup's own links do not count as such.
  func untracked(_ path: String) -> String {
    switch live(path) {
    case .absent: Fingerprint.absent
    case .file(let id): id
    case .link(let text) where links.isOwn(text):
      backup(of: path) == nil ? Fingerprint.absent : links.kept[path] ?? Fingerprint.absent
    case .link: target(of: Path.join(settings.liveRoot, path))
    case .directory, .other: Fingerprint.present
    }
  }

  /// Finds the backup of what the host itself had at a live path, which comes back where the repository no longer has the path.
  func backup(of path: String) -> String? {
    guard let id = links.kept[path] else { return nil }
    let directory = Path.join(settings.liveRoot, Path.parent(path))
    return Files.names(in: directory).filter { $0.hasPrefix(Path.name(path) + ".bak.") }.map {
      Path.join(directory, $0)
    }
    .first { entry(at: $0) == .file(id) }
  }

  /// Returns the id of the file that somebody's own link leads to.
  private func target(of place: String) -> String {
    guard let found = Files.followed(place), Files.isRegular(found) else { return Fingerprint.present }
    return Self.id(of: place, found)
  }

  /// What is larger than any file of a repository may be is known by its size and time alone.
  private static func id(of path: String, _ found: stat) -> String {
    if found.st_size > LargeFile.mostBytes {
      return "large \(found.st_size) \(found.st_mtim.tv_sec).\(found.st_mtim.tv_nsec)"
    }
    if found.st_size > 1 << 20 { return blobID(ofFile: path) ?? "unreadable" }
    return Files.read(path).map { blobID(of: $0) } ?? "unreadable"
  }

  /// Adds what the known stacks, the named ones and the host's links stand on.
  func all(_ state: State, stacks: [String], containers: [Container]?) -> Observed {
    var observed = Observed()
    observed.containers = containers
    for name in Set(stacks).union(state.standing.keys).union(state.links.keys.map(LinkPlanning.shared)) {
      observed.pointers[name] = checkout.commit(of: name)
    }
    let own = Set(state.standing.values.flatMap(\.untracked.keys))
    observed.untracked = Self.each(own, untracked)
    let paths = state.standing.values.flatMap(\.links.keys) + state.baselines.flatMap(\.links.keys) + state.links.keys
    observed.live = Self.each(Set(paths), live)
    return observed
  }

  /// Looks at many paths, several at once.
  private static func each<Seen: Sendable>(_ paths: Set<String>, _ look: @Sendable (String) -> Seen) -> [String: Seen] {
    let (paths, size) = (Array(paths), 64)
    let seen = Mutex<[String: Seen]>([:])
    DispatchQueue.concurrentPerform(iterations: (paths.count + size - 1) / size) { part in
      let own = paths.dropFirst(part * size).prefix(size).map { ($0, look($0)) }
      seen.withLock { seen in for (path, found) in own { seen[path] = found } }
    }
    return seen.withLock { $0 }
  }

  func look(at paths: some Sequence<String>, _ observed: inout Observed) {
    for path in paths where observed.live[path] == nil { observed.live[path] = live(path) }
  }
}
