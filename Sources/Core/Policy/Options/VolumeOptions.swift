/// What a named volume's driver and its options come to.
enum VolumeOptions: Equatable, Sendable {
  /// The engine's own directory, or memory: nothing of the host.
  case harmless
  /// A directory of the host.
  case bind(String)
  /// Something that nobody has looked at; the words go after "the volume NAME".
  case unknown(String)

  /// Reads a top-level entry of `volumes:`; `allowed` are the drivers, and types of the local driver, that the host allows.
  init(_ volume: JSON, allowed: [String]) {
    let driver = volume["driver"]?.string ?? "local"
    let options = volume["driver_opts"].object.compactMapValues(\.text)
    if driver != "local" {
      self = allowed.contains(driver) ? .harmless : .unknown("uses the driver \(driver)")
      return
    }
    if options.isEmpty {
      self = .harmless
      return
    }
    if let other = options.keys.sorted().first(where: { !["type", "device", "o"].contains($0) }) {
      self = .unknown("has the option \(other)")
      return
    }
    let type = options["type"] ?? ""
    let device = options["device"] ?? ""
    let flags = (options["o"] ?? "").split(separator: ",").map { String($0).trimmed }
    // The kernel forgets the type of a mount that is a bind.
    if flags.contains(where: { ["bind", "rbind"].contains($0) }) {
      let other = flags.first { !Self.bindFlags.contains($0) }
      // The engine takes a relative path from its own directory, which is the root.
      self = other.map { .unknown("has the mount option \($0)") } ?? .bind(Path.normalized("/" + device))
    } else if type == "tmpfs" {
      let other = flags.first { flag in !Self.memoryFlags.contains(String(flag.prefix { $0 != "=" })) }
      self = other.map { .unknown("has the mount option \($0)") } ?? .harmless
    } else if allowed.contains(type), !Path.isAbsolute(device) {
      self = .harmless
    } else {
      self = .unknown(type.isEmpty ? "mounts \(device)" : "mounts the file system \(type)")
    }
  }

  private static let common: Set<String> = [
    "ro", "rw", "noexec", "nosuid", "nodev", "noatime", "nodiratime", "relatime", "strictatime", "exec",
  ]
  private static let bindFlags = common.union(["bind", "rbind", "private", "rprivate"])
  private static let memoryFlags = common.union(["size", "nr_inodes", "nr_blocks", "mode", "uid", "gid"])
}

extension JSON {
  var text: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): String(number)
    case .number(let number): String(number)
    case .bool(let value): value ? "true" : "false"
    default: nil
    }
  }
}
