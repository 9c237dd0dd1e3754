/// A mounted file system, as a line of proc_pid_mountinfo(5) tells it.
public struct MountedDisk: Sendable, Hashable {
  /// Where it is mounted.
  let point: String
  /// `ext4`, `xfs` and the like.
  let type: String
  /// The device, or what stands for one.
  public let source: String
  /// Whether nothing can be written to it.
  var isReadOnly = false

  /// Reads every line of a mountinfo, in their order.
  public static func all(in mountinfo: String) -> [MountedDisk] {
    mountinfo.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard let dash = words.firstIndex(of: "-"), dash > 5, words.count > dash + 2 else { return nil }
      let options =
        words[5].split(separator: ",") + (words.count > dash + 3 ? words[dash + 3].split(separator: ",") : [])
      return MountedDisk(
        point: unescaped(words[4]), type: words[dash + 1], source: unescaped(words[dash + 2]),
        isReadOnly: options.contains("ro"))
    }
  }

  /// Finds the one that a path lies on; a later mount hides what was mounted there before.
  public static func holding(_ path: String, among disks: [MountedDisk]) -> MountedDisk? {
    let above = disks.filter { Path.relative(path, to: $0.point) != nil }
    let longest = above.map(\.point.utf8.count).max()
    return above.last { $0.point.utf8.count == longest }
  }

  /// Lists the mount points of an fstab(5) that are to be mounted at boot.
  public static func points(ofTable table: String) -> [String] {
    table.split(separator: "\n").compactMap { line in
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard words.count >= 4, !words[0].hasPrefix("#"), Path.isAbsolute(words[1]),
        !words[3].split(separator: ",").contains("noauto")
      else { return nil }
      return Path.normalized(unescaped(words[1]))
    }
  }

  /// The kernel and fstab(5) write space, tab, line end and backslash as octal digits.
  public static func unescaped(_ text: String) -> String {
    ["\\040": " ", "\\011": "\t", "\\012": "\n"].reduce(text) { $0.replacing($1.key, with: $1.value) }
      .replacing("\\134", with: "\\")
  }

  /// Takes the name of a link in `/dev/disk/by-label` for what it says; udev writes other bytes than letters as `\x20`.
  public static func label(ofLink name: String) -> String {
    var (bytes, rest) = ([UInt8](), Array(name.utf8)[...])
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"),
        let code = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// How much room a file system has.
public struct DiskRoom: Sendable, Equatable {
  /// Bytes in all, and bytes that are free.
  var (size, free): (Int, Int)
  /// Inodes in all, and those that are free; 0 of 0 where the file system makes as many as it needs.
  var (inodes, freeInodes): (Int, Int)

  /// Describes it.
  public init(size: Int, free: Int, inodes: Int = 0, freeInodes: Int = 0) {
    (self.size, self.free, self.inodes, self.freeInodes) = (size, free, inodes, freeInodes)
  }

  /// Whether nothing larger can be written: that a write failed is the disk's fault. A small disk has less to lose.
  public var isFull: Bool { free < min(64 << 20, size / 20) || lacksInodes }
  /// Whether it cannot hold more files.
  public var lacksInodes: Bool { inodes > 0 && freeInodes < min(256, inodes / 100) }
}

/// Something that takes room on a disk.
public struct DiskUse: Sendable, Equatable {
  var name: String
  /// Its bytes.
  var size: Int
  /// What makes it less; nothing where only its owner knows.
  var way: String?

  /// Describes it.
  public init(_ name: String, size: Int, way: String? = nil) { (self.name, self.size, self.way) = (name, size, way) }
}

/// Judges disks.
public enum DiskChecks {
  /// Judges a disk for what lies on it, such as `live root`; `room` is nothing where it cannot be asked, and `uses` is what
  /// is known to take room on it. What a disk is that only containers keep things on is no affair of clup's (`isOthers`).
  public static func disk(
    _ disk: MountedDisk, label: String?, room: DiskRoom?, holds names: [String], uses: [DiskUse] = [],
    isOthers: Bool = false
  ) -> Check {
    let name = names.joined(separator: ", ")
    let place = "\(disk.point) (\(([disk.type] + (label.map { ["label \($0)"] } ?? [])).joined(separator: ", ")))"
    let space = room.map { ": \($0.free.byteSize) of \($0.size.byteSize) free\(inodes($0))" } ?? ""
    let found = place + space
    func check(_ result: Check.Result, _ expected: String, _ help: String) -> Check {
      Check(.disks, name, result, found: found, expected: expected, help: help)
    }
    if isOthers {
      let lack = disk.isReadOnly ? nil : room.flatMap { short($0, isOthers: true, disk, uses, check) }
      return lack ?? Check(.disks, name, .good, found: found, expected: "room")
    }
    if disk.isReadOnly {
      return check(
        .failed, "writable", "see why in `dmesg`, check the file system, then `mount -o remount,rw \(disk.point)`")
    }
    if Self.lost.contains(disk.type) {
      return check(.failed, "a disk that outlives a restart", "put it on a disk: a reboot clears the memory")
    }
    if Self.foreign.contains(disk.type) {
      return check(.failed, "a file system with links and owners, such as ext4", "move it to ext4, XFS or Btrfs")
    }
    if let room, let lack = short(room, isOthers: false, disk, uses, check) { return lack }
    if Self.remote.contains(disk.type) || disk.type.hasPrefix("fuse.") {
      return check(.warning, "a local file system", "move it to a local disk: locks and renames depend on the server")
    }
    return check(.good, "a local, writable file system with room", "")
  }

  /// Returns what a disk lacks; nothing where it has enough.
  private static func short(
    _ room: DiskRoom, isOthers: Bool, _ disk: MountedDisk, _ uses: [DiskUse],
    _ check: (Check.Result, String, String) -> Check
  ) -> Check? {
    guard let lack = lack(of: room, isOthers: isOthers) else { return nil }
    let known = uses.filter { $0.size > 0 }.sorted { $0.size > $1.size }.prefix(4).map { use in
      "\(use.name) \(use.size.byteSize)" + (use.way.map { " (\($0))" } ?? "")
    }
    let unit = lack.isOfInodes ? "--inodes -xd3" : "-xhd3"
    let rest = "`du \(unit) \(disk.point) | sort -h | tail` lists the largest of all"
    return check(
      lack.result, lack.expected,
      "make room on \(disk.point)" + (known.isEmpty ? ": " : "; known to be there: \(known.joined(separator: ", ")); ")
        + rest)
  }

  /// Returns what room is missing; nothing where there is enough. clup and Docker need some room of any disk, others a part.
  public static func lack(of room: DiskRoom, isOthers: Bool) -> (
    result: Check.Result, expected: String, isOfInodes: Bool
  )? {
    let rare = room.inodes > 0 ? Double(room.freeInodes) / Double(room.inodes) : 1
    if isOthers {
      let isFull = room.free < min(room.size / 20, 512 << 20)
      let expected = "5 % or 512 MiB, and 1 % of the inodes free"
      return isFull || rare < 0.01 ? (.failed, expected, !isFull) : nil
    }
    if room.free < 512 << 20 || rare < 0.01 {
      return (.failed, "at least 512 MiB and 1 % of the inodes free", room.free >= 512 << 20)
    }
    if room.free < min(room.size / 10, 20 << 30) || rare < 0.05 {
      return (.warning, "10 % or 20 GiB, and 5 % of the inodes free", room.free >= min(room.size / 10, 20 << 30))
    }
    return nil
  }

  /// Judges whether the disk is mounted that a path is to lie on, as fstab(5) says; nothing where that names none.
  public static func mount(of path: String, table: [String], disks: [MountedDisk]) -> Check? {
    let wanted = table.filter { $0 != "/" && Path.relative(path, to: $0) != nil }.max { $0.utf8.count < $1.utf8.count }
    guard let wanted, !disks.contains(where: { $0.point == wanted }) else { return nil }
    return Check(
      .disks, wanted, .failed, found: "not mounted", expected: "mounted, as /etc/fstab says",
      help:
        "`mount \(wanted)`; files that were written to \(path) since the boot are on the disk of /, hidden below the mount"
    )
  }

  private static let lost: Set<String> = ["tmpfs", "ramfs"]
  private static let foreign: Set<String> = ["vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk", "iso9660"]
  private static let remote: Set<String> = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "virtiofs"]

  private static func inodes(_ room: DiskRoom) -> String {
    room.inodes > 0 ? ", \(room.freeInodes * 100 / room.inodes) % of the inodes" : ""
  }
}
