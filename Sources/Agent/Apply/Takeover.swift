import Core
import Engine

/// Looks at what a person runs in a live directory before clup's first deploy there.
///
/// The containers say it themselves: whether the old files can still be read, or have another name, does not matter. Files are
/// believed only if they give the hash that a container carries; a container that they do not give is not replaced.
struct Takeover: Sendable {
  let settings: Settings
  let programs: Programs

  /// Returns what is there; nothing where no container of the stack's project was started from its directory.
  func look(_ desired: DesiredStack, among containers: [Container]) async throws(Failure) -> Adopted? {
    let directory = Path.join(settings.liveRoot, desired.place.directory)
    let own = containers.filter { $0.project == desired.project && $0.directory == directory && !$0.isLeftOver }
    if own.isEmpty { return nil }
    let seen = try await programs.inspections(of: own.map(\.id))
    if seen.isEmpty { return nil }
    var found = seen.map(FoundContainer.init(inspected:))
    let versions = seen.map { $0["Config"]?["Labels"]?["com.docker.compose.version"]?.string }
    for call in Set(found.compactMap(\.call)) {
      let answer = await given(by: call, desired)
      for index in found.indices where found[index].call == call {
        found[index].isKnown = try await isKnown(found[index], versions[index], seen[index], answer)
        found[index].given = answer.hashes[found[index].service]
      }
    }
    return Adopted(desired, found)
  }

  /// Returns what a deploy would replace without a way back to it; nothing where there is one.
  func obstacle(_ adopted: Adopted, _ plan: StackPlan) async throws(Failure) -> Failure? {
    guard settings.sync.onFailure == .rollback, let desired = plan.desired else { return nil }
    // What had ended before costs nobody anything.
    let replaced = (adopted.containers ?? []).filter { container in
      guard container.isUp, let service = plan.services.first(where: { $0.name == container.service }) else {
        return false
      }
      let hash = desired.services.first { $0.name == service.name }?.hash
      return [.recreate, .remove].contains(service.action)
        || service.action == .create && (service.way == .force || hash != container.hash)
    }
    let directory = Path.join(settings.liveRoot, desired.place.directory)
    if let lost = replaced.first(where: { !$0.isKnown }) {
      return Failure(
        .host,
        "the configuration that \(lost.name) runs with is in no file on this host, and the commit would replace it: if "
          + "that failed, clup could not restore it",
        help:
          "keep what `docker inspect \(lost.name)` says, make the files and the `.env` in \(directory) say the same, and run "
          + "`docker compose up -d` there, which recreates the container; or remove the container yourself")
    }
    let images = try await Images(programs: programs).ids(of: replaced.map(\.image))
    if let lost = replaced.first(where: { images[$0.image] == Fingerprint.absent }) {
      return Failure(
        .host,
        "the image that \(lost.name) runs is no longer on this host, and the commit would replace the container: if that "
          + "failed, clup could not restore it",
        help: "run `docker compose up -d` in \(directory) with an image that the host has; or remove the container "
          + "yourself")
    }
    return nil
  }

  /// Goes on only where the files still give what they gave when the containers were found.
  func check(_ call: AdoptedServices.Call, of stack: DesiredStack) async throws(Failure) {
    let services = Set(call.counts.keys).union(call.others.keys).filter { call.given[$0] != nil }
    if services.isEmpty { return }
    let now = await given(by: call.call, stack).hashes
    guard let other = services.sorted().first(where: { now[$0] != call.given[$0] }) else { return }
    throw Failure(
      .deploy, "the files that \(other) was started from now give another configuration",
      help:
        "find out who changed them in \(Path.join(settings.liveRoot, stack.place.directory))"
        + ", and recreate the container by hand"
    )
  }

  /// What Compose makes of the files that a call names: the hash of each service, and those that share another one's
  /// network or volumes.
  private struct Answer {
    var hashes: [String: String] = [:]
    var joins: [String: [String]] = [:]
    var services: [String: JSON] = [:]
  }

  private func given(by call: FoundContainer.Call, _ desired: DesiredStack) async -> Answer {
    let directory = Path.join(settings.liveRoot, desired.place.directory)
    guard Files.status(directory) != nil else { return Answer() }
    let options = ["-p", desired.project] + call.options + ["--profile", "*", "config"]
    var answer = Answer()
    guard let model = try? await programs.compose(options + ["--format", "json"], in: directory), model.succeeded,
      let json = try? JSON(parsing: model.output)
    else { return answer }
    let hashes = try? await programs.hashes(
      of: json, project: desired.project, directory: call.directory, in: directory)
    answer.hashes = hashes?.found ?? [:]
    answer.services = json["services"]?.unescaped.object ?? [:]
    for service in ComposeModel(json).services where !service.joins.isEmpty {
      answer.joins[service.name] = service.joins
    }
    return answer
  }

  /// Whether the files give what a container was made with. Versions of Compose hash differently, and the hash of what
  /// lives in another container's network holds that one's id: then what it runs with has to be what the files say.
  private func isKnown(
    _ container: FoundContainer, _ version: String?, _ seen: JSON, _ answer: Answer
  ) async throws(Failure) -> Bool {
    guard let hash = answer.hashes[container.service] else { return false }
    if hash == container.hash { return true }
    let present = await programs.composeVersion.value
    let isOfAnother = version.map { ComposeVersion.number(in: $0) != ComposeVersion.number(in: present) } ?? true
    guard isOfAnother || answer.joins[container.service] != nil else { return false }
    let image = try await programs.ask { engine throws(EngineError) in
      try await engine.inspection(ofImage: container.image, as: JSON.self)
    }
    return Self.runs(seen["Config"], of: image?["Config"], as: answer.services[container.service])
  }

  /// Whether a container has the values and the command that a service of a resolved model says, and no others beside those
  /// of its image.
  private static func runs(_ container: JSON?, of image: JSON?, as service: JSON?) -> Bool {
    let wanted = service["environment"].object.compactMap { name, value in value.string.map { "\(name)=\($0)" } }
    let known = Set(wanted).union(image["Env"].strings)
    let values = Set(container["Env"].strings)
    guard values.isSuperset(of: wanted), values.allSatisfy({ known.contains($0) || $0.hasPrefix("PATH=") }) else {
      return false
    }
    guard case .array? = service?["command"] else { return true }
    return service["command"].strings == container["Cmd"].strings
  }
}
