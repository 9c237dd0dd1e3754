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

  /// Says whether one excludes the other.
  public func excludes(_ other: Claim) -> Bool {
    guard case .port(let port, let transport, let address) = self,
      case .port(let otherPort, let otherTransport, let otherAddress) = other
    else { return self == other }
    let everywhere: Set<String> = ["", "0.0.0.0", "::"]
    return port == otherPort && transport == otherTransport
      && (address == otherAddress || everywhere.contains(address) || everywhere.contains(otherAddress))
  }

  /// Reads the ports of a container as `docker ps` lists them: `127.0.0.1:80->80/tcp, :::8000-8002->8000-8002/tcp`.
  public static func ports(listed text: String) -> [Claim] {
    text.split(separator: ",").flatMap { item -> [Claim] in
      let form = /\s*(.*):(\d+)(?:-(\d+))?->[\d-]+\/(\w+)\s*/
      guard let match = item.wholeMatch(of: form), let first = Int(match.2) else { return [] }
      let last = match.3.flatMap { Int($0) } ?? first
      let address = match.1.filter { $0 != "[" && $0 != "]" }
      return (first...max(first, last)).map { .port("\($0)", transport: String(match.4), address: address) }
    }
  }
}
