import Core

extension Page {
  /// Shows a run's whole report: `GET /runs/<id>`.
  static func report(_ report: Report, of seen: StatusPageModel) -> [UInt8] {
    let moments = Moments(now: seen.now)
    var facts: [HTML] = [
      fact("Began", "\(moments.ago(report.started)), by \(report.trigger)"),
      fact("Took", "\(Moments.length(milliseconds: report.durationMs))"),
    ]
    if let commit = report.commit {
      facts.append(fact("Commit", "\(Page.commit(commit)) on <code>\(report.branch)</code>"))
    }
    facts += [fact("Host", "\(report.host)"), fact("Run", "<code>\(report.id)</code>")]
    facts += (report.lost ?? []).map { fact("Lost", "\($0)") }
    if report.fence == false {
      facts.append(fact("Landlock", "not there: only clup's own checks kept it from writing elsewhere"))
    }
    return frame(
      seen, at: .elsewhere, headline(report), every: 30, "<dl class=\"facts wide\">\(facts)</dl>\(contents(report))")
  }

  /// Returns how a sync ended, or what a plan would do.
  static func headline(_ report: Report) -> Headline {
    let touched = report.stacks.filter { ![.unchanged, .pinned, .held].contains($0.outcome) }.count
    let held = report.stacks.filter { $0.outcome == .held }.count
    let many = "\(touched) of \(report.stacks.count.counted("stack"))"
    let rest = held == 0 ? "" : ", \(held) held back"
    let tone = held > 0 ? Tone.bad : report.outcome.tone
    return switch report.outcome {
    case .unchanged: Headline(tone, "Nothing to do", at: report.commit, then: rest)
    case .planned:
      Headline(
        tone, touched == 0 ? "A sync would have nothing to do" : "A sync would touch \(many)", at: report.commit,
        then: rest)
    case .deployed:
      Headline(
        tone, touched == 0 ? "The links were updated" : "Deployed \(many)", at: report.commit, then: rest)
    case .refused:
      Headline(
        tone, report.dryRun ? "A sync would be refused" : "Refused", at: report.commit,
        then: report.stacks.contains { [.deployed, .removed].contains($0.outcome) }
          ? "; the other stacks were deployed" : report.dryRun ? "" : "; nothing was changed")
    case .failed: Headline(tone, "Failed", at: report.commit, then: failures(report))
    }
  }

  private static func failures(_ report: Report) -> String {
    let failed = report.stacks.filter { $0.outcome == .failed }.count
    let back = report.stacks.filter { $0.outcome == .rolledBack }.count
    let parts = [(failed, "failed"), (back, "put back")].filter { $0.0 > 0 }.map { "\($0.0.counted("stack")) \($0.1)" }
    return parts.isEmpty ? "" : ": " + parts.joined(separator: ", ")
  }

  /// What a report and a plan have in common: errors, findings, stacks, live paths.
  static func contents(_ report: Report) -> HTML {
    let help: HTML? = report.help.map { "<p class=\"text help\"><strong>Help</strong>: \($0)</p>" }
    let error: HTML? = report.error.map { section("error", "Why", "<p class=\"text\">\($0)</p>\(help)") }
    let findings = Findings.section(report.diagnostics)
    let stacks = stackSections(report)
    let links = LinkList.section(report.links)
    return report.diagnostics.contains(where: \.refuses)
      ? "\(error)\(findings)\(stacks)\(links)" : "\(error)\(stacks)\(links)\(findings)"
  }

  private static func stackSections(_ report: Report) -> HTML {
    if report.stacks.isEmpty { return .nothing }
    let touched = report.stacks.filter { $0.outcome != .unchanged }
    let idle = report.stacks.filter { $0.outcome == .unchanged }.map { "<li>\($0.name)</li>" as HTML }
    let cards: HTML? = touched.isEmpty ? nil : "<div class=\"list\">\(touched.map(stack))</div>"
    let rest: HTML? =
      idle.isEmpty
      ? nil
      : """
      <details id="unchanged"><summary>\(idle.count.counted("stack")) unchanged</summary>\
      <ul class="names">\(idle)</ul></details>
      """
    return section("stacks", "Stacks", "\(cards)\(rest)")
  }

  private static func stack(_ stack: StackReport) -> HTML {
    let told = Set(stack.services.compactMap(\.reason))
    let reasons = stack.reasons.filter { !told.contains($0) }.map { "<li>\($0)</li>" as HTML }
    let why: HTML? = reasons.isEmpty ? nil : "<ul class=\"reasons\" aria-label=\"Why\">\(reasons)</ul>"
    let error: HTML? = stack.error.map {
      "<div class=\"troubles \(stack.outcome.tone.name)\"><p class=\"text error\">\($0)</p></div>"
    }
    let services = Services(stack.services, of: stack.name, stack.outcome == .planned ? .planned : .done)
    return """
      <article id="stack-\(Shown.anchor(stack.name))" class="\(stack.outcome.tone.name)">
      <div class="top"><h3>\(stack.name)</h3>\(stack.outcome.tone.word(stack.outcome.words))</div>
      \(move(stack))\(why)\(error)\(log(stack))\(services.table)</article>
      """
  }

  private static func move(_ stack: StackReport) -> HTML {
    let ids = [stack.from, stack.to].compactMap { $0 }
    let commits = ids.count == 2 && ids[0] == ids[1] ? [ids[0]] : ids
    let arrow: HTML = "<span aria-hidden=\"true\"> → </span><span class=\"quiet\"> to </span>"
    var parts: [HTML] = commits.isEmpty ? [] : [HTML.joined(commits.map(Page.commit), by: arrow)]
    if stack.durationMs > 0 {
      parts.append("<span class=\"age\">\(Moments.length(milliseconds: stack.durationMs))</span>")
    }
    return parts.isEmpty ? .nothing : "<p class=\"commit\">\(HTML.joined(parts, by: " "))</p>"
  }

  private static func log(_ stack: StackReport) -> HTML {
    if stack.logTail.isEmpty { return .nothing }
    let lines = Shown.lines(stack.logTail.suffix(200)).joined(separator: "\n")
    return "<figure><figcaption>How its log ended</figcaption><pre>\(lines)</pre></figure>"
  }
}
