extension EngineClient {
  /// Gives the id of the image behind a reference; nothing where the engine has none.
  public func imageID(of reference: String) async throws(EngineError) -> String? {
    struct Image: Decodable {
      let id: String
      enum CodingKeys: String, CodingKey { case id = "Id" }
    }
    do throws(EngineError) {
      return try await value(Image.self, "/images/\(Self.path(reference))/json").id
    } catch {
      // A reference that cannot be one names no image.
      if error.isMissing || error.kind == .status(400) { return nil }
      throw error
    }
  }

  /// Lists the references of all images, as `name:tag`.
  public func imageReferences() async throws(EngineError) -> Set<String> {
    struct Image: Decodable {
      let references: [String]?
      enum CodingKeys: String, CodingKey { case references = "RepoTags" }
    }
    return Set(try await value([Image].self, "/images/json").flatMap { $0.references ?? [] })
  }

  /// The API takes the slashes of a reference as they are.
  private static func path(_ reference: String) -> String {
    reference.split(separator: "/", omittingEmptySubsequences: false).map { escaped(String($0)) }.joined(separator: "/")
  }
}
