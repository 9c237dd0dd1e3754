import Agent
import Core

/// Texts for people.
enum Render {
  static func report(_ report: Report, help: String?, ink: Ink = Ink(isOn: false), width: Int = .max) -> [String] {
    var lines = report.links.filter { $0.action != .keep }.map { link in
      "  \(link.action.rawValue) \(link.live)" + (link.backup.map { "  (kept as \($0))" } ?? "")
    }
    if let error = report.error { lines.append("\(report.outcome == .planned ? "warning" : "error"): \(error)") }
    if let help { lines.append("help: \(help)") }
    let brought = report.stacks.filter { [.deployed, .pinned].contains($0.outcome) }.map(\.name)
    if report.trigger == "rollback", !report.dryRun, report.outcome != .refused, !brought.isEmpty {
      lines.append("pinned, until `clup resume`: \(brought.joined(separator: ", "))")
    }
    lines.append(summary(report))
    return stacks(in: report, ink, width) + lines.flatMap { fitted($0.printable, width) }
  }

  /// More than ten stacks that nothing was done to are one line, which hides nothing that was done.
  private static func stacks(in report: Report, _ ink: Ink, _ width: Int) -> [String] {
    let unchanged = report.stacks.count { $0.outcome == .unchanged && !$0.isLeft }
    if unchanged <= 10 { return report.stacks.flatMap { stack(in: $0, ink, width) } }
    return report.stacks.filter { $0.outcome != .unchanged || $0.isLeft }.flatMap { stack(in: $0, ink, width) }
      + ["\(mark(.unchanged, ink)) \(unchanged) stacks unchanged"]
  }

  private static func stack(in stack: StackReport, _ ink: Ink, _ width: Int) -> [String] {
    let move = [stack.from, stack.to].compactMap { $0 }.map { String($0.prefix(7)) }
    let commits = move.count == 2 && move[0] == move[1] ? move[0] : move.joined(separator: " → ")
    let (sign, words) = stack.isLeft ? (ink.yellow("·"), "gone") : (mark(stack.outcome, ink), stack.outcome.words)
    let first = "\(sign) " + "\(stack.name)  \(words)  \(commits)".printable
    if stack.outcome == .unchanged { return [first] }
    var lines: [String] = []
    if let error = stack.error, stack.outcome == .held { lines.append("error: \(error)") }
    let told = Set(stack.services.compactMap(\.reason))
    lines += stack.reasons.filter { !told.contains($0) }
    for service in stack.services where service.action != .keep || service.reason != nil {
      let state = service.health == "none" ? service.state : "\(service.state), \(service.health)"
      lines.append("\(service.action.rawValue) \(service.name): \(service.reason ?? "") (\(state))")
    }
    if stack.outcome == .planned, !stack.services.isEmpty, stack.services.allSatisfy({ $0.action == .keep }) {
      lines.append("nothing restarts")
    }
    if let steps = stack.steps, !steps.isEmpty { lines.append("steps: \(steps.joined(separator: "; "))") }
    if let error = stack.error, stack.outcome != .held { lines.append("error: \(error)") }
    let log = stack.logTail.map { "    | \($0)".printable }
    return [first] + lines.flatMap { fitted("    \($0)".printable, width) } + log
  }

  static func diagnostic(_ diagnostic: Diagnostic) -> [String] {
    [
      "\(diagnostic.place): \(diagnostic.word): \(diagnostic.message) [\(diagnostic.rule)]",
      "    help: \(diagnostic.help)",
    ]
  }

  static func summary(_ ended: Validate.Ended) -> String {
    let found = Findings.groups(of: ended.validation.diagnostics).map { $0[0] }
    var parts = [
      found.count(where: \.refuses).counted("error"),
      found.count { $0.severity == .warning && !$0.waived }.counted("warning"),
    ]
    let accepted = found.filter { $0.acceptedUntil != nil }.count
    let waived = found.filter(\.waived).count - accepted
    if waived > 0 { parts.append("\(waived) waived") }
    if accepted > 0 { parts.append("\(accepted) accepted by the baseline") }
    var text = "\(parts.joined(separator: ", ")) in \(ended.stacks.counted("stack"))"
    if ended.jobs > 0 { text += " and \(ended.jobs.counted("job file"))" }
    if !ended.placeholders.isEmpty {
      text += "; checked with placeholders for \(ended.placeholders.listed(8))"
    }
    return text
  }

