import Agent
import Core

struct StackCard {
  let stack: Status.Stack
  let seen: StatusPageModel

  private var moments: Moments { Moments(now: seen.now) }

  var html: HTML {
    let condition = StackCondition(stack)
    return """
      <article id="stack-\(Shown.anchor(stack.name))" class="\(condition.tone.name)">
      <div class="top"><h3>\(stack.name)</h3>\(condition.word)</div>
      \(commit)\(troubles)
      <div class="foot"><dl class="facts"><div><dt>Health</dt><dd>\(stack.health)</dd></div>\
      <div><dt>Last result</dt><dd>\(result)</dd></div>\
      <div><dt>Project</dt><dd><code>\(stack.project)</code></dd></div></dl>
      \(Services(stack.services, of: stack.name, stack.isBusy ? .underWay : .now).folded)</div></article>
      """
  }

  private var commit: HTML {
    guard let commit = stack.commit else { return "<p class=\"commit\">runs no commit</p>" }
    let message: HTML? = stack.message.map { " <span>\($0)</span>" }
    let age: HTML? = stack.committed.map { " <span class=\"age\">\(moments.ago($0))</span>" }
    return "<p class=\"commit\">\(Page.commit(commit))\(message)\(age)</p>"
  }

  private var troubles: HTML {
    var lines: [HTML] = []
    if let held = stack.held {
      let since: HTML? = stack.heldSince.map { " \(moments.ago($0))" }
      lines.append(
        """
        <p><strong>Held back</strong>: \(Page.commit(held)) failed\(since) and is not tried again until something it \
        depends on changes, or you run <code>clup sync --retry</code>.</p>
        """)
    }
    if let pin = stack.pin {
      let since: HTML? = stack.pinnedSince.map { " \(moments.ago($0))" }
      let behind: HTML? = stack.behind.map { ", \($0.counted("commit")) behind" }
      lines.append(
        """
        <p><strong>Pinned</strong> at \(Page.commit(pin))\(since)\(behind). \
        <code>clup resume --stack \(stack.name)</code> makes it follow the branch again.</p>
        """)
    }
    if let outage = stack.waitsFor {
      let since: HTML? = stack.waitingSince.map { ", for the first time \(moments.ago($0))" }
      lines.append(
        """
        <p><strong>Waiting</strong> for \(outage.words)\(since). clup tries again by itself, and continues once that is \
        back.</p>
        """)
    }
    if let note = stack.note { lines.append("<p>\(note)</p>") }
    if let error = stack.error {
      lines.append("<p class=\"text\(stack.waitsFor == nil ? " error" as HTML : .nothing)\">\(error)</p>")
    }
    if !stack.drift.isEmpty {
      let waits: HTML? =
        seen.repairPaused.contains(stack.name)
        ? "<p>It kept coming back after repairs: clup only reports it for now.</p>" : nil
      let items = stack.drift.map { "<li>\($0.hasPrefix("drift: ") ? String($0.dropFirst(7)) : $0)</li>" as HTML }
      lines.append("<div><p><strong>Drift</strong></p><ul>\(items)</ul>\(waits)</div>")
    }
    return lines.isEmpty ? .nothing : "<div class=\"troubles \(StackCondition(stack).tone.name)\">\(lines)</div>"
  }

  private var result: HTML {
    let words = stack.outcome.map { StackReport.Outcome(rawValue: $0)?.words ?? $0 } ?? "none"
    let report = seen.reports.first { report in
      !report.dryRun && report.stacks.contains { $0.name == stack.name && $0.outcome.rawValue == stack.outcome }
    }
    guard let report else { return "\(words)" }
    return "<a href=\"/runs/\(Shown.segment(report.id))\">\(words)</a>, \(moments.ago(report.started))"
  }
}
