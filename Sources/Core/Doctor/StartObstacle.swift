/// What keeps a sync from starting a service.
public struct StartObstacle: Sendable, Equatable {
  /// What is in the way.
  var found: String
  /// How to take it out of the way.
  public var help: String

  /// Describes it.
  public init(found: String, help: String) { (self.found, self.help) = (found, help) }
}

/// What a host has given away, or lacks, of what a service needs.
public struct Surroundings: Sendable {
  var containers: [InspectedContainer]
  /// Where programs of the host listen.
  var listening: [Claim]
  /// The names of networks and volumes; nothing where they are not known.
  var (networks, volumes): (Set<String>?, Set<String>?)

  /// Takes what was seen.
  public init(
    containers: [InspectedContainer], listening: [Claim] = [], networks: Set<String>? = nil,
    volumes: Set<String>? = nil
  ) {
    (self.containers, self.listening, self.networks, self.volumes) = (containers, listening, networks, volumes)
  }

  /// Finds what keeps a service of a project from being started: `claims` are what only it can have, `resources` what it uses
  /// of its model.
  public func obstacles(to service: String, of project: String, claims: [Claim], resources: [String: JSON])
    -> [StartObstacle]
  {
    let others = containers.filter { $0.project != project }
    let held = claims.compactMap { claim -> StartObstacle? in
      let holder = others.first { $0.claims.contains { $0.excludes(claim) } }
      if let holder { return Self.obstacle(claim, of: service, holder) }
      // The engine's own proxy listens for what a container of this project has.
      let isOwn = containers.contains { $0.project == project && $0.claims.contains { $0.excludes(claim) } }
      guard !isOwn, listening.contains(where: { $0.excludes(claim) }), case .port(let port, _, _) = claim else {
        return nil
      }
      return StartObstacle(
        found: "\(claim) is used by a program of this host",
        help:
          "`ss -ltnp 'sport = :\(port)'` names the program that listens there: stop it, or publish another port for "
          + service)
    }
    return held + missing(resources)
  }

  private static func obstacle(_ claim: Claim, of service: String, _ holder: InspectedContainer) -> StartObstacle {
    let owner = holder.project.isEmpty ? "" : " of the project \(holder.project)"
    let found = "\(claim) is used by the container \(holder.name)\(owner)"
    if case .containerName = claim {
      return StartObstacle(
        found: found,
        help:
          "`docker rename \(holder.name) \(holder.name)-old`, or `docker rm -f \(holder.name)` if nobody needs it, or "
          + "give \(service) another `container_name`")
    }
    return StartObstacle(
      found: found, help: "`docker stop \(holder.name)`, or publish another port for \(service)")
  }

  /// Finds the external networks and volumes that are not there: Compose makes none of them.
  private func missing(_ resources: [String: JSON]) -> [StartObstacle] {
    resources.sorted { $0.key < $1.key }.compactMap { key, value in
      guard value["external"]?.bool == true, let name = value["name"]?.string else { return nil }
      if key.hasPrefix("network "), networks?.contains(name) == false {
        return StartObstacle(
          found: "the external network \(name) is missing",
          help: "`docker network create \(name)`, or start the stack that makes it")
      }
      if key.hasPrefix("volume "), volumes?.contains(name) == false {
        return StartObstacle(
          found: "the external volume \(name) is missing",
          help: "restore it from a backup or, if it may be empty: `docker volume create \(name)`")
      }
      return nil
    }
  }
}

extension Claim {
  /// Reads where programs listen from `/proc/net/tcp` and `/proc/net/tcp6`; see proc_pid_net(5).
  public static func listening(in table: String) -> [Claim] {
    table.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count > 3, words[3] == "0A" else { return nil }
      let place = words[1].split(separator: ":")
      guard place.count == 2, let port = Int(place[1], radix: 16), let address = address(String(place[0])) else {
        return nil
      }
      return .port("\(port)", transport: "tcp", address: address)
    }
  }

  /// The address that the kernel writes as one number, or four, of its own byte order.
  private static func address(_ digits: String) -> String? {
    if digits.count == 32 {
      let known = [String(repeating: "0", count: 32): "::", String(repeating: "0", count: 24) + "01000000": "::1"]
      if let known = known[digits] { return known }
      // An IPv4 address as IPv6 has it.
      guard digits.hasPrefix("0000000000000000FFFF0000") else { return nil }
      return address(String(digits.suffix(8)))
    }
    guard digits.count == 8, let number = UInt32(digits, radix: 16) else { return nil }
    return (0..<4).map { String(number >> (8 * $0) & 0xFF) }.joined(separator: ".")
  }
}
