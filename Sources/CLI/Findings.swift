import Agent
import Core
import Encoding
import FoundationEssentials

/// The shapes in which findings are told.
enum Findings {
  /// For people, as compilers write it: place, message, the line with a caret, the way out.
  static func text(_ found: [Diagnostic], _ excerpts: Excerpts, width: Int = .max) -> [String] {
    let place = { (finding: Diagnostic) in "\(finding.file):\(finding.line ?? 0)" }
    let secret = Set(found.filter { ["plaintext-secret", "forbidden-file"].contains($0.rule) }.map(place))
    return groups(of: found).flatMap { group -> [String] in
      let finding = group[0]
      let plain = Render.diagnostic(finding)
      let head = Render.fitted(plain[0], width, indent: "    ")
      let rest = plain.dropFirst() + sharing(group).map { "    \($0)" }
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

  /// Puts together what people are told once: the same of several services or stacks at one place, and what stacks take from
  /// each other. Each of them stays a finding, since a waiver or the baseline is for one.
  static func groups(of found: [Diagnostic]) -> [[Diagnostic]] {
    var (groups, known): ([[Diagnostic]], [[String]: Int]) = ([], [:])
    for finding in found {
      let key = key(of: finding)
      if let index = known[key] {
        groups[index].append(finding)
      } else {
        known[key] = groups.count
        groups.append([finding])
      }
    }
    return groups
  }

  private static func key(of finding: Diagnostic) -> [String] {
    if let dispute = finding.dispute { return [finding.rule, finding.word, dispute] }
    var lines = Render.diagnostic(finding)
    if let service = finding.service, finding.message.hasPrefix(service + " ") {
      lines[0] = lines[0].replacing(": \(finding.message) [", with: ": \(finding.message.dropFirst(service.count)) [")
    }
    return lines
  }

  /// Names the services and the stacks that a finding is about, where it and its file do not say so.
  private static func sharing(_ group: [Diagnostic]) -> [String] {
    let file = group[0].file
    if group[0].dispute != nil {
      let others = group.dropFirst().map {
        [$0.file, $0.line.map(String.init)].compactMap { $0 }.joined(separator: ":")
      }
      return others.isEmpty ? [] : ["the other\(others.count == 1 ? " is" : "s are") at \(others.listed(3))"]
    }
    let (services, stacks) = (
      Set(group.compactMap(\.service)).sorted(), Set(group.compactMap(\.stack)).sorted()
    )
    // A stack is called after its directory, or after a file of it.
    let isElsewhere = stacks.contains { $0 != "." && Path.parent(file) != $0 && !file.hasPrefix($0 + ".") }
    return (services.count > 1 ? ["in \(services.count) services: \(services.listed(3))"] : [])
      + (stacks.count > 1
        ? ["in \(stacks.count) stacks: \(stacks.listed(3))"]
        : isElsewhere ? ["in the stack \(stacks[0])"] : [])
  }

  /// Annotations of GitHub's workflow commands.
  static func github(_ found: [Diagnostic]) -> [String] {
    func escaped(_ text: String) -> String {
      text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }
    func property(_ text: String) -> String { escaped(text).replacing(":", with: "%3A").replacing(",", with: "%2C") }
    return groups(of: found.filter { !$0.waived }).map { group in
      let (finding, shared) = (group[0], sharing(group))
      let place = [("line", finding.line), ("col", finding.column)].compactMap { name, value in
        value.map { ",\(name)=\($0)" }
      }
      return
        "::\(finding.severity.rawValue) file=\(property(finding.file))\(place.joined()),title=\(property(finding.rule))::\(escaped(([finding.message] + [finding.help] + shared).joined(separator: ". ")))"
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
    let text = path.percentEncoded(keeping: "-._~/")
    return path.hasPrefix("/") ? "file://" + text : text
  }
}

extension Sequence {
  /// Returns the elements that a question is true of, and the others.
  func parted(by isFirst: (Element) -> Bool) -> (first: [Element], rest: [Element]) {
    reduce(into: (first: [], rest: [])) { if isFirst($1) { $0.first.append($1) } else { $0.rest.append($1) } }
  }
}
