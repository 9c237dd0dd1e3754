/// What the host says about rules: the section `policy:` of its configuration.
public struct Policy: Sendable, Equatable {
  /// How much a rule weighs on this host.
  public enum Weight: String, Sendable, CaseIterable { case error, warning, off }

  /// Where bind mounts may lead; the live root when the host names none.
  public var bindRoots: [String] = []
  /// The weight of rules that the host changes, by rule id.
  public var severity: [String: Weight] = [:]
  /// What the host excuses.
  public var waivers: [Waiver] = []
  /// Files that may be in git although their name or their place says otherwise.
  public var tracked: [TrackedFile] = []
  /// Globs of all files that the repository may hold; empty allows every file.
  public var allowedFiles: [String] = []
  /// Globs of the images that jobs may use; empty allows every image.
  public var jobImages: [String] = []
  /// The networks that jobs may use beside `none`.
  public var jobNetworks: [String] = []

  /// Starts from nothing: every rule with its own weight.
  public init() {}
}

/// One excuse from a rule, for a while.
public struct Waiver: Sendable, Equatable {
  /// The rule's id.
  public var rule: String
  /// The stack that it holds for; every stack when empty.
  public var stack: String?
  /// The service that it holds for; every service when empty.
  public var service: String?
  /// A glob of the files that it holds for; every file when empty.
  public var file: String?
  /// Why.
  public var reason: String
  /// The last day on which it holds, `YYYY-MM-DD`.
  public var expires: String
  /// The line in the configuration.
  public var line: Int
  /// The column in the configuration.
  public var column: Int

  /// Says whether it excuses a finding, whatever the day.
  func covers(_ finding: Diagnostic) -> Bool {
    rule == finding.rule && (stack == nil || stack == finding.stack) && (service == nil || service == finding.service)
      && (file == nil || file.map { Glob($0).covers(finding.file) } == true)
  }
}

extension Policy {
  /// Weighs findings as the host asks; `today` is `YYYY-MM-DD`.
  ///
  /// What is switched off is left out, what a waiver covers is marked, and a waiver that has run out, or that nothing
  /// needs, is a finding itself at its place in `configuration`. Whether one is needed can be told only when `whole` says
  /// that every stack was looked at.
  public func judge(_ findings: [Diagnostic], today: String, configuration: String, whole: Bool) -> [Diagnostic] {
    var judged: [Diagnostic] = []
    var needed: Set<Int> = []
    for var finding in findings {
      switch severity[finding.rule] {
      case .off: continue
      case .error: finding.severity = .error
      case .warning: finding.severity = .warning
      case nil: break
      }
      for (index, waiver) in waivers.enumerated() where waiver.covers(finding) {
        needed.insert(index)
        if waiver.expires >= today { finding.waived = true }
      }
      judged.append(finding)
    }
    for (index, waiver) in waivers.enumerated() {
      let subject = [waiver.stack, waiver.service].compactMap { $0 }.joined(separator: " ")
      let name = "the waiver of \(waiver.rule)\(subject.isEmpty ? "" : " for \(subject)")"
      func add(_ severity: Diagnostic.Severity, _ message: String, _ help: String) {
        judged.append(
          Diagnostic(
            rule: waiver.rule, severity: severity, file: configuration, line: waiver.line, column: waiver.column,
            stack: waiver.stack, service: waiver.service, message: message, help: help))
      }
      if waiver.expires < today, needed.contains(index) {
        add(
          .error, "\(name) ended on \(waiver.expires) (\(waiver.reason))",
          "mend what it excused, or give it a new end after thinking again")
      } else if whole, !needed.contains(index) {
        add(.warning, "\(name) excuses nothing", "take it out of the configuration")
      }
    }
    return judged.sorted { $0.precedes($1) }
  }

  /// Changes whenever the policy would judge differently; kept with a stack to know when to look again.
  public func fingerprint(today: String) -> String {
    let ended = waivers.filter { $0.expires < today }.map { "\($0.rule) \($0.stack ?? "") \($0.service ?? "")" }
    var clean = self
    for index in clean.waivers.indices { (clean.waivers[index].line, clean.waivers[index].column) = (0, 0) }
    let tracked = clean.tracked.isEmpty ? "" : "\(clean.tracked.map(\.path)) "
    return tracked
      + "\(clean.bindRoots) \(clean.severity.sorted { $0.key < $1.key }) \(clean.waivers) \(clean.allowedFiles)"
      + " \(clean.jobImages) \(clean.jobNetworks) \(ended)"
  }
}
