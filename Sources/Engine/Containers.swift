import Encoding
import FoundationEssentials

/// A container, as a listing shows it.
public struct ListedContainer: Sendable, Decodable, Equatable {
  /// The id, 64 hexadecimal digits.
  public let id: String
  /// Its name, without the slash.
  public let name: String
  /// The reference that it was made from.
  public let image: String
  /// The id of the image that it runs.
  public let imageID: String
  /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
  public let state: String
  /// `healthy`, `unhealthy`, `starting`, or `none` without a health check.
  public let health: String
  /// Its labels.
  public let labels: [String: String]
  /// What it mounts.
  public let mounts: [Mount]
  /// The names of the networks that it is in, each with the network's id.
  public let networkIDs: [String: String]
  /// The names of the volumes that it mounts, by path.
  public var volumes: [String: String] {
    Dictionary(mounts.filter { $0.type == "volume" }.compactMap { one in one.name.map { (one.destination, $0) } }) {
      $1
    }
  }
  /// The names alone.
  public var networks: Set<String> { Set(networkIDs.keys) }
  /// The ids of what connects it to its networks: another one after each start, and each time that somebody connects it.
  public let endpoints: Set<String>
  /// How it is connected: a network's name, `host`, `none`, or `container:` and an id.
  public let networkMode: String
  /// What it has published of the host's ports.
  public let ports: Set<PublishedPort>

  /// Reads one element of `GET /containers/json`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    id = try values.decode(String.self, forKey: .id)
    name = String((try values.decodeIfPresent([String].self, forKey: .names)?.first ?? "").drop { $0 == "/" })
    image = try values.decode(String.self, forKey: .image)
    imageID = try values.decode(String.self, forKey: .imageID)
    state = try values.decode(String.self, forKey: .state)
    health =
      try values.decodeIfPresent(Health.self, forKey: .health)?.status
      ?? Self.health(shownAs: try values.decode(String.self, forKey: .status))
    labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    mounts = try values.decodeIfPresent([Mount].self, forKey: .mounts) ?? []
    ports = Set(
      (try values.decodeIfPresent([Port].self, forKey: .ports) ?? []).compactMap { listed in
        listed.published.map {
          PublishedPort(port: $0, transport: listed.transport ?? "tcp", address: listed.address ?? "")
        }
      })
    networkMode = try values.decodeIfPresent(Host.self, forKey: .host)?.networkMode ?? ""
    let networks = try values.decodeIfPresent(Settings.self, forKey: .settings)?.networks ?? [:]
    networkIDs = networks.mapValues { $0.id ?? "" }
    endpoints = Set(networks.values.compactMap(\.endpoint).filter { !$0.isEmpty })
  }

  private enum Key: String, CodingKey {
    case id = "Id"
    case ports = "Ports"
    case names = "Names"
    case image = "Image"
    case imageID = "ImageID"
    case state = "State"
    case status = "Status"
    case health = "Health"
    case labels = "Labels"
    case mounts = "Mounts"
    case settings = "NetworkSettings"
    case host = "HostConfig"
  }

  private struct Health: Decodable {
    let status: String
    enum CodingKeys: String, CodingKey { case status = "Status" }
  }

  /// Before API 1.52 a listing says it in the text for people alone, `Up 3 minutes (healthy)`.
  private static func health(shownAs status: String) -> String {
    if status.hasSuffix("(healthy)") { return "healthy" }
    if status.hasSuffix("(unhealthy)") { return "unhealthy" }
    return status.hasSuffix("(health: starting)") ? "starting" : "none"
  }

  private struct Port: Decodable {
    let address: String?
    let published: Int?
    let transport: String?
    enum CodingKeys: String, CodingKey {
      case address = "IP"
      case published = "PublicPort"
      case transport = "Type"
    }
  }

  private struct Host: Decodable {
    let networkMode: String?
    enum CodingKeys: String, CodingKey { case networkMode = "NetworkMode" }
  }

  private struct Settings: Decodable {
    struct Network: Decodable {
      let id: String?
      let endpoint: String?
      enum CodingKeys: String, CodingKey {
        case id = "NetworkID"
        case endpoint = "EndpointID"
      }
    }
    let networks: [String: Network]?
    enum CodingKeys: String, CodingKey { case networks = "Networks" }
  }
}

/// A port of the host that leads to a container.
public struct PublishedPort: Sendable, Hashable {
  /// Its number.
  public let port: Int
  /// `tcp`, `udp` or `sctp`.
  public let transport: String
  /// The host's address.
  public let address: String

