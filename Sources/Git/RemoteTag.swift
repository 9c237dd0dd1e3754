/// A tag of a repository.
public struct RemoteTag: Sendable, Hashable {
  /// The name, without `refs/tags/`.
  public let name: String
  /// The id of the tag object; a light tag's is that of its commit.
  public let object: String
  /// The id of the commit that it names in the end.
  public let commit: String

  static func all(in references: [(name: String, id: String)]) -> [RemoteTag] {
    var (objects, commits): ([String: String], [String: String]) = ([:], [:])
    for (name, id) in references where name.hasPrefix("refs/tags/") {
      let short = String(name.dropFirst(10))
      if short.hasSuffix("^{}") { commits[String(short.dropLast(3))] = id } else { objects[short] = id }
    }
    return objects.map { RemoteTag(name: $0.key, object: $0.value, commit: commits[$0.key] ?? $0.value) }
      .sorted { $0.name < $1.name }
  }
}
