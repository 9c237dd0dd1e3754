import Core
import Glibc

extension Doctor {
  /// Looks at the directories that clup works in, and at what containers mount of the host.
  func directories(_ stacks: [SeenStack]) -> [Check] {
    let places = [
      ("live root", settings.liveRoot, Int?.none, false), ("checkout", settings.checkout, Int(geteuid()), true),
    ]
    var checks = [DirectoryChecks.configuration(HostEntry(settings.file), user: Int(geteuid()))]
    checks += places.map { name, path, owner, mayBeMissing in
      DirectoryChecks.directory(
        name, HostEntry(path), owner: owner, mayBeMissing: mayBeMissing,
        parent: HostEntry(Self.nearest(Path.parent(path))))
    }
    var seen: Set<String> = []
    for stack in stacks {
      let path = Path.join(settings.liveRoot, stack.place.directory)
      checks.append(
        DirectoryChecks.directory(
          "stack directory", HostEntry(path), stack: stack.name,
          parent: HostEntry(Self.nearest(Path.parent(path)))))
      if let values = DirectoryChecks.values(HostEntry(Path.join(path, ".env")), stack: stack.name) {
        checks.append(values)
      }
      checks += lost(stack).map { file in
        DirectoryChecks.lost(
          Path.join(settings.liveRoot, file), stack: stack.name,
          directory: HostEntry(Path.join(settings.liveRoot, Path.parent(file))), containers: stack.containers)
      }
      for (service, mount, container) in mounts(of: stack) where seen.insert(mount.source).inserted {
        checks.append(
          DirectoryChecks.mount(
            mount, HostEntry(mount.source), of: service, stack: stack.name, by: container,
            parent: HostEntry(Self.nearest(Path.parent(mount.source)))))
      }
    }
    return checks + state(stacks)
  }

  /// The files of the host's own that a stack was deployed with, and that are gone.
  func lost(_ stack: SeenStack) -> [String] {
    (stack.record?.untracked ?? [:]).filter { path, id in
      id != Fingerprint.absent && Files.isMissing(Path.join(settings.liveRoot, path))
    }.keys.sorted()
  }

  /// What the services of a stack mount of the host: by its files where Compose can read them, and by its containers.
  func mounts(of stack: SeenStack) -> [(service: String, mount: HostMount, container: InspectedContainer?)] {
    var found: [(String, HostMount, InspectedContainer?)] = []
    for service in stack.model?.services ?? [] {
      let container = stack.containers.first { $0.service == service.name }
      for volume in service.fields["volumes"].array where volume["type"]?.string == "bind" {
        guard let source = volume["source"]?.unescaped.string else { continue }
        found.append(
          (
            service.name,
            HostMount(
              source: source, target: volume["target"]?.string ?? "", isWritable: volume["read_only"]?.bool != true),
            container
          ))
      }
    }
    for container in stack.containers { found += container.mounts.map { (container.service, $0, container) } }
    return found.filter { HostPaths.isShared($0.1.source) && !Self.isSystem($0.1.source) }
  }

  /// Whether a path is the system's own, and so nothing that a stack keeps.
  private static func isSystem(_ path: String) -> Bool {
    ["/proc", "/sys", "/run", "/var/run", "/etc", "/usr", "/lib"].contains { Path.relative(path, to: $0) != nil }
  }

  /// Looks for the files of programs whose state clup knows by its place.
  private func state(_ stacks: [SeenStack]) -> [Check] {
    var checks: [Check] = []
    for known in KnownService.all {
      for parent in Files.names(in: settings.liveRoot) {
        let path = "\(parent)/\(Path.name(known.state.pattern))"
        let directory = Path.join(settings.liveRoot, path)
        guard known.state.matches(path), let found = Files.status(directory), Files.isDirectory(found) else { continue }
        let user = stacks.first { stack in
          stack.containers.contains { $0.mounts.contains { $0.source == directory } }
        }
        let container = user?.containers.first { $0.mounts.contains { $0.source == directory } }
        let present = ([known.files.main] + known.files.others).filter { name in
          guard let found = Files.followed("\(directory)/\(name)") else { return false }
          return Files.isRegular(found) && found.st_size > 0
        }
        checks.append(
          known.check(
            path, HostEntry(directory), stack: user?.name, present: Set(present), container: container))
      }
    }
    return checks.isEmpty
      ? [Check(.directories, "gateway state", skipped: "no directory of \(settings.liveRoot) is called gw-*/config")]
      : checks
  }
}
