import Testing

@testable import Core

@Suite("I13: no severity or waiver leaves a stack out without a word")
struct WeighTests {
  static func finding(isFinal: Bool) -> Diagnostic {
    Diagnostic(rule: "compose", file: "a/compose.yaml", stack: "a", message: "broken", help: "h", isFinal: isFinal)
  }

  @Test(arguments: [Policy.Weight.warning, .off]) func `what cannot be deployed stays an error`(_ weight: Policy.Weight)
  {
    var policy = Policy()
    policy.severity["compose"] = weight
    let judged = policy.weigh([Self.finding(isFinal: true)], today: "2026-01-01", configuration: "c", whole: true)
    #expect(judged.map(\.refuses) == [true])
    #expect(judged[0].message == "broken; no severity and no waiver lifts this, since the stack cannot be deployed")
    let other = policy.weigh([Self.finding(isFinal: false)], today: "2026-01-01", configuration: "c", whole: true)
    #expect(other.filter(\.refuses) == [])
  }

  @Test func `a waiver does not lift it either`() {
    var policy = Policy()
    policy.waivers = [
      Waiver(rules: ["compose"], stacks: ["a"], reason: "r", expires: "2999-01-01", line: 1, column: 1)
    ]
    let judged = policy.weigh([Self.finding(isFinal: true)], today: "2026-01-01", configuration: "c", whole: true)
    #expect(judged.filter(\.refuses).map { $0.message.hasSuffix("since the stack cannot be deployed") } == [true])
    #expect(judged.allSatisfy { !$0.isFinal })
  }

  @Test(arguments: [Diagnostic.Severity.error, .warning])
  func `a waiver that has ended weighs as much as what it covered`(_ severity: Diagnostic.Severity) {
    var finding = Self.finding(isFinal: false)
    finding.severity = severity
    var policy = Policy()
    policy.waivers = [
      Waiver(rules: ["compose"], stacks: ["a"], reason: "r", expires: "2025-12-31", line: 1, column: 1)
    ]
    let judged = policy.weigh([finding], today: "2026-01-01", configuration: "c", whole: true)
    let told = judged.filter { $0.file == "c" }
    #expect(told.map(\.severity) == [severity] && told.allSatisfy { $0.message.contains("ended on 2025-12-31") })
    #expect(judged.contains(where: \.refuses) == (severity == .error))
  }

  @Test func `waivers that have ended or end within two weeks are named, the first end first`() {
    func waiver(_ rule: String, _ expires: String, service: String? = nil) -> Waiver {
      Waiver(
        rules: [rule], stacks: ["a"], services: [service].compactMap { $0 }, reason: "r", expires: expires, line: 1,
        column: 1)
    }
    var policy = Policy()
    policy.waivers = [
      waiver("no-limits", "2026-12-11"), waiver("no-restart", "2026-12-12"),
      waiver("privileged", "2026-11-26", service: "vpn"),
      waiver("host-path", "2026-11-27"),
    ]
    #expect(
      policy.ending(by: "2026-11-27") == [
        "the waiver of privileged for a vpn ended on 2026-11-26", "the waiver of host-path for a ends today",
        "the waiver of no-limits for a ends in 14 days",
      ])
  }

  @Test func `the host lifts names and places, one glob at a time`() {
    let lifted = settings {
      $0.policy.tracked = ["postgres", "gw/data"].map { TrackedFile(path: "\($0)/seed*.sql", reason: "only test data") }
    }
    let tree = commit(
      "gw/compose.yaml", "gw/data/seed.sql", "gw/data/rows", "gw/data/.gitkeep", "postgres/seed.sql", "postgres/rows",
      "postgres/.gitkeep", "gw/old.tar")
    #expect(Discovery(tree, settings: lifted).diagnostics.map(\.file) == ["postgres/rows"])
    #expect(Rule.forbiddenNames(in: tree, policy: lifted.policy).map(\.file) == ["gw/old.tar"])
    var archive = lifted.policy
    archive.tracked.append(TrackedFile(path: "**/*.tar", reason: "the image's own"))
    #expect(Rule.forbiddenNames(in: tree, policy: archive) == [])
    #expect(Rule.forbiddenNames(in: tree, policy: Policy(), selection: PathSelection(exclude: ["gw/**"])) == [])
    var managed = ManagedPaths(
      tree: tree, stack: "gw", protected: lifted.protectedPaths, isDirectory: { _ in true })
    managed.add("gw/data", .mounted)
    #expect(managed.links.mapValues(\.kind) == ["gw/data/seed.sql": .copy])
    #expect(managed.diagnostics.map(\.file) == ["gw/data/rows"])
  }

  @Test func `what only keeps a directory is neither state nor linked`() {
    let tree = commit("gw/compose.yaml", "gw/data/.gitignore")
    #expect(Discovery(tree, settings: settings()).diagnostics == [])
    var managed = ManagedPaths(
      tree: tree, stack: "gw", protected: settings().protectedPaths, isDirectory: { _ in nil })
    managed.add("gw/data", .mounted)
    #expect(managed.links.isEmpty && managed.diagnostics.isEmpty)
  }
}
