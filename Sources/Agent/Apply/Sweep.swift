import Core
import Engine
import Glibc

/// Removes releases that nothing needs any more.
struct Sweep: Sendable {
  let checkout: Checkout
  let programs: Programs
  /// How many releases stay at least, the latest ones.
  let keep: Int

  /// Removes what lies beyond, but nothing that a pointer, a record or a running container's mount still uses.
  func run(_ state: State) async throws(Failure) {
    sweepPointers(state)
    let releases = Files.names(in: checkout.releases).filter { !$0.hasPrefix(".") }
    guard releases.count > keep else { return }
    func age(_ commit: String) -> Int { Files.status("\(checkout.releases)/\(commit)")?.st_mtim.tv_sec ?? 0 }
    let latest = Set(releases.sorted { age($0) > age($1) }.prefix(keep))
    let used = state.commits.union(
      (Array(state.standing.values) + Array(state.baselines)).flatMap { $0.paths.values.compactMap(\.commit) }
        + Files.names(in: checkout.pointers).compactMap { Files.link(at: "\(checkout.pointers)/\($0)").map(Path.name) })
    let free = releases.filter { !latest.contains($0) && !used.contains($0) }
    guard !free.isEmpty, let mounted = try await mounted() else { return }
    for commit in free where !mounted.contains(commit) {
      // Under its name a release is whole: it loses the name first.
      let gone = Files.unique("\(checkout.releases)/\(commit)")
      guard rename("\(checkout.releases)/\(commit)", gone) == 0 else {
        throw Files.failure("cannot remove \(checkout.releases)/\(commit)")
      }
      Files.remove(gone)
    }
    Files.flush(checkout.releases)
  }

  /// Removes the pointers that no live path goes through any more.
  private func sweepPointers(_ state: State) {
    let needed = Set(
      (Array(state.standing.keys) + state.links.keys.map(LinkPlanning.shared)).map(LinkPlanning.fileName))
    // A link that an earlier version made still goes through one pointer for all.
    if state.links.values.contains(where: { $0.commit == nil }) { return }
    for name in Files.names(in: checkout.pointers) where name.hasPrefix("+links") && !needed.contains(name) {
      Files.remove("\(checkout.pointers)/\(name)")
    }
  }

  /// Reads what the running containers really mount: the engine knows a bind mount by its live path only, the kernel by
  /// the release that it led to when the container was started. Gives the commits among the parts of these paths; nothing
  /// when that cannot be seen.
  ///
  /// Whatever runs on this host is looked at, which is faster than to ask the engine for the process of each container; it is
  /// asked only for those that cannot be recognised.
  private func mounted() async throws(Failure) -> Set<String>? {
    let listed = try await programs.ask { engine throws(EngineError) in try await engine.containers() }
    var names = Self.mountsOfProcesses()
    let unknown = listed.filter { ["running", "paused", "restarting"].contains($0.state) && !names.contains($0.id) }
    names.formUnion(listed.flatMap(\.mounts).flatMap { Self.identifiers(in: $0.source) })
    for container in try await programs.inspections(of: unknown.map(\.id)) {
      guard let pid = container["State"]["Pid"]?.integer, pid > 0 else { continue }
      guard let mounts = Files.text("/proc/\(pid)/mountinfo"), mounts.contains(" / ") else { return nil }
      names.formUnion(Self.identifiers(in: mounts))
    }
    return names
  }

  /// The commits and the containers' ids in the mounts of every process that sees others than this one does; see
  /// proc_pid_mountinfo(5).
  private static func mountsOfProcesses() -> Set<String> {
    var (seen, names): (Set<String>, Set<String>) = ([Files.link(at: "/proc/self/ns/mnt") ?? ""], [])
    for name in Files.names(in: "/proc") where name.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let space = Files.link(at: "/proc/\(name)/ns/mnt"), seen.insert(space).inserted else { continue }
      names.formUnion(identifiers(in: Files.text("/proc/\(name)/mountinfo") ?? ""))
    }
    return names
  }

  /// The parts of paths that are as long as a commit's name or a container's id.
  private static func identifiers(in text: String) -> [String] {
    text.utf8.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
      .filter { $0.count == 40 || $0.count == 64 }.map { String(decoding: $0, as: UTF8.self) }
  }
}
