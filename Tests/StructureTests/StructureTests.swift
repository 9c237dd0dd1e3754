import Foundation
import Testing

/// Holds the sources against what `Sources/README.md` promises.
@Suite struct StructureTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func sources() throws -> [(module: String, name: String, text: String)] {
    let base = root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: base.path))
    return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map { path in
      (String(path.prefix { $0 != "/" }), path, try String(contentsOf: base.appending(path: path), encoding: .utf8))
    }
  }

  /// Reads the table `| module | may import | … |` of the page.
  static func table() throws -> [String: Set<String>] {
    let page = try String(contentsOf: root.appending(path: "Sources/README.md"), encoding: .utf8)
    var rows: [String: Set<String>] = [:]
    let part = page.split(separator: "## Modules", maxSplits: 1).last ?? ""
    for line in part.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      rows[cells[0].replacing("`", with: "")] = Set(
        cells[1].split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }.filter {
          $0 != "–"
        })
    }
    return rows
  }

  @Test func `every import stands in the table, and every entry of the table is used`() throws {
    let table = try Self.table()
    #expect(table.count >= 7)
    let system: Set<String> = ["Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization"]
    var used: [String: Set<String>] = [:]
    for source in try Self.sources() {
      let imports = source.text.split(separator: "\n").filter { $0.hasPrefix("import ") }.map {
        String($0.dropFirst(7))
      }
      used[source.module, default: []].formUnion(Set(imports).subtracting(system))
    }
    used["CLinux"] = []
    used["CVersion"] = []
    for module in Set(used.keys).union(table.keys).sorted() { #expect(used[module] == table[module], "\(module)") }
  }

  @Test func `full Foundation is not linked, which would cost each start`() throws {
    let names = try Self.sources().filter { ("\n" + $0.text).contains("\nimport Foundation\n") }.map(\.name)
    #expect(names == [])
  }

  static let banned = [
    "@unchecked Sendable", "try!", "fatalError", "nonisolated(unsafe)", "as!", "preconditionFailure",
  ]

  @Test(arguments: banned) func `a shortcut that could crash or race is nowhere`(_ word: String) throws {
    let names = try Self.sources().filter { $0.text.contains(word) }.map(\.name)
    #expect(names == [])
  }

  @Test func `the core knows no disk, clock or process`() throws {
    // Glob takes fnmatch(3) from the C library.
    for source in try Self.sources() where source.module == "Core" && source.name != "Core/Values/Glob.swift" {
      for word in ["Glibc", "Dispatch", "Date()", "ContinuousClock", "FileManager", "ProcessInfo"] {
        let found = source.text.contains(word)
        #expect(!found, "\(source.name) has \(word)")
      }
    }
  }

  @Test func `deploy/test names suites that exist`() throws {
    let script = try String(contentsOf: Self.root.appending(path: "deploy/test"), encoding: .utf8)
    let parts = try #require(script.firstMatch(of: /\nparts=\(\n(?<names>[^)]*)\)/)).names
    let base = Self.root.appending(path: "Tests/EndToEndTests")
    let tests = try FileManager.default.contentsOfDirectory(atPath: base.path).map {
      try String(contentsOf: base.appending(path: $0), encoding: .utf8)
    }
    let names = parts.matches(of: /\w+/).map(\.output)
    #expect(names.count > 10)
    for name in names { #expect(tests.contains { $0.contains("struct \(name) {") }, "\(name)") }
  }

  @Test func `the top level holds what it should and nothing else`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.root.path).filter { !$0.hasPrefix(".") }
    #expect(names.sorted() == ["Package.swift", "README.md", "Sources", "Tests", "deploy", "hooks"])
  }
}
