@testable import Core
import Testing

@Suite("Paths are worked on as text alone")
struct PathTests {
  @Test(arguments: [
    ("a", "b", "a/b"), (".", "b", "b"), ("a", ".", "a"), ("a", "../b", "b"), ("a", "../../b", "../b"),
    ("a", "/b", "/b"), ("/a/b", "../../../c", "/c"), ("a/", "./b//c", "a/b/c"),
  ])
  func `two paths are joined`(_ base: String, _ path: String, _ joined: String) {
    #expect(Path.join(base, path) == joined)
  }

  @Test(arguments: [
    ("a/b", "a", "b"), ("a", "a", "."), ("ab", "a", nil), ("a", ".", "a"), ("/srv/x", "/srv", "x"),
    ("/srv", "/", "srv"),
    ("../a", ".", nil), ("/a", ".", nil),
  ])
  func `a path is told from its neighbour`(_ path: String, _ directory: String, _ rest: String?) {
    #expect(Path.relative(path, to: directory) == rest)
  }

  @Test func `the directories above a path come from the top`() {
    #expect(Path.ancestors("a/b/c") == ["a", "a/b"])
    #expect(Path.ancestors("c") == [])
    #expect(Path.parent("/c") == "/")
  }

  @Test(arguments: [
    ("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("0s", 0), ("", nil), ("5", nil),
    ("5d", nil),
    ("-5s", nil), ("5 m", nil), ("1.5h", nil), ("s", nil), ("99999999999s", nil),
  ])
  func `a length of time needs its unit`(_ text: String, _ milliseconds: Int?) {
    #expect(Duration(parsing: text)?.milliseconds == milliseconds)
  }
}
