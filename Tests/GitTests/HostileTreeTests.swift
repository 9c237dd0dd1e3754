import Foundation
import Git
import Processes
import Testing

/// Trees that no git program would make.
@Suite struct HostileTreeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let names: [[UInt8]]
    /// What the refusal names; nothing where the tree is taken.
    var shown: String?

    init(_ description: String, _ names: String..., shown: String? = nil) {
      testDescription = description
      self.names = names.map { Array($0.utf8) }
      self.shown = shown
    }

    init(_ description: String, bytes: [UInt8], shown: String) {
      testDescription = description
      names = [bytes]
      self.shown = shown
    }
  }

  static let cases: [Case] = [
    Case("the directory above", "..", shown: "dir/\"..\""), Case("the directory itself", ".", shown: "dir/\".\""),
    Case("no name", "", shown: "tree"), Case("a slash", "a/b", shown: "dir/\"a/b\""),
    Case("an absolute path", "/etc", shown: "dir/\"/etc\""), Case("up and out", "../../etc", shown: "../../etc"),
    Case("a slash that a mark hides", "a/\u{7ee}b", shown: "dir/\"a"),
    Case("up and out behind a mark", "../\u{301}etc", shown: "dir/\".."),
    Case("a mark first", "\u{301}a", shown: "dir/"), Case(".git", ".git", shown: ".git"),
    Case(".GIT", ".GIT", shown: ".GIT"), Case(".gIt", ".gIt", shown: ".gIt"),
    Case("git~1", "git~1", shown: "git~1"), Case("GIT~1", "GIT~1", shown: "GIT~1"),
    Case(".git with a space", ".git ", shown: ".git "), Case(".git with dots", ".git...", shown: ".git..."),
    Case(".git with a stream", ".git::$INDEX_ALLOCATION", shown: "INDEX_ALLOCATION"),
    Case(".git with a backslash", ".git\\config", shown: "config"),
    Case(".git with a letter without a shape", ".g\u{200c}it", shown: "dir/"),
    Case(".git with a mark at its end", ".git\u{feff}", shown: "dir/"),
    Case("a line end", "a\nb", shown: "a\\nb"), Case("an escape", "a\u{1b}[31m", shown: "\\u{1B}"),
    Case("a control character of the second set", "a\u{9b}31m", shown: "dir/"),
    Case("a deletion", "a\u{7f}", shown: "dir/"),
    Case("a mark that turns the text", "a\u{202e}lmay.b", shown: "dir/"),
    Case("its newer form", "a\u{2066}b", shown: "dir/"),
    Case("bytes that are no text", bytes: [0x61, 0xff, 0xfe], shown: "dir/\"a"),
    Case("one name twice", "same", "same", shown: "same"),
    Case("two forms of one name", "caf\u{e9}", "cafe\u{301}", shown: "caf"),
    Case("names that differ in case only", "Readme", "readme"),
    Case("a name like .git", ".gitignore", ".github", "git~2"),
    Case("dots that lead nowhere", "...", "..a", "a.."), Case("a backslash", "a\\b"), Case("a colon", "a:b"),
  ]

  @Test(arguments: cases) func `a name that could be taken for another is refused with its path`(_ item: Case)
    async throws
  {
    let scratch = try await Scratch()
    try await scratch.commit(["f": "x"])
    let blob = try await scratch.git("rev-parse", "HEAD:f")
    let inner = try await scratch.object("tree", item.names.flatMap { entry("100644", $0, blob) })
    let tree = try await scratch.object("tree", entry("40000", Array("dir".utf8), inner))
    let commit = try await scratch.git("commit-tree", "-m", "x", tree)
    try await scratch.git("update-ref", "refs/heads/main", commit)
    let mirror = try scratch.mirror()
    guard let shown = item.shown else {
      _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
      #expect(try await mirror.entries(of: commit).count == item.names.count + 2)
      return
    }
    await #expect {
      _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
      _ = try await mirror.entries(of: commit)
    } throws: {
      guard let error = $0 as? GitError else { return false }
      let isPlain = error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) }
      return error.kind == .unsafePath && error.message.contains(shown) && isPlain
    }
  }

  private func entry(_ mode: String, _ name: [UInt8], _ id: String) -> [UInt8] {
    let digits = Array(id)
    return Array("\(mode) ".utf8) + name + [0]
      + stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
  }

  @Test func `a blob is not read to learn its size, and one over the limit is left out of an export`() async throws {
    let scratch = try await Scratch()
    let id = try await scratch.commit(["big": String(repeating: "x", count: 5000), "small": "y"])
    try FileManager.default.createDirectory(atPath: scratch.root + "/out", withIntermediateDirectories: true)
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let entries = try await mirror.entries(of: id)
    #expect(try await mirror.size(of: try #require(entries.first { $0.path == "big" }).id) == 5000)
    try await mirror.export(entries, to: scratch.root + "/out", limit: 4999)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.root + "/out") == ["small"])
  }
}

extension Scratch {
  /// Writes an object whatever it holds.
  func object(_ type: String, _ bytes: [UInt8]) async throws -> String {
    let program = try #require(find("git", in: Self.path))
    let outcome = try await run(
      Command(
        program, ["-C", root + "/repo", "hash-object", "-t", type, "-w", "--stdin", "--literally"],
        environment: ["PATH": Self.path], input: bytes, deadline: .seconds(10)))
    return outcome.outputText.trimmingCharacters(in: .newlines)
  }
}
