import YAML

/// The place of a finding that the baseline accepts.
public struct AcceptedPlace: Sendable, Equatable {
  /// The text by which it is known again.
  var text: String
  /// The day on which it was accepted, `YYYY-MM-DD`.
  var since: String
}

/// How much the baseline accepts.
public struct AcceptedCount: Codable, Sendable, Equatable {
  /// The findings that it accepts today.
  public var accepted: Int
  /// Those among them whose end is near.
  public var ending: Int
  /// Those whose end is past: they count again.
  public var ended: Int
}

/// What a host accepts for a while of what was there on a day: `baseline.yaml`, next to the configuration.
public struct AcceptedFindings: Sendable, Equatable {
  /// A waiver for each finding.
  public var entries: [Waiver] = []

  init(_ entries: [Waiver] = []) { self.entries = entries }

  /// The file that belongs to a configuration.
  public static func file(beside configuration: String) -> String {
    Path.join(Path.parent(configuration), "baseline.yaml")
  }

  /// Reads the file's text; every problem is found in one go.
  public static func parse(_ bytes: [UInt8]) -> Result<AcceptedFindings, SettingsProblems> {
    let documents: [Node]
    do {
      documents = try YAML.parse(bytes).filter { !$0.isNull }
    } catch {
      return .failure(SettingsProblems([SettingsProblem(at: error.mark, error.message)]))
    }
    if documents.count > 1 {
      return .failure(
        SettingsProblems([SettingsProblem(at: documents[1].start, "a second document begins here; a baseline is one")]))
    }
    var reader = SettingsReader()
    let top = documents.first.map { reader.section($0, "the baseline", keys: ["findings"]) } ?? [:]
    let entries = top["findings"].map { reader.list($0, "findings") }?.map { reader.accepted($0) } ?? []
    return reader.problems.isEmpty ? .success(AcceptedFindings(entries)) : .failure(SettingsProblems(reader.problems))
  }

  /// The file's text.
  public var text: String {
    let lines = entries.map(Self.line)
    return Self.header + (lines.isEmpty ? "findings: []\n" : "findings:\n" + lines.joined(separator: "\n") + "\n")
  }

  private static let header = """
    # Findings that this host accepts for a while, written by `clup baseline`: none of them refuses a commit from the day of
    # `since` to the end of the day of `expires`. All other findings do. `clup baseline` adds new findings and renews expired
    # ones; `clup baseline --prune` drops those that were fixed. You may remove lines and change days by hand; comments are
    # not kept.

    """

  private static func line(_ entry: Waiver) -> String {
    func list(_ texts: [String]) -> String { "[\(texts.map(\.yaml).joined(separator: ", "))]" }
    let members: [(String, String?)] = [
      ("rule", entry.rules.first?.yaml), ("stack", entry.stacks.first?.yaml), ("service", entry.services.first?.yaml),
      ("text", entry.accepted?.text.yaml), ("image", entry.image?.yaml),
      ("options", entry.options.isEmpty ? nil : list(entry.options)),
      ("commands", entry.commands.isEmpty ? nil : list(entry.commands)),
      ("reason", entry.reason.isEmpty ? nil : entry.reason.yaml), ("since", entry.accepted?.since),
      ("expires", entry.expires),
    ]
    return "  - {\(members.compactMap { key, value in value.map { "\(key): \($0)" } }.joined(separator: ", "))}"
  }
}

extension SettingsReader {
  /// Reads one entry of the baseline, which is about one finding alone.
  fileprivate mutating func accepted(_ item: Node) -> Waiver {
    let keys = section(
      item, "findings",
      keys: ["rule", "stack", "service", "text", "image", "options", "commands", "reason", "since", "expires"])
    for key in ["rule", "stack", "service", "image", "reason"] {
      if let node = keys[key], node.string?.isEmpty != false || node.isNull { problem(node, "\(key) must be text") }
    }
    return Waiver(
      rules: keys["rule"]?.string == nil && keys["rule"] != nil ? [] : rules(keys, in: item),
      stacks: [keys["stack"]?.string].compactMap { $0 }, services: [keys["service"]?.string].compactMap { $0 },
      image: keys["image"]?.string, options: strings(keys, "options"), commands: strings(keys, "commands"),
      reason: keys["reason"]?.string ?? "", expires: day(keys, "expires", in: item), line: item.start.line,
      column: item.start.column,
      accepted: AcceptedPlace(text: required(keys, "text", in: item), since: day(keys, "since", in: item)))
  }
}
