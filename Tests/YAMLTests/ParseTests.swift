import Testing
import YAML

@Suite("YAML is read with the place of everything in it")
struct ParseTests {
  func one(_ text: String, limits: Limits = Limits()) throws -> Node {
    try #require(try parse(Array(text.utf8), limits: limits).first)
  }

  @Test("members carry line and column from 1")
  func places() throws {
    let root = try one("a: 1\nb:\n  c: [x, 'y']\n")
    let list = try #require(root["b"]?["c"])
    #expect(list.start == Mark(line: 3, column: 6))
    #expect(list.sequence?.map(\.string) == ["x", "y"])
    #expect(list.sequence?.map(\.start) == [Mark(line: 3, column: 7), Mark(line: 3, column: 10)])
    #expect(root.entry("b")?.key.start == Mark(line: 2, column: 1))
  }

  @Test(
    "null is written without quotes",
    arguments: [("", true), ("~", true), ("null", true), ("'null'", false), ("\"\"", false), ("0", false)])
  func null(text: String, expected: Bool) throws {
    #expect(try one("k: \(text)\n")["k"]?.isNull == expected)
  }

  @Test("a merge key gives what the mapping itself does not have")
  func merge() throws {
    let root = try one("base: &b {image: x, user: u}\ns:\n  <<: *b\n  image: y\nt:\n  <<: [*b, {cpu: 1}]\n")
    #expect(root["s"]?["image"]?.string == "y")
    #expect(root["s"]?["user"]?.string == "u")
    #expect(root["t"]?["cpu"]?.string == "1")
    #expect(root["s"]?["cpu"] == nil)
  }

  @Test("an alias stands where it is written, and keeps the tag of its anchor")
  func alias() throws {
    let root = try one("a: &x !reset [1]\nb: *x\n")
    #expect(root["b"]?.sequence?.count == 1)
    #expect(root["b"]?.tag == "!reset")
    #expect(root["b"]?.start == Mark(line: 2, column: 4))
  }

  @Test("no document, one document and several")
  func documents() throws {
    #expect(try parse([]).isEmpty)
    #expect(try parse(Array("# only a comment\n".utf8)).isEmpty)
    #expect(try parse(Array("a: 1\n---\nb: 2\n".utf8)).count == 2)
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let text: [UInt8]
    let kind: YAMLError.Kind
    let mark: Mark?
    var testDescription: String { String(decoding: text.prefix(24), as: UTF8.self) }
    init(_ text: String, _ kind: YAMLError.Kind, _ line: Int, _ column: Int) {
      (self.text, self.kind, self.mark) = (Array(text.utf8), kind, Mark(line: line, column: column))
    }
    init(bytes: [UInt8], _ kind: YAMLError.Kind, _ line: Int, _ column: Int) {
      (text, self.kind, mark) = (bytes, kind, Mark(line: line, column: column))
    }
  }

  @Test(
    "bad text is refused at its place",
    arguments: [
      Bad("a: [1, 2\nb: 3\n", .syntax, 2, 2),
      Bad("a: 1\n\tb: 2\n", .syntax, 2, 1),
      Bad("a: 1\nb: 2\na: 3\n", .duplicateKey, 3, 1),
      Bad("a: *nowhere\n", .unknownAlias, 1, 4),
      Bad("a: &x [*x]\n", .unknownAlias, 1, 8),
      Bad(bytes: Array("a: 1\nb: ".utf8) + [0xff, 0xfe, 0x0a], .encoding, 2, 4),
      Bad(String(repeating: "[", count: 80), .tooLarge, 1, 66),
    ])
  func refusals(bad: Bad) throws {
    let error = try #require(throws: YAMLError.self) { try parse(bad.text) }
    #expect(error.kind == bad.kind)
    #expect(error.mark == bad.mark)
    #expect(!error.message.isEmpty)
  }

  @Test("a text of 5 MB is refused without being read")
  func large() throws {
    let error = try #require(throws: YAMLError.self) { try parse([UInt8](repeating: 32, count: 5 << 20)) }
    #expect(error.kind == .tooLarge)
  }

  @Test("aliases that multiply are counted, not built")
  func bomb() throws {
    var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    for level in 1...12 {
      let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
      text += "a\(level): &a\(level) [\(alias)]\n"
    }
    let error = try #require(throws: YAMLError.self) { try parse(Array(text.utf8)) }
    #expect(error.kind == .tooLarge)
  }

  @Test("an excerpt shows the line with a caret under the column")
  func excerpts() {
    let bytes = Array("a: 1\r\n\tbé: 2\n".utf8)
    #expect(excerpt(of: bytes, at: Mark(line: 2, column: 4)) == [" bé: 2", "   ^"])
    #expect(excerpt(of: bytes, at: Mark(line: 1, column: 99)) == ["a: 1", "    ^"])
    #expect(excerpt(of: bytes, at: Mark(line: 9, column: 1)).isEmpty)
    let long = Array(String(repeating: "x", count: 500).utf8)
    let shown = excerpt(of: long, at: Mark(line: 1, column: 300))
    #expect(shown.first?.count == 120)
    #expect(shown.last?.count == 80)
  }
}
