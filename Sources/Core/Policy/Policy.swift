/// What the host says about rules: the section `policy:` of its configuration.
public struct Policy: Sendable, Equatable {
  /// How much a rule weighs on this host.
  public enum Weight: String, Sendable, CaseIterable { case error, warning, off }

  /// Where bind mounts may lead; the live root when the host names none.
  public var bindRoots: [String] = []
  /// The weight of rules that the host changes, by rule id.
  var severity: [String: Weight] = [:]
  /// What the host excuses.
  public var waivers: [Waiver] = []
  /// Files that may be in git although their name or their place says otherwise.
  public var tracked: [TrackedFile] = []
  /// Globs of all files that the repository may hold; empty allows every file.
  var allowedFiles: [String] = []
  /// Globs of the images that jobs may use; empty allows every image.
  var jobImages: [String] = []
  /// The networks that jobs may use beside `none`.
  var jobNetworks: [String] = []
  /// What one stack may see of another one, or of what belongs to nobody.
  var shared: [SharedPlace] = []
  /// What validation does not know.
  var options = AllowedOptions()
}

/// Something that several stacks may use: one entry of `policy: {shared: …}`.
public struct SharedPlace: Sendable, Equatable {
  /// What it is.
  public enum Kind: Sendable, Equatable {
    /// A path below the live root, with everything below it.
    case path(String)
    /// A volume, by the engine's name.
    case volume(String)
    case image(String)
    /// A network on which one of the stacks has a service with the Docker socket, by the engine's name.
    case network(String)
  }

  var kind: Kind
  /// Globs of the stacks and job files that may use it.
  var stacks: [String]

  func names(_ stack: String) -> Bool { stacks.contains { $0 == stack || Glob($0).matches(stack) } }
}

extension Policy {
  /// Returns whether a stack may use a path below the live root that is not its own.
  func shares(path: String, with stack: String) -> Bool {
    shared.contains { place in
      guard case .path(let shared) = place.kind, place.names(stack) else { return false }
      return Path.relative(path, to: shared) != nil
    }
  }

  /// Returns whether a waiver is about a rule in some service of a stack, whatever the day.
  public func excuses(_ rule: String, in stack: String) -> Bool {
    waivers.contains {
      $0.rules.contains(rule) && ($0.stacks.isEmpty || $0.stacks.contains { Glob($0).matches(stack) })
    }
  }

  /// Returns whether a rule refuses nothing in a service today, since the host made it lighter or a waiver names the service.
  public func lifts(_ rule: String, of service: String, in stack: String, today: String) -> Bool {
    severity[rule].map { $0 != .error } ?? false
      || waivers.contains {
        $0.accepted == nil && $0.expires >= today && $0.names(rule: rule, stack: stack, service: service)
      }
  }

  /// Returns whether all of these stacks may use something.
  func shares(_ kind: SharedPlace.Kind, among stacks: [String]) -> Bool {
    shared.contains { $0.kind == kind && stacks.allSatisfy($0.names) }
  }

