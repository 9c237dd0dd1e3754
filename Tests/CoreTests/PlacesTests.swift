import Foundation
import Testing

@testable import Core

/// Whose a path is, told without a host: the one idea of ownership that all rules share.
@Suite("Each stack sees its own") struct PlacesTests {
  static let tree = CommitTree(
    commit: "c",
    paths: ["app/compose.yaml", "bank/compose.yaml", "bank/conf/x", "common/x.conf", "runner/compose/compose.yaml"].map
    {
      TrackedPath(path: $0, kind: .file, id: $0)
    }
      + ["app", "bank", "bank/conf", "common", "runner", "runner/compose"].map {
        TrackedPath(path: $0, kind: .directory, id: $0)
      })

  static func subject(_ stack: String = "app", _ change: (inout HostPaths, inout Policy) -> Void = { _, _ in })
    -> Subject
  {
    var policy = Policy()
    var paths = HostPaths(
      liveRoot: "/live", checkout: "/live/clup",
      stacks: ["app": "app", "bank": "bank", "gone": "gone", "runner/compose": "runner/compose"],
      missing: ["/live/fresh"])
    paths.tree = tree
    change(&paths, &policy)
    return Subject(
      stack: stack, kind: stack.hasSuffix(".yml") ? .job : .stack, model: .null, sources: [], paths: paths,
      policy: policy, today: "2026-01-01", environmentFiles: [:])
  }

  static let refused: [(stack: String, path: String, words: String)] = [
    ("app", "/live/bank/.env", "belongs to the stack bank"), ("app", "/live/bank", "belongs to the stack bank"),
    ("app", "/live/bank/conf/x", "a file of the stack bank"), ("app", "/live", "holds clup's own directory"),
    ("app", "/live/clup/state.json", "clup's own directory"), ("app", "/live/gone/data", "belongs to the stack gone"),
    ("app", "/live/runner/audit", "belongs to the stack runner/compose"),
    ("app", "/live/runner", "holds the directory of the stack runner/compose"),
    ("app", "/live/postgres", "belongs to no stack"), ("app", "/etc/shadow", "belongs to the system"),
    ("app", "/", "the whole host"), ("app", "/srv/elsewhere", "is outside of"),
    ("runner/job-definitions/b.yml", "/live/runner/audit", "belongs to the stack runner/compose"),
    ("runner/job-definitions/b.yml", "/live/fresh", "belongs to no stack"),
  ]

  @Test(arguments: refused)
  func `what is not a stack's own is refused, and said whose it is`(_ stack: String, _ path: String, _ words: String) {
    #expect(Self.subject(stack).objection(to: path, readOnly: true)?.words.contains(words) == true)
  }

  /// A directory of the host, a path, and whether a work tree at `/tmp/r` says that the one holds the other.
  static let held: [(directory: String, path: String, holds: Bool)] = [
    ("/tmp", "/tmp/r/a", false), ("/tmp", "/tmp/other", true), ("/tmp/r/a", "/tmp/r/a/b", true),
    ("/tmp", "/tmp/r", false),
    ("/", "/tmp/r", true), ("/tmp/r", "/tmp/r/a", true), ("/srv", "/tmp/r", false), ("/tmp/x", "/tmp/x/y", true),
  ]

  @Test(arguments: held) func `where a work tree lies says nothing of a host`(
    _ directory: String, _ path: String, _ holds: Bool
  ) {
    var paths = HostPaths(liveRoot: "/tmp/r", checkout: nil, stacks: [:], isHost: false)
    paths.knowsPlace = false
    #expect(paths.holds(directory, path) == holds)
    paths.climbed = ["/tmp"]
    #expect(paths.holds(directory, path) == (holds || directory == "/tmp"))
    paths.knowsPlace = true
    #expect(paths.holds(directory, path) == (holds || directory == "/tmp"))
  }

  static let own: [(stack: String, path: String)] = [
    ("app", "/live/app/data"), ("app", "/live/app"), ("app", "/live/common/x.conf"), ("app", "/live/common"),
    ("app", "/live/fresh"), ("app", "/etc/localtime"), ("app", "/lib/modules/6.1"), ("app", "/dev/null"),
    ("runner/compose", "/live/runner/audit"),
    ("runner/compose", "/live/runner"), ("runner/job-definitions/b.yml", "/live/runner/gradle"),
    (".", "/live/postgres"),
  ]

  @Test(arguments: own)
  func `what is a stack's own passes, and what the repository keeps beside stacks`(_ stack: String, _ path: String) {
    #expect(Self.subject(stack).objection(to: path, readOnly: true) == nil)
  }

  @Test func `what the repository keeps beside stacks is read and not written`() {
    #expect(Self.subject().objection(to: "/live/common/x.conf", readOnly: false)?.words.contains("not written") == true)
  }

  @Test func `a directory that holds one stack alone is that stack's, with what the repository keeps beside it`() {
    #expect(Self.subject("runner/compose").objection(to: "/live/runner", readOnly: false) == nil)
    let two = Self.subject("runner/compose") { paths, _ in paths.stacks["other"] = "runner/other" }
    #expect(two.objection(to: "/live/runner", readOnly: false)?.words == "which holds the directory of the stack other")
  }

