import Core

extension Page {
  /// Shows what a sync would do now: `GET /plan`.
  ///
  /// Takes the report of a dry run with its unified diff, or why there is none.
  static func plan(report: Report?, diff: String, error: String? = nil, of seen: StatusPageModel) -> [UInt8] {
    guard let report else {
      let why: HTML = error.map { "<p class=\"text\">\($0)</p>" } ?? "<p>Nobody asked yet what a sync would do.</p>"
      let headline = Headline(error == nil ? .calm : .bad, "There is no plan")
      return frame(seen, at: .plan, headline, every: 30, section("error", "Why", why))
    }
    let next: HTML? =
      report.outcome == .planned && report.stacks.contains { $0.outcome == .planned }
      ? " · <code>clup sync</code> carries it out" : nil
    let below: HTML = "<p>made \(Moments(now: seen.now).ago(report.started)) · nothing was changed\(next)</p>"
    let more: HTML? = error.map { section("warning", "Warning", "<p class=\"text\">\($0)</p>") }
    return frame(
      seen, at: .plan, headline(report), below: below, every: 30, "\(more)\(contents(report))\(Diff(diff).html)")
  }
}
