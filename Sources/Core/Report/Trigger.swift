/// What makes `clup serve` start a sync.
public enum Trigger: String, Codable, Sendable, CaseIterable {
  /// A push to the branch, told by a forge or a script.
  case webhook
  /// The interval.
  case timer
  /// Somebody with the token.
  case api
  /// Something that was changed on the host by hand.
  case drift
  /// The daemon itself began.
  case start
  /// Somebody asked the daemon to read its configuration again.
  case reload
}
