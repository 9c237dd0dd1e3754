@testable import Core
import FoundationEssentials
import Testing

@Suite("Reports keep every key, for programs that read them")
struct ReportTests {
  @Test func `what is not known is null, not absent`() throws {
    var report = Report(
      id: "i", trigger: "manual", dryRun: true, host: "h", repository: "r", branch: "main",
      started: "2026-01-02T03:04:05Z")
    var stack = StackReport(name: "s", outcome: .rolledBack)
    stack.services = [ServiceReport(name: "web", action: .keep, reason: nil)]
    report.stacks = [stack]
    report.links = [LinkReport(live: "l", target: "t", action: .create)]
    report.diagnostics = [Diagnostic(rule: "compose", file: "f", message: "m", help: "h")]
    let json = try JSON(parsing: Array(JSONEncoder().encode(report)))
    #expect(
      json.object.keys.sorted() == [
        "branch", "commit", "diagnostics", "dry_run", "duration_ms", "error", "fence", "help", "host", "id", "links",
        "outcome",
        "repository", "same_as", "schema", "stacks", "started", "trigger", "waits_for",
      ])
    #expect(json["commit"] == .null && json["error"] == .null && json["schema"] == .string("clup.report/1"))
    let first = try #require(json["stacks"]?.array.first)
    #expect(
      first.object.keys.sorted() == [
        "duration_ms", "error", "from", "log_tail", "name", "outcome", "project", "reasons", "services", "to",
        "waits_for",
      ])
    #expect(first["outcome"] == .string("rolled_back") && first["from"] == .null)
    #expect(first["services"]?.array.first?["reason"] == .null)
    #expect(json["links"]?.array.first?["backup"] == .null)
    #expect(json["diagnostics"]?.array.first?["line"] == .null)
  }

  @Test func `a report that lacks keys, as an earlier version wrote it, is read`() throws {
    let text = """
      {"schema": "clup.report/1", "id": "i", "trigger": "manual", "dry_run": false, "host": "h", "repository": "r",
      "branch": "b", "outcome": "unchanged", "started": "s", "duration_ms": 1, "links": [], "diagnostics": [],
      "stacks": [{"name": "s", "outcome": "held", "from": "c", "reasons": [], "services": [], "duration_ms": 1, "log_tail": []}]}
      """
    let report = try JSONDecoder().decode(Report.self, from: Data(text.utf8))
    #expect(report.commit == nil && report.sameAs == nil && report.stacks.map(\.from) == ["c"])
    #expect(try JSONDecoder().decode(Report.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func `findings are ordered by file, line and column`() {
    let found = [("b", 1, 1), ("a", 2, 1), ("a", 1, 5), ("a", 1, 2)].map {
      Diagnostic(rule: "r", file: $0.0, line: $0.1, column: $0.2, message: "", help: "")
    }
    #expect(
      found.sorted { $0.precedes($1) }.map { "\($0.file)\($0.line ?? 0)\($0.column ?? 0)" } == [
        "a12", "a15", "a21", "b11",
      ])
  }

  @Test(arguments: [(Diagnostic.Severity.error, false, true), (.error, true, false), (.warning, false, false)])
  func `a warning or a waived error does not refuse`(_ severity: Diagnostic.Severity, _ waived: Bool, _ refuses: Bool) {
    let found = Diagnostic(rule: "r", severity: severity, file: "f", message: "", help: "", waived: waived)
    #expect(found.refuses == refuses)
  }

  static func report(_ id: String, _ outcome: Report.Outcome, _ change: (inout Report) -> Void = { _ in }) -> Report {
    var report = Report(
      id: id, trigger: "timer", dryRun: false, host: "h", repository: "r", branch: "main",
      started: "2026-01-02T03:04:0\(id)Z")
    report.outcome = outcome
    report.commit = "c"
    report.durationMs = Int(id) ?? 0
    change(&report)
    return report
  }

  static func failing(_ id: String, _ change: (inout StackReport) -> Void = { _ in }) -> Report {
    var stack = StackReport(name: "web", outcome: .failed)
    stack.error = "web is unhealthy"
    stack.services = [ServiceReport(name: "web", action: .keep, reason: nil, state: "running", health: "starting")]
    (stack.durationMs, stack.logTail) = (Int(id) ?? 0, [id])
    change(&stack)
    return report(id, .failed) { $0.stacks = [stack] }
  }

  static func refused(_ id: String, _ message: String) -> Report {
    report(id, .refused) { $0.diagnostics = [Diagnostic(rule: "compose", file: "f", message: message, help: "h")] }
  }

  static let inARow: [(name: String, before: Report?, now: Report, repeats: Bool)] = [
    ("nothing to do", nil, report("1", .unchanged), true),
    ("nothing to do after a deploy", report("0", .deployed), report("1", .unchanged), true),
    (
      "nothing to do, as long as what failed is held", failing("0"),
      report("1", .unchanged) { $0.stacks = [StackReport(name: "web", outcome: .held)] }, true
    ),
    (
      "what failed is well again", failing("0"),
      report("1", .unchanged) { $0.stacks = [StackReport(name: "web", outcome: .unchanged)] }, false
    ),
    ("a deploy", report("0", .deployed), report("1", .deployed), false),
    ("the first refusal", report("0", .deployed), refused("1", "no"), false),
    ("the same refusal", refused("0", "no"), refused("1", "no"), true),
    ("another refusal", refused("0", "no"), refused("1", "never"), false),
    ("a refusal that ends", refused("0", "no"), report("1", .unchanged), false),
    ("the same error", report("0", .failed) { $0.error = "away" }, report("1", .failed) { $0.error = "away" }, true),
    (
      "another commit", report("0", .failed) { $0.error = "e" },
      report("1", .failed) { ($0.error, $0.commit) = ("e", "d") }, false
    ),
    ("the same failure", failing("0"), failing("1") { $0.services[0].health = "unhealthy" }, true),
    ("another failure", failing("0"), failing("1") { $0.error = "web ended" }, false),
    ("another try", failing("0"), failing("1") { $0.services[0].action = .recreate }, false),
    ("a stack that went back", failing("0"), failing("1") { $0.outcome = .rolledBack }, false),
  ]

  @Test(arguments: inARow.indices) func `I10: what is the same again is told once`(_ index: Int) {
    let row = Self.inARow[index]
    #expect(row.now.repeats(row.before) == row.repeats, "\(row.name)")
  }

  @Test func `what a container writes does not steer a terminal`() {
    #expect("\u{1b}]0;owned\u{7}plain\ttext\r\n\u{9b}31m ü".printable == "]0;ownedplain\ttext  31m ü")
  }
}
