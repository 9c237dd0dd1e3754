/// Why a sync ended early.
public struct Failure: Error, Sendable, Equatable {
  /// The kinds, each with its own exit status.
  public enum Kind: Sendable { case configuration, refused, unreachable, locked, host }
  /// The kind.
  public let kind: Kind
  /// What happened, and where.
  public let message: String
  /// The way out.
  public let help: String

  /// Makes a failure.
  public init(_ kind: Kind, _ message: String, help: String) {
    self.kind = kind
    self.message = message
    self.help = help
  }
}
