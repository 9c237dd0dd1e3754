@testable import Core
import Testing

/// A commit with these files; a name that ends in `@` is a symbolic link, one that ends in `^` a submodule.
func commit(_ paths: String..., id: String = "1") -> CommitTree { commit(paths, id: id) }

func commit(_ paths: [String], id: String = "1") -> CommitTree {
  var entries: [TrackedPath] = []
  var directories: Set<String> = ["."]
  for path in paths {
    let name = path.hasSuffix("@") || path.hasSuffix("^") ? String(path.dropLast()) : path
    let kind: TrackedPath.Kind = path.hasSuffix("@") ? .symlink : path.hasSuffix("^") ? .submodule : .file
    entries.append(TrackedPath(path: name, kind: kind, id: "\(name)#\(id)"))
    directories.formUnion(Path.ancestors(name))
  }
  entries += directories.map { TrackedPath(path: $0, kind: .directory, id: "\($0)/#\(id)") }
  return CommitTree(commit: id, paths: entries)
}

func settings(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
  var settings = Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
  change(&settings)
  return settings
}

@Suite("Every directory with a Compose file is a stack")
struct DiscoveryTests {
  @Test func `stacks stand at the root and at any depth`() {
    let found = Discovery(
      commit("compose.yaml", "infra/docker-compose.yml", "a/b/c/compose.yml", "docs/readme.md"), settings: settings())
    #expect(found.stacks.map(\.name) == [".", "a/b/c", "infra"])
    #expect(
      found.stacks.map(\.composeFiles) == [["compose.yaml"], ["a/b/c/compose.yml"], ["infra/docker-compose.yml"]])
    #expect(found.diagnostics.isEmpty)
  }

  @Test func `of several names Compose's own order decides, and an override is laid over it`() {
    let found = Discovery(
      commit("s/docker-compose.yml", "s/compose.yml", "s/docker-compose.override.yml", "s/compose.override.yaml"),
      settings: settings())
    #expect(found.stacks.map(\.composeFiles) == [["s/compose.yml", "s/compose.override.yaml"]])
  }

  @Test func `an override alone is no stack`() {
    #expect(Discovery(commit("s/compose.override.yaml"), settings: settings()).stacks.isEmpty)
  }

  @Test func `excluded stacks and job definitions are left alone`() {
    let found = Discovery(
      commit("old-a/compose.yaml", "old-a/sub/compose.yaml", "runner/job-definitions/compose.yaml", "new/compose.yaml"),
      settings: settings { $0.exclude = ["old-*"] })
    #expect(found.stacks.map(\.name) == ["new"])
  }

  static let odd: [(path: String, rule: String)] = [
    ("s/compose.yaml@", "forbidden-file"), ("s/compose.yaml^", "forbidden-file"), ("s/compose.yaml/inner", "compose"),
  ]

  @Test(arguments: odd) func `a Compose file that is no file is refused`(_ path: String, _ rule: String) {
    let found = Discovery(commit(path), settings: settings())
    #expect(found.diagnostics.map(\.rule) == [rule])
    #expect(found.diagnostics.map(\.file) == ["s/compose.yaml"])
    #expect(found.diagnostics.map(\.stack) == ["s"])
  }

  static let state: [(path: String, refused: Bool)] = [
    ("gw/.env", true), ("gw/.env.example", false), ("gw/data/x", false), ("docs/data/x", false), ("repo/x", true),
    ("skip/.env", false), ("gw/src/main.py", false), ("pgdata/x", true),
  ]

  @Test(arguments: state) func `I1: a tracked file that would land on runtime state is refused`(
    _ path: String, _ refused: Bool
  ) {
    let found = Discovery(commit("gw/compose.yaml", path), settings: settings { $0.exclude = ["skip"] })
    #expect(found.diagnostics.map(\.file) == (refused ? [path] : []))
    #expect(found.diagnostics.allSatisfy { $0.rule == "forbidden-file" && $0.refuses })
  }

  @Test func `a tree is searched by path`() {
    let tree = commit("a/b", "a/c/d", "a.b", "ab/x")
    #expect(tree.files(under: "a").map(\.path) == ["a/b", "a/c/d"])
    #expect(tree.children(of: "a").map(\.path) == ["a/b", "a/c"])
    #expect(tree.children(of: ".").map(\.path) == ["a", "a.b", "ab"])
    #expect(tree.fingerprint("nothing") == Fingerprint.absent)
  }
}
