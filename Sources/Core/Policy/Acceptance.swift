/// What came of accepting what is there: `clup.baseline/1`.
public struct Acceptance: Codable, Sendable, Equatable {
  /// A finding that was not accepted.
  public struct Refusal: Codable, Sendable, Equatable {
    /// The finding.
    public var finding: Diagnostic
    /// Why it is not accepted, or what it needs.
    public var reason: String
  }

  /// An entry of the baseline that nothing needs any more.
  public struct Fixed: Codable, Sendable, Equatable {
    /// The rule.
    public var rule: String
    /// The stack.
    @OrNull public var stack: String?
    /// The service.
    @OrNull public var service: String?
    /// The text of the place.
    public var text: String
  }

  /// The schema's name.
  public var schema = "clup.baseline/1"
  /// The file.
  public var file: String
  /// Whether it was only shown.
  public var dryRun: Bool
  /// The commit that was looked at.
  @OrNull public var commit: String?
  /// What is accepted from now on.
  public var accepted: [Diagnostic] = []
  /// What had ended, and is accepted again.
  public var renewed: [Diagnostic] = []
  /// What was accepted before, and still is there.
  public var known: [Diagnostic] = []
  /// What is not accepted.
  public var refused: [Refusal] = []
  /// What was accepted before, and is not there any more.
  public var fixed: [Fixed] = []
  /// The stacks that could not be judged: they are pinned, or a sync works on them. What is known of them is kept.
  public var unjudged: [String] = []
  /// Whether `fixed` was dropped from the file.
  public var pruned: Bool

  enum CodingKeys: String, CodingKey {
    case schema, file, commit, accepted, renewed, known, fixed, pruned, unjudged
    case dryRun = "dry_run"
    case refused = "not_accepted"
  }

  /// Begins with nothing.
  public init(file: String, dryRun: Bool, pruned: Bool) {
    (self.file, self.dryRun, self.pruned) = (file, dryRun, pruned)
  }

  /// Tells what another look has accepted as this one's own.
  public mutating func take(_ other: Acceptance) {
    let new = Set(other.accepted)
    let renewed = Set(other.renewed)
    accepted = (other.accepted + accepted).sorted { $0.precedes($1) }
    self.renewed = other.renewed + self.renewed
    known.removeAll { new.contains($0) || renewed.contains($0) }
  }

  /// Adds what would be refused once the findings of a rule were accepted, and says so with these.
  public mutating func need(_ more: [Refusal], with rule: String) {
    if more.isEmpty { return }
    let others = Set(more.map(\.finding.rule)).sorted().map { "--include \($0)" }.joined(separator: " ")
    let all = "`--include \(rule) \(others)`"
    for index in refused.indices where refused[index].finding.rule == rule && !refused[index].finding.isFinal {
      refused[index].reason = refused[index].reason.replacing("`--include \(rule)`", with: all)
    }
    refused += more.map { Refusal(finding: $0.finding, reason: "once \(rule) is accepted; \(all) accepts both") }
  }

  /// Whether the commit is still refused.
  public var isRefused: Bool { refused.contains { $0.finding.refuses } }
}

/// What of a commit's findings is accepted.
public struct Acceptor: Sendable {
  /// The host's policy, with the baseline as it was.
  var policy: Policy
  /// The rules that are accepted although they protect data or the host, or only warn.
  var include: Set<String>
  /// Whether nothing is accepted, and only dropped what is not there any more.
  var prunes: Bool
  /// The day, `YYYY-MM-DD`.
  var today: String

  /// Takes what it goes by.
  public init(policy: Policy, include: Set<String>, prunes: Bool, today: String) {
    (self.policy, self.include, self.prunes, self.today) = (policy, include, prunes, today)
  }

  /// How many days something is accepted.
  static let days = 90

  /// The rules that keep data from being lost or handed on, and containers from the host: they are accepted by name only.
  static let guarded: Set<String> = [
    "docker-socket", "socket-proxy", "privileged", "host-path", "foreign-path", "writable-live-path", "unknown-option",
    "forbidden-file", "project-collision", "volume-changed", "missing-bind", "job-mounts", "job-sdk",
  ]

