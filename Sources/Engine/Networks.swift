import Encoding

/// A network or a volume, as a listing shows it.
public struct ListedResource: Sendable, Decodable, Equatable {
  /// The id of a network; nothing for a volume, which is known by its name.
  public let id: String?
  /// Its name.
  public let name: String
  /// Its labels.
  public let labels: [String: String]?
  /// The options of a volume's driver.
  public let options: [String: String]?

  private enum CodingKeys: String, CodingKey {
    case id = "Id"
    case name = "Name"
    case labels = "Labels"
    case options = "Options"
  }
}

extension EngineClient {
  /// Lists networks; each label is a key, or `key=value`.
  public func networks(labels: [String] = []) async throws(EngineError) -> [ListedResource] {
    let query = labels.isEmpty ? [] : [("filters", Self.filters(["label": labels]))]
    return try await value([ListedResource].self, "/networks", query: query)
  }

  /// Removes a network that nothing uses; gives false where something does.
  public func removeNetwork(_ id: String) async throws(EngineError) -> Bool {
    do throws(EngineError) {
      try await call("/networks/\(id.percentEncoded())", method: "DELETE", also: [404])
      return true
    } catch {
      if case .status(403) = error.kind { return false }
      if case .status(409) = error.kind { return false }
      throw error
    }
  }

  /// Lists volumes.
  public func volumes(labels: [String] = []) async throws(EngineError) -> [ListedResource] {
    struct Listing: Decodable {
      let volumes: [ListedResource]?
      enum CodingKeys: String, CodingKey { case volumes = "Volumes" }
    }
    let query = labels.isEmpty ? [] : [("filters", Self.filters(["label": labels]))]
    return try await value(Listing.self, "/volumes", query: query).volumes ?? []
  }
}
