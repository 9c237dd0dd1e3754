import Core

extension Render {
  /// Says what a first sync would do with what runs: what stays, what is made anew and why, what is refused.
  static func takeover(_ report: Report) -> [String] {
    var lines: [String] = []
    func add(_ title: String, _ items: [String]) {
      if items.isEmpty { return }
      lines += ["\(title):"] + items.map { "  \($0)".printable }
    }
    let open = report.stacks.filter { $0.outcome != .refused }
    func services(_ stack: StackReport, _ actions: [ServiceReport.Action]) -> [ServiceReport] {
      stack.services.filter { actions.contains($0.action) }
    }
    add(
      "taken over as it runs",
      open.compactMap { stack in
        let kept = services(stack, [.keep])
        return kept.isEmpty ? nil : "\(stack.name): \(kept.map(\.name).joined(separator: ", "))"
      })
    for (title, actions) in [
      ("would be recreated", [ServiceReport.Action.recreate, .remove]), ("new", [.create, .start]),
    ] {
      add(
        title,
        open.flatMap { stack in
          services(stack, actions).map { "\(stack.name): \($0.name)" + ($0.reason.map { " (\($0))" } ?? "") }
        })
    }
    add("refused, see above", report.stacks.filter { $0.outcome == .refused }.map(\.name))
    let replaced = report.links.filter { $0.action == .replace }.map(\.live)
    add("kept as .bak.<timestamp>, and linked", replaced)
    lines.append(
      report.outcome == .refused
        ? "nothing was changed; fix or allow what is refused, then `clup sync --dry-run`"
        : "nothing was changed; `clup sync` does this, `clup sync --dry-run` shows each step")
    return lines
  }
}
