extension Policy {
  /// Weighs findings as `judge` does, but for those that say that a stack cannot be deployed at all: these stay errors
  /// whatever the host says, since to lift one would leave the stack out without saying so.
  public func weigh(_ findings: [Diagnostic], today: String, configuration: String, whole: Bool) -> [Diagnostic] {
    let final = findings.filter(\.isFinal).map { finding in
      var finding = finding
      (finding.isFinal, finding.spot) = (false, nil)
      guard isLifted(finding, today: today) else { return finding }
      finding.message += "; no severity and no waiver lifts this, since the stack cannot be deployed"
      return finding
    }
    let others = judge(
      findings.filter { !$0.isFinal }, today: today, configuration: configuration, whole: whole && final.isEmpty)
    // What a rule says of a file, a stack that uses it may say again.
    var seen: Set<Diagnostic> = []
    return (others + final).filter { seen.insert($0).inserted }.sorted { $0.precedes($1) }
  }

  private func isLifted(_ finding: Diagnostic, today: String) -> Bool {
    if let weight = severity[finding.rule], weight != .error { return true }
    return waivers.contains { $0.covers(finding) && $0.expires >= today }
  }
}
