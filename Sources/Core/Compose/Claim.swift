/// What the engine gives to one container only.
public enum Claim: Codable, Hashable, Sendable, CustomStringConvertible {
  case containerName(String)
  /// A published port; an empty address stands for all of them.
  case port(String, transport: String, address: String)

  /// The claim for people.
  public var description: String {
    switch self {
    case .containerName(let name): "the container name \(name)"
    case .port(let port, let transport, let address):
      "the host port \(address.isEmpty ? "" : address + ":")\(port)/\(transport)"
    }
  }

  /// What is claimed, without the address.
  var subject: String {
    switch self {
    case .containerName(let name): name
    case .port(let port, let transport, _): "\(port)/\(transport)"
    }
  }

  /// Returns whether two are ports that one range can hold.
  func isOfOneRange(with other: Claim) -> Bool {
    guard case .port(_, let transport, let address) = self, case .port(_, transport, address) = other else {
      return false
    }
    return true
  }

  /// Claims of one range for people, with the verb.
  static func words(_ claims: [Claim]) -> String {
    let ports = claims.compactMap { if case .port(let port, _, _) = $0 { port } else { nil } }
    guard claims.count > 1, case .port(_, let transport, let address) = claims[0] else { return "\(claims[0]) is" }
    return "the host ports \(address.isEmpty ? "" : address + ":")\(Port.range(ports))/\(transport) are"
  }

  /// Returns whether one excludes the other.
  public func excludes(_ other: Claim) -> Bool {
    guard case .port(let port, let transport, let address) = self,
      case .port(let otherPort, let otherTransport, let otherAddress) = other
    else { return self == other }
    let everywhere: Set<String> = ["", "0.0.0.0", "::"]
    return port == otherPort && transport == otherTransport
      && (address == otherAddress || everywhere.contains(address) || everywhere.contains(otherAddress))
  }
}
