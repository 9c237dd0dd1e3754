import Foundation
import Testing

@testable import Core

/// Holds the gate's table of keys against the schema of the Compose specification, as the installed plugin carries it.
@Suite("Every key of Compose") struct ComposeKeysTests {
  /// The table for people, a key and its judgement a line.
  static let table = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Corpus/compose-keys.txt")

  @Test(.enabled(if: Host.plugin != nil, "there is no Compose plugin"))
  func `each key of the specification has a judgement, and it is the one that was reviewed`() throws {
    let keys = try Self.keysOfThePlugin()
    #expect(keys.count > 300)
    let judged = keys.map { "\($0) \(Self.judgement($0))" }
    let reviewed = try String(contentsOf: Self.table, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(judged.filter { $0.hasSuffix(" nobody looked") } == [], "add them to ComposeKeys once somebody has looked")
    #expect(Set(judged).subtracting(reviewed) == [])
  }

  @Test func `a key that comes later is refused, and the host may allow it`() {
    let model = JSON.object([
      "services": .object(["web": .object(["image": .string("nginx:1.27"), "teleport": .string("host")])]),
      "gateways": .object(["out": .object([:])]),
    ])
    var policy = Policy()
    func found() -> [String] {
      let paths = HostPaths(liveRoot: "/live", stacks: ["s": "s"])
      let subject = Subject(
        stack: "s", kind: .stack, model: model, sources: [], paths: paths, policy: policy, today: "2026-01-01",
        environmentFiles: [:])
      return Rule.findings(in: subject).filter { $0.rule == "unknown-option" }.map(\.message)
    }
    #expect(
      found() == [
        "s uses `gateways`, which clup does not know to be harmless",
        "web uses `teleport`, which clup does not know to be harmless",
      ])
    policy.options.keys = ["services.*.teleport", "gateways"]
    #expect(found() == [])
  }

  static func judgement(_ key: String) -> String {
    switch ComposeKeys.table[key] {
    case .allowed: "allowed"
    case .judged(let rule): rule
    case .refused: "refused"
    case nil:
      // What has no listed members is taken or refused as a whole.
      key.lastIndex(of: ".").map { String(key[..<$0]) }.flatMap { parent in
        ComposeKeys.parents.contains(parent) ? nil : judgement(parent)
      } ?? "nobody looked"
    }
  }

  /// Every key of the schema inside the plugin's program, in the table's words.
  static func keysOfThePlugin() throws -> [String] {
    let program = try Data(contentsOf: URL(filePath: try #require(Host.plugin)))
    let mark = try #require(program.range(of: Data(#""$id": "compose_spec.json""#.utf8)))
    let start = try #require(program[..<mark.lowerBound].lastIndex(of: UInt8(ascii: "{")))
    let schema = try JSON(parsing: Array(program[start..<(try #require(end(of: program, from: start)))]))
    var keys: Set<String> = []
    walk(schema, schema, "", [], &keys)
    return keys.sorted()
  }

  private static func end(of text: Data, from start: Int) -> Int? {
    var (depth, isText, isEscaped) = (0, false, false)
    for index in start..<text.endIndex {
      let byte = text[index]
      if isEscaped {
        isEscaped = false
      } else if isText {
        if byte == UInt8(ascii: "\\") { isEscaped = true } else if byte == UInt8(ascii: "\"") { isText = false }
      } else if byte == UInt8(ascii: "\"") {
        isText = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return index + 1 }
      }
    }
    return nil
  }

  private static func walk(_ node: JSON, _ root: JSON, _ path: String, _ seen: [String], _ keys: inout Set<String>) {
    if let reference = node["$ref"]?.string, !seen.contains(reference) {
      let target = reference.split(separator: "/").dropFirst().reduce(Optional(root)) { $0?[String($1)] }
      if let target { walk(target, root, path, seen + [reference], &keys) }
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
      for option in node[choice]?.array ?? [] { walk(option, root, path, seen, &keys) }
    }
    if let items = node["items"] { walk(items, root, path, seen, &keys) }
    func below(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    for (name, member) in node["properties"]?.object ?? [:] {
      keys.insert(below(name))
      walk(member, root, below(name), seen, &keys)
    }
    for (pattern, member) in node["patternProperties"]?.object ?? [:] where !pattern.hasPrefix("^x-") {
      walk(member, root, below("*"), seen, &keys)
    }
    if let others = node["additionalProperties"], !others.object.isEmpty { walk(others, root, below("*"), seen, &keys) }
  }
}
