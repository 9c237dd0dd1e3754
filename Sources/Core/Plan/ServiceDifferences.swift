extension DesiredService {
  /// One thing about a service that is not what it was.
  public enum Difference: Sendable, Equatable {
    /// Keys of its definition from which its containers are made.
    case definition([String])
    /// What `build:` says.
    case build
    /// The content of a directory that it is built from.
    case buildContext(String)
    /// The content of a path that it mounts.
    case mount(String)
    /// A network, volume, config or secret that it uses, as `network NAME`.
    case resource(String)
    /// How many containers it has.
    case replicas

    var text: String {
      switch self {
      case .definition(let keys): (keys.isEmpty ? "configuration" : keys.joined(separator: ", ")) + " changed"
      case .build: "build changed"
      case .buildContext(let path): "build context \(path) changed"
      case .mount(let path): "mounted file \(path) changed"
      case .resource(let name): "\(name) changed"
      case .replicas: "replicas changed"
      }
    }
  }

  /// The keys that a container does not show: Compose leaves them out of the hash of a service's configuration, too.
  private static let beside: Set<String> = ["build", "depends_on", "profiles", "pull_policy", "scale"]

  /// Lists what is another than was recorded of the service.
  func differences(from known: DesiredService) -> [Difference] {
    var found: [Difference] = []
    if !isMade(as: known) { found.append(.definition(known.isSeen ? keys(otherThan: known) : [])) }
    if let path = Self.changed(from: known.builds, to: builds) { found.append(.buildContext(path)) }
    if known.isSeen, known.isBuilt, isBuilt, known.fields["build"] != fields["build"] { found.append(.build) }
    if let path = Self.changed(from: known.mounts, to: mounts) { found.append(.mount(path)) }
    if let old = known.resources, let resources, let name = Self.changed(from: old, to: resources) {
      found.append(.resource(name))
    }
    if known.replicas != replicas { found.append(.replicas) }
    return found
  }

  /// Whether containers of both are made from the same definition. Versions of Compose hash the same definition to other
  /// texts, and an upgrade is no reason to touch what runs; where a definition was not recorded, the hash must do.
  public func isMade(as known: DesiredService) -> Bool {
    if !known.isSeen { return false }
    return known.hash == hash || !known.fields.isEmpty && !fields.isEmpty && keys(otherThan: known).isEmpty
  }

  private func keys(otherThan known: DesiredService) -> [String] {
    Set(fields.keys).union(known.fields.keys).subtracting(Self.beside).sorted().filter {
      fields[$0] != known.fields[$0]
    }
  }

  private static func changed(from old: [String: String], to new: [String: String]) -> String? {
    Set(old.keys).union(new.keys).sorted().first { !Fingerprint.isSame(old[$0], new[$0]) }
  }
}
