import Encoding

extension EngineClient {
  /// Returns the id of the image behind a reference; nothing where the engine has none.
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

  /// Lists the tags of one repository, each with the image's id.
  public func tags(of repository: String) async throws(EngineError) -> [String: String] {
    struct Image: Decodable {
      let id: String
      let references: [String]?
      enum CodingKeys: String, CodingKey {
        case id = "Id"
        case references = "RepoTags"
      }
    }
    let query = [("filters", Self.filters(["reference": ["\(repository):*"]]))]
    let images = try await value([Image].self, "/images/json", query: query)
    return images.reduce(into: [:]) { tags, image in
      for reference in image.references ?? [] where reference.hasPrefix(repository + ":") {
        tags[String(reference.dropFirst(repository.count + 1))] = image.id
      }
    }
  }

  /// Gives an image one more name; says whether there is such an image.
  public func tag(_ id: String, repository: String, tag: String) async throws(EngineError) -> Bool {
    do throws(EngineError) {
      try await call(
        "/images/\(Self.path(id))/tag", method: "POST", query: [("repo", repository), ("tag", tag)])
      return true
    } catch {
      if error.isMissing { return false }
      throw error
    }
  }

  /// Takes a name from an image, and with its last one the image, unless a container needs it; then the name stays.
  public func untag(_ reference: String) async throws(EngineError) {
    try await call("/images/\(Self.path(reference))", method: "DELETE", also: [404, 409])
  }

  /// Returns what the engine says of an image; nothing where it has none.
  public func inspection<Value: Decodable & Sendable>(
    ofImage reference: String, as type: Value.Type
  ) async throws(EngineError) -> Value? {
    do throws(EngineError) { return try await value(type, "/images/\(Self.path(reference))/json") } catch {
      if error.isMissing { return nil }
      throw error
    }
  }

  /// Whether a registry answers the engine when that asks for an image, whatever the answer is.
  public func registryAnswers(for reference: String) async throws(EngineError) -> Bool {
    do throws(EngineError) {
      try await call("/distribution/\(Self.path(reference))/json", deadline: .seconds(30))
      return true
    } catch {
      guard case .status(let code) = error.kind else { throw error }
      return code < 500 && code != 429
    }
  }

  /// The API takes the slashes of a reference as they are.
  static func path(_ reference: String) -> String {
    reference.split(separator: "/", omittingEmptySubsequences: false).map { String($0).percentEncoded() }.joined(
      separator: "/")
  }
}
