import Agent
import Core
import FoundationEssentials

/// The shapes in which findings are told.
enum Findings {
  /// For people, as compilers write it: place, message, the line with a caret, the way out. What is found in a file that
  /// several stacks share is told once.
  static func text(_ found: [Diagnostic], _ excerpts: Excerpts, width: Int = .max) -> [String] {
    let place = { (finding: Diagnostic) in "\(finding.file):\(finding.line ?? 0)" }
    let secret = Set(found.filter { ["plaintext-secret", "forbidden-file"].contains($0.rule) }.map(place))
    let same = Dictionary(grouping: found) { Render.diagnostic($0) }
    var told: Set<[String]> = []
    return found.flatMap { finding -> [String] in
      let plain = Render.diagnostic(finding)
      guard told.insert(plain).inserted else { return [] }
      let head = Render.fitted(plain[0], width, indent: "    ")
      let rest = plain.dropFirst() + sharing((same[plain] ?? []).compactMap(\.stack), finding.file)
      var lines = head + rest.flatMap { Render.fitted($0, width, indent: "          ") }
      let shown = secret.contains(place(finding)) ? [] : excerpts.lines(of: finding)
      if shown.count == 2, let line = finding.line {
        let number = String(line)
        let blank = String(repeating: " ", count: number.count)
        lines.insert(contentsOf: ["    \(number) | \(shown[0])", "    \(blank) | \(shown[1])"], at: head.count)
      }
      return lines
    }
  }

  /// Names the stacks that a finding is about, where its file does not say so.
  private static func sharing(_ stacks: [String], _ file: String) -> [String] {
    let names = Set(stacks).sorted()
    guard names.count > 1 || names.contains(where: { Path.relative(file, to: $0) == nil && !file.hasPrefix($0 + ".") })
    else {
      return []
    }
    let rest = names.count > 4 ? " and \(names.count - 3) more" : ""
    let shown = names.prefix(names.count > 4 ? 3 : 4).joined(separator: ", ")
    return ["    in \(names.count == 1 ? "the stack" : "\(names.count) stacks:") \(shown)\(rest)"]
  }

  /// Annotations of GitHub's workflow commands.
  static func github(_ found: [Diagnostic]) -> [String] {
    func escaped(_ text: String) -> String {
      text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }
    func property(_ text: String) -> String { escaped(text).replacing(":", with: "%3A").replacing(",", with: "%2C") }
    return found.filter { !$0.waived }.map { finding in
      let place = [("line", finding.line), ("col", finding.column)].compactMap { name, value in
        value.map { ",\(name)=\($0)" }
      }
      return
        "::\(finding.severity.rawValue) file=\(property(finding.file))\(place.joined()),title=\(property(finding.rule))::\(escaped("\(finding.message). \(finding.help)"))"
    }
  }

  /// SARIF 2.1.0, for code scanning.
  static func sarif(_ found: [Diagnostic]) -> [UInt8] {
    let used = Rule.all
    let rules = used.map { rule in
      JSON.object([
        "id": .string(rule.id), "shortDescription": .object(["text": .string(rule.summary)]),
        "fullDescription": .object(["text": .string(rule.why)]), "help": .object(["text": .string(rule.fix)]),
        "defaultConfiguration": .object(["level": .string(rule.severity.rawValue)]),
      ])
    }
    let results = found.map { finding -> JSON in
      var region: [String: JSON] = [:]
      if let line = finding.line { region["startLine"] = .integer(line) }
      if finding.line != nil, let column = finding.column { region["startColumn"] = .integer(column) }
      var place: [String: JSON] = ["artifactLocation": .object(["uri": .string(uri(finding.file))])]
      if !region.isEmpty { place["region"] = .object(region) }
      var result: [String: JSON] = [
        "ruleId": .string(finding.rule), "level": .string(finding.severity.rawValue),
        "message": .object(["text": .string("\(finding.message). \(finding.help)")]),
        "locations": .array([.object(["physicalLocation": .object(place)])]),
      ]
      if let index = used.firstIndex(where: { $0.id == finding.rule }) { result["ruleIndex"] = .integer(index) }
      if finding.waived {
        result["suppressions"] = .array([.object(["kind": .string("external"), "status": .string("accepted")])])
      }
      return .object(result)
    }
    let driver = JSON.object([
      "name": .string("clup"), "version": .string(CLI.version), "rules": .array(rules),
    ])
    return JSON.object([
      "$schema": .string("https://json.schemastore.org/sarif-2.1.0.json"), "version": .string("2.1.0"),
      "runs": .array([
        .object([
          "tool": .object(["driver": driver]), "results": .array(results),
          "columnKind": .string("unicodeCodePoints"),
        ])
      ]),
    ]).canonical
  }

  private static func uri(_ path: String) -> String {
    var text = ""
    for byte in path.utf8 {
      let letter = Character(UnicodeScalar(byte))
      if byte < 0x80, letter.isLetter || letter.isNumber || "-._~/".contains(letter) {
        text.append(letter)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return path.hasPrefix("/") ? "file://" + text : text
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

      How to waive it, on the host only (nothing in a repository can excuse it):

          policy:
            waivers:
              - {rule: \(rule.id), stack: STACK, service: SERVICE, reason: why, expires: 2027-06-30}

      How to accept what is there already, for 90 days: `clup baseline`; see `clup help baseline`.

      How to weigh it otherwise: `policy: {severity: {\(rule.id): warning}}`, or `off`.

      Refused:

      \(indented(rule.bad))

      Accepted:

      \(indented(rule.good))
      """
  }
}

extension Sequence {
  /// Gives the elements that a question is true of, and the others.
  func parted(by isFirst: (Element) -> Bool) -> (first: [Element], rest: [Element]) {
    reduce(into: (first: [], rest: [])) { if isFirst($1) { $0.first.append($1) } else { $0.rest.append($1) } }
  }
}
