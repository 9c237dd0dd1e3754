@testable import Core
import Testing

@Suite("I11: what a container may write to is no path of a release")
struct ManagedPathsTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var files = ["app/compose.yaml", "app/conf/x", "app/conf/deep/y"]
    var written: [String] = []
    var seen: [String] = []
    var real: [String] = []
    var mounted = ["app/conf"]
    var links: [String] = []
    var copies: [String] = []
    var writable: [String] = []
  }

  static let rows = [
    Row(testDescription: "a directory that is only read is one link", links: ["app/conf"]),
    Row(
      testDescription: "a directory that is written to is copied", written: ["app/conf"],
      copies: ["app/conf/deep/y", "app/conf/x"], writable: ["app/conf/deep/y", "app/conf/x"]),
    Row(
      testDescription: "an untracked directory in it that is written to", written: ["app/conf/state"],
      copies: ["app/conf/deep/y", "app/conf/x"]),
    Row(
      testDescription: "a tracked directory in it that is written to", written: ["app/conf/deep"],
      copies: ["app/conf/deep/y", "app/conf/x"], writable: ["app/conf/deep/y"]),
    Row(
      testDescription: "a directory above it that is written to", written: ["app"],
      copies: ["app/conf/deep/y", "app/conf/x"], writable: ["app/conf/deep/y", "app/conf/x"]),
    Row(testDescription: "another directory is written to", written: ["app/configuration"], links: ["app/conf"]),
    Row(
      testDescription: "a file that is written to", files: ["app/compose.yaml", "app/s.json"], written: ["app/s.json"],
      mounted: ["app/s.json"], copies: ["app/s.json"], writable: ["app/s.json"]),
    Row(
      testDescription: "a directory stands there that nobody writes to", real: ["app/conf"],
      copies: ["app/conf/deep/y", "app/conf/x"]),
    Row(
      testDescription: "a directory above it that a container has", seen: ["app"],
      mounted: ["app/conf", "app/compose.yaml"],
      copies: ["app/compose.yaml", "app/conf/deep/y", "app/conf/x"]),
    Row(testDescription: "it is what a container has", seen: ["app/conf"], links: ["app/conf"]),
    Row(
      testDescription: "a Compose file in a directory that is written to stays a link", written: ["app"],
      mounted: ["app", "app/compose.yaml"], links: ["app/compose.yaml"], copies: ["app/conf/deep/y", "app/conf/x"],
      writable: ["app/conf/deep/y", "app/conf/x"]),
  ]

  static func managed(_ row: Row, _ tree: CommitTree) -> ManagedPaths {
    var managed = ManagedPaths(
      tree: tree, stack: "app", protected: ProtectedPaths(adding: []), written: MountedPaths(row.written),
      seen: MountedPaths(row.seen),
      composeFiles: ["app/compose.yaml"], isDirectory: { row.real.contains($0) ? true : nil })
    for path in row.mounted { managed.add(path, .mounted) }
    return managed
  }

  @Test(arguments: rows) func `a mounted path`(_ row: Row) {
    let managed = Self.managed(row, tree(row.files))
    let kinds = managed.outermost.mapValues(\.kind)
    #expect(kinds.filter { $0.value == .link }.keys.sorted() == row.links)
    #expect(kinds.filter { $0.value == .copy }.keys.sorted() == row.copies)
    #expect(managed.links.filter { $0.value.isWritable == true }.keys.sorted() == row.writable)
    #expect(managed.diagnostics == [])
  }

  @Test(arguments: [TrackedPath.Kind.symlink, .submodule], [[], ["app/conf"]])
  func `a symbolic link or submodule is refused once, in a link as in a copy`(
    _ kind: TrackedPath.Kind, _ written: [String]
  ) {
    let row = Row(testDescription: "", written: written, mounted: ["app/conf", "app/conf/deep"])
    let tree = tree(row.files, and: TrackedPath(path: "app/conf/deep/other", kind: kind, id: "1"))
    let found = Self.managed(row, tree).diagnostics
    #expect(found.map(\.rule) == ["forbidden-file"])
    #expect(found.map(\.file) == ["app/conf/deep/other"] && found.map(\.stack) == ["app"])
  }

  @Test func `what lies below a symbolic link of the commit is refused`() {
    var managed = Self.managed(
      Row(testDescription: ""), tree(["app/compose.yaml"], and: TrackedPath(path: "app/l", kind: .symlink, id: "1")))
    managed.check(above: "app/l/conf")
    #expect(managed.diagnostics.map(\.file) == ["app/l"])
  }

  @Test func `a named volume that is a bind counts, unless it is read only`() throws {
    let json = """
      {"name": "p", "volumes": {"v": {"driver_opts": {"type": "none", "o": "bind", "device": "/live/app/conf"}},
        "r": {"driver_opts": {"o": "ro,bind", "device": "/live/app/r"}}, "plain": {}},
       "services": {"a": {"volumes": [{"type": "volume", "source": "v", "target": "/v"},
        {"type": "volume", "source": "r", "target": "/r"}, {"type": "volume", "source": "plain", "target": "/p"}]},
        "b": {"volumes": [{"type": "volume", "source": "v", "target": "/v", "read_only": true}]}}}
      """
    let model = ComposeModel(try JSON(parsing: Array(json.utf8)))
    #expect(model.services.map(\.writable) == [["/live/app/conf"], []])
    #expect(model.hostPaths == ["/live/app/conf", "/live/app/r"])
  }

  private func tree(_ files: [String], and other: TrackedPath? = nil) -> CommitTree {
    let paths = files.map { TrackedPath(path: $0, kind: .file, id: $0) } + [other].compactMap { $0 }
    let directories = Set(paths.map(\.path).flatMap(Path.ancestors)).union(["."])
    return CommitTree(
      commit: "c", paths: paths + directories.map { TrackedPath(path: $0, kind: .directory, id: "d") })
  }
}

