import Testing

@testable import Core

struct ReportEventTests {
  private static let all = Set(Report.Event.allCases)

  private static func report(_ outcome: Report.Outcome, _ commit: String, _ stacks: (String, StackReport.Outcome)...)
    -> Report
  {
    var report = Report(
      id: "1", trigger: "timer", dryRun: false, host: "h", repository: "r", branch: "main", started: "")
    (report.outcome, report.commit) = (outcome, commit)
    report.stacks = stacks.map { name, outcome in
      var stack = StackReport(name: name, outcome: outcome)
      stack.to = commit
      return stack
    }
    return report
  }

  private static func away() -> Report {
    var report = report(.failed, "1")
    (report.error, report.waitsFor) = ("no route", .repository)
    return report
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Reports, at which second, and whether each is of the whole host; and what is told of it.
    let steps: [(report: Report, at: Double, isWhole: Bool, told: [Report.Event])]
  }

  static let cases = [
    Case(
      testDescription: "a failure is told once, and its end",
      steps: [
        (report(.deployed, "1", ("a", .deployed), ("b", .deployed)), 0, true, [.deployed]),
        (report(.failed, "2", ("a", .rolledBack), ("b", .deployed)), 60, true, [.deployed, .failed, .rolledBack]),
        (report(.failed, "2", ("a", .held), ("b", .unchanged)), 120, true, []),
        (report(.failed, "2", ("a", .rolledBack), ("b", .unchanged)), 180, true, []),
        (report(.failed, "3", ("a", .failed), ("b", .unchanged)), 240, true, [.failed]),
        (report(.deployed, "4", ("a", .deployed), ("b", .unchanged)), 300, true, [.deployed, .recovered]),
        (report(.unchanged, "4", ("a", .unchanged), ("b", .unchanged)), 360, true, []),
      ]),
    Case(
      testDescription: "a repair of another stack is no recovery",
      steps: [
        (report(.refused, "2"), 0, true, [.refused]),
        (report(.deployed, "1", ("b", .deployed)), 60, false, [.deployed]),
        (report(.refused, "2"), 120, true, []),
        (report(.deployed, "3", ("b", .deployed)), 180, true, [.deployed, .recovered]),
      ]),
    Case(
      testDescription: "what is away for a moment is not told",
      steps: [
        (away(), 0, true, []), (report(.unchanged, "1", ("a", .unchanged)), 60, true, []),
        (away(), 120, true, []), (away(), 300, true, []), (away(), 420, true, [.waiting]), (away(), 480, true, []),
        (report(.unchanged, "1", ("a", .unchanged)), 540, true, [.recovered]),
      ]),
    Case(
      testDescription: "a failure that waits next has not ended",
      steps: [
        (report(.failed, "2", ("a", .failed)), 0, true, [.failed]),
        (report(.failed, "3", ("a", .waiting)), 60, true, []),
        (report(.deployed, "3", ("a", .deployed)), 120, true, [.deployed, .recovered]),
      ]),
    Case(
      testDescription: "a stack that left the repository troubles nobody",
      steps: [
        (report(.failed, "2", ("a", .failed), ("b", .unchanged)), 0, true, [.failed]),
        (report(.unchanged, "3", ("b", .unchanged)), 60, true, [.recovered]),
      ]),
  ]

  @Test(arguments: cases) func `hooks are told what is new`(_ row: Case) {
    var told = ToldTroubles()
    for step in row.steps {
      let news = told.news(in: step.report, isWhole: step.isWhole, now: step.at)
      #expect(news.events(for: Self.all) == step.told, "at \(step.at)")
    }
  }

  @Test func `who did not hear of the trouble does not hear of its end`() {
    var told = ToldTroubles()
    _ = told.news(in: Self.report(.failed, "2", ("a", .rolledBack)), isWhole: true, now: 0)
    let news = told.news(in: Self.report(.deployed, "3", ("a", .deployed)), isWhole: true, now: 1)
    #expect(news.events(for: [.refused, .recovered]).isEmpty)
    #expect(news.events(for: [.rolledBack, .recovered]) == [.recovered])
  }
}
