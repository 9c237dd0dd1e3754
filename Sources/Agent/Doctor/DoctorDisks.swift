import Core
import Glibc

extension Doctor {
  /// Looks at the disks that hold the live root, the checkout, Docker's root, what containers mount, and temporary files.
  func disks(_ stacks: [SeenStack], _ engine: SeenEngine) async -> [Check] {
    var places = [("live root", settings.liveRoot), ("checkout", settings.checkout)]
    if let root = engine.root, !Files.isMissing(root) { places.append(("Docker root", root)) }
    for stack in stacks {
      places += Set(mounts(of: stack).map(\.mount.source)).sorted().map { ("mounts of \(stack.name)", $0) }
    }
    places.append(("temporary files", environment["TMPDIR"] ?? "/tmp"))
    let disks = MountedDisk.all(in: Files.text("/proc/self/mountinfo") ?? "")
    let table = MountedDisk.points(ofTable: Files.text("/etc/fstab") ?? "")
    var checks: [Check] = []
    var held: [(disk: MountedDisk, path: String, names: [String])] = []
    for (name, path) in places {
      if let check = DiskChecks.mount(of: path, table: table, disks: disks), !checks.contains(check) {
        checks.append(check)
      }
      let real = Self.nearest(path)
      guard let disk = MountedDisk.holding(real, among: disks) else { continue }
      if let index = held.firstIndex(where: { $0.disk == disk }) {
        if !held[index].names.contains(name) { held[index].names.append(name) }
      } else {
        held.append((disk, real, [name]))
      }
    }
    let labels = Self.labels
    for (disk, path, names) in held {
      let room = DiskRoom(of: path)
      let shown = names.filter { !$0.hasPrefix("mounts of ") && $0 != "temporary files" }
      let isShort = room.flatMap { DiskChecks.lack(of: $0, isOthers: shown.isEmpty) } != nil
      let uses = isShort ? await uses(of: disk, among: disks, stacks, engine) : []
      checks.append(
        DiskChecks.disk(
          disk, label: labels[Files.resolved(disk.source) ?? ""], room: room, holds: shown.isEmpty ? names : shown,
          uses: uses, isOthers: shown.isEmpty))
    }
    if engine.root == nil, let skipped = engine.skipped(.disks, "Docker root") { checks.append(skipped) }
    return checks
  }

  /// The path itself, or the nearest directory above it that is there, with its links followed.
  static func nearest(_ path: String) -> String {
    var path = path
    while Files.isMissing(path), path != "/" { path = Path.parent(path) }
    return Files.resolved(path) ?? path
  }

  /// The label of each device, by the device's own path; see udev(7).
  private static var labels: [String: String] {
    let directory = "/dev/disk/by-label"
    return Files.names(in: directory).reduce(into: [:]) { labels, name in
      if let device = Files.resolved("\(directory)/\(name)") { labels[device] = MountedDisk.label(ofLink: name) }
    }
  }
}

extension HostEntry {
  /// Looks at a path; links are followed.
  init(_ path: String) {
    self.init(path: path)
    guard let found = Files.followed(path) else { return }
    kind = Files.isDirectory(found) ? .directory : Files.isRegular(found) ? .file : .other
    (uid, gid, mode) = (Int(found.st_uid), Int(found.st_gid), Int(found.st_mode & 0o7777))
    owner = Self.user(found.st_uid) ?? "\(found.st_uid)"
    group = Self.group(found.st_gid)?.name ?? "\(found.st_gid)"
    isEmpty = kind == .directory && Files.names(in: path).isEmpty
  }

  private static func user(_ id: uid_t) -> String? {
    var (entry, found, buffer) = (passwd(), UnsafeMutablePointer<passwd>?.none, [CChar](repeating: 0, count: 16 << 10))
    guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return String(cString: entry.pw_name)
  }

  /// The name of a group, and the users that are in it beside those whose own it is.
  static func group(_ id: gid_t) -> (name: String, members: [String])? {
    var (entry, found, buffer) = (
      Glibc.group(), UnsafeMutablePointer<Glibc.group>?.none, [CChar](repeating: 0, count: 64 << 10)
    )
    guard getgrgid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    var members: [String] = []
    var next = entry.gr_mem
    while let member = next?.pointee {
      members.append(String(cString: member))
      next = next?.successor()
    }
    return (String(cString: entry.gr_name), members)
  }
}
