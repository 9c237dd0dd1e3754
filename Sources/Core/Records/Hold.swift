/// How a sync ended for one stack.
public struct LastResult: Codable, Sendable, Equatable {
  /// The outcome.
  public var outcome: StackReport.Outcome
  /// What went wrong.
  public var error: String?
  var report: String
  /// What it waits for, where it does.
  public var waiting: Waiting?
}

/// A stack held at a commit by a rollback until `clup resume`.
public struct Pin: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// When it was pinned, RFC 3339 in UTC.
  public var since: String
  /// The pin from before, if there was one: it stands again when the stack cannot live at this one. Nothing once the stack
  /// was seen in place.
  public var replaces: [Pin]?
  /// What was held before it, which then counts again.
  var held: Hold?
  /// The ids of the images that its services are to run, by service; none where the references decide.
  public var images: [String: String]

  /// Pins to a commit.
  public init(commit: String, since: String, images: [String: String] = [:]) {
    self.commit = commit
    self.since = since
    self.images = images
  }
}

/// A commit that failed for a stack, and all that it stood on: it is not tried again until some of that changes.
public struct Hold: Codable, Sendable, Equatable {
  /// The commit.
  public var commit: String
  /// When it failed, RFC 3339 in UTC.
  public var since: String
  /// Why.
  public var error: String
  /// The paths of the repository that the stack depended on, with their ids.
  public var tracked: [String: String]
  /// The host's own paths that it depended on, with their ids.
  public var untracked: [String: String]
  /// The ids of the host's own files with which what is gone back to was judged, too; unknown in what an earlier version wrote.
  public var judged: [String: String]?
  /// The fingerprint of what the host's configuration says of the stack; unknown in what an earlier version wrote.
  public var settings: String?
  /// The id behind each image's reference; none for an image that the host did not have.
  public var images: [String: String]
  /// The stack that was to move here, and runs on where it is.
  public var movedFrom: String?
  /// The stacks that were to give a service to this one, with that service: they keep it.
  public var takes: [String: String]?

  /// Remembers a failure.
  public init(_ desired: DesiredStack, since: String, error: String, images: [String: String]) {
    commit = desired.commit
    self.since = since
    self.error = error
    tracked = desired.tracked
    untracked = desired.untracked
    self.images = images
  }
}
