import CGit2

/// Tells why git could not do what it was asked.
public struct GitError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Sorts git errors by what a caller can do about them.
  public enum Kind: Sendable, Equatable {
    /// The repository cannot be reached.
    case unreachable
    /// The repository wants other credentials.
    case authentication
    /// The server's certificate or host key is not trusted.
    case certificate
    /// The call took longer than its deadline.
    case timedOut
    /// The task that asked was cancelled.
    case cancelled
    /// The repository has no such branch.
    case branchMissing
    /// The repository has no commit yet.
    case emptyRepository
    /// The directory is not a git repository.
    case notARepository
    /// A revision names no commit.
    case unknownRevision
    /// An abbreviated id fits more than one commit.
    case ambiguousRevision
    /// An object that should be there is not.
    case missingObject
    /// A file is larger than the caller takes.
    case tooLarge
    /// A tree holds a name that no file may have.
    case unsafePath
    /// The disk refused.
    case storage
    /// The disk has no room for what was brought.
    case full
    /// Anything else; see the message.
    case other
  }

  /// What kind of error this is.
  public let kind: Kind
  /// What happened, for people.
  public let message: String

  /// What to do about it, where that follows from more than the kind.
  public let help: String?

  /// Makes an error.
  public init(_ kind: Kind, _ message: String, help: String? = nil) {
    self.kind = kind
    self.message = message
    self.help = help
  }

  /// The message.
  public var description: String { message }

  /// Reads libgit2's thread-local error right after the call that returned `code`.
  static func last(_ code: Int32, _ what: String) -> GitError {
    let error = git_error_last()
    // What the other side says may end with a line of its own.
    let told = error.flatMap { $0.pointee.message.map { String(cString: $0) } } ?? "error \(code)"
    let words = told.split(whereSeparator: \.isNewline).joined(separator: " ")
    let kind = Kind(code: code, class: error.map { UInt32($0.pointee.klass) } ?? 0, words: words)
    return GitError(kind, "\(what): \(redacted(words))")
  }
}

extension GitError.Kind {
  fileprivate init(code: Int32, class area: UInt32, words: String) {
    switch code {
    case GIT_EAUTH.rawValue: self = .authentication
    case GIT_ECERTIFICATE.rawValue: self = .certificate
    case GIT_EAMBIGUOUS.rawValue: self = .ambiguousRevision
    default:
      let network = [GIT_ERROR_NET.rawValue, GIT_ERROR_HTTP.rawValue, GIT_ERROR_SSH.rawValue, GIT_ERROR_SSL.rawValue]
      if words.contains("authentication") {
        self = .authentication
      } else if area == GIT_ERROR_SSL.rawValue, words.contains("certificate") {
        self = .certificate
      } else if network.contains(area) {
        self = .unreachable
      } else if area == GIT_ERROR_OS.rawValue || area == GIT_ERROR_FILESYSTEM.rawValue {
        self = .storage
      } else if area == GIT_ERROR_TREE.rawValue {
        // What git itself cannot read is no work of git.
        self = .unsafePath
      } else if code == GIT_ENOTFOUND.rawValue {
        self = .missingObject
      } else {
        self = .other
      }
    }
  }
}

/// Calls a libgit2 function and throws its error, with what was being done.
@discardableResult
func check(_ what: @autoclosure () -> String, _ call: () -> Int32) throws(GitError) -> Int32 {
  let code = call()
  if code < 0 { throw .last(code, what()) }
  return code
}