  static func summary(_ report: Report) -> String {
    let several = Set(report.stacks.compactMap(\.to)).count > 1 ? "several commits" : nil
    let commit = (report.commit.map { String($0.prefix(7)) } ?? several).map { "\($0) on " } ?? ""
    let touched = report.stacks.filter { ![.unchanged, .pinned, .held, .skipped].contains($0.outcome) }.count
    let count = "\(touched) of \(report.stacks.count.counted("stack"))"
    let what =
      switch report.outcome {
      case .unchanged: "nothing to do, \(idle(report))"
      case .planned:
        touched > 0
          ? "would touch \(count); nothing was changed" : plannedFiles(report) ?? "nothing to do, \(idle(report))"
      case .deployed: deployed(report)
      case .refused:
        refused(report)
      case .failed: failed(report)
      }
    return "\(commit)\(report.branch): \(what) (\(time(report.durationMs)))"
  }

  private static func deployed(_ report: Report) -> String {
    let done = report.stacks.filter { [.deployed, .removed].contains($0.outcome) }.count
    let skipped = report.stacks.filter { $0.outcome == .skipped }.count
    return (done == 0 ? repaired(report) : "deployed \(done) of \(report.stacks.count.counted("stack"))")
      + (skipped == 0 ? "" : ", skipped \(skipped.counted("stack")) that another sync works on")
  }

  /// Returns what went on although a commit is refused: stacks that are not held back with it, and repairs of what was good.
  private static func refused(_ report: Report) -> String {
    let done = report.stacks.filter { [.deployed, .removed].contains($0.outcome) }
    if done.isEmpty { return "refused; nothing was changed" }
    if done.allSatisfy({ $0.outcome == .deployed && $0.to != report.commit }) {
      return
        "refused; repaired \(done.count.counted("stack")) without changing \(done.count == 1 ? "its commit" : "their commits")"
    }
    return
      "refused \(report.stacks.count { $0.outcome == .refused }) of \(report.stacks.count.counted("stack")), deployed the others"
  }

  /// Returns what a dry run would change beside the stacks; nothing where it is nothing.
  private static func plannedFiles(_ report: Report) -> String? {
    let changed = report.links.count { $0.action != .keep }
    if changed == 0 { return nil }
    return "would update \(changed.counted("file")) beside the stacks, and restart nothing; nothing was changed"
  }

  /// Names what failed, and counts what did not.
  private static func failed(_ report: Report) -> String {
    let skipped = report.stacks.filter { $0.outcome == .skipped }.map(\.name)
    guard let bad = report.badStacks ?? (skipped.isEmpty ? nil : "skipped \(skipped.listed(3))") else {
      return report.waitsFor.map { "waiting for \($0.words)" } ?? "failed"
    }
    let good = report.stacks.filter { [.deployed, .removed].contains($0.outcome) }.count
    return bad + (good > 0 ? "; deployed \(good) of \(report.stacks.count.counted("stack"))" : "")
  }

  /// A stack that is held is repaired where it is.
  private static func repaired(_ report: Report) -> String {
    let held = report.stacks.filter { stack in
      [.held, .waiting].contains(stack.outcome)
        && (stack.durationMs > 0 || stack.services.contains { $0.action != .keep })
    }
    if held.isEmpty { return "updated the links of the configuration" }
    return
      "repaired \(held.count.counted("stack")) without changing \(held.count == 1 ? "its commit" : "their commits")"
  }

  private static func idle(_ report: Report) -> String {
    let held = report.stacks.filter { $0.outcome == .held }.count
    let pinned = report.stacks.filter { $0.outcome == .pinned }.count
    let waiting = report.stacks.filter { $0.outcome == .waiting }.count
    let gone = report.stacks.count { $0.isLeft }
    let skipped = report.stacks.filter { $0.outcome == .skipped }.count
    let rest = [
      (skipped, "skipped"), (held, "held"), (pinned, "pinned"), (waiting, "waiting"),
      (gone, "gone from the repository"),
    ].filter {
      $0.0 > 0
    }.map {
      ", \($0.0) \($0.1)"
    }
    return "\((report.stacks.count - held - waiting - gone - skipped).counted("stack")) in place\(rest.joined())"
  }

