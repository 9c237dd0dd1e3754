import Core

/// Why a sync ended early.
public struct Failure: Error, Sendable, Equatable {
  /// The kinds; `CLI/ExitStatus.swift` gives each its exit status.
  public enum Kind: Sendable {
    case configuration, refused, unreachable, locked, host
    /// The stacks that were named do not go without others.
    case incompleteSelection
    /// What a commit brought does not work: `pull`, `config`, `up`, a health check or a probe said so.
    case deploy
    /// A program took longer than it may.
    case timeout
    /// Somebody ended the sync, or its time was over.
    case interrupted
  }
  /// The kind.
  public let kind: Kind
  /// What happened, and where.
  public let message: String
  /// The way out.
  public let help: String
  /// What is away, where that is why: nobody's fault, and over once it is back.
  let outage: Outage?
  /// The tracked file that is larger than clup reads, where that is why.
  private(set) var tooLarge: String?

  /// Makes a failure.
  public init(_ kind: Kind, _ message: String, help: String, outage: Outage? = nil) {
    self.kind = kind
    self.message = message
    self.help = help
    self.outage = outage ?? (kind == .unreachable ? .repository : nil)
  }

  /// A tracked file is larger than clup reads.
  static func tooLarge(_ file: String, _ size: Int, limit: Int) -> Failure {
    var failure = Failure(
      .refused, "\(file) has \(size.byteSize); at most \(limit.byteSize) is read", help: "make it smaller")
    failure.tooLarge = file
    return failure
  }

  /// Somebody ended the sync while it worked on something.
  static let interrupted = Failure(
    .interrupted, "the sync was interrupted", help: "sync again: it continues where this one stopped")

  /// Somebody else worked on a stack while its lock was lent.
  static func overtaken(_ stack: String, during lending: StackLocks.Lending) -> Failure {
    switch lending {
    case .pull:
      Failure(
        .locked, "a rollback or a repair of \(stack) came first, while its images were pulled", help: "sync again")
    case .watch:
      Failure(
        .locked, "a rollback of \(stack) came first, while it was watched",
        help: "`clup resume --stack \(stack)` follows the branch again")
    }
  }
}
