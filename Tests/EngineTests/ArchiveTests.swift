import Testing

@testable import Engine

@Suite("A file of an archive")
struct ArchiveTests {
  static func entry(_ type: Character, _ content: String) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    let size = String(content.utf8.count, radix: 8)
    header.replaceSubrange(124..<136, with: Array((String(repeating: "0", count: 11 - size.count) + size).utf8) + [0])
    header[156] = type.asciiValue ?? 0
    let body = Array(content.utf8)
    return header + body + [UInt8](repeating: 0, count: (512 - body.count % 512) % 512)
  }

  @Test(
    arguments: [
      (entry("0", "root:x:0:0\n"), "root:x:0:0\n"), (entry("x", "path=a") + entry("0", "b"), "b"),
      (entry("2", ""), nil), (entry("5", ""), nil), ([], nil), (Array(entry("0", "abc").prefix(513)), nil),
      (entry("0", ""), ""),
    ] as [([UInt8], String?)])
  func `only a whole regular file is read`(_ archive: [UInt8], _ content: String?) {
    #expect(EngineClient.firstFile(of: archive).map { String(decoding: $0, as: UTF8.self) } == content)
  }
}