  /// Describes a port.
  public init(port: Int, transport: String, address: String) {
    self.port = port
    self.transport = transport
    self.address = address
  }
}

/// What a container has mounted.
public struct Mount: Sendable, Decodable, Equatable {
  /// `bind`, `volume`, `tmpfs`, `image` and others.
  public let type: String
  /// The name of a volume.
  public let name: String?
  /// The path on the host.
  public let source: String
  /// The path in the container.
  public let destination: String
  /// Whether the container may write there.
  public let isWritable: Bool

  /// Reads one element of `Mounts`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    type = try values.decodeIfPresent(String.self, forKey: .type) ?? ""
    name = try values.decodeIfPresent(String.self, forKey: .name)
    source = try values.decodeIfPresent(String.self, forKey: .source) ?? ""
    destination = try values.decodeIfPresent(String.self, forKey: .destination) ?? ""
    isWritable = try values.decodeIfPresent(Bool.self, forKey: .writable) ?? true
  }

  private enum Key: String, CodingKey {
    case type = "Type"
    case name = "Name"
    case source = "Source"
    case destination = "Destination"
    case writable = "RW"
  }
}

extension EngineClient {
  /// Lists containers, also those that do not run; each label is a key, or `key=value`. With an exit code only those that
  /// ended with it.
  public func containers(labels: [String] = [], exited code: Int? = nil) async throws(EngineError) -> [ListedContainer]
  {
    var (query, filters) = ([("all", "1")], [String: [String]]())
    if !labels.isEmpty { filters["label"] = labels }
    if let code { filters["exited"] = [String(code)] }
    if !filters.isEmpty { query.append(("filters", Self.filters(filters))) }
    return try await value([ListedContainer].self, "/containers/json", query: query)
  }

  /// Returns what the engine knows of a container, as it says it; nothing where there is none.
  public func inspection<Value: Decodable & Sendable>(
    ofContainer id: String, as type: Value.Type
  ) async throws(EngineError) -> Value? {
    do throws(EngineError) {
      return try await value(type, "/containers/\(id.percentEncoded())/json")
    } catch {
      if error.isMissing { return nil }
      throw error
    }
  }

  /// Stops a container as its own settings say; one that does not run, or is not there, is stopped already.
  public func stop(_ id: String, deadline: Duration) async throws(EngineError) {
    try await call("/containers/\(id.percentEncoded())/stop", method: "POST", deadline: deadline, also: [304, 404])
  }

  /// Starts a container; one that runs stays as it is.
  public func start(_ id: String, deadline: Duration) async throws(EngineError) {
    try await call("/containers/\(id.percentEncoded())/start", method: "POST", deadline: deadline, also: [304])
  }

  /// Lets a container go on that was paused; one that is not paused any more is let be.
  public func unpause(_ id: String) async throws(EngineError) {
    try await call("/containers/\(id.percentEncoded())/unpause", method: "POST", also: [404, 409])
  }

  /// Makes a container that is never started and has volumes at paths; what is in them stays as it is.
  public func create(
    _ name: String, image: String, labels: [String: String], volumes: [String: String]
  ) async throws(EngineError) {
    let wish = NewContainer(
      image: image, command: ["true"], labels: labels,
      host: .init(
        networkMode: "none",
        mounts: volumes.sorted { $0.key < $1.key }.map { .init(source: $0.value, target: $0.key) }))
    guard let body = try? JSONEncoder().encode(wish) else {
      throw EngineError(.unreadable, "the container cannot be described")
    }
    try await call("/containers/create", method: "POST", query: [("name", name)], body: Array(body))
  }

  private struct NewContainer: Encodable {
    struct Mount: Encodable {
      let type = "volume"
      let source: String
      let target: String
      enum CodingKeys: String, CodingKey {
        case type = "Type"
        case source = "Source"
        case target = "Target"
      }
    }
    struct Host: Encodable {
      let networkMode: String
      let mounts: [Mount]
      enum CodingKeys: String, CodingKey {
        case networkMode = "NetworkMode"
        case mounts = "Mounts"
      }
    }
    let image: String
    let command: [String]
    let labels: [String: String]
    let host: Host
    enum CodingKeys: String, CodingKey {
      case image = "Image"
      case command = "Cmd"
      case labels = "Labels"
      case host = "HostConfig"
    }
  }

  /// Removes a container with force, and none of its named volumes; one that is not there, or is being removed, is no error.
  public func remove(_ id: String) async throws(EngineError) {
    try await call("/containers/\(id.percentEncoded())", method: "DELETE", query: [("force", "1")], also: [404, 409])
  }
}
