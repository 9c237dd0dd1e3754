/// One entry of `policy: {tracked: …}`: the host's word that files may be in git although their name is that of a dump, a
/// key or an archive, or their place one of runtime state.
public struct TrackedFile: Sendable, Hashable {
  /// A glob of the files, relative to the live root.
  public var path: String
  var reason: String
}
