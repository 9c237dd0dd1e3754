/// Tells how a process ended and what it wrote.
public struct Outcome: Sendable, Equatable {
  /// Tells how a process ended; see waitid(2).
  public enum Status: Sendable, Equatable {
    /// It exited with this status, 0 to 255.
    case exited(Int32)
    /// The signal with this number ended it.
    case signalled(Int32)
  }

  /// How the process itself ended, whatever became of its children.
  public let status: Status
  /// What it wrote to standard output, up to the command's limit.
  public let output: [UInt8]
  /// What it wrote to standard error, up to the command's limit.
  let errors: [UInt8]
  /// Whether it was ended because it took longer than its deadline.
  public let deadlineExceeded: Bool
  /// Whether it wrote more than was kept.
  public let truncated: Bool

  /// Whether it exited with status 0 within its deadline.
  public var succeeded: Bool { status == .exited(0) && !deadlineExceeded }

  /// Standard output as text; bytes that are not UTF-8 become U+FFFD.
  public var outputText: String { String(decoding: output, as: UTF8.self) }

  /// Standard error as text; bytes that are not UTF-8 become U+FFFD.
  public var errorText: String { String(decoding: errors, as: UTF8.self) }
}

extension Outcome.Status: CustomStringConvertible {
  /// The status for people: `exited with status 1` or `ended by signal 9`.
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signalled(let signal): "ended by signal \(signal)"
    }
  }
}
