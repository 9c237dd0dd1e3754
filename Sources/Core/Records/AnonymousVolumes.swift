/// The volumes without a name that the engine made for a container: of an image's `VOLUME`, or of a path alone under `volumes:`.
/// Compose hands them on only from the very container that it replaces.
public struct AnonymousVolumes: Codable, Sendable, Equatable {
  /// Which of its service's containers it is, from 1 as Compose counts.
  public var number: Int
  /// The engine's name of each volume, by the path in the container.
  public var volumes: [String: String]

  /// Takes them from what a container mounts, by path; nothing where it has none.
  public init?(number: Int, mounted: [String: String]) {
    let own = mounted.filter { Self.isAnonymous($0.value) }
    if own.isEmpty { return nil }
    (self.number, volumes) = (number, own)
  }

  /// Whether the engine gave a volume its name: 64 hexadecimal digits.
  static func isAnonymous(_ name: String) -> Bool {
    name.utf8.count == 64 && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

/// Anonymous volumes that the next container of a service is to have, which would otherwise begin with empty ones.
public struct CarriedVolumes: Sendable, Equatable {
  /// The service.
  public let service: String
  /// The volumes of one of its containers.
  public let volumes: AnonymousVolumes
}

extension DesiredStack {
  /// Lists the volumes that services had and that the containers that stand there `now` do not have. A container of `kept` is one
  /// that Compose takes the right ones from.
  func carried(
    for services: Set<String>, kept: Set<String>, now: [some SeenContainer]
  ) -> [CarriedVolumes] {
    self.services.filter { services.contains($0.name) }.flatMap { service in
      (service.volumes ?? []).filter { wanted in
        let own = now.first { $0.service == service.name && $0.number == wanted.number }
        guard let own else { return true }
        return !kept.contains(own.id) && own.volumes != wanted
      }.map { CarriedVolumes(service: service.name, volumes: $0) }
    }
  }
}

extension Deployment {
  /// The same with the containers that services have now, and what those hold: what somebody has made again by hand since is
  /// what a deploy replaces.
  public func having(_ containers: [Container]) -> Deployment {
    let own = Dictionary(grouping: containers.filter { $0.project == project && !$0.isLeftOver }) { $0.service }
    var deployment = self
    for (index, service) in services.enumerated() {
      guard let found = own[service.name], !found.isEmpty else { continue }
      deployment.services[index].containers = found.map(\.id).sorted()
      deployment.services[index].volumes = found.compactMap(\.volumes).orNothing
    }
    return deployment
  }

  /// The same with the containers, and what those hold, that another look has found.
  func having(as other: Deployment?) -> Deployment {
    var deployment = self
    for (index, service) in services.enumerated() {
      guard let found = other?.services.first(where: { $0.name == service.name }) else { continue }
      (deployment.services[index].containers, deployment.services[index].volumes) = (found.containers, found.volumes)
    }
    return deployment
  }
}

extension DesiredService {
  /// The same service with the anonymous volumes that it had in what was good, or before it was dropped, as long as it mounts
  /// the same.
  func holding(as record: StackRecord?) -> DesiredService {
    guard volumes == nil else { return self }
    var service = self
    if let known = record?.good?.services.first(where: { $0.name == name }) {
      if known.fields["volumes"] == fields["volumes"] { service.volumes = known.volumes }
    } else if let known = record?.dropped.first(where: { $0.name == name }), known.mounts == fields["volumes"] {
      service.volumes = known.volumes
    }
    return service
  }
}

/// A service that a stack no longer has, and the anonymous volumes that its containers had: they are its again when it comes back.
public struct DroppedService: Codable, Sendable, Equatable {
  let name: String
  /// The id of what it mounted.
  let mounts: String?
  let volumes: [AnonymousVolumes]

  /// Remembers a service; nothing where it has no such volumes.
  init?(_ service: DesiredService) {
    guard let volumes = service.volumes, !volumes.isEmpty else { return nil }
    (name, mounts, self.volumes) = (service.name, service.fields["volumes"], volumes)
  }
}

extension [AnonymousVolumes] {
  /// The volumes in the order of their containers; nothing where there are none.
  var orNothing: [AnonymousVolumes]? { isEmpty ? nil : sorted { $0.number < $1.number } }
}
