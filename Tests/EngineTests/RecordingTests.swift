import Engine
import Foundation
import Testing

@Suite struct RecordingTests {
  static let ways: [(String, @Sendable (FakeEngine.Answer) -> FakeEngine.Answer)] = [
    ("as it came", { $0 }), ("byte by byte", { $0.split }),
  ]

  @Test(arguments: Recording.names, ways)
  func `every engine is understood alike`(
    _ name: String, _ way: (String, @Sendable (FakeEngine.Answer) -> FakeEngine.Answer)
  ) async throws {
    let fake = try FakeEngine(Recording.read(name), way.1)
    try await Scene(client: EngineClient(.socket(fake.path))).play()
  }

  @Test func `the oldest engine and the newest, and both stores, are among them`() {
    for prefix in ["20.10", "28.", "29."] { #expect(Recording.names.contains { $0.hasPrefix(prefix) }, "\(prefix)") }
    #expect(Recording.names.contains { $0.hasSuffix("-containerd") })
  }

  static let socket = ProcessInfo.processInfo.environment["CLUP_RECORD_ENGINE"]

  /// Not a test: `Tests/record-engine` calls it.
  @Test(.enabled(if: socket != nil)) func `record`() async throws {
    let socket = try #require(Self.socket)
    let name = try #require(ProcessInfo.processInfo.environment["CLUP_RECORD_NAME"])
    let recorder = try Recorder(to: socket)
    try await Scene(client: EngineClient(.socket(recorder.server.path)), isReal: true).play()
    let directory = URL(filePath: socket).deletingLastPathComponent().path
    let bridge = try String(contentsOfFile: directory + "/bridge", encoding: .utf8).trimmingCharacters(in: .newlines)
    try recorder.recording(hiding: [
      (directory + "/data", "/var/lib/docker"), (directory + "/exec", "/var/run/docker"),
      (bridge, "docker0"), ("\"\(ProcessInfo.processInfo.hostName)\"", "\"host\""),
    ]).write(name)
  }
}
