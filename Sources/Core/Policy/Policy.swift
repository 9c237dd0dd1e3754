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
  /// What one stack may see of another one, or of what belongs to nobody.
  public var shared: [SharedPlace] = []
  /// What the gate would not know.
  public var options = AllowedOptions()
}

/// Something that several stacks may use: one entry of `policy: {shared: …}`.
public struct SharedPlace: Sendable, Equatable {
  /// What it is.
  public enum Kind: Sendable, Equatable {
    /// A path below the live root, with everything below it.
    case path(String)
    /// A volume, by the engine's name.
    case volume(String)
    /// An image's reference.
    case image(String)
  }

  /// What is shared.
  public var kind: Kind
  /// The stacks and job files that may use it.
  public var stacks: [String]
}

extension Policy {
  /// Says whether a stack may use a path below the live root that is not its own.
  func shares(path: String, with stack: String) -> Bool {
    shared.contains { place in
      guard case .path(let shared) = place.kind, place.stacks.contains(stack) else { return false }
      return Path.relative(path, to: shared) != nil
    }
  }

  /// Says whether all of these stacks may use something.
  func shares(_ kind: SharedPlace.Kind, among stacks: [String]) -> Bool {
    shared.contains { $0.kind == kind && stacks.allSatisfy($0.stacks.contains) }
  }

  /// Weighs findings as the host asks; `today` is `YYYY-MM-DD`.
  ///
  /// What is switched off is left out, what a waiver covers is marked, and a waiver that has run out or soon will, or that
  /// nothing needs, is a finding itself at its place in `configuration`. Whether one is needed can be told only when
  /// `whole` says that every stack was looked at.
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
      if !finding.waived, let almost = waivers.first(where: { $0.names(finding) && $0.expires >= today }),
        let gap = almost.gap(to: finding)
      {
        finding.help = "the waiver does not cover it: \(gap)"
      }
      finding.terms = nil
      judged.append(finding)
    }
    for (index, waiver) in waivers.enumerated() {
      if let told = remark(on: waiver, today: today, isNeeded: needed.contains(index), whole: whole, configuration) {
        judged.append(told)
      }
    }
    return judged.sorted { $0.precedes($1) }
  }

  /// What is to be said of a waiver itself.
  private func remark(
    on waiver: Waiver, today: String, isNeeded: Bool, whole: Bool, _ configuration: String
  ) -> Diagnostic? {
    let name = waiver.title
    func told(_ severity: Diagnostic.Severity, _ message: String, _ help: String) -> Diagnostic {
      Diagnostic(
        rule: waiver.rule, severity: severity, file: configuration, line: waiver.line, column: waiver.column,
        stack: waiver.stack, service: waiver.service, message: message, help: help)
    }
    if waiver.expires < today, isNeeded {
      return told(
        .error, "\(name) ended on \(waiver.expires) (\(waiver.reason)); what runs stays, new commits are refused",
        "fix what it covered, or review it and set a new `expires:`")
    }
    if whole, !isNeeded { return told(.warning, "\(name) covers nothing", "take it out of the configuration") }
    if isNeeded, let days = Day(waiver.expires)?.days(since: Day(today)), days <= Self.noticeDays {
      return told(
        .warning, "\(name) ends \(Self.when(days))",
        "fix what it covers by then, or review it and set a new `expires:`")
    }
    return nil
  }

  /// Names the waivers that have ended or will end soon, in the order of their ends.
  public func ending(by today: String) -> [String] {
    waivers.sorted { $0.expires < $1.expires }.compactMap { waiver in
      if waiver.expires < today { return "\(waiver.title) ended on \(waiver.expires)" }
      guard let days = Day(waiver.expires)?.days(since: Day(today)), days <= Self.noticeDays else { return nil }
      return "\(waiver.title) ends \(Self.when(days))"
    }
  }

  private static func when(_ days: Int) -> String { days == 0 ? "today" : "in \(days) day\(days == 1 ? "" : "s")" }

  /// How many days before its end a waiver is spoken of.
  private static let noticeDays = 14

  /// Changes whenever the policy would judge differently; kept with a stack to know when to look again.
  public func fingerprint(today: String) -> String {
    let ended = waivers.filter { $0.expires < today }.map { "\($0.rule) \($0.stack ?? "") \($0.service ?? "")" }
    let ending = waivers.filter { waiver in
      Day(waiver.expires)?.days(since: Day(today)).map { (0...Self.noticeDays).contains($0) } ?? false
    }.map { "\($0.rule) \($0.stack ?? "")" }
    var clean = self
    for index in clean.waivers.indices { (clean.waivers[index].line, clean.waivers[index].column) = (0, 0) }
    return "\(Self.edition) \(clean.bindRoots) \(clean.severity.sorted { $0.key < $1.key }) \(clean.waivers)"
      + " \(clean.allowedFiles) \(clean.tracked) \(clean.jobImages) \(clean.jobNetworks) \(clean.shared)"
      + " \(clean.options.fingerprint) \(ended) \(ending)"
  }

  /// Grows with rules that judge otherwise than before, so that every stack is looked at again after an upgrade.
  private static let edition = 3
}
