import Processes
import Testing

@testable import CLI

@Suite struct CompletionsTests {
  /// What somebody has typed, with the word under the cursor last, and what bash offers.
  static let typed: [(words: [String], offers: [String], not: [String])] = [
    (["clup", "s"], ["sync", "status", "serve"], ["rollback"]),
    (["clup", "sync", "--d"], ["--dry-run", "--diff"], ["--stack"]),
    (["clup", "sync", "--output", ""], ["text", "json", "ndjson"], ["sarif"]),
    (["clup", "validate", "--output", "s"], ["sarif"], ["json"]),
    (["clup", "explain", "docker-s"], ["docker-socket"], ["privileged"]),
    (["clup", "help", "ro"], ["rollback"], ["sync"]),
    (["clup", "completions", ""], ["bash", "zsh", "fish"], []),
    (["clup", "serve", "--"], ["--config", "--help"], ["--output"]),
    (["clup", "rollback", "--"], ["--all", "--stack", "--dry-run", "--config", "--help"], ["--retry"]),
  ]

  @Test(arguments: typed) func `bash offers what may come next`(words: [String], offers: [String], not: [String])
    async throws
  {
    let script = try #require(Completions.script(for: "bash"))
    let line = words.map { "'\($0)'" }.joined(separator: " ")
    let ask = "COMP_WORDS=(\(line)); COMP_CWORD=\(words.count - 1); _clup; printf '%s\\n' \"${COMPREPLY[@]}\""
    let outcome = try await run(Command("/bin/bash", ["-c", "\(script)\n\(ask)"]))
    let found = Set(outcome.outputText.split(separator: "\n").map(String.init))
    #expect(outcome.succeeded && found.isSuperset(of: offers) && found.isDisjoint(with: not), "\(found)")
  }

  @Test func `every shell knows every command and every option`() throws {
    for shell in Completions.shells {
      let script = try #require(Completions.script(for: shell))
      for name in Commands.order {
        #expect(script.contains(name), "\(shell) \(name)")
        for option in Commands.all[name]?.switches.union(Commands.all[name]?.options ?? []) ?? [] {
          let text = option.hasPrefix("--") ? String(option.dropFirst(2)) : String(option.dropFirst())
          #expect(script.contains(text), "\(shell) \(name) \(option)")
        }
      }
    }
    #expect(Completions.script(for: "tcsh") == nil)
  }
}