@Suite("I4: what somebody wrote into a copy is kept")
struct CopyPlanningTests {
  static let planning = LinkPlanning(pointers: "/live/clup/stacks")
  static let own = LiveEntry.link("/live/clup/stacks/s/s/conf")

  static func copy(_ id: String, isWritable: Bool = true) -> DesiredLink {
    var link = DesiredLink(kind: .copy, from: "s/conf/x", id: id)
    link.isWritable = isWritable ? true : nil
    return link
  }

  static func plan(_ wish: DesiredLink, _ known: DesiredLink?, _ found: LiveEntry) -> LinkPlan? {
    planning.plan(
      pointer: "s", desired: ["s/conf/x": wish], known: known.map { ["s/conf/x": $0] } ?? [:],
      live: ["s/conf/x": found]
    ).first
  }

  @Test func `an edit stays until a commit changes the file`() {
    let same = Self.plan(Self.copy("1"), Self.copy("1"), .file("edited"))
    #expect(same?.action == .keep)
    let changed = Self.plan(Self.copy("2"), Self.copy("1"), .file("edited"))
    #expect(changed?.action == .replace && changed?.backsUp == true)
    let untouched = Self.plan(Self.copy("2"), Self.copy("1"), .file("1"))
    #expect(untouched?.action == .replace && untouched?.backsUp == false)
  }

  @Test func `where no container writes, an edit is put right`() {
    let found = Self.plan(Self.copy("1", isWritable: false), Self.copy("1", isWritable: false), .file("edited"))
    #expect(found?.action == .replace && found?.backsUp == true)
  }

  @Test func `a copy that was never put in place is not taken for edited`() {
    let link = DesiredLink(kind: .link, from: "s/f", id: "1")
    for known in [
      nil, Self.copy("1").pending, Self.copy("0").transitioning(to: Self.copy("1")),
      link.transitioning(to: Self.copy("1")),
    ] {
      let found = Self.plan(Self.copy("1"), known, .file("a person's"))
      #expect(found?.action == .replace && found?.backsUp == true, "\(String(describing: known))")
    }
    let again = Self.copy("1").pending.transitioning(to: Self.copy("1"))
    #expect(!again.isPlaced, "a second sync that is cut off has not put it in place either")
  }

  @Test func `a link above it becomes a directory, and is never removed`() {
    let known = ["s/conf": DesiredLink(kind: .link, from: "s/conf", id: "d")]
    let plans = Self.planning.plan(
      pointer: "s", desired: ["s/conf/x": Self.copy("2"), "s/conf/y": Self.copy("3")], known: known,
      live: ["s/conf": Self.own, "s/conf/x": .file("1"), "s/conf/y": .absent])
    #expect(plans.map(\.live) == ["s/conf", "s/conf/x", "s/conf/y"])
    #expect(plans.map(\.action) == [.replace, .replace, .create])
    #expect(plans.map(\.materializes) == [true, false, false])
    #expect(plans.allSatisfy { !$0.backsUp })
  }

  @Test func `going back leaves the directory that came into the place of a link`() {
    var stack = DesiredStack(
      name: "s", commit: "c", project: "s", tracked: [:], untracked: [:], services: [],
      links: [
        "s/conf": DesiredLink(kind: .link, from: "s/conf", id: "d"),
        "s/other": DesiredLink(kind: .link, from: "s/other", id: "d"),
      ], after: [], deployTimeout: nil)
    stack.shared = ["common": DesiredLink(kind: .link, from: "common", id: "d").withCommit("e")]
    let files = ["c s/conf": "s/conf/deep/x", "e common": "common/y"]
    let good = Deployment(stack).materialized(where: { $0 != "s/other" }) { commit, path in
      files["\(commit) \(path)"].map { [TrackedPath(path: $0, kind: .file, id: "1")] }
    }
    #expect(good.links.mapValues(\.kind) == ["s/conf/deep/x": .copy, "s/other": .link])
    #expect(good.shared?.mapValues(\.kind) == ["common/y": .copy])
    #expect(good.shared?["common/y"]?.commit == "e")
  }
}
