import Agent
import Core
import Synchronization
import Testing

@testable import Daemon

@Suite("The configuration while the daemon runs") struct ConfigurationTests {
  private final class File: Sendable {
    let content = Mutex<Result<Configuration.Source, Failure>>(
      .failure(Failure(.configuration, "away", help: "write it")))
  }

  private static func settings(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
    var settings = Settings(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    change(&settings)
    return settings
  }

  private static func source(_ text: String, _ change: (inout Settings) -> Void = { _ in }) -> Configuration.Source {
    Configuration.Source(settings(change), text: Array(text.utf8))
  }

  @Test func `a good one counts at once, a bad one never, and what needs a restart says so`() {
    let file = File()
    let configuration = Configuration(Self.source("one")) { file.content.withLock { $0 } }
    func reload(_ content: Result<Configuration.Source, Failure>) -> [String] {
      file.content.withLock { $0 = content }
      return configuration.reload()
    }
    #expect(reload(.success(Self.source("one"))) == [])
    let bad = Failure(.configuration, "clup.yaml:1:1: unknown key", help: "fix it")
    #expect(reload(.failure(bad)).first?.contains("clup.yaml:1:1: unknown key") == true)
    // The same again is no news.
    #expect(reload(.failure(bad)) == [])
    #expect(configuration.now.problem == bad && configuration.text == Array("one".utf8))
    #expect(reload(.success(Self.source("two") { $0.sync.drift = .report })).count == 1)
    #expect(configuration.settings.sync.drift == .report && configuration.now.problem == nil)
    let moved = reload(.success(Self.source("three") { $0.serve.listen = ["127.0.0.1:1"] }))
    #expect(moved.count == 2 && configuration.now.restart == ["`serve: {listen: …}`"])
    _ = reload(.success(Self.source("four") { $0.checkout = "/elsewhere" }))
    #expect(configuration.settings.checkout == "/live/clup" && configuration.now.problem != nil)
    #expect(reload(.success(Self.source("one"))).count == 1)
    #expect(configuration.now.restart == [] && configuration.now.problem == nil)
  }
}
