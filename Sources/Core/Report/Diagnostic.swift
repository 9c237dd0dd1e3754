/// One finding about the repository, placed where its cause stands.
public struct Diagnostic: Codable, Sendable, Hashable {
  /// How much a finding weighs.
  public enum Severity: String, Codable, Sendable { case error, warning }

  /// The rule's id.
  public var rule: String
  /// An error refuses the commit, a warning does not.
  public var severity: Severity
  /// The file, relative to the repository's root, or an absolute path on the host.
  public var file: String
  /// The line, from 1, where one is known.
  @OrNull public var line: Int?
  /// The column, from 1, where one is known.
  @OrNull public var column: Int?
  /// The stack that the finding belongs to.
  @OrNull public var stack: String?
  /// The service that the finding belongs to.
  @OrNull public var service: String?
  /// What is wrong, in one line.
  public var message: String
  /// The way out.
  public var help: String
  /// Whether the host's configuration excuses it.
  public var waived: Bool
  /// The last day on which the host's baseline accepts it, `YYYY-MM-DD`, where it is that which excuses it.
  public var acceptedUntil: String?
  /// What a waiver has to name beside the rule, where one must; it is not part of reports.
  var terms: WaiverTerms?
  /// What stands at its place, where that is one value; it is not part of reports.
  var sourceValue: SourceValue?
  /// What several stacks are told of at their own places, where that is one thing; it is not part of reports.
  public var dispute: String?
  /// Whether no severity and no waiver lifts it: nothing can be deployed or judged while it is there.
  public var isFinal = false

  /// Makes a finding.
  public init(
    rule: String, severity: Severity = .error, file: String, line: Int? = nil, column: Int? = nil,
    stack: String? = nil, service: String? = nil, message: String, help: String, waived: Bool = false,
    isFinal: Bool = false
  ) {
    self.rule = rule
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.stack = stack
    self.service = service
    self.message = message
    self.help = help
    self.waived = waived
    self.isFinal = isFinal
  }

  /// Makes a finding at a place.
  public init(
    rule: String, severity: Severity = .error, at place: Place, stack: String?, service: String? = nil, message: String,
    help: String, isFinal: Bool = false
  ) {
    self.init(
      rule: rule, severity: severity, file: place.path, line: place.mark?.line, column: place.mark?.column,
      stack: stack, service: service, message: message, help: help, isFinal: isFinal)
  }

  /// Where it is, for people: `FILE:LINE:COLUMN`, as far as that is known.
  public var place: String {
    ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
  }

  /// Whether it refuses a commit.
  public var refuses: Bool { severity == .error && !waived }

  /// What it is for people: `error`, `warning`, `waived`, or until when it is accepted.
  public var word: String {
    guard waived else { return severity.rawValue }
    return acceptedUntil.map { "accepted until \($0)" } ?? "waived"
  }

  /// What it has in common with those that one waiver excuses with it.
  var kinship: [String?] { [rule, stack, service] }

  /// Orders findings by file and place.
  func precedes(_ other: Diagnostic) -> Bool {
    (file, line ?? 0, column ?? 0, rule, message) < (
      other.file, other.line ?? 0, other.column ?? 0, other.rule, other.message
    )
  }

  private enum CodingKeys: String, CodingKey {
    case rule, severity, file, line, column, stack, service, message, help, waived
    case acceptedUntil = "accepted_until"
  }
}