  /// Weighs findings as the host asks; `today` is `YYYY-MM-DD`.
  ///
  /// What is switched off is left out, what a waiver covers is marked, and a waiver that has run out or soon will, or that
  /// nothing needs, is a finding itself at its place in `configuration`. Whether one is needed can be told only when
  /// `whole` says that every stack was looked at; `stacks` are their names, where they are known.
  public func judge(
    _ findings: [Diagnostic], today: String, configuration: String, whole: Bool, stacks: Set<String> = []
  ) -> [Diagnostic] {
    let bound = Dictionary(grouping: findings.filter { $0.terms != nil && $0.severity == .error }) { $0.kinship }
    var judged: [Diagnostic] = []
    var (needed, refusing): (Set<Int>, Set<Int>) = ([], [])
    for finding in findings {
      guard var finding = weighed(finding) else { continue }
      let covering = waivers.indices.filter { waivers[$0].covers(finding) }
      needed.formUnion(covering)
      if finding.severity == .error { refusing.formUnion(covering) }
      excuse(&finding, by: covering.map { waivers[$0] }, today)
      if !finding.waived, let almost = waivers.first(where: { $0.names(finding) && $0.expires >= today }),
        let reason = almost.reasonNotCovered(finding, among: bound[finding.kinship] ?? [])
      {
        finding.help = "\(almost.accepted == nil ? "the waiver" : "the baseline") does not cover it: \(reason)"
      }
      (finding.terms, finding.sourceValue) = (nil, nil)
      judged.append(finding)
    }
    for (index, waiver) in waivers.enumerated() where waiver.accepted == nil {
      let need: Diagnostic.Severity? = refusing.contains(index) ? .error : needed.contains(index) ? .warning : nil
      if let remark = remark(on: waiver, today: today, need: need, whole ? stacks : nil, configuration) {
        judged.append(remark)
      }
    }
    judged += remarks(onAccepted: needed.sorted().map { waivers[$0] }, today, configuration)
    return judged.sorted { $0.precedes($1) }
  }

  /// Gives a finding the weight that it has on this host; nothing where it has none.
  func weighed(_ finding: Diagnostic) -> Diagnostic? {
    var finding = finding
    switch severity[finding.rule] {
    case .off: return nil
    case .error: finding.severity = .error
    case .warning: finding.severity = .warning
    case nil: break
    }
    return finding
  }

  /// Marks a finding that waivers cover; one in the configuration counts before the baseline.
  private func excuse(_ finding: inout Diagnostic, by covering: [Waiver], _ today: String) {
    let active = covering.filter { $0.expires >= today }
    finding.waived = !active.isEmpty
    if active.allSatisfy({ $0.accepted != nil }) { finding.acceptedUntil = active.map(\.expires).max() }
    if !finding.waived, let ended = covering.filter({ $0.accepted != nil }).map(\.expires).max() {
      finding.help += "; the baseline accepted it until \(ended), and `clup baseline` accepts it again"
    }
  }

  /// What is to be said of a waiver itself; `need` is the worst that it covers, `stacks` are all stacks, where all were looked at.
  private func remark(
    on waiver: Waiver, today: String, need: Diagnostic.Severity?, _ stacks: Set<String>?, _ configuration: String
  ) -> Diagnostic? {
    let name = waiver.title
    func finding(_ severity: Diagnostic.Severity, _ message: String, _ help: String) -> Diagnostic {
      waiver.finding(severity, in: configuration, message, help)
    }
    if waiver.expires < today, let need {
      let end =
        need == .error ? "; containers keep running, new commits are refused" : "; what it covered is a warning again"
      return finding(
        need, "\(name) ended on \(waiver.expires) (\(waiver.reason))\(end)",
        "fix what it covered, or review it and set a new `expires:`")
    }
    if let stacks, need == nil {
      guard let words = waiver.misnames(stacks) else {
        return finding(.warning, "\(name) covers nothing", "take it out of the configuration")
      }
      return finding(.warning, "\(name) covers nothing: \(words)", "correct its `stack:`, or take it out")
    }
    if need != nil, let days = Self.notice(waiver.expires, today) {
      return finding(
        .warning, "\(name) ends \(Self.when(days))",
        "fix what it covers by then, or review it and set a new `expires:`")
    }
    return nil
  }

  /// What is to be said of what the baseline accepts: one sentence for each day on which some of it ends.
  private func remarks(onAccepted needed: [Waiver], _ today: String, _ configuration: String) -> [Diagnostic] {
    Self.ends(of: needed).compactMap { group in
      guard let first = group.first, let days = Self.notice(first.expires, today) else { return nil }
      return first.finding(
        .warning, in: AcceptedFindings.file(beside: configuration), "\(Self.name(group)) ends \(Self.when(days))",
        "fix what it accepts by then; after that, `clup baseline` accepts the remaining findings again")
    }
  }

