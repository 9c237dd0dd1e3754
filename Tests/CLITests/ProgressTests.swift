import Core
import Glibc
import Testing

@testable import CLI

@Suite("progress is told to whoever follows, and waits for nobody")
struct ProgressTests {
  private static func step(_ text: String, of stack: String = "a") -> SyncEvent {
    SyncEvent(.step, of: stack, text, since: 0)
  }

  /// Gives the ends of a pipe.
  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    try #require(Glibc.pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  private static func read(_ descriptor: Int32) -> String {
    var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  @Test("a program that reads no more holds no sync up")
  func blocked() async throws {
    let (reading, writing) = try Self.pipe()
    let progress = Progress(json: true, environment: [:], to: writing)
    let start = ContinuousClock.now
    for number in 0..<5_000 { progress.take(Self.step("step \(number) \(String(repeating: "x", count: 200))")) }
    await progress.end()
    #expect(start.duration(to: .now) < .seconds(80))
    // What hangs in the pipe ends with it.
    signal(SIGPIPE, SIG_IGN)
    close(reading)
  }

  @Test("JSON is a line for each event, in their order")
  func json() async throws {
    let (reading, writing) = try Self.pipe()
    let progress = Progress(json: true, environment: [:], to: writing)
    for number in 0..<50 { progress.take(Self.step("step \(number)")) }
    await progress.end()
    close(writing)
    let lines = Self.read(reading).split(separator: "\n")
    #expect(lines.count == 50 && lines[49].contains("step 49"))
    close(reading)
  }

  @Test("a log is told what may take long, once, and how it ended")
  func lines() async throws {
    let (reading, writing) = try Self.pipe()
    let progress = Progress(json: false, environment: [:], to: writing)
    var (slow, end) = (Self.step("pulling images"), SyncEvent(.ended, of: "a", "web is \u{1B}[2Junhealthy", since: 0))
    slow.limit = 600
    end.outcome = .rolledBack
    for event in [SyncEvent(.phase, "asking", since: 0), Self.step("linking its files"), slow, slow, end] {
      progress.take(event)
    }
    await progress.end()
    close(writing)
    #expect(Self.read(reading) == "a: pulling images\na: rolled back: web is [2Junhealthy\n")
    close(reading)
  }
}
