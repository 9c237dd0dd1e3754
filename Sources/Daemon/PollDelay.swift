import Core

/// How long the timer waits until it asks again.
struct PollDelay: Sendable {
  /// The interval that the host asks for.
  var interval: Duration
  /// How often in a row the repository could not be reached.
  private(set) var failures = 0

  /// The longest pause, unless the interval itself is longer.
  static let longest = Duration.seconds(900)

  init(interval: Duration) { self.interval = interval }

  mutating func note(reached: Bool) { failures = reached ? 0 : failures + 1 }

  /// Returns the next pause. `chance` is from 0 to 20: many hosts must not all come at the same moment.
  func pause(chance: Int) -> Duration {
    let longest = max(Self.longest, interval)
    let backedOff = min(longest, interval * (1 << min(failures, 16)))
    return backedOff * (90 + chance) / 100
  }
}
