import Synchronization
import Testing

@testable import Agent

@Suite("the bytes of a pull")
struct PullProgressTests {
  private static func line(_ id: String, _ current: Int, _ total: Int) -> String {
    #"{"id":"\#(id)","parent_id":"Image nginx","status":"Working","text":"Downloading","current":\#(current),"total":\#(total)}"#
  }

  @Test("layers are added up, and unpacking one does not take its bytes away")
  func sum() async throws {
    let progress = PullProgress()
    var told: [(Int, Int)] = []
    func take(_ line: String) -> Bool { progress.take(line) { told.append(($0, $1)) } }
    #expect(take(Self.line("a", 10, 100)) && take(Self.line("b", 50, 50)) && take(Self.line("a", 100, 100)))
    try await Task.sleep(for: .milliseconds(300))
    #expect(take(Self.line("a", 3, 100)))
    #expect(told.count == 3 && told[0] == (10, 100) && told[1] == (150, 150) && told[2] == (150, 150))
  }

  @Test(
    "what tells of no layer stays for whoever looks for the reason",
    arguments: [
      #"{"id":"Image nginx","status":"Error","text":"not found"}"#, #"{"error":true,"message":"no such image"}"#,
      "panic: no", "", "[1]", "{",
    ])
  func other(line: String) {
    #expect(!PullProgress().take(line) { _, _ in })
  }

  @Test(
    "a line with odd numbers is taken out, and counts nothing",
    arguments: [(0, 0), (-1, 5), (5, -1), (Int.max, Int.max)])
  func odd(current: Int, total: Int) {
    let progress = PullProgress()
    #expect(progress.take(Self.line("a", current, total)) { _, _ in })
    #expect(progress.take(Self.line("b", current, total)) { _, _ in })
  }

  @Test("the reason is the sentence in the JSON")
  func reason() {
    let errors = """
      {"id":"Image nginx","status":"Error","text":"not found"}
      {"level":"warning","msg":"version is obsolete"}
      {"error":true,"message":"failed to resolve reference \\"nginx\\": not found"}
      """
    #expect(PullProgress.sentences(in: errors) == #"failed to resolve reference "nginx": not found"#)
    #expect(PullProgress.sentences(in: "plain words\nand more") == "plain words\nand more")
  }
}
