import Testing

@testable import Core

@Suite("The doctor judges what it finds")
struct DoctorTests {
  @Test(arguments: [
    ("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"", Check.Result.good),
    ("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux forky/sid\"", .good), ("ID=debian\nVERSION_ID=11", .warning),
    ("ID=ubuntu\nVERSION_ID=\"24.04\"", .good), ("ID=ubuntu\nVERSION_ID=\"22.04\"", .warning),
    ("ID=fedora\nVERSION_ID=41", .warning), ("", .warning),
  ])
  func `a system that clup is tested on is good, another one a warning`(_ release: String, _ result: Check.Result) {
    #expect(HostChecks.system(release).result == result)
  }

  @Test(arguments: [
    ("6.1.0-18-amd64", Check.Result.good), ("5.4.0", .good), ("5.3.18", .failed), ("4.19.0", .failed),
    ("6.18.44-fc-v595", .good), ("10.0", .good),
  ])
  func `the kernel`(_ release: String, _ result: Check.Result) { #expect(HostChecks.kernel(release).result == result) }

  @Test(
    arguments: [
      ("29.0.1", .good), ("20.10.24+dfsg1", .good), ("19.03.5", .failed), ("v20.10", .good), (nil, .good),
    ] as [(String?, Check.Result)])
  func `a version`(_ version: String?, _ result: Check.Result) {
    #expect(HostChecks.version("Docker Engine", version, oldest: "20.10", help: "x").result == result)
  }

  static let mountinfo = """
    22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    30 22 8:17 / /srv/data rw,relatime shared:2 - ext4 /dev/sdb1 rw
    31 22 8:33 / /srv/ca\\040che ro,relatime - xfs /dev/sdc1 rw
    33 30 0:5 / /srv/data/tmp rw - tmpfs tmpfs rw
    garbage
    """

  @Test(arguments: [
    ("/srv/data/openclaw", "/srv/data", "ext4", false), ("/srv/database", "/", "ext4", false),
    ("/srv/ca che/docker", "/srv/ca che", "xfs", true), ("/srv/data/tmp", "/srv/data/tmp", "tmpfs", false),
  ])
  func `a path lies on the nearest mount above it`(_ path: String, _ point: String, _ type: String, _ isReadOnly: Bool)
  {
    let disk = MountedDisk.holding(path, among: MountedDisk.all(in: Self.mountinfo))
    #expect(disk?.point == point && disk?.type == type && disk?.isReadOnly == isReadOnly)
  }

  @Test(arguments: [
    ("ext4", false, DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 100, freeInodes: 50), Check.Result.good),
    ("ext4", true, DiskRoom(size: 100 << 30, free: 50 << 30), .failed),
    ("ext4", false, DiskRoom(size: 100 << 30, free: 5 << 30), .warning),
    ("ext4", false, DiskRoom(size: 10_000 << 30, free: 30 << 30), .good),
    ("ext4", false, DiskRoom(size: 100 << 30, free: 100 << 20), .failed),
    ("ext4", false, DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1000, freeInodes: 3), .failed),
    ("ext4", false, DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1000, freeInodes: 30), .warning),
    ("tmpfs", false, DiskRoom(size: 100 << 30, free: 50 << 30), .failed),
    ("vfat", false, DiskRoom(size: 100 << 30, free: 50 << 30), .failed),
    ("nfs4", false, DiskRoom(size: 100 << 30, free: 50 << 30), .warning),
    ("fuse.sshfs", false, DiskRoom(size: 100 << 30, free: 50 << 30), .warning),
  ])
  func `a disk`(_ type: String, _ isReadOnly: Bool, _ room: DiskRoom, _ result: Check.Result) {
    let disk = MountedDisk(point: "/srv", type: type, source: "/dev/sdb1", isReadOnly: isReadOnly)
    let check = DiskChecks.disk(disk, label: "CLAW_DATA", room: room, holds: ["live root"])
    #expect(check.result == result && check.found?.contains("label CLAW_DATA") == true, "\(check)")
  }

  @Test(arguments: [
    (DiskRoom(size: 100 << 30, free: 65 << 20), false), (DiskRoom(size: 100 << 30, free: 60 << 20), true),
    (DiskRoom(size: 120 << 20, free: 7 << 20), false), (DiskRoom(size: 120 << 20, free: 5 << 20), true),
    (DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1_000_000, freeInodes: 300), false),
    (DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1_000_000, freeInodes: 20), true),
    (DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1000, freeInodes: 0), true),
  ])
  func `I14: what cannot be written on a full disk is the disk's fault`(_ room: DiskRoom, _ isFull: Bool) {
    #expect(room.isFull == isFull)
  }

  @Test(arguments: [
    (100 << 30, 600 << 20, false, Check.Result.good), (100 << 30, 100 << 20, false, .failed),
    (256 << 20, 64 << 20, false, .good), (256 << 20, 8 << 20, false, .failed), (256 << 20, 0, true, .good),
  ])
  func `a disk that only containers keep things on is judged by its room`(
    _ size: Int, _ free: Int, _ isReadOnly: Bool, _ result: Check.Result
  ) {
    let disk = MountedDisk(point: "/media", type: "vfat", source: "/dev/sdb1", isReadOnly: isReadOnly)
    let room = DiskRoom(size: size, free: free)
    let check = DiskChecks.disk(disk, label: nil, room: room, holds: ["mounts of a"], isOthers: true)
    #expect(check.result == result, "\(check)")
  }

  @Test func `a full disk's remedy names what is known to take its room, the largest first`() {
    let disk = MountedDisk(point: "/srv", type: "ext4", source: "/dev/sdb1")
    let uses = [
      DiskUse("clup's releases", size: 5 << 20, way: "`keep_releases`"), DiskUse("Docker's volumes", size: 0),
      DiskUse("/srv/db", size: 7 << 30),
    ]
    func help(_ room: DiskRoom) -> String? {
      DiskChecks.disk(disk, label: nil, room: room, holds: ["live root"], uses: uses).help
    }
    #expect(
      help(DiskRoom(size: 100 << 30, free: 1 << 20))
        == "make room on /srv; known to be there: /srv/db 7.0 GiB, clup's releases 5.0 MiB (`keep_releases`); "
        + "`du -xhd3 /srv | sort -h | tail` lists the largest of all")
    let inodes = help(DiskRoom(size: 100 << 30, free: 50 << 30, inodes: 1000, freeInodes: 1))
    #expect(inodes?.contains("`du --inodes -xd3 /srv | sort -h | tail`") == true)
  }

  @Test(
    arguments: [
      (true, false, .good), (true, true, .good), (false, false, .warning), (false, true, .skipped),
      (nil, false, .skipped),
    ] as [(Bool?, Bool, Check.Result)])
  func `the clock of a container without a time service is kept from outside`(
    _ isSynchronised: Bool?, _ isOthers: Bool, _ result: Check.Result
  ) {
    #expect(HostChecks.clock(isSynchronised: isSynchronised, now: "now", isOthers: isOthers).result == result)
  }

  @Test func `a disk of the table that is not mounted is told, for what is to lie on it`() {
    let table = MountedDisk.points(
      ofTable:
        "# x\nLABEL=CLAW_DATA /srv/data ext4 defaults 0 2\n/dev/x /srv/other ext4 noauto 0 2\nUUID=1 / ext4 rw 0 1\n")
    #expect(table == ["/srv/data", "/"])
    let root = [MountedDisk(point: "/", type: "ext4", source: "/dev/sda1")]
    #expect(DiskChecks.mount(of: "/srv/data/openclaw", table: table, disks: root)?.name == "/srv/data")
    #expect(DiskChecks.mount(of: "/srv/other", table: table, disks: root) == nil)
    let all = MountedDisk.all(in: Self.mountinfo)
    #expect(DiskChecks.mount(of: "/srv/data/openclaw", table: table, disks: all) == nil)
    #expect(MountedDisk.label(ofLink: #"CLAW\x20DATA"#) == "CLAW DATA")
  }

  static func entry(_ kind: HostEntry.Kind, _ mode: Int = 0o755, uid: Int = 1000, empty: Bool = false) -> HostEntry {
    var entry = HostEntry(path: "/srv/data/x")
    (entry.kind, entry.mode, entry.uid, entry.gid, entry.isEmpty) = (kind, mode, uid, 1000, empty)
    (entry.owner, entry.group) = ("psy", "psy")
    return entry
  }

  @Test(
    arguments: [
      (entry(.directory), nil, .good), (entry(.directory, 0o757), nil, .failed),
      (entry(.directory, 0o1777), nil, .good), (entry(.missing), nil, .failed), (entry(.file), nil, .failed),
      (entry(.directory), 0, .warning), (entry(.directory, uid: 0), 0, .good),
    ] as [(HostEntry, Int?, Check.Result)])
  func `a directory of clup's`(_ entry: HostEntry, _ owner: Int?, _ result: Check.Result) {
    let check = DirectoryChecks.directory("live root", entry, owner: owner, parent: Self.entry(.directory))
    #expect(check.result == result)
  }

  @Test(
    arguments: [
      (entry(.file, 0o640), .good), (entry(.file, 0o644), .warning), (entry(.file, 0o602), .warning),
      (entry(.missing), nil), (entry(.directory), nil),
    ] as [(HostEntry, Check.Result?)])
  func `not everybody may read the values of a stack`(_ entry: HostEntry, _ result: Check.Result?) {
    #expect(DirectoryChecks.values(entry, stack: "s")?.result == result)
  }

  @Test(
    arguments: [
      (entry(.file, 0o644, uid: 0), .good), (entry(.file, 0o644), .warning), (entry(.file, 0o664, uid: 0), .failed),
      (entry(.file, 0o646, uid: 0), .failed),
    ] as [(HostEntry, Check.Result)])
  func `the configuration decides what runs as root`(_ entry: HostEntry, _ result: Check.Result) {
    #expect(DirectoryChecks.configuration(entry, user: 0).result == result)
  }

  @Test(
    arguments: [
      (entry(.directory), "/data", true, 1000, .good), (entry(.directory), "/data", true, 1001, .warning),
      (entry(.directory, 0o775), "/data", true, 1001, .good), (entry(.directory), "/data", false, 1001, .good),
      (entry(.directory), "/data", true, nil, .skipped), (entry(.directory), "/data", false, nil, .good),
      (entry(.directory), "/data", true, 0, .good),
      (entry(.missing), "/data", true, 0, .failed), (entry(.directory, 0o777), "/data", true, 0, .warning),
      (entry(.directory, empty: true), "/etc/app/app.json", false, 0, .failed),
      (entry(.directory, empty: true), "/var/lib/postgresql", true, 0, .good),
      (entry(.file), "/app.json", true, 0, .good),
    ] as [(HostEntry, String, Bool, Int?, Check.Result)])
  func `what a container mounts`(
    _ entry: HostEntry, _ target: String, _ isWritable: Bool, _ user: Int?, _ result: Check.Result
  ) {
    let mount = HostMount(source: entry.path, target: target, isWritable: isWritable)
    var container = InspectedContainer()
    (container.user, container.groups) = (user.map(String.init) ?? "node", ["1000"])
    let parent = Self.entry(.directory, 0o750)
    let check = DirectoryChecks.mount(mount, entry, of: "web", stack: "a", by: container, parent: parent)
    #expect(check.result == result, "\(check)")
    guard entry.kind == .missing else { return }
    #expect(check.help?.contains("install -d -o psy -g psy -m 750 /srv/data/x") == true)
    container.account = Account(user: "node", extra: [], passwd: "node:x:1001:1002::/:/bin/sh", group: "")
    let node = DirectoryChecks.mount(mount, entry, of: "web", stack: "a", by: container, parent: parent)
    #expect(node.help?.contains("install -d -o 1001 -g 1002 -m 750 /srv/data/x") == true)
  }

  @Test func `a file of the host's own that is gone is brought back, and no sync is said to do that`() {
    let check = DirectoryChecks.lost("/srv/data/x/.env", stack: "x", directory: Self.entry(.directory), containers: [])
    #expect(check.result == .failed && check.found == "/srv/data/x/.env: missing")
    #expect(check.help?.contains("`install -o psy -g psy -m 640 BACKUP/.env /srv/data/x/.env`") == true)
    #expect(check.help?.contains("a sync cannot restore it") == true)
  }

  @Test(arguments: [
    (["openclaw.json", "devices/paired.json", "devices/pending.json"], false, Check.Result.good),
    (["openclaw.json"], false, .warning), (["devices/paired.json"], false, .failed), ([], true, .failed),
    ([], false, .skipped),
  ])
  func `the state of a gateway`(_ present: [String], _ isEmpty: Bool, _ result: Check.Result) {
    let directory = Self.entry(.directory, empty: isEmpty)
    let check = KnownService.all[0].check(
      "gw-admin/config", directory, stack: nil, present: Set(present), container: nil)
    #expect(check.result == result)
    let restored = isEmpty ? "cp -a BACKUP/. " : "install -o psy -g psy -m 600 BACKUP/"
    if let help = check.help { #expect(help.contains(restored), "\(help)") }
  }

  @Test(
    arguments: [
      ("", [], 0, [0, 44]), ("1000", [], 1000, [100, 44]), ("node", [], 1000, [100, 44]),
      ("node:audio", [], 1000, [29]),
      ("node:5", ["audio"], 1000, [5, 29]), ("4711", [], 4711, [0]), ("4711:7", [], 4711, [7]), ("nobody", [], nil, []),
      ("node:none", [], nil, []),
    ] as [(String, [String], Int?, Set<Int>)])
  func `who a container runs as is found in its own files`(
    _ user: String, _ extra: [String], _ uid: Int?, _ groups: Set<Int>
  ) {
    let account = Account(
      user: user, extra: extra, passwd: "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:100::/:/bin/sh\n",
      group: "root:x:0:\naudio:x:29:\nvideo:x:44:root,node\n")
    #expect(account?.uid == uid)
    if uid != nil { #expect(account?.groups == groups) }
  }
}
