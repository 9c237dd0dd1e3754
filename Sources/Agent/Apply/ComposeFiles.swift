import Core
import Glibc

/// Where Compose runs for a stack, and the files that it takes there.
extension Up {
  /// Returns the live directory in which Compose runs for a stack.
  func live(_ stack: DesiredStack) -> String { Path.join(settings.liveRoot, stack.place.directory) }

  /// The files that Compose takes by itself, which it no longer does once one is named.
  func files(in directory: String) async throws(Failure) -> [String] {
    let values = try await programs.values(in: directory)
    if let named = values["COMPOSE_FILE"], !named.isEmpty {
      return named.split(separator: values["COMPOSE_PATH_SEPARATOR"] ?? ":").map(String.init)
    }
    return [ComposeFileName.main, ComposeFileName.override].compactMap { names in
      names.first { Files.status(Path.join(directory, $0)) != nil }
    }
  }
}

extension Programs {
  /// The values that Compose has in a directory: of its `.env`, and what it is given.
  func values(in directory: String) async throws(Failure) -> [String: String] {
    let asked = try await compose(["config", "--environment"], in: directory)
    var values: [String: String] = [:]
    for line in asked.outputText.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    return values
  }
}
