import Glibc

/// Tells why a server could not be started, or a digest not be made.
public struct HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Sorts errors by what a caller can do about them.
  public enum Kind: Sendable, Equatable {
    /// The endpoint cannot be what was given: no IP address, a path that is too long or no socket.
    case badEndpoint
    /// Another process listens there.
    case inUse
    /// The process may not listen there.
    case notPermitted
    /// The certificate or the key cannot be used.
    case badCredentials
    /// A system call failed with this error number.
    case system(Int32)
    /// GnuTLS failed with this code.
    case gnutls(Int32)
  }

  /// What kind of error this is.
  public let kind: Kind
  /// What happened, for people.
  public let message: String

  /// The message.
  public var description: String { message }

  static func system(_ number: Int32, _ what: String) -> HTTPServerError {
    let kind: Kind =
      switch number {
      case EADDRINUSE: .inUse
      case EACCES, EPERM: .notPermitted
      case EADDRNOTAVAIL: .badEndpoint
      default: .system(number)
      }
    return HTTPServerError(kind: kind, message: "\(what): \(text(of: number))")
  }

  private static func text(of number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "error \(number)" }
      buffer.initialize(repeating: 0)
      return strerror_r(number, start, buffer.count) == 0 ? String(cString: start) : "error \(number)"
    }
  }
}

/// Calls a system function again for as long as a signal interrupts it, and throws its error number.
@discardableResult
func check(_ what: String, _ call: () -> Int32) throws(HTTPServerError) -> Int32 {
  while true {
    let result = call()
    if result >= 0 { return result }
    let number = errno
    if number != EINTR { throw .system(number, what) }
  }
}
