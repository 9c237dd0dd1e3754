import Core
import Synchronization

/// Which Compose this is: asked once, beside the first question to it, so that nobody waits for it.
final class ComposeVersion: Sendable {
  /// The first that tells what a directory's `.env` gives (`config --environment`), without which no secret could be hidden.
  static let oldest = (2, 28)

  private let asked = Mutex<Task<String, Never>?>(nil)

  /// Gives the task that asks, which runs from the first call on.
  func task(_ ask: @escaping @Sendable () async -> String) -> Task<String, Never> {
    asked.withLock { asked in
      let task = asked ?? Task { await ask() }
      asked = task
      return task
    }
  }

  /// Says that a Compose is too old; one that does not tell its version, as a build of one's own, is taken as it is.
  static func refusal(of version: String) -> Failure? {
    let plain = version.hasPrefix("v") ? version.dropFirst() : version[...]
    let parts = plain.split(separator: ".").prefix(2).map { Int($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1], (major, minor) < oldest else { return nil }
    return Failure(
      .host, "Docker Compose \(plain) is too old: clup needs \(oldest.0).\(oldest.1) or later",
      help: "install a newer one: https://docs.docker.com/compose/install/linux")
  }
}

extension Programs {
  /// Gives a line with the hash of each service of a resolved model, which is the one that `up` compares. Asked for that of
  /// files, Compose before 5.5 leaves out what an `env_file` gives.
  func resolvedHashes(
    of project: String, in directory: String, model: [UInt8]
  ) async throws(Failure) -> Set<String>? {
    let hashes = try await compose(
      ["-p", project, "--project-directory", directory, "-f", "-", "--profile", "*", "config", "--hash", "*"],
      in: directory, input: model)
    return hashes.succeeded ? Set(hashes.outputText.split(separator: "\n").map(String.init)) : nil
  }

  /// The version of Compose in its own words, as `2.40.3`; empty where it does not say.
  var composeVersion: Task<String, Never> {
    version.task {
      (try? await start(
        compose[0], compose.dropFirst() + ["version", "--short"], environment, directory: "/", input: [],
        Limits(deadline: .seconds(10))))?.outputText.firstLine ?? ""
    }
  }
}
