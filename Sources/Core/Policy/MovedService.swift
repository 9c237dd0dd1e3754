/// A service that a commit takes out of one stack and puts into another one, where its data would not come along.
public struct MovedService: Sendable, Equatable {
  /// The service as it is called now.
  public let service: String
  /// The stack that it comes from.
  public let stack: String
  /// The engine's names of the volumes that its containers have there, by the path in the container.
  public var volumes: [String: String] = [:]
  /// The paths of the host that its containers have there, by the path in the container.
  public var binds: [String: String] = [:]
  /// The engine's names of its volumes, by what the model calls them, as it was deployed.
  public var recorded: [String: String] = [:]
  /// The container names that its file gives it there.
  public var containers: Set<String> = []

  /// Names a service and where it comes from.
  public init(service: String, from stack: String) { (self.service, self.stack) = (service, stack) }

  /// All volumes that it has there.
  public var names: Set<String> { Set(volumes.values).union(recorded.values) }
}

extension DesiredService {
  /// Whether a service of another stack is this one under the same name, or under the same container name, with the same image.
  public func isContinued(by name: String, _ json: JSON) -> Bool {
    let written = json["container_name"]?.string.map(Claim.containerName)
    guard name == self.name || written.map(claims.contains) == true else { return false }
    if json["build"] != nil { return isBuilt }
    return !isBuilt && Image(json["image"]?.string ?? "").short == Image(image).short
  }

  /// The same of a service that is known from what Compose made of it.
  public func isContinued(by other: DesiredService) -> Bool {
    guard other.name == name || !containerNames.isDisjoint(with: other.containerNames) else { return false }
    return isBuilt || other.isBuilt ? isBuilt && other.isBuilt : Image(image).short == Image(other.image).short
  }

  /// Whether a service of another stack, which has it from now on, is this one: by its container name, or by its name with the same
  /// image, be it of another registry, or with something that only one of them can have.
  public func isMoved(to other: DesiredService) -> Bool {
    if !containerNames.isDisjoint(with: other.containerNames) { return true }
    guard other.name == name else { return false }
    return isBuilt && other.isBuilt || Path.name(Image(image).name) == Path.name(Image(other.image).name)
      || claims.contains { claim in other.claims.contains { claim.excludes($0) } }
      || !Set(volumeNames.values).isDisjoint(with: other.volumeNames.values)
  }

  /// The container names that its file gives it.
  public var containerNames: Set<String> {
    claims.reduce(into: []) { if case .containerName(let name) = $1 { $0.insert(name) } }
  }

  /// The engine's names of the volumes that it uses, by what the model calls them.
  public var volumeNames: [String: String] {
    (resources ?? [:]).reduce(into: [:]) { found, entry in
      guard entry.key.hasPrefix("volume "), let name = entry.value.split(separator: " ").first else { return }
      found[String(entry.key.dropFirst("volume ".count))] = String(name)
    }
  }
}

extension Subject {
  /// Takes what a service had from the stack that it comes from, which ends.
  public mutating func giveUp(_ moved: MovedService) {
    others[moved.stack]?.volumes.subtract(moved.names)
    others[moved.stack]?.containers.subtract(moved.containers)
  }

  /// Finds the volumes and directories that would be empty although the service has its data in another stack.
  var dataLeftElsewhere: [Finding] {
    guard let present else { return [] }
    return moved.flatMap { moved -> [Finding] in
      let mounts = model["services"]?[moved.service]?["volumes"].array ?? []
      var former: [(mount: JSON?, target: String, volume: String)] = moved.volumes.sorted { $0.key < $1.key }.map {
        target, volume in
        (mounts.first { Path.normalized($0["target"]?.string ?? "") == target }, target, volume)
      }
      // Where its containers are gone, what it was deployed with is known by its name alone.
      if moved.volumes.isEmpty {
        former = mounts.compactMap { mount in
          guard mount["type"]?.string == "volume", let key = mount["source"]?.string, let name = moved.recorded[key]
          else { return nil }
          return (mount, mount["target"]?.string ?? "", name)
        }
      }
      return former.filter { present.volumes.contains($0.volume) }.compactMap { finding(moved, $0, $1, $2) }
    }
  }

  private func finding(_ moved: MovedService, _ mount: JSON?, _ target: String, _ volume: String) -> Finding? {
    let isAnonymous = AnonymousVolumes.isAnonymous(volume)
    let source = mount?["source"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    var (new, help): (String, String)
    switch (mount?["type"]?.string, source) {
    case ("volume"?, let key?):
      let definition = model["volumes"]?[key]
      let name = definition?["name"]?.string ?? key
      if name == volume || definition?["external"]?.bool == true || present?.volumes.contains(name) == true {
        return nil
      }
      let kept = isAnonymous ? "{external: true, name: \(volume)}" : "{name: \(volume)}"
      (new, help) = (
        "an empty volume \(name)",
        "keep the volume: `volumes: {\(key): \(kept)}`; or make it with `docker volume create \(name)` and copy the data into it"
      )
    case ("volume"?, nil), (nil, nil):
      if mount == nil, !isAnonymous { return nil }
      (new, help) = (
        "an empty volume at \(target)",
        "keep the volume: mount `kept:\(target)`, with `volumes: {kept: {external: true, name: \(volume)}}`"
      )
    case ("bind"?, let path?):
      guard paths.missing.contains(path) else { return nil }
      (new, help) = (path, "make that directory first, with the data (`docker cp`) or empty, and with its owner")
    default: return nil
    }
    return Finding(
      service: moved.service, place: place(moved.service, ["volumes"]),
      message: "\(moved.service) moves here from the stack \(moved.stack), and would start with \(new): its data is in "
        + (isAnonymous ? "the anonymous volume \(volume.prefix(12))…" : volume),
      help: help)
  }
}
