import Core
import Engine

extension ListedContainer {
  /// What it mounts of the host.
  var hostMounts: [HostMount] {
    mounts.filter { Path.isAbsolute($0.source) }.map {
      HostMount(source: $0.source, target: Path.normalized($0.destination), isWritable: $0.isWritable)
    }
  }

  /// Whether programs run in it, or will again by themselves.
  var isUp: Bool { ["running", "restarting", "paused"].contains(state) }
}

/// The mounts of a process as the kernel has them, `/proc/PID/mountinfo`; see proc(5).
///
/// A listing of the engine's says what was asked for. Where that came to lie depends on links in the container, and on what
/// became of directories since.
struct KernelMounts: Sendable {
  struct Entry: Sendable, Equatable {
    let (id, parent, device, root, point): (String, String, String, String, String)
    let isWritable: Bool
  }

  let entries: [Entry]

  /// Reads what the kernel says.
  init(_ text: String) {
    entries = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 6).map(String.init)
      guard fields.count > 5 else { return nil }
      return Entry(
        id: fields[0], parent: fields[1], device: fields[2], root: MountedDisk.unescaped(fields[3]),
        point: MountedDisk.unescaped(fields[4]),
        isWritable: fields[5].split(separator: ",").contains("rw"))
    }
  }

  /// Reads those of a process; nothing where it is not of this host, or has ended.
  init?(of process: String) {
    guard let text = Files.text("/proc/\(process)/mountinfo"), !text.isEmpty else { return nil }
    self.init(text)
  }

  /// Returns the file system that holds a path, and the path in it; `path` leads through no link.
  func place(of path: String) -> (device: String, root: String)? {
    let holding = entries.filter { Path.relative(path, to: $0.point) != nil }
    let longest = holding.map(\.point.count).max()
    guard let entry = holding.last(where: { $0.point.count == longest }),
      let rest = Path.relative(path, to: entry.point)
    else { return nil }
    return (entry.device, rest == "." ? entry.root : Path.join(entry.root, rest))
  }

  /// Whether a mount lies on another one, also where a mount of the host's own is between them.
  private func isOn(_ view: Entry, _ cover: Entry) -> Bool {
    cover.parent == view.id
      || entries.contains { $0.id == cover.parent && $0.parent == view.id && $0.point == cover.point }
  }

  /// Whether a directory of the host can be written to in these mounts: something that holds it is mounted, and the directory
  /// itself is not mounted read-only on top, right below that.
  func write(to directory: (device: String, root: String)) -> Bool {
    entries.contains { view in
      guard view.isWritable, view.device == directory.device, Path.relative(directory.root, to: view.root) != nil else {
        return false
      }
      if entries.contains(where: { $0.parent == view.id && $0.point == view.point }) { return false }
      return !entries.contains { cover in
        isOn(view, cover) && !cover.isWritable && cover.device == directory.device && cover.root == directory.root
          && CoverMount(source: cover.root, target: cover.point).isRightBelow(view.root, view.point)
      }
    }
  }
}

extension Programs {
  /// Returns the directory that a container's mounts do not keep from it although they should, by the container.
  func uncovered(_ listed: [ListedContainer]) async throws(Failure) -> [String: String] {
    let kept = listed.filter(\.isUp).reduce(into: [String: Set<String>]()) { found, container in
      let mounts = container.hostMounts
      let covers = mounts.filter { cover in
        !cover.isWritable
          && mounts.contains { mount in
            mount.isWritable
              && CoverMount(source: cover.source, target: cover.target).isRightBelow(mount.source, mount.target)
          }
      }
      if !covers.isEmpty { found[container.id] = Set(covers.map(\.source)) }
    }
    if kept.isEmpty { return [:] }
    guard let own = KernelMounts(of: "self") else { return [:] }
    var found: [String: String] = [:]
    for (id, mounts) in try await kernelMounts(of: kept.keys.sorted()) {
      found[id] = kept[id]?.sorted().first { path in
        guard let real = Files.resolved(path), let place = own.place(of: real) else { return true }
        return mounts.write(to: place)
      }
    }
    return found
  }

  /// Returns what containers have mounted now; those that do not run on this host are left out.
  func kernelMounts(of ids: [String]) async throws(Failure) -> [String: KernelMounts] {
    try await inspections(of: ids).reduce(into: [:]) { found, seen in
      guard let id = seen["Id"]?.string, let process = seen["State"]?["Pid"]?.integer, process > 0 else { return }
      found[id] = KernelMounts(of: String(process))
    }
  }
}
