import Glibc

/// Tells why a process could not be run to its end.
public struct ProcessError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Sorts process errors by what a caller can do about them.
  public enum Kind: Sendable, Equatable {
    /// There is no such program.
    case notFound
    /// The program may not be executed, or its directory may not be entered.
    case notPermitted
    /// The directory to start in is missing, or is no directory.
    case noSuchDirectory
    /// The task was cancelled; the process group has been ended.
    case cancelled
    /// The process did not exit with status 0.
    case failed(Outcome.Status)
    /// A system call failed with this error number.
    case system(Int32)
  }

  /// What kind of error this is.
  public let kind: Kind
  /// What happened, for people.
  public let message: String

  /// Makes an error.
  public init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  /// The message.
  public var description: String { message }

  static func system(_ number: Int32, _ what: String) -> ProcessError {
    ProcessError(kind: .system(number), message: "\(what): \(text(of: number))")
  }

  /// Returns the system's words for an error number; see strerror_r(3).
  static func text(of number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "error \(number)" }
      buffer.initialize(repeating: 0)
      return strerror_r(number, start, buffer.count) == 0 ? String(cString: start) : "error \(number)"
    }
  }
}
