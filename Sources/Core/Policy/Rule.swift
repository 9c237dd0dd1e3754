/// One check, with its page for `clup explain`.
public struct Rule: Sendable {
  /// The id, as reports and waivers name it.
  public let id: String
  /// How much it weighs unless the host says otherwise.
  public private(set) var severity = Diagnostic.Severity.error
  /// What it refuses, in one line.
  public let summary: String
  /// Why that matters on a host.
  public let why: String
  /// The way out.
  public let fix: String
  /// A Compose file that it refuses.
  public let bad: String
  /// The same, fixed.
  public let good: String
  /// Finds what it refuses in one stack; rules that look at more than one stack do so elsewhere.
  var check: @Sendable (Subject) -> [Finding] = { _ in [] }

  /// Every rule, in the order of the page that lists them.
  public static let all: [Rule] =
    [compose, unsetVariable, dockerSocket, socketProxy, publishedPort, privileged, hostPath, foreignPath]
    + [
      writableLivePath, unknownOption, plaintextSecret, forbiddenFile, projectCollision, missingNetwork, missingImage,
      missingBind, volumeChanged, unmanagedFile,
    ]
    + [floatingTag, noRestart, noHealthcheck, noLimits] + jobs

  /// Runs every rule over a stack or a job file.
  public static func findings(in subject: Subject) -> [Diagnostic] { diagnostics(in: subject) { $0.check(subject) } }

  /// Runs the rules about what Compose reads, before it has read anything.
  public static func findings(ofReadsIn subject: Subject) -> [Diagnostic] {
    diagnostics(in: subject) { rule in
      switch rule.id {
      case hostPath.id: subject.foreignReads(tracked: false)
      case foreignPath.id: subject.foreignReads(tracked: true)
      default: []
      }
    }
  }

  private static func diagnostics(in subject: Subject, _ check: (Rule) -> [Finding]) -> [Diagnostic] {
    var seen: Set<String> = []
    lazy var sourceValues = SourceValues(subject.sources)
    let found = all.flatMap { rule in
      check(rule).compactMap { finding in
        var diagnostic = Diagnostic(
          rule: rule.id, severity: finding.severity ?? rule.severity, at: finding.place, stack: subject.stack,
          service: finding.service, message: finding.message, help: finding.help)
        diagnostic.terms = subject.terms(for: finding)
        diagnostic.sourceValue = sourceValues[finding.place]
        return subject.withoutPlaceholders(diagnostic)
      }
    }.filter { seen.insert("\($0.rule) \($0.file):\($0.line ?? 0):\($0.column ?? 0) \($0.message)").inserted }
    return offeringWaivers(found)
  }

  /// Says of what only a waiver for one image excuses all that such a waiver names; no secret that stands in a command.
  private static func offeringWaivers(_ found: [Diagnostic]) -> [Diagnostic] {
    let secret = Set(found.filter { $0.rule == plaintextSecret.id }.map(\.service))
    var found = found
    for index in found.indices where secret.contains(found[index].service) || secret.contains(nil) {
      let commands = found[index].terms?.commands ?? []
      found[index].terms?.shown = commands.map { _ in "…" }
    }
    let bound = Dictionary(grouping: found.filter { $0.terms != nil && $0.severity == .error }) { $0.kinship }
    for index in found.indices where Waiver.bound.contains(found[index].rule) {
      found[index].offerWaiver(with: bound[found[index].kinship] ?? [])
    }
    return found
  }
}

/// What a rule found.
struct Finding: Sendable {
  var service: String?
  var place: Place
  var message: String
  var help: String
  /// How much it weighs, where that is not what its rule says.
  var severity: Diagnostic.Severity?
  /// What a waiver names to excuse it, for the rules that excuse one thing only.
  var option: String?
  /// Whether a waiver covers it without naming it.
  var isPlain = false
}
