/// How many bytes an engine keeps, as `GET /system/df` tells.
public struct EngineUsage: Sendable, Decodable, Equatable {
  /// All layers of images.
  public let images: Int
  /// What builds keep for the next one.
  public let buildCache: Int
  /// All volumes.
  public let volumes: Int
  /// What containers wrote beside their mounts.
  public let containers: Int

  /// Reads the answer; what it leaves out is not there.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    images = try values.decodeIfPresent(Int.self, forKey: .layers) ?? 0
    buildCache = try (values.decodeIfPresent([Sized].self, forKey: .builds) ?? []).reduce(0) { $0 + ($1.size ?? 0) }
    containers = try (values.decodeIfPresent([Written].self, forKey: .containers) ?? []).reduce(0) {
      $0 + ($1.size ?? 0)
    }
    // A volume whose size is not known has -1.
    volumes = try (values.decodeIfPresent([Volume].self, forKey: .volumes) ?? []).reduce(0) {
      $0 + max(0, $1.usage?.size ?? 0)
    }
  }

  private enum Key: String, CodingKey {
    case layers = "LayersSize"
    case builds = "BuildCache"
    case volumes = "Volumes"
    case containers = "Containers"
  }

  private struct Sized: Decodable {
    let size: Int?
    enum CodingKeys: String, CodingKey { case size = "Size" }
  }

  private struct Written: Decodable {
    let size: Int?
    enum CodingKeys: String, CodingKey { case size = "SizeRw" }
  }

  private struct Volume: Decodable {
    let usage: Sized?
    enum CodingKeys: String, CodingKey { case usage = "UsageData" }
  }
}

extension EngineClient {
  /// Asks what takes room; the engine may take long to count it.
  public func usage() async throws(EngineError) -> EngineUsage { try await value(EngineUsage.self, "/system/df") }
}
