@testable import Agent
@testable import CLI
import Core
import Testing

@Suite("A report for people")
struct RenderTests {
  var report: Report {
    var report = Report(
      id: "i", trigger: "manual", dryRun: false, host: "h", repository: "r", branch: "main", started: "s")
    report.commit = "0123456789abcdef"
    return report
  }

  @Test func `what was done is told with its reason, what was left alone with one line`() {
    var report = report
    report.outcome = .deployed
    report.durationMs = 42
    var kept = StackReport(name: "infra", outcome: .unchanged)
    kept.from = "aaaaaaaaaa"
    kept.to = "aaaaaaaaaa"
    var brought = StackReport(name: "gw", outcome: .deployed)
    brought.from = "aaaaaaaaaa"
    brought.to = "bbbbbbbbbb"
    brought.reasons = ["command changed"]
    brought.services = [
      ServiceReport(name: "web", action: .recreate, reason: "command changed", state: "running", health: "healthy"),
      ServiceReport(name: "db", action: .keep, reason: nil, state: "running"),
    ]
    report.stacks = [brought, kept]
    report.links = [
      LinkReport(live: "gw/compose.yaml", target: "t", action: .replace, backup: "gw/compose.yaml.bak.1"),
      LinkReport(live: "gw/other", target: "t", action: .keep),
    ]
    #expect(
      Render.report(report, help: nil) == [
        "✓ gw  deployed  aaaaaaa → bbbbbbb", "    recreate web: command changed (running, healthy)",
        "✓ infra  unchanged  aaaaaaa", "  replace gw/compose.yaml  (kept as gw/compose.yaml.bak.1)",
        "0123456 on main: deployed 1 of 2 stacks (42 ms)",
      ])
  }

  @Test func `a dry run tells of files beside the stacks, and of what does not restart`() {
    var report = report
    report.outcome = .planned
    report.stacks = [StackReport(name: "gw", outcome: .unchanged)]
    report.links = [LinkReport(live: "job-definitions/a.yaml", target: "t", action: .replace)]
    #expect(
      Render.report(report, help: nil).last?.hasPrefix(
        "0123456 on main: would update 1 file beside the stacks, and restart nothing; nothing was changed") == true)
    report.stacks[0].outcome = .planned
    report.stacks[0].services = [ServiceReport(name: "web", action: .keep, reason: nil, state: "running")]
    #expect(Render.report(report, help: nil)[1] == "    nothing restarts")
  }

  @Test func `a takeover says of each stack what becomes of its containers`() {
    func service(_ name: String, _ action: ServiceReport.Action, _ reason: String? = nil) -> ServiceReport {
      ServiceReport(name: name, action: action, reason: reason, state: "running")
    }
    var report = report
    report.outcome = .planned
    report.stacks = [
      [service("a", .keep)], [service("a", .keep), service("b", .recreate, "image changed")],
      [service("c", .create, "new service")],
    ].enumerated().map { index, services in
      var stack = StackReport(name: "s\(index)", outcome: .planned)
      stack.services = services
      return stack
    }
    #expect(
      Render.takeover(report).prefix(4) == [
        "stacks:", "  s0: taken over as it runs, nothing restarts",
        "  s1: restarts b, because image changed; a taken over as it runs", "  s2: starts c, because new service",
      ])
  }

  @Test func `a finding keeps to the terminal's columns, and no path is cut`() {
    let path = "/srv/data/openclaw/a-directory-with-a-long-name/and-another-one/that-goes-on/and-on/file.yaml"
    let found = Diagnostic(
      rule: "host-path", file: "s/compose.yaml", line: 3, column: 5, message: "web mounts \(path), which is nobody's",
      help: "mount something below /srv/data instead, or allow it on the host")
    let lines = Findings.text([found], Excerpts(sources: []), width: 60)
    #expect(
      lines == [
        "s/compose.yaml:3:5: error: web mounts", "    \(path),", "    which is nobody's [host-path]",
        "    help: mount something below /srv/data instead, or", "          allow it on the host",
      ])
    let text = "# Values come from \(path); clup reads them.\nrepository: r   # \(path)\n#   - {from: \(path)}\n"
    #expect(
      Render.proposal(text, width: 60) == [
        "  # Values come from", "  # \(path);", "  # clup reads them.", "  # \(path)", "  repository: r",
        "  #   - {from: \(path)}",
      ])
  }

  @Test func `many stacks that nothing was done to are one line`() {
    var report = report
    report.outcome = .failed
    report.stacks = (1...11).map { StackReport(name: "s\($0)", outcome: .unchanged) }
    report.stacks.insert(StackReport(name: "gw", outcome: .failed), at: 5)
    #expect(Render.report(report, help: nil).dropLast() == ["✗ gw  failed  ", "✓ 11 stacks unchanged"])
    report.stacks.removeLast()
    #expect(Render.report(report, help: nil).count == 12)
  }

  @Test func `a failure shows its error, its log and the way out`() {
    var report = report
    report.outcome = .failed
    var failed = StackReport(name: "gw", outcome: .failed)
    failed.error = "web is unhealthy"
    failed.logTail = ["boom"]
    report.stacks = [failed]
    report.error = "it broke"
    let lines = Render.report(report, help: "fix it")
    #expect(lines.contains("    error: web is unhealthy") && lines.contains("    | boom"))
    #expect(lines.contains("error: it broke") && lines.contains("help: fix it"))
  }

  @Test func `a finding begins with its place, as compilers write it`() {
    let found = Diagnostic(rule: "compose", file: "s/compose.yaml", line: 3, column: 5, message: "wrong", help: "fix")
    #expect(
      Render.diagnostic(found) == ["s/compose.yaml:3:5: error: wrong [compose]", "    help: fix"])
  }

  @Test func `nothing to do is said in one line`() {
    #expect(Render.report(report, help: nil) == ["0123456 on main: nothing to do, 0 stacks in place (0 ms)"])
  }

  @Test(arguments: [
    ([], "gone from the repository, and left running: `sync: {prune: remove}` takes it down"),
    (
      ["db", "web"],
      "gone from the repository, and left as it is, db and web not running: `sync: {prune: remove}` takes it down"
    ),
  ])
  func `what is gone from the repository is not in place, whether or not it runs`(_ down: [String], _ reason: String) {
    #expect(StackTarget.gone(down: down).reason == reason)
    var (report, gone) = (report, StackReport(name: "old", outcome: .unchanged))
    gone.gone = true
    report.stacks = [gone, StackReport(name: "web", outcome: .unchanged)]
    #expect(
      Render.report(report, help: nil) == [
        "· old  gone  ", "✓ web  unchanged  ",
        "0123456 on main: nothing to do, 1 stack in place, 1 gone from the repository (0 ms)",
      ])
  }

  @Test func `I13: what another sync works on is not said to be in place`() {
    var report = report
    report.stacks = [StackReport(name: "a", outcome: .skipped), StackReport(name: "b", outcome: .unchanged)]
    #expect(
      Render.report(report, help: nil).last == "0123456 on main: nothing to do, 1 stack in place, 1 skipped (0 ms)")
  }

  @Test(
    arguments: [
      ([.deployed, .unchanged], "deployed 1 of 2 stacks"),
      ([.deployed, .skipped], "deployed 1 of 2 stacks, skipped 1 stack that another sync works on"),
      ([.deployed, .removed, .pinned], "deployed 2 of 3 stacks"),
    ] as [([StackReport.Outcome], String)])
  func `I13: only what was deployed counts as deployed`(_ outcomes: [StackReport.Outcome], _ words: String) {
    var report = report
    report.outcome = .deployed
    report.stacks = outcomes.enumerated().map { StackReport(name: "s\($0)", outcome: $1) }
    #expect(Render.report(report, help: nil).last == "0123456 on main: \(words) (0 ms)")
  }

  @Test func `what is found at one place for several services, or from two sides, is told once`() {
    func found(_ service: String, _ line: Int) -> Diagnostic {
      Diagnostic(
        rule: "r", file: "a/compose.yaml", line: line, stack: "a", service: service, message: "\(service) logs",
        help: "fix")
    }
    let services = (1...31).map { found("s\($0)", 2) } + [found("s1", 9)]
    let claims = ["a", "b"].map { stack in
      var one = Diagnostic(
        rule: "c", file: stack + "/compose.yaml", line: 5, stack: stack, message: "taken", help: "no")
      one.dispute = "port 80"
      return one
    }
    #expect(Findings.groups(of: services + claims).map(\.count) == [31, 1, 2])
    #expect(
      Findings.text(services + claims, Excerpts(sources: [])) == [
        "a/compose.yaml:2: error: s1 logs [r]", "    help: fix", "    in 31 services: s1, s10, s11 and 28 more",
        "a/compose.yaml:9: error: s1 logs [r]", "    help: fix", "a/compose.yaml:5: error: taken [c]", "    help: no",
        "    the other is at b/compose.yaml:5",
      ])
    let ended = Validate.Ended(
      validation: Validation(diagnostics: services + claims), excerpts: Excerpts(sources: []), stacks: 2, jobs: 0,
      placeholders: [], notes: [])
    #expect(Render.summary(ended) == "3 errors, 0 warnings in 2 stacks")
    var waived = found("s2", 2)
    waived.waived = true
    #expect(Findings.groups(of: [found("s1", 2), waived]).count == 2)
  }

  @Test func `a report keeps to the columns, and a list in a sentence ends`() {
    var wide = report
    wide.error = Array(repeating: "word", count: 60).joined(separator: " ")
    let lines = Render.report(wide, help: nil, width: 80)
    #expect(lines.count > 3 && lines.allSatisfy { $0.count <= 80 })
    #expect((1...40).map { "N\($0)" }.listed(2) == "N1, N2 and 38 more")
  }

  @Test func `what is found in a file that several stacks share is told once, with the stacks`() {
    func found(_ file: String, in stacks: [String]) -> [Diagnostic] {
      stacks.map { Diagnostic(rule: "r", severity: .error, at: (file, nil), stack: $0, message: "wrong", help: "fix") }
    }
    let all =
      found("common/a.yml", in: ["web", "api", "db", "x", "y"]) + found("web/b.yml", in: ["web"])
      + found("apps/blog.yml", in: ["apps/blog"])
    let lines = Findings.text(all + found("common/c.yml", in: ["api"]), Excerpts(sources: []))
    #expect(
      lines == [
        "common/a.yml: error: wrong [r]", "    help: fix", "    in 5 stacks: api, db, web and 2 more",
        "web/b.yml: error: wrong [r]", "    help: fix", "apps/blog.yml: error: wrong [r]", "    help: fix",
        "common/c.yml: error: wrong [r]", "    help: fix",
        "    in the stack api",
      ])
  }
}
