import Core
import Engine
import Processes

/// The engine, as far as it answered.
struct SeenEngine: Sendable {
  var programs: Programs?
  /// The directory that it keeps everything in.
  var root: String?
  var containers: [InspectedContainer] = []
  /// The names of networks and volumes; nothing where they are not known.
  var (networks, volumes): (Set<String>?, Set<String>?)
  /// Why its containers are not known.
  var problem: String?
  var checks: [Check] = []

  /// Tells of something that only the engine can answer.
  func skipped(_ section: Check.Section, _ name: String, stack: String? = nil) -> Check? {
    problem.map { Check(section, name, stack: stack, skipped: $0) }
  }
}

extension Doctor {
  /// Asks the programs and the engine for their versions, and the engine for its containers.
  func engine() async -> SeenEngine {
    var seen = SeenEngine()
    let programs: Programs
    do throws(Failure) { programs = try Programs(environment: environment) } catch {
      seen.checks = [
        Check(.docker, "docker command", .failed, found: error.message, expected: "installed", help: error.help)
      ]
      seen.problem = "there is no docker command"
      return seen
    }
    seen.programs = programs
    async let compose = compose(programs)
    let answer = await within(.seconds(20)) { await Self.ask(programs) }
    switch answer ?? .failure(Failure(.host, "it did not answer within 20 s", help: Self.restart)) {
    case .success(let (info, containers)):
      (seen.root, seen.containers) = (info.root, containers)
      seen.networks = (try? await programs.engine.networks()).map { Set($0.map(\.name)) }
      seen.volumes = (try? await programs.engine.volumes()).map { Set($0.map(\.name)) }
      seen.checks.append(
        HostChecks.version(
          "Docker Engine", info.version, oldest: "20.10", details: "storage \(info.driver ?? "unknown")",
          help: "upgrade it: https://docs.docker.com/engine/install"))
    case .failure(let failure):
      seen.problem = "Docker Engine does not answer"
      seen.checks.append(
        Check(
          .docker, "Docker Engine", .failed, found: failure.message, expected: "20.10 or later, running",
          help: failure.help))
    }
    seen.checks += [await compose, root(seen)]
    return seen
  }

  private static let restart = "`systemctl restart docker`; `journalctl -u docker -n 50` says why it does not answer"

  private static func ask(_ programs: Programs) async -> Result<(EngineInfo, [InspectedContainer]), Failure> {
    do throws(Failure) {
      let (info, listed) = try await programs.ask { engine throws(EngineError) in
        try await engine.ping()
        return (try await engine.info(), try await engine.containers())
      }
      let inspected = try await programs.inspections(of: listed.map(\.id))
      return .success((info, inspected.map(InspectedContainer.init)))
    } catch { return .failure(error) }
  }

  private func compose(_ programs: Programs) async -> Check {
    let (name, help) = ("Docker Compose", "install the plugin: https://docs.docker.com/compose/install/linux")
    let version = await programs.composeVersion.value
    let oldest = "\(ComposeVersion.oldest.0).\(ComposeVersion.oldest.1)"
    // Nothing but a plugin's own file tells a version that it hides from a plugin that is not there.
    if version.isEmpty, programs.compose.count > 1 {
      return Check(
        .docker, name, .failed, found: "the docker command has no Compose plugin", expected: "\(oldest) or later",
        help: help)
    }
    return HostChecks.version(name, version.isEmpty ? nil : version, oldest: oldest, help: help)
  }

  private func root(_ seen: SeenEngine) -> Check {
    let name = "Docker root"
    if let skipped = seen.skipped(.docker, name) { return skipped }
    let root = seen.root ?? ""
    if Files.isMissing(root) { return Check(.docker, name, skipped: "the engine runs elsewhere: \(root) is not here") }
    return Check(.docker, name, .good, found: root, expected: "a directory on this host")
  }
}
