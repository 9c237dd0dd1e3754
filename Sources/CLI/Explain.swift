import Agent
import Core

/// A rule for programs: what `clup explain --output json` prints.
struct Explanation: Encodable {
  let rule: String
  let severity: Diagnostic.Severity
  let summary, why, help, waive, refused, accepted: String

  init(_ rule: Rule) {
    (self.rule, severity) = (rule.id, rule.severity)
    (summary, why, help, waive) = (rule.summary, rule.why, rule.fix, Self.waiving(rule))
    (refused, accepted) = (rule.bad, rule.good)
  }

  /// Returns how the host waives a rule.
  private static func waiving(_ rule: Rule) -> String {
    if rule.id == "compose" {
      return """
        If Compose cannot read the stack, nothing lifts the finding: no waiver, no baseline and no severity. If only clup
        refuses something, such as an `x-clup` with an unknown key, you can change the severity:
        `policy: {severity: {compose: warning}}`.
        """
    }
    return """
      How to waive it, on the host only (nothing in a repository can excuse it):

          policy:
            waivers:
              - {rule: \(rule.id), stack: STACK, service: SERVICE, reason: why, expires: 2027-06-30}

      How to accept existing findings for 90 days: `clup baseline`; see `clup help baseline`.

      How to change its severity: `policy: {severity: {\(rule.id): warning}}`, or `off`.
      """
  }

  /// The page of a rule.
  static func page(of rule: Rule) -> String {
    func indented(_ text: String) -> String {
      text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n")
    }
    return """
      \(rule.id) (\(rule.severity.rawValue)): \(rule.summary)

      \(rule.why)

      How to fix it: \(rule.fix)

      \(waiving(rule))

      Refused:

      \(indented(rule.bad))

      Accepted:

      \(indented(rule.good))
      """
  }
}

/// `clup explain`: what a rule checks, or the list of rules.
extension CLI {
  static func explain(_ arguments: Arguments) throws(Failure) -> ExitStatus {
    if let id = arguments.operands.first {
      let rule = try rule(id)
      if arguments.output == .json { print(encode(Explanation(rule))) } else { print(Explanation.page(of: rule)) }
      return .success
    }
    if arguments.output == .json {
      print(encode(Rule.all.map(Explanation.init)))
      return .success
    }
    let width = Rule.all.map(\.id.count).max() ?? 0
    for rule in Rule.all {
      print(
        rule.id + String(repeating: " ", count: width + 2 - rule.id.count)
          + (rule.severity == .error ? "error    " : "warning  ")
          + rule.summary)
    }
    return .success
  }

  @discardableResult
  static func rule(_ id: String) throws(Failure) -> Rule {
    if let rule = Rule.all.first(where: { $0.id == id }) { return rule }
    throw Failure(
      .configuration, "there is no rule \(id)\(suggestion(for: id, among: Rule.all.map(\.id)))",
      help: "`clup explain` lists the rules")
  }
}
