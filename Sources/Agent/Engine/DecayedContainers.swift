import Core
import Engine

extension Programs {
  /// Adds what a listing does not tell of the containers of some projects: what they have lost since they were made.
  func decayed(_ containers: [Container], of projects: Set<String>, _ checkout: Checkout) async throws(Failure)
    -> [Container]
  {
    let own = containers.filter { projects.contains($0.project) }
    if own.isEmpty { return containers }
    let seen = try await byID(own.map(\.id))
    let releases = ReleaseMounts(of: checkout)
    return containers.map { container in
      guard projects.contains(container.project), let found = seen[container.id] else { return container }
      var container = container
      if let pid = found["State"]?["Pid"]?.integer, pid > 0 {
        container.lostFile = releases?.lost(in: KernelMounts(of: String(pid)))
      }
      return container
    }
  }

  private func byID(_ ids: [String]) async throws(Failure) -> [String: JSON] {
    try await inspections(of: ids).reduce(into: [:]) { found, one in
      if let id = one["Id"]?.string { found[id] = one }
    }
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

  /// Gives the path in a container at which it has a file of a release that was removed; see proc_pid_mountinfo(5).
  func lost(in mounts: KernelMounts?) -> String? {
    let mark = "//deleted"
    return mounts?.entries.first { entry in
      entry.device == device && entry.root.hasSuffix(mark)
        && Path.relative(String(entry.root.dropLast(mark.count)), to: root) != nil
    }?.point
  }
}