  @Test func `the host shares a place, and what a stack has used before stays its own`() {
    let shared = Self.subject { _, policy in
      policy.shared = [
        SharedPlace(kind: .path("bank/certs"), stacks: ["app"]), SharedPlace(kind: .path("postgres"), stacks: ["app"]),
      ]
    }
    #expect(shared.objection(to: "/live/bank/certs/ca.pem", readOnly: true) == nil)
    #expect(shared.objection(to: "/live/postgres", readOnly: false) == nil)
    #expect(shared.objection(to: "/live/bank/.env", readOnly: true) != nil)
    let before = Self.subject { paths, _ in paths.used = ["postgres"] }
    #expect(before.objection(to: "/live/postgres", readOnly: false) == nil)
  }

  @Test func `a directory of the commit in which the host keeps more is nobody's`() {
    let mixed = Self.subject { paths, _ in paths.mixed = ["common"] }
    #expect(mixed.objection(to: "/live/common", readOnly: true)?.words.contains("belongs to no stack") == true)
    #expect(mixed.objection(to: "/live/common/x.conf", readOnly: true) == nil)
  }

  @Test func `a link is judged by where it leads, and the engine's directories by what the engine says`() {
    let subject = Self.subject { paths, policy in
      paths.real = ["/live/app/link": "/live/bank/.env"]
      paths.engine = ["/srv/engine"]
      policy.bindRoots = ["/srv"]
    }
    #expect(subject.objection(to: "/live/app/link", readOnly: true)?.words.contains("bank") == true)
    #expect(subject.objection(to: "/srv/engine/volumes", readOnly: true)?.words.contains("engine") == true)
    #expect(subject.objection(to: "/srv", readOnly: true)?.words.contains("engine") == true)
    #expect(subject.objection(to: "/srv/media", readOnly: false) == nil)
  }
}

/// What drivers and their options come to; whatever is not in these tables is refused.
@Suite("Options say what they are") struct OptionsTests {
  static let volumes: [(options: [String: String], driver: String?, expected: VolumeOptions)] = [
    ([:], nil, .harmless), (["type": "tmpfs", "device": "tmpfs", "o": "size=16m,uid=1000"], "local", .harmless),
    (["type": "none", "o": "bind,ro", "device": "/srv/x"], nil, .bind("/srv/x")),
    (["type": "none", "o": "rbind", "device": "../srv/x/"], nil, .bind("/srv/x")),
    (["type": "ext4", "device": "LABEL=root", "o": "ro"], nil, .unknown("mounts the file system ext4")),
    (["type": "cgroup2", "device": "none"], nil, .unknown("mounts the file system cgroup2")),
    (["type": "overlay", "o": "lowerdir=etc:srv"], nil, .unknown("mounts the file system overlay")),
    (["type": "tmpfs", "o": "size=1m,evil=1"], nil, .unknown("has the mount option evil=1")),
    (["mountpoint": "srv"], nil, .unknown("has the option mountpoint")),
    ([:], "rclone", .unknown("uses the driver rclone")),
    (["type": "nfs", "device": ":/export", "o": "addr=10.0.0.2"], nil, .harmless),
    (["type": "nfs", "device": "/etc", "o": "addr=10.0.0.2"], nil, .unknown("mounts the file system nfs")),
  ]

  @Test(arguments: volumes.indices) func `a volume is harmless, a directory of the host, or unknown`(_ row: Int) {
    let (options, driver, expected) = Self.volumes[row]
    var volume: [String: JSON] = ["driver_opts": .object(options.mapValues(JSON.string))]
    if let driver { volume["driver"] = .string(driver) }
    #expect(VolumeOptions(.object(volume), allowed: ["nfs"]) == expected)
  }

  @Test(arguments: [
    ("172.31.77.0/24", true), ("10.0.0.0/8", true), ("192.168.4.0/24", true), ("100.64.0.0/16", true),
    ("fd00:1::/64", true),
    ("1.1.1.0/24", false), ("0.0.0.0/0", false), ("10.0.0.0/7", false), ("172.15.0.0/16", false),
    ("169.254.0.0/16", false),
    ("127.0.0.0/8", false), ("2001:db8::/32", false), ("::/0", false), ("ten", false),
  ])
  func `only addresses that are nobody's on the internet are taken`(_ range: String, _ isPrivate: Bool) {
    #expect(NetworkOptions.isPrivate(range) == isPrivate)
  }
}

@Suite("What a stack has beside its directory") struct BelongingsTests {
  @Test func `equal values are written in the same order, and what an earlier version wrote is read`() throws {
    var (one, other) = (OwnedResources(), OwnedResources())
    let names = (1...40).map { "name-\($0)" }
    one.containers = Set(names)
    for name in names.reversed() { other.containers.insert(name) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(try encoder.encode(one) == encoder.encode(other))
    let known = try JSONDecoder().decode(OwnedResources.self, from: Data(#"{"volumes": ["a_db"]}"#.utf8))
    #expect(known.volumes == ["a_db"] && known.projects.isEmpty)
  }
  @Test func `what a stack had first stays its own, whatever another one claims`() {
    var (bank, evil, before) = (OwnedResources(), OwnedResources(), OwnedResources())
    bank.volumes = ["bank_data"]
    bank.builds = ["bank-web:latest"]
    bank.containers = ["bank-db-1"]
    evil.volumes = ["bank_data", "evil_data"]
    evil.runs = ["bank-web:latest"]
    evil.containers = ["bank-db-1"]
    evil.writes = ["/live/bank"]
    evil.outside = ["bank/new"]
    let seen = evil.without(bank, unless: before)
    #expect(seen.volumes == ["evil_data"] && seen.runs == [] && seen.containers == [] && seen.outside == [])
    #expect(seen.writes == ["/live/bank"])
    // What both had already is told.
    before.volumes = ["bank_data"]
    #expect(evil.without(bank, unless: before).volumes == ["bank_data", "evil_data"])
  }
}
