import FoundationEssentials

/// What a registry is shown.
public struct RegistryLogin: Sendable {
  /// The name; empty where a token stands for name and password.
  public let user: String
  private let header: String

  /// Takes a name with its password, or with `isToken` a token that a registry gave for them; see "Authentication" of the API.
  public init(user: String, secret: String, isToken: Bool, server: String) {
    self.user = user
    let fields =
      isToken ? ["identitytoken": secret] : ["username": user, "password": secret, "serveraddress": server]
    let json = (try? JSONEncoder().encode(fields)) ?? Data()
    header = json.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
  }

  var headers: [String] { ["X-Registry-Auth: \(header)"] }
}

extension EngineClient {
  /// Has the engine ask a registry for an image, and bring nothing of it.
  public func askRegistry(for reference: String, login: RegistryLogin?, deadline: Duration) async throws(EngineError) {
    try await call(
      "/distribution/\(Self.path(reference))/json", headers: login?.headers ?? [], deadline: deadline)
  }

  /// Returns the digests that registries have for an image, empty for one that was made here; nothing where the engine has
  /// none of that name.
  public func digests(of reference: String) async throws(EngineError) -> [String]? {
    struct Image: Decodable {
      let digests: [String]?
      enum CodingKeys: String, CodingKey { case digests = "RepoDigests" }
    }
    do throws(EngineError) {
      return try await value(Image.self, "/images/\(Self.path(reference))/json").digests ?? []
    } catch {
      if error.isMissing || error.kind == .status(400) { return nil }
      throw error
    }
  }
}
