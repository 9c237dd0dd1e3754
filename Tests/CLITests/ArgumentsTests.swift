@testable import CLI
import Testing

@Suite("A command line is read strictly")
struct ArgumentsTests {
  @Test func `options stand before or after, with a space or an equals sign`() throws {
    let arguments = try Arguments.parse([
      "sync", "--stack", "a", "--dry-run", "--stack=b", "--config=/c", "--output", "json",
    ]).get()
    #expect(arguments.command == "sync" && arguments.switches == ["--dry-run"])
    #expect(arguments.values == ["--stack": ["a", "b"]])
    #expect(arguments.configuration == "/c" && arguments.output == .json)
  }

  static let bad: [(words: [String], says: String)] = [
    (["sunc"], "unknown command sunc"), (["sync", "--dry"], "no option --dry"),
    (["sync", "--dry-run=1"], "takes no value"), (["--config", "f", "sync"], "follow the command"),
    (["sync", "--stack"], "--stack needs a value"), (["sync", "--stack="], "needs a value"),
    (["sync", "--output", "xml"], "text, json or ndjson, not xml"), (["sync", "now"], "does not take now"),
    (["history", "--stack", "a", "b"], "does not take b"), (["help", "sync", "status"], "does not take status"),
    (["init", "--output", "json"], "--output is text, not json"),
  ]

  @Test(arguments: bad) func `what is not understood is said, and nothing is done`(_ words: [String], _ says: String) {
    guard case .failure(let usage) = Arguments.parse(words) else {
      Issue.record("it was taken")
      return
    }
    #expect(usage.message.contains(says), "\(usage.message)")
  }

  @Test(
    arguments: [
      ([], "help", []), (["--help"], "help", []), (["-h"], "help", []), (["--version"], "version", []),
      (["sync", "--help"], "help", ["sync"]), (["help", "history"], "help", ["history"]),
    ] as [([String], String, [String])])
  func `help is found where people look for it`(_ words: [String], _ command: String, _ operands: [String]) throws {
    let arguments = try Arguments.parse(words).get()
    #expect(arguments.command == command && arguments.operands == operands)
  }

  @Test func `every command has a help that names all its options`() throws {
    for (name, command) in Commands.all {
      let text = try #require(Commands.help(name))
      for option in command.options.union(command.switches) { #expect(text.contains(option), "\(name) \(option)") }
    }
    for name in Commands.order { #expect(Commands.overview.contains("  \(name) ")) }
  }

  @Test(arguments: Commands.all.keys.sorted()) func `a help offers the formats that its command takes, and no others`(
    _ name: String
  ) throws {
    let help = try #require(Commands.help(name))
    let offered = Set(
      help.split(separator: "\n").filter { $0.hasPrefix("  --output ") }.flatMap { line in
        line.dropFirst(11).prefix { $0 != " " }.split(separator: "|").map(String.init)
      })
    for output in Arguments.Output.allCases {
      let isTaken = (try? Arguments.parse([name, "--output", output.rawValue]).get()) != nil
      // What prints only text needs no option for it.
      #expect(isTaken == (offered.isEmpty ? output == .text : offered.contains(output.rawValue)), "\(output)")
    }
  }

  @Test func `no line of the help is wider than 120 columns`() {
    let texts = Commands.all.keys.compactMap(Commands.help) + [Commands.overview]
    for line in texts.flatMap({ $0.split(separator: "\n") }) { #expect(line.count <= 120) }
  }
}
