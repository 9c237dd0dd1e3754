/// What is away while no commit is to blame for it. It is tried again, and ends by itself once that is back.
public enum Outage: String, Codable, Sendable, CaseIterable {
  /// Docker Engine does not answer.
  case engine
  /// A registry does not give an image.
  case registry
  /// The repository does not answer.
  case repository
  /// A disk of the host is full.
  case disk

  /// What is waited for, for people.
  public var words: String { self == .disk ? "room on the disk" : "the \(rawValue)" }
}

/// How long a stack has been waiting for something that is away.
public struct Waiting: Codable, Sendable, Equatable {
  /// What it waits for.
  public var outage: Outage
  /// The commit that it waits with.
  public var commit: String?
  /// When it began to wait, RFC 3339 in UTC.
  public var since: String
  /// When it was last tried, RFC 3339 in UTC.
  public var tried: String
  /// How often it was tried.
  var tries: Int

  init(for outage: Outage, commit: String?, since: String) {
    (self.outage, self.commit, self.since, tried, tries) = (outage, commit, since, since, 1)
  }

  /// Returns what it waits for after another try. Tries are counted for each commit.
  func tried(again next: Waiting) -> Waiting {
    guard outage == next.outage else { return next }
    var next = next
    next.since = since
    if commit == next.commit { next.tries = tries + 1 }
    return next
  }

  /// How long the timer leaves it alone after its last try: a minute, then twice as long each time, up to a quarter of
  /// an hour.
  public var pause: Duration { .seconds(min(900, 60 << min(max(0, tries - 1), 4))) }

  enum CodingKeys: String, CodingKey {
    case commit, since, tried, tries
    case outage = "for"
  }
}