  /// The lines of diffs, in the colours that people know from git.
  static func diff(_ texts: [String], _ ink: Ink) -> [String] {
    texts.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }.map { line in
      let text = String(line).printable
      if ["diff ", "index ", "--- ", "+++ ", "stack "].contains(where: text.hasPrefix) { return ink.bold(text) }
      switch text.first {
      case "+": return ink.green(text)
      case "-": return ink.red(text)
      case "~": return ink.yellow(text)
      case "@": return ink.faint(text)
      default: return text
      }
    }
  }

  static func status(_ status: Status) -> [String] {
    var lines = status.stacks.flatMap(lines) + (status.lost ?? []).map { "! \($0)" }
    if status.stacks.isEmpty, status.lost == nil {
      lines.append("nothing was deployed yet; `clup sync --dry-run` shows what would be")
    }
    if let trouble = status.trouble, trouble.waitsFor == nil { lines += Self.lines(of: trouble) }
    lines += status.waiting.filter { $0.stack == nil }.flatMap { waiting in
      ["· waiting for \(waiting.outage.words) since \(waiting.since)", "    \(waiting.error)"]
    }
    if !status.fence {
      lines.append("warning: this kernel has no Landlock: only clup's own checks keep it from writing elsewhere")
    }
    lines += status.waivers.map { "warning: \($0)" } + (status.baseline.map { [baseline($0)] } ?? [])
    let reached = status.reached.map { ", repository reached \($0)" } ?? ""
    lines.append("last good commit: \(status.commit.map { String($0.prefix(12)) } ?? "none")\(reached)")
    return lines
  }

  private static func baseline(_ count: AcceptedCount) -> String {
    var text = "baseline: \(count.accepted.counted("finding")) accepted"
    let look = "; `clup baseline --prune --dry-run` lists those that were fixed"
    if count.ending > 0 { text += ", \(count.ending) of them for two weeks at most" }
    return text + (count.ended > 0 ? ", \(count.ended) ended and refused again" : "") + look
  }

  private static func lines(of trouble: Trouble) -> [String] {
    let commit = trouble.commit.map { String($0.prefix(7)) } ?? "syncs"
    let what = trouble.outcome == .refused ? "refused" : "failing"
    let more = trouble.errors.count - 3
    return ["! \(commit)  \(what) since \(trouble.since)"] + trouble.errors.prefix(3).map { "    \($0)" }
      + (more > 0 ? ["    and \(more) more; `clup sync --dry-run` shows them"] : [])
      + (trouble.help.map { ["    help: \($0)"] } ?? [])
  }

  private static func lines(of stack: Status.Stack) -> [String] {
    let mark = stack.health == "unknown" ? "?" : stack.isGood ? "✓" : "!"
    let commit = stack.commit.map { String($0.prefix(7)) } ?? "-"
    var lines = ["\(mark) \(stack.name)  \(commit)  \(stack.health)  last: \(stack.outcome ?? "-")"]
    if let pin = stack.pin {
      let behind = stack.behind.map { ", \($0.counted("commit")) behind" } ?? ""
      lines.append(
        "    pinned at \(pin.prefix(7)) since \(stack.pinnedSince ?? "?")\(behind); "
          + "`clup resume --stack \(stack.name)` lifts it")
    }
    if let held = stack.held {
      lines.append(
        "    held: \(held.prefix(7)) failed at \(stack.heldSince ?? "?"); push a fix, or try it again with `clup sync --retry`"
      )
    }
    if let outage = stack.waitsFor {
      lines.append("    waiting for \(outage.words) since \(stack.waitingSince ?? "?")")
    }
    if let error = stack.error { lines.append(stack.waitsFor == nil ? "    failed: \(error)" : "    \(error)") }
    if let note = stack.note { lines.append("    \(note)") }
    return lines + stack.drift.map { "    \($0)" }
  }

  static func knownHost(_ host: KnownHost) -> [String] {
    let width = host.keys.map(\.type.count).max() ?? 0
    let lines = host.keys.map { key in
      "  " + key.type + String(repeating: " ", count: width + 2 - key.type.count) + key.fingerprint
        + "  \(key.trustState.rawValue)"
    }
    let isNew = host.keys.contains { $0.trustState == .new }
    return ["\(host.host), beside \(host.file)"] + lines
      + (isNew
        ? ["compare these with what the server's owner publishes, then: clup known-host --write '\(host.host)'"] : [])
  }

  static func history(_ reports: [Report]) -> [String] {
    reports.map { report in
      let touched = report.stacks.filter { $0.outcome != .unchanged }.map { "\($0.name) \($0.outcome.words)" }
      let detail = report.error ?? (touched.isEmpty ? "" : touched.joined(separator: ", "))
      return
        "\(report.started)  \(report.commit.map { String($0.prefix(7)) } ?? "-------")  \(report.outcome.rawValue)  "
        + "\(report.trigger == "manual" ? "" : "(\(report.trigger)) ")\(detail)"
    }
  }

  /// Milliseconds below a second, else seconds with a tenth.
  private static func time(_ milliseconds: Int) -> String {
    milliseconds < 1000 ? "\(milliseconds) ms" : "\(milliseconds / 1000).\(milliseconds / 100 % 10) s"
  }

  private static func mark(_ outcome: StackReport.Outcome, _ ink: Ink) -> String {
    switch outcome {
    case .unchanged, .deployed: ink.green("✓")
    case .planned: ink.yellow("→")
    case .removed: "-"
    case .refused, .failed, .rolledBack: ink.red("✗")
    case .held, .pinned, .skipped, .waiting: ink.yellow("·")
    }
  }
}
