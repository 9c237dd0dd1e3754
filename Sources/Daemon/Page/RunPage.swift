import Core

extension Page {
  /// Shows a run that has not ended, or that left no report: `GET /runs/<id>`.
  static func run(_ run: Run, of seen: StatusPageModel) -> [UInt8] {
    let moments = Moments(now: seen.now)
    let headline =
      switch run.stage {
      case .queued: Headline(.note, "This sync waits for its turn")
      case .running: Headline(.note, "This sync is running")
      case .ended:
        run.outcome == .unchanged || run.outcome == nil && run.exitStatus == ExitStatus.success.rawValue
          ? Headline(.calm, "This sync found nothing to do")
          : Headline(run.tone, "This sync ended without a report: \(run.words)")
      }
    var facts: [HTML] = [fact("Asked for", "\(moments.ago(run.requested)), by \(run.trigger.rawValue)")]
    if let started = run.started { facts.append(fact("Began", moments.ago(started))) }
    if let ended = run.ended { facts.append(fact("Ended", moments.ago(ended))) }
    if let commit = run.commit { facts.append(fact("Commit", Page.commit(commit))) }
    if let status = run.exitStatus { facts.append(fact("Exit status", "\(Int(status))")) }
    facts.append(fact("Run", "<code>\(run.id)</code>"))
    let error: HTML? = run.error.map { section("error", "Why", "<p class=\"text\">\($0)</p>") }
    return frame(
      seen, at: .elsewhere, headline, every: run.stage == .ended ? 5 : 1,
      "<dl class=\"facts wide\">\(facts)</dl>\(error)\(working(seen))")
  }

  /// Makes an entry of a list of facts.
  static func fact(_ name: HTML, _ value: HTML) -> HTML { "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }
}
