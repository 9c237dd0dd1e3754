import Core

extension Render {
  /// Returns what a first sync would do with what runs: what stays, what is made again and why, what is refused.
  static func takeover(_ report: Report, width: Int = .max) -> [String] {
    var lines: [String] = []
    func add(_ title: String, _ items: [String]) {
      if items.isEmpty { return }
      lines += ["\(title):"] + items.map { "  \($0)".printable }
    }
    let open = report.stacks.filter { $0.outcome != .refused }
    add("stacks", open.map { "\($0.name): \(change(of: $0))" })
    add("refused, see above", report.stacks.filter { $0.outcome == .refused }.map(\.name))
    let replaced = report.links.filter { $0.action == .replace }.map(\.live)
    add("kept as .bak.<timestamp>, and linked", replaced)
    lines.append(
      report.outcome == .refused
        ? "nothing was changed; fix or allow what is refused, then `clup sync --dry-run`"
        : "nothing was changed; `clup sync` does this, `clup sync --dry-run` shows each step")
    return lines.flatMap { fitted($0, width, indent: "    ") }
  }

  /// Returns what becomes of the containers of a stack.
  private static func change(of stack: StackReport) -> String {
    let (kept, changed) = stack.services.parted { $0.action == .keep }
    if changed.isEmpty { return kept.isEmpty ? stack.outcome.words : "taken over as it runs, nothing restarts" }
    let parts = changed.map { service in
      let verb: String =
        switch service.action {
        case .recreate: "restarts"
        case .remove: "removes"
        case .create, .start, .keep: "starts"
        }
      return "\(verb) \(service.name)" + (service.reason.map { ", because \($0)" } ?? "")
    }
    let rest = kept.isEmpty ? [] : ["\(kept.map(\.name).joined(separator: ", ")) taken over as it runs"]
    return (parts + rest).joined(separator: "; ")
  }

  /// Shows a configuration in at most so many columns: comments are broken between words, and one behind a key that does not
  /// fit stands above it.
  static func proposal(_ text: String, width: Int) -> [String] {
    text.split(separator: "\n").flatMap { line -> [String] in
      let line = String(line)
      // What is proposed is to be copied as it is.
      if line.count + 2 <= width || line.hasPrefix("#  ") { return ["  \(line)"] }
      if line.hasPrefix("# ") { return wrapped(String(line.dropFirst(2)), width - 4).map { "  # \($0)" } }
      guard let comment = line.firstRange(of: "   # ") else { return ["  \(line)"] }
      let start = "  " + line.prefix { $0 == " " } + "# "
      return wrapped(String(line[comment.upperBound...]), width - start.count).map { start + $0 }
        + ["  \(line[..<comment.lowerBound])"]
    }
  }
}
