extension Policy {
  /// Weighs findings as `judge` does, but for those that say that a stack cannot be deployed at all: these stay errors
  /// whatever the host says, since to lift one would leave the stack out without saying so.
  public func weigh(
    _ findings: [Diagnostic], today: String, configuration: String, whole: Bool, stacks: Set<String> = []
  ) -> [Diagnostic] {
    let final = findings.filter(\.isFinal).map { finding in
      var finding = finding
      (finding.isFinal, finding.sourceValue) = (false, nil)
      guard isLifted(finding, today: today) else { return finding }
      finding.message += "; no severity and no waiver lifts this, since the stack cannot be deployed"
      return finding
    }
    let others = judge(
      findings.filter { !$0.isFinal }, today: today, configuration: configuration, whole: whole && final.isEmpty,
      stacks: stacks)
    // What a rule says of a file, a stack that uses it may say again.
    var seen: Set<Diagnostic> = []
    return (others + final).filter { seen.insert($0).inserted }.sorted { $0.precedes($1) }
  }

  /// Leaves out what the content of a file of values is refused for where the stack that takes it is refused for the same line,
  /// unless that weighs less on this host or is waived.
  public func withoutDuplicates(_ findings: [Diagnostic]) -> [Diagnostic] {
    func rank(_ rule: Rule) -> Int { [.off, .warning, .error].firstIndex(of: severity[rule.id] ?? .error) ?? 0 }
    guard rank(.plaintextSecret) >= rank(.forbiddenFile) else { return findings }
    let told = Set(
      findings.filter { finding in
        finding.rule == Rule.plaintextSecret.id && !waivers.contains { $0.accepted == nil && $0.covers(finding) }
      }.compactMap { finding in finding.line.map { "\(finding.file):\($0)" } })
    return findings.filter { finding in
      finding.rule != Rule.forbiddenFile.id || finding.isFinal
        || finding.line.map { !told.contains("\(finding.file):\($0)") } ?? true
    }
  }

  private func isLifted(_ finding: Diagnostic, today: String) -> Bool {
    if let weight = severity[finding.rule], weight != .error { return true }
    return waivers.contains { $0.covers(finding) && $0.expires >= today }
  }
}
