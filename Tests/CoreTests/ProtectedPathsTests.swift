@testable import Core
import Testing

@Suite("I1: what a host keeps as runtime state is known by its path")
struct ProtectedPathsTests {
  static let table: [(path: String, glob: String?)] = [
    (".env", "**/.env"), ("gw-kids/.env", "**/.env"), ("a/b/.env.production", "**/.env.*"), ("a/.env.example", nil),
    ("gw-kids/config/auth.json", "gw-*/config"), ("gw-kids/docker-compose.yml", nil),
    ("runner/jobs/1/log", "runner/jobs"), ("runner/compose/docker-compose.yml", nil),
    ("runner/job-definitions/a.yml", nil),
    ("postgres/PG_VERSION", "postgres"), ("infra/postgres.yml", nil), ("a/data/x", "**/data"), ("data", "**/data"),
    ("metadata/x", nil), ("repo/HEAD", "repo"), ("a/repo/x", nil), ("a/cache/.env.example", "**/cache"),
    ("own/thing/x", "own/*"), ("own", nil),
  ]

  @Test(arguments: table) func `a path is protected by itself or by a directory above it`(
    _ path: String, _ glob: String?
  ) {
    #expect(ProtectedPaths(adding: ["own/*"]).glob(protecting: path) == glob)
  }

  static let patterns: [(pattern: String, path: String, matches: Bool)] = [
    ("*", "a", true), ("*", "a/b", false), ("**", "a/b/c", true), ("a/**/c", "a/c", true), ("a/**/c", "a/x/y/c", true),
    ("a/**/c", "a/x/d", false), ("gw-?", "gw-a", true), ("gw-[ab]", "gw-c", false), ("**/x", "x", true),
    (#"a\*"#, "a*", true), (#"a\*"#, "ab", false),
  ]

  @Test(arguments: patterns) func `a glob's stars stop at a slash, two of them do not`(
    _ pattern: String, _ path: String, _ matches: Bool
  ) {
    #expect(Glob(pattern).matches(path) == matches)
  }
}
