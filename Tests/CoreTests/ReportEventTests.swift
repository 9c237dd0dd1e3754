import Testing

@testable import Core

struct ReportEventTests {
  private static func report(_ outcome: Report.Outcome, _ stacks: StackReport.Outcome...) -> Report {
    var report = Report(
      id: "1", trigger: "manual", dryRun: false, host: "h", repository: "r", branch: "main", started: "")
    report.outcome = outcome
    report.stacks = stacks.map { StackReport(name: "a", outcome: $0) }
    return report
  }

  @Test(arguments: [
    (report(.deployed, .deployed, .unchanged), nil, [Report.Event.deployed]),
    (report(.unchanged, .unchanged), nil, []),
    (report(.failed, .rolledBack, .deployed), nil, [.deployed, .failed, .rolledBack]),
    (report(.refused), report(.deployed, .deployed), [.refused]),
    (report(.deployed, .deployed), report(.refused), [.deployed, .recovered]),
    (report(.deployed, .deployed, .held), report(.failed, .rolledBack), [.deployed]),
    (report(.unchanged, .unchanged), report(.failed, .waiting), [.recovered]),
    (report(.deployed, .pinned, .removed), report(.deployed, .deployed), [.removed]),
    (report(.failed, .waiting), nil, [.waiting]),
    (report(.failed, .waiting, .failed), nil, [.failed, .waiting]),
    (report(.failed), nil, [.failed]),
  ]) func `a report tells what became of its stacks, and whether all is well again`(
    _ report: Report, _ before: Report?, _ events: [Report.Event]
  ) {
    #expect(report.events(after: before) == events)
  }
}
