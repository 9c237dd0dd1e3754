import Core
import Engine

extension Programs {
  /// Adds what a listing does not tell of the containers of some projects: what they have lost since they were made. Of those in
  /// `known` that is known.
  func decayed(
    _ containers: [Container], of projects: Set<String>, but known: Set<String> = [], _ checkout: Checkout
  ) async throws(Failure) -> [Container] {
    let own = containers.filter { projects.contains($0.project) && !known.contains($0.id) }
    if own.isEmpty { return containers }
    var seen = try await byID(own.map(\.id))
    let bases = Set(seen.values.flatMap { Self.shared($0).map(\.base) })
    seen.merge(try await byID(bases.filter { seen[$0] == nil }.sorted())) { $1 }
    let releases = ReleaseMounts(of: checkout)
    let stuck = Self.stuck(seen)
    return containers.map { container in
      guard projects.contains(container.project), let found = seen[container.id] else { return container }
      var container = container
      if container.state == "running" { container.attachments = Self.attachments(of: found) }
      container.cannotStart = stuck.contains(container.id)
      container.deadNamespace = Self.shared(found).first { Self.isDead($0.base, of: found, seen) }?.what
      if let pid = found["State"]?["Pid"]?.integer, pid > 0 {
        container.lostFile = releases?.lost(in: KernelMounts(of: String(pid)))
      }
      return container
    }
  }

  /// Returns the name of a container of a stack that the engine cannot start, since it was ended in the middle of a start.
  func stuck(of stack: DesiredStack) async throws(Failure) -> String? {
    let services = Set(stack.services.map(\.name))
    let own = try await containers(ofProject: stack.project).compactMap(Container.init).filter {
      services.contains($0.service) && !$0.isLeftOver
    }
    let seen = try await byID(own.map(\.id))
    var stuck = Self.stuck(seen)
    if stuck.isEmpty { return nil }
    // The shim of a start that has just failed ends a moment later, of which nobody tells.
    try? await Task.sleep(for: .seconds(1))
    stuck = Self.stuck(seen.filter { stuck.contains($0.key) })
    return stuck.compactMap { seen[$0]?["Name"]?.string.map { String($0.trimmingPrefix("/")) } }.min()
  }

  private func byID(_ ids: [String]) async throws(Failure) -> [String: JSON] {
    try await inspections(of: ids).reduce(into: [:]) { found, one in
      if let id = one["Id"]?.string { found[id] = one }
    }
  }

  /// Returns the names, and the fixed address, by which a container is known, by network. Compose gives it that of its service in
  /// each one; where it makes a network again, or somebody connects the container by hand, they may be missing.
  static func attachments(of found: JSON) -> [String: Set<String>] {
    (found["NetworkSettings"]?["Networks"].object ?? [:]).mapValues { network in
      Set(network["Aliases"].strings + [network["IPAMConfig"]?["IPv4Address"]?.string].compactMap { $0 })
    }
  }

  /// What a container shares with another one, and that one's id.
  private static func shared(_ container: JSON) -> [(what: String, base: String)] {
    [("ipc", "IpcMode"), ("pid", "PidMode")].compactMap { what, key in
      guard let mode = container["HostConfig"]?[key]?.string, mode.hasPrefix("container:") else { return nil }
      return (what, String(mode.dropFirst(10)))
    }
  }

  /// Whether what is shared is no longer the other one's. The engine can start nothing that shares with one that is gone.
  private static func isDead(_ base: String, of container: JSON, _ seen: [String: JSON]) -> Bool {
    guard let other = seen[base] else { return true }
    guard container["State"]?["Running"]?.bool == true else { return false }
    // The engine's times are all in UTC and of one form: as texts they are in the order of time.
    return started(other) > started(container)
  }

  /// Finds what the engine could not start although it does not run: a start that it was killed in has left a shim, which keeps
  /// it from any other one.
  private static func stuck(_ seen: [String: JSON]) -> Set<String> {
    let failed = seen.filter { _, one in
      one["State"]?["Running"]?.bool == false && one["State"]?["Error"]?.string?.isEmpty == false
    }.map(\.key)
    return failed.isEmpty ? [] : shims().intersection(failed)
  }

  /// Returns the ids of the containers that a shim of containerd's runs for.
  private static func shims() -> Set<String> {
    Files.names(in: "/proc").reduce(into: []) { ids, process in
      guard Files.text("/proc/\(process)/comm")?.hasPrefix("containerd-shim") == true,
        let arguments = Files.text("/proc/\(process)/cmdline")?.split(separator: "\0"),
        let flag = arguments.firstIndex(of: "-id"), flag + 1 < arguments.endIndex
      else { return }
      ids.insert(String(arguments[flag + 1]))
    }
  }

  private static func started(_ container: JSON) -> String {
    String(container["State"]?["StartedAt"]?.string?.prefix { $0 != "Z" } ?? "")
  }
}

/// Where clup's releases lie, as the kernel names them in mounts.
struct ReleaseMounts: Sendable {
  let device: String
  let root: String

  init(device: String, root: String) { (self.device, self.root) = (device, root) }

  /// Finds them; nothing where the kernel does not say.
  init?(of checkout: Checkout) {
    guard let real = Files.resolved(checkout.path), let place = KernelMounts(of: "self")?.place(of: real) else {
      return nil
    }
    self.init(device: place.device, root: Path.join(place.root, "releases"))
  }

  /// Returns the path in a container at which it has a file of a release that was removed; see proc_pid_mountinfo(5).
  func lost(in mounts: KernelMounts?) -> String? {
    let mark = "//deleted"
    return mounts?.entries.first { entry in
      entry.device == device && entry.root.hasSuffix(mark)
        && Path.relative(String(entry.root.dropLast(mark.count)), to: root) != nil
    }?.point
  }
}
