import Agent
import Core

extension Page {
  /// Shows how the host stands: `GET /`.
  static func overview(_ seen: StatusPageModel) -> [UInt8] {
    let body: HTML = "\(notices(seen))\(working(seen))\(stacks(seen))\(runs(seen))"
    let isBusy = seen.runs.contains { $0.stage == .running }
    return frame(seen, at: .overview, .host(seen), below: repository(seen), every: isBusy ? 1 : 5, body)
  }

  private static func repository(_ seen: StatusPageModel) -> HTML {
    let moments = Moments(now: seen.now)
    var parts: [HTML] = []
    let bad = (seen.status?.stacks ?? []).filter { StackCondition($0).tone == .bad }.map(\.name)
    if !bad.isEmpty {
      let names = bad.prefix(8).map { "<a href=\"#stack-\(Shown.anchor($0))\">\($0)</a>" as HTML }
      let more: HTML? = bad.count > 8 ? " and \(bad.count - 8) more" : nil
      parts.append("\(HTML.joined(names, by: ", "))\(more)")
    }
    if seen.unreachable == nil, let reached = seen.reached {
      parts.append("repository reached \(moments.ago(reached))")
    } else if seen.unreachable == nil {
      parts.append("repository not asked yet")
    }
    if let run = seen.runs.first(where: { $0.stage == .running }) {
      let since: HTML? = run.started.map { ", began \(moments.ago($0))" }
      let phase: HTML? = seen.working.first { $0.stack == nil }.map { ": \($0.text)" }
      parts.append("<a href=\"/runs/\(Shown.segment(run.id))\">a sync is running</a>\(since)\(phase)")
    } else if let run = seen.runs.first(where: { $0.stage == .queued }) {
      parts.append("<a href=\"/runs/\(Shown.segment(run.id))\">a sync is waiting</a>")
    }
    return parts.isEmpty ? .nothing : "<p>\(HTML.joined(parts, by: " · "))</p>"
  }

  private static func stacks(_ seen: StatusPageModel) -> HTML {
    guard let status = seen.status else { return .nothing }
    if status.stacks.isEmpty {
      return section(
        "stacks", "Stacks",
        """
        <p class="empty">Each directory of the repository that holds a Compose file becomes a stack with the next sync; \
        <a href="/plan">the plan</a> shows what it would do.</p>
        """)
    }
    let cards = status.stacks.map { StackCard(stack: $0, seen: seen).html }
    return section("stacks", "Stacks", "<div class=\"list\">\(cards)</div>")
  }
}
