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

  /// The kernel knows bytes: a letter that joins the one before it does not join a slash, and two spellings are two names.
  @Test(arguments: [
    ("/\u{301}/../etc", "/etc"), ("/a/\u{301}b/./c", "/a/\u{301}b/c"), ("\u{301}/..", "."), ("a/\u{301}/../..", "."),
    ("/e\u{301}/../x", "/x"),
  ])
  func `a slash stays one before a letter that joins`(_ path: String, _ normal: String) {
    #expect(Array(Path.normalized(path).utf8) == Array(normal.utf8))
    #expect(Path.isAbsolute(path) == (path.utf8.first == 0x2f))
  }

  @Test(arguments: [
    ("/srv/e\u{301}", "/srv/\u{e9}", nil), ("/srv/\u{e9}/x", "/srv/e\u{301}", nil),
    ("/srv/\u{301}x", "/srv", "\u{301}x"), ("/srv/x", "/srv\u{301}", nil), ("/\u{301}", "/", "\u{301}"),
  ])
  func `names are compared byte by byte`(_ path: String, _ directory: String, _ rest: String?) {
    #expect(Path.relative(path, to: directory).map { Array($0.utf8) } == rest.map { Array($0.utf8) })
  }

  @Test func `every component is found however it starts`() {
    #expect(Path.components("/a/\u{301}/b").count == 3)
    #expect(Path.name("/a/\u{301}b").unicodeScalars.first == "\u{301}")
    #expect(Path.parent("/a/\u{301}b") == "/a")
    #expect(Path.climbs(in: "x:/\u{301}/../..") == 2)
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
    ("1h501h1ms", 1_807_200_001), ("1500ms", 1500), ("999999999h", nil),
  ])
  func `a length of time needs its unit, and is read again as it is written`(_ text: String, _ milliseconds: Int?) {
    let time = Duration(parsing: text)
    #expect(time?.milliseconds == milliseconds)
    #expect(time.flatMap { Duration(parsing: $0.text) } == time)
  }
}
