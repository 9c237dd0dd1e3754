import Core
import Foundation
import Processes
import Testing

/// Holds the findings on real Compose files against `Tests/Corpus/findings.txt`; its README says how those were reviewed.
///
/// The files stand next to the repository, at `../shared/corpus` or where CLUP_TEST_CORPUS says.
@Suite("Corpus") struct CorpusTests {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  static let corpus =
    (ProcessInfo.processInfo.environment["CLUP_TEST_CORPUS"]
      ?? tests.deletingLastPathComponent().deletingLastPathComponent().path + "/shared/corpus") + "/awesome-compose"
  static let isThere = FileManager.default.fileExists(atPath: corpus)

  @Test(.enabled(if: isThere, "the corpus is not there: CLUP_TEST_CORPUS names it"))
  func `the findings on real files are those that were reviewed`() async throws {
    let found = try await ValidateTests.validate(Self.corpus, expect: 3)
    let lines = found.map { "\($0.file):\($0.line ?? 0):\($0.column ?? 0) \($0.rule) \($0.service ?? "-")" }.sorted()
    let text = try String(contentsOf: Self.tests.appending(path: "Corpus/findings.txt"), encoding: .utf8)
    let reviewed = text.split(separator: "\n").map(String.init)
    #expect(Set(lines).subtracting(reviewed) == [])
    #expect(Set(reviewed).subtracting(lines) == [])
  }

  @Test(.enabled(if: isThere, "the corpus is not there: CLUP_TEST_CORPUS names it"))
  func `SARIF names a known rule, a file and a line of it for each finding`() async throws {
    let outcome = try await ValidateTests.clup(["validate", Self.corpus, "--output", "sarif"])
    let sarif = try JSON(parsing: outcome.output)
    #expect(sarif["version"] == .string("2.1.0"))
    let run = try #require(sarif["runs"]?.array.first)
    let rules = try #require(run["tool"]?["driver"]?["rules"]?.array)
    let results = try #require(run["results"]?.array)
    #expect(results.count > 100)
    for result in results {
      let place = try #require(result["locations"]?.array.first?["physicalLocation"])
      let file = try #require(place["artifactLocation"]?["uri"]?.string)
      #expect(FileManager.default.fileExists(atPath: Self.corpus + "/" + file))
      guard case .integer(let index)? = result["ruleIndex"] else {
        Issue.record("no rule")
        continue
      }
      #expect(rules[index]["id"] == result["ruleId"])
      #expect(result["message"]?["text"]?.string?.isEmpty == false)
    }
  }
}
