import Core

extension Page {
  /// Lists the last runs, and the syncs that somebody else started.
  static func runs(_ seen: StatusPageModel) -> HTML {
    let lines = RunLine.all(of: seen)
    if lines.isEmpty { return section("runs", "Last runs", "<p class=\"empty\">None yet.</p>") }
    let items = lines.prefix(20).map { $0.html(Moments(now: seen.now)) }
    return section("runs", "Last runs", "<ol class=\"runs\">\(items)</ol>")
  }
}

/// One line of the list of runs.
private struct RunLine {
  var id: String
  var when: String
  var trigger: String
  var words: String
  var tone: Tone
  var commit: String?
  var detail: String?
  var isIdle: Bool
  var report: String?
  /// How many runs like this one came right before it.
  var more = 0

  init(_ run: Run) {
    id = run.id
    when = run.started ?? run.requested
    trigger = run.trigger.rawValue
    words = run.words
    tone = run.tone
    commit = run.commit
    detail = run.error
    isIdle = run.outcome == .unchanged && run.error == nil
  }

  init(_ run: Run, reportedBy report: Report) {
    self.init(report)
    id = run.id
    when = run.started ?? report.started
    trigger = run.trigger.rawValue
  }

  init(_ report: Report) {
    id = report.id
    self.report = report.id
    when = report.started
    trigger = report.trigger
    words = report.dryRun ? "planned" : report.outcome.rawValue
    tone = report.outcome.tone
    commit = report.commit
    let touched = report.stacks.filter { ![.unchanged, .pinned].contains($0.outcome) }
      .map { "\($0.name) \($0.outcome.words)" }
    let errors = report.diagnostics.filter(\.refuses).count
    detail = report.error
    if detail == nil, !touched.isEmpty {
      detail = touched.prefix(4).joined(separator: ", ")
      if touched.count > 4 { detail? += " and \(touched.count - 4) more" }
    }
    if detail == nil, errors > 0 { detail = errors.counted("finding") }
    isIdle = report.outcome == .unchanged && detail == nil
  }

  /// Brings runs and reports together, the latest first; runs in a row that found nothing to do, or the same trouble
  /// again, become one line.
  static func all(of seen: StatusPageModel) -> [RunLine] {
    let reports = Dictionary(seen.reports.map { ($0.id, $0) }) { first, _ in first }
    let told = Set(seen.runs.compactMap(\.report))
    var lines = seen.runs.map { run in
      run.report.flatMap { reports[$0] }.map { RunLine(run, reportedBy: $0) } ?? RunLine(run)
    }
    lines += seen.reports.filter { !told.contains($0.id) }.map(RunLine.init)
    lines.sort { $0.when > $1.when }
    var result: [RunLine] = []
    for line in lines {
      if let last = result.last, line.repeats(last) {
        result[result.count - 1].more += 1
      } else {
        result.append(line)
      }
    }
    return result
  }

  private func repeats(_ other: RunLine) -> Bool {
    isIdle ? other.isIdle && other.commit == commit : report != nil && report == other.report
  }

  func html(_ moments: Moments) -> HTML {
    let place: HTML? = commit.map { "\(Page.commit($0)) " }
    let text: HTML? = detail.map { "<span class=\"text detail\">\($0)</span>" }
    let before: HTML? = more == 0 ? nil : ", and \(more.counted("run")) before it"
    return """
      <li id="run-\(Shown.anchor(id))"><a href="/runs/\(Shown.segment(id))">\(tone.word(words))</a>\
      <span>\(place)<span class="age">\(moments.ago(when)), by \(trigger)\(before)</span>\(text)</span></li>
      """
  }
}

extension Run {
  /// How far it has come, or how it ended.
  var words: String {
    switch stage {
    case .queued: "waiting"
    case .running: "running"
    case .ended: outcome?.rawValue ?? (exitStatus == ExitStatus.success.rawValue ? "ended" : "failed")
    }
  }

  var tone: Tone {
    if stage != .ended { return .note }
    return outcome?.tone ?? (exitStatus == ExitStatus.success.rawValue ? .calm : .bad)
  }
}
