import Core
import Engine
import FoundationEssentials
import Processes

extension Programs {
  /// Finds where the docker command, and so Compose, would ask for the engine with these variables.
  ///
  /// A Unix socket is asked directly; for TLS, ssh and contexts the docker command makes the connection.
  static func client(docker: String, environment: [String: String]) -> EngineClient {
    let version = environment["DOCKER_API_VERSION"]
    if let host = environment["DOCKER_HOST"], !host.isEmpty {
      if let path = socket(host) { return EngineClient(.socket(path), version: version) }
    } else if context(environment) == "default" {
      return EngineClient(.socket("/var/run/docker.sock"), version: version)
    }
    let dial = Command(
      docker, ["system", "dial-stdio"], environment: environment, directory: "/", deadline: .seconds(1 << 40))
    return EngineClient(
      .connected { () throws(EngineError) in
        do throws(ProcessError) { return try connect(to: dial) } catch {
          throw EngineError(.unreachable, error.message)
        }
      }, version: version)
  }

  /// The Unix socket that a DOCKER_HOST names; nothing for any other address.
  static func socket(_ host: String) -> String? {
    host.hasPrefix("unix://") ? String(host.dropFirst(7)) : nil
  }

  /// The context that the docker command uses: what `docker context use` left, unless a variable names another.
  private static func context(_ environment: [String: String]) -> String {
    if let named = environment["DOCKER_CONTEXT"], !named.isEmpty { return named }
    struct Settings: Decodable { let currentContext: String? }
    let directory = environment["DOCKER_CONFIG"] ?? (environment["HOME"] ?? "") + "/.docker"
    guard let bytes = Files.read(directory + "/config.json"),
      let settings = try? JSONDecoder().decode(Settings.self, from: Data(bytes)),
      let current = settings.currentContext, !current.isEmpty
    else { return "default" }
    return current
  }
}
