@testable import Daemon
import Agent
import Core
import Foundation
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

@Suite("The queue keeps the runs that it promised")
struct RunQueueTests {
  /// A checkout of its own that goes away with the test.
  final class Place {
    let settings: Settings
    let root: String
    init() throws {
      root = NSTemporaryDirectory() + "clup-queue-\(UInt32.random(in: .min ... .max))"
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      settings = Settings(repository: "r", branch: "main", liveRoot: root, checkout: root + "/clup")
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }
    func runQueue() throws -> RunQueue { try RunQueue(try RunStore(settings, file: "runs.json")) }
  }

  @Test func `while one goes, any number become one more`() async throws {
    let place = try Place()
    let runQueue = try place.runQueue()
    let first = try await runQueue.ask(.webhook)
    #expect(try await runQueue.begin().id == first.id)
    let second = try await runQueue.ask(.webhook, delivery: "d1")
    for number in 2...9 { #expect(try await runQueue.ask(.timer, delivery: "d\(number)").id == second.id) }
    #expect(await runQueue.run(delivered: "d7")?.id == second.id)
    await runQueue.end(SyncResult(status: 0, outcome: .deployed))
    #expect(await runQueue.run(first.id)?.stage == .ended)
    #expect(try await runQueue.begin().id == second.id)
    await runQueue.end(SyncResult(status: 1, outcome: .failed))
    #expect(await runQueue.isIdle)
    #expect(await runQueue.run(second.id)?.exitStatus == 1)
    withExtendedLifetime(place) {}
  }

  @Test func `what had not ended is done by the next daemon, under its id`() async throws {
    let place = try Place()
    let before = try place.runQueue()
    let first = try await before.ask(.webhook, delivery: "d1")
    _ = try await before.begin()
    let second = try await before.ask(.api)
    // Nothing more is heard of the first daemon.
    let after = try place.runQueue()
    #expect(await after.run(first.id)?.stage == .queued)
    #expect(await after.run(delivered: "d1")?.id == first.id)
    _ = try await after.begin()
    await after.end(SyncResult(status: 0, outcome: .deployed))
    for run in [first, second] { #expect(await after.run(run.id)?.outcome == .deployed) }
  }

  @Test func `what cannot be written is not promised`() async throws {
    let place = try Place()
    let runQueue = try place.runQueue()
    try FileManager.default.removeItem(atPath: place.settings.checkout)
    try Data().write(to: URL(fileURLWithPath: place.settings.checkout))
    await #expect(throws: Failure.self) { try await runQueue.ask(.webhook) }
    #expect(await runQueue.runs.isEmpty)
  }

  @Test func `what nobody was promised is done without a disk, and written when there is one again`() async throws {
    let place = try Place()
    let runQueue = try place.runQueue()
    let checkout = place.settings.checkout
    try FileManager.default.moveItem(atPath: checkout, toPath: checkout + ".away")
    try Data().write(to: URL(fileURLWithPath: checkout))
    await runQueue.enqueueInternal(.timer)
    #expect(await runQueue.trouble?.message.contains("runs.json") == true)
    // It waits already, and is in no file: nobody else may be told that it is promised.
    await #expect(throws: Failure.self) { try await runQueue.ask(.api) }
    let first = try await runQueue.begin()
    #expect(first.trigger == .timer)
    await runQueue.end(SyncResult(status: 1, outcome: .failed))
    #expect(await runQueue.isIdle)
    #expect(await runQueue.failures >= 3)
    await runQueue.enqueueInternal(.drift)
    try FileManager.default.removeItem(atPath: checkout)
    try FileManager.default.moveItem(atPath: checkout + ".away", toPath: checkout)
    for _ in 0..<100 where await runQueue.trouble != nil { try await Task.sleep(for: .milliseconds(100)) }
    #expect(await runQueue.trouble == nil)
    #expect(await (try place.runQueue()).runs.map(\.trigger) == [.timer, .drift])
    let promised = try await runQueue.ask(.webhook, delivery: "d1")
    #expect(await (try place.runQueue()).run(delivered: "d1")?.id == promised.id)
    withExtendedLifetime(place) {}
  }

  @Test(arguments: [
    (#"[{"schema":"clup.run/9","id":"r1"}]"#, "clup.run/9"), (#"{"schema":"clup.runs/2","runs":[]}"#, "clup.runs/2"),
    (#"[{"schema":"clup.run/1","id""#, "cannot be parsed"),
    (
      #"[{"schema":"clup.run/2","id":"r","trigger":"timer","stage":"queued","requested":"x","deliveries":[]}]"#, "run/2"
    ),
  ])
  func `what another version left is refused and stays`(_ text: String, _ says: String) throws {
    let place = try Place()
    _ = try place.runQueue()
    let file = place.settings.checkout + "/runs.json"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    #expect { try place.runQueue() } throws: {
      ($0 as? Failure)?.kind == .configuration && ($0 as? Failure)?.message.contains(says) == true
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
  }
}
