/// Why the engine gave no answer that can be used.
public struct EngineError: Error, Sendable, Equatable {
  /// What kind of end it was.
  public enum Kind: Sendable, Equatable {
    /// Nobody listens there, or it may not be asked: the engine is away.
    case unreachable
    /// The connection ended before the answer did.
    case broken
    /// The answer did not come within its deadline.
    case late
    /// The engine answered with this HTTP status.
    case status(Int)
    /// The answer is not what the interface promises, or too large.
    case unreadable
    /// The engine, or the version of its API that was asked for, is too old or too new.
    case unfit
    /// The task was cancelled.
    case cancelled
  }

  /// What kind of end it was.
  public let kind: Kind
  /// What happened, in words to be shown; after a status, the engine's own.
  public let message: String

  /// Returns whether the engine itself is what failed, and not the thing that was asked for.
  public var isAway: Bool {
    switch kind {
    case .unreachable, .broken, .late: true
    case .status(let status): status == 502 || status == 503
    case .unreadable, .unfit, .cancelled: false
    }
  }

  /// Returns whether what was asked for does not exist.
  public var isMissing: Bool { kind == .status(404) }

  /// Makes an error.
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