  /// Sorts findings, as they were before they were weighed, into what is accepted and what is not, and brings the entries of
  /// the baseline up to date. `unseen` are the stacks that could not be looked at: what is known of them is kept.
  public func accept(
    _ findings: [Diagnostic], unseen: Set<String>, into acceptance: inout Acceptance
  ) -> AcceptedFindings {
    var entries = policy.waivers.filter { $0.accepted != nil }
    let old = entries.count
    var needed: Set<Int> = []
    var told: Set<Diagnostic> = []
    for finding in findings.sorted(by: { $0.precedes($1) }) {
      guard var finding = policy.weighed(finding) else { continue }
      if finding.isFinal || finding.rule == Rule.compose.id {
        finding.isFinal = false
        acceptance.refused.append(
          .init(finding: finding.plain, reason: "never accepted: the stack cannot be deployed as it is"))
        continue
      }
      let covering = entries.indices.filter { entries[$0].covers(finding) }
      needed.formUnion(covering)
      guard told.insert(finding.plain).inserted,
        !policy.waivers.contains(where: { $0.accepted == nil && $0.expires >= today && $0.covers(finding) })
      else { continue }
      if let last = covering.map({ entries[$0].expires }).max(), last >= today {
        // The same may stand there twice.
        let list = covering.allSatisfy { $0 >= old } ? \Acceptance.accepted : \Acceptance.known
        acceptance[keyPath: list].append(finding.accepted(until: last))
      } else if !prunes || finding.refuses {
        take(finding, renewing: covering.first, &entries, &needed, &acceptance)
      }
    }
    acceptance.unjudged = unseen.subtracting(acceptance.refused.compactMap(\.finding.stack)).sorted()
    let fixed = entries.indices.filter { index in
      let stack = entries[index].stacks.first
      return !needed.contains(index) && stack.map(unseen.contains) != true
    }
    acceptance.fixed = fixed.map { index in
      let entry = entries[index]
      return .init(
        rule: entry.rules.first ?? "", stack: entry.stacks.first, service: entry.services.first,
        text: entry.accepted?.text ?? "")
    }
    return AcceptedFindings(
      prunes ? entries.indices.filter { !fixed.contains($0) }.map { entries[$0] } : entries)
  }

  /// Accepts one finding, or says why not.
  private func take(
    _ finding: Diagnostic, renewing index: Int?, _ entries: inout [Waiver], _ needed: inout Set<Int>,
    _ acceptance: inout Acceptance
  ) {
    let entry = Waiver(accepting: finding, on: today, until: Day(today)?.text(in: Self.days) ?? today)
    if let reason = objection(to: finding, entry) {
      acceptance.refused.append(.init(finding: finding.plain, reason: reason))
    } else if let index {
      (entries[index].expires, entries[index].accepted) = (entry.expires, entry.accepted)
      acceptance.renewed.append(finding.accepted(until: entry.expires))
    } else {
      needed.insert(entries.count)
      entries.append(entry)
      acceptance.accepted.append(finding.accepted(until: entry.expires))
    }
  }

  private func objection(to finding: Diagnostic, _ entry: Waiver) -> String? {
    if prunes { return "it was not accepted, or that has ended" }
    if !include.contains(finding.rule) {
      if !finding.refuses { return "it refuses nothing; `--include \(finding.rule)` accepts it anyway" }
      if Self.guarded.contains(finding.rule) {
        return "it protects data or the host; if you have looked at it: `--include \(finding.rule)`"
      }
    }
    return entry.reasonNotCovered(finding)
  }
}

extension Waiver {
  init(accepting finding: Diagnostic, on today: String, until end: String) {
    self.init(
      rules: [finding.rule], stacks: [finding.stack].compactMap { $0 }, services: [finding.service].compactMap { $0 },
      reason: "", expires: end, line: 0, column: 0, accepted: AcceptedPlace(text: finding.placeText, since: today))
    guard let terms = finding.terms, Self.bound.contains(finding.rule) else { return }
    (image, commands) = (terms.image, terms.commands)
    options = (terms.isPlain ? [] : [terms.option]) + terms.mounts
  }
}

extension Diagnostic {
  /// The finding without what reports do not tell.
  fileprivate var plain: Diagnostic {
    var plain = self
    (plain.terms, plain.sourceValue) = (nil, nil)
    return plain
  }

  fileprivate func accepted(until end: String) -> Diagnostic {
    var accepted = plain
    (accepted.waived, accepted.acceptedUntil) = (true, end)
    return accepted
  }
}
