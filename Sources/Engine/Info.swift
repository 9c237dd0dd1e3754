/// What the engine says of itself.
public struct EngineInfo: Sendable, Decodable {
  /// The directory that it keeps everything in.
  public let root: String
  /// `24.0.7` and the like.
  public let version: String
  /// The storage driver: `overlay2`, `overlayfs` and others.
  public let driver: String?

  private enum CodingKeys: String, CodingKey {
    case root = "DockerRootDir"
    case version = "ServerVersion"
    case driver = "Driver"
  }
}

extension EngineClient {
  /// Asks the engine about itself.
  public func info() async throws(EngineError) -> EngineInfo { try await value(EngineInfo.self, "/info") }
}
