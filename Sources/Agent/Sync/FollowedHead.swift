import Git

/// Where the repository leads, by what the host follows there.
public struct FollowedHead: Sendable, Equatable {
  var commit: String
  /// The tag that names it, where a tag is followed.
  var tag: RemoteTag?
}