  /// Names the waivers that have ended or will end soon, in the order of their ends.
  public func ending(by today: String) -> [String] {
    let own = waivers.filter { $0.accepted == nil }.map { (name: $0.title, expires: $0.expires) }
    let accepted = Self.ends(of: waivers).compactMap { group in
      group.first.map { (name: Self.name(group), expires: $0.expires) }
    }
    return (own + accepted).sorted { $0.expires < $1.expires }.compactMap { name, expires in
      if expires < today { return "\(name) ended on \(expires)" }
      return Self.notice(expires, today).map { "\(name) ends \(Self.when($0))" }
    }
  }

  /// Counts what the baseline accepts; nothing where there is none.
  public func acceptedCount(today: String) -> AcceptedCount? {
    let ends = waivers.filter { $0.accepted != nil }.map(\.expires)
    if ends.isEmpty { return nil }
    let ended = ends.count { $0 < today }
    return AcceptedCount(
      accepted: ends.count - ended, ending: ends.count { Self.notice($0, today) != nil }, ended: ended)
  }

  /// The entries of the baseline that end on one day each, in the order of their ends.
  private static func ends(of waivers: [Waiver]) -> [[Waiver]] {
    Dictionary(grouping: waivers.filter { $0.accepted != nil }, by: \.expires).sorted { $0.key < $1.key }.map(\.value)
  }

  private static func name(_ group: [Waiver]) -> String {
    "the baseline's acceptance of \(group.count.counted("finding"))"
  }

  /// The days until a waiver ends that is spoken of already.
  private static func notice(_ expires: String, _ today: String) -> Int? {
    Day(expires)?.days(since: Day(today)).flatMap { (0...noticeDays).contains($0) ? $0 : nil }
  }

  private static func when(_ days: Int) -> String { days == 0 ? "today" : "in \(days.counted("day"))" }

  /// How many days before its end a waiver is spoken of.
  private static let noticeDays = 14

  /// Changes whenever the policy would judge differently; kept with a stack to know when to look again.
  public func fingerprint(today: String) -> String {
    let ended = waivers.indices.filter { waivers[$0].expires < today }
    let ending = waivers.indices.filter { Self.notice(waivers[$0].expires, today) != nil }
    var clean = self
    for index in clean.waivers.indices { (clean.waivers[index].line, clean.waivers[index].column) = (0, 0) }
    return "\(Self.edition) \(clean.bindRoots) \(clean.severity.sorted { $0.key < $1.key }) \(clean.waivers)"
      + " \(clean.allowedFiles) \(clean.tracked) \(clean.jobImages) \(clean.jobNetworks) \(clean.shared)"
      + " \(clean.options.fingerprint) \(ended) \(ending)"
  }

  /// Grows with rules that judge otherwise than before, so that every stack is looked at again after an upgrade.
  private static let edition = 4
}

extension Waiver {
  /// Reports that none of the stacks is meant, and which may be.
  fileprivate func misnames(_ known: Set<String>) -> String? {
    guard let wrong = stacks.first, !known.isEmpty,
      !known.contains(where: { name in stacks.contains { $0 == name || Glob($0).matches(name) } })
    else { return nil }
    let all = known.sorted()
    let near = all.filter { Path.name($0) == Path.name(wrong) }
    if let best = near.first ?? nearest(wrong, among: all) {
      return "there is no stack \(wrong); did you mean \(best)?"
    }
    return "there is no stack \(wrong); there \(all.count == 1 ? "is" : "are") \(all.listed(3))"
  }

  /// Says something at its place in a file of the host.
  fileprivate func finding(
    _ severity: Diagnostic.Severity, in file: String, _ message: String, _ help: String
  ) -> Diagnostic {
    Diagnostic(
      rule: rules.first ?? "", severity: severity, file: file, line: line, column: column,
      stack: stacks.count == 1 ? stacks.first : nil, service: services.count == 1 ? services.first : nil,
      message: message, help: help)
  }
}
