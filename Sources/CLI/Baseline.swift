import Agent
import Core

/// `clup baseline`: accept what is there today.
extension CLI {
  static func baseline(
    _ arguments: Arguments, _ settings: Settings, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    var request = AcceptRequest()
    request.include = Set(arguments.values["--include"] ?? [])
    request.prunes = arguments.switches.contains("--prune")
    request.dryRun = !arguments.switches.isDisjoint(with: ["--dry-run", "-n"])
    try check(request)
    let ended = try await AcceptFindings(
      settings: settings, request: request, environment: environment, tell: { tell(messageOf: $0) }
    ).run()
    if arguments.output == .json {
      print(encode(ended.acceptance))
    } else {
      print(fitted: Render.acceptance(ended.acceptance, ended.excerpts))
    }
    return ended.acceptance.isRefused && !request.prunes ? .refused : .success
  }

  /// Tells what a sync says in words, for a command that shows no progress.
  static func tell(messageOf event: SyncEvent) { if event.kind == .message { tell(event.text) } }

  private static func check(_ request: AcceptRequest) throws(Failure) {
    for id in request.include.sorted() { try rule(id) }
    if request.prunes, !request.include.isEmpty {
      throw Failure(
        .configuration, "--prune accepts nothing, so --include does not go with it",
        help: "run `clup baseline --prune` and `clup baseline --include RULE` one after the other")
    }
  }
}

extension Render {
  static func acceptance(_ result: Acceptance, _ excerpts: Excerpts) -> [String] {
    var lines: [String] = []
    func list(_ heading: String, _ found: [Diagnostic]) {
      if !found.isEmpty { lines += ["\(heading):"] + found.map { "  \($0.place): \($0.message) [\($0.rule)]" } }
    }
    let end = (result.accepted + result.renewed).compactMap(\.acceptedUntil).first ?? ""
    list("accepted until \(end)", result.accepted)
    list("had ended, accepted again until \(end)", result.renewed)
    let known = Dictionary(grouping: result.known) { $0.acceptedUntil ?? "" }
    for (end, group) in known.sorted(by: { $0.key < $1.key }) {
      list("accepted before, until \(end) as it was", group)
    }
    let isSilent = { (refusal: Acceptance.Refusal) in
      !refusal.finding.refuses && Rule.hygiene.contains(refusal.finding.rule)
    }
    let refused = result.pruned ? [] : result.refused.filter { !isSilent($0) }
    if !refused.isEmpty { lines.append("not accepted:") }
    for refusal in refused {
      lines += Findings.text([refusal.finding], excerpts).map { "  \($0)" } + ["      \(refusal.reason)"]
    }
    if !result.unjudged.isEmpty {
      lines.append(
        "not judged, since a rollback pinned it or a sync works on it: \(result.unjudged.joined(separator: ", "))")
    }
    if !result.fixed.isEmpty {
      lines.append(result.pruned ? "fixed, and no longer accepted:" : "fixed; `clup baseline --prune` drops it:")
      lines += result.fixed.map { fixed in
        "  \(([fixed.stack, fixed.service].compactMap { $0 } + [fixed.text]).joined(separator: ": ")) [\(fixed.rule)]"
      }
    }
    let silent = result.pruned ? [] : result.refused.filter(isSilent)
    if !silent.isEmpty {
      let rules = Set(silent.map(\.finding.rule)).sorted().joined(separator: ", ")
      lines.append("\(silent.count.counted("warning")) of \(rules): they refuse nothing, and stay warnings")
    }
    return lines + [summary(result)]
  }

  private static func summary(_ result: Acceptance) -> String {
    let kept = result.accepted.count + result.renewed.count + result.known.count
    let refused = result.refused.count { $0.finding.refuses }
    let what =
      result.dryRun
      ? "would accept" : result.accepted.isEmpty && result.renewed.isEmpty ? "accepts" : "now accepts"
    return "\(result.file) \(what) \(kept.counted("finding")) (\(result.accepted.count) new)"
      + (refused > 0
        ? "; \(refused) still refuse\(refused == 1 ? "s" : "") the commit" : "; nothing refuses the commit")
      + (result.dryRun ? "; nothing was written" : "")
  }
}
