@testable import Daemon
import FoundationEssentials
import Testing

@Suite("A run keeps its id, whatever becomes of the daemon")
struct RunTests {
  @Test func `it is written and read under the names of its schema`() throws {
    var run = Run(id: "r1", trigger: .webhook, requested: "2026-11-25T00:00:00Z")
    run.exitStatus = 1
    let text = String(decoding: try JSONEncoder().encode(run), as: UTF8.self)
    #expect(text.contains(#""exit_status":1"#) && text.contains(#""stage":"queued""#))
    #expect(try JSONDecoder().decode(Run.self, from: Data(text.utf8)) == run)
  }
}
