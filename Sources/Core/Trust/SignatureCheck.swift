/// What the check of one signature came to.
public struct SignatureCheck: Codable, Sendable, Equatable {
  /// The ways in which it can end.
  public enum Verdict: String, Codable, Sendable {
    case good, unsigned
    case unknownKey = "unknown_key"
    case expiredKey = "expired_key"
    case revokedKey = "revoked_key"
    case badSignature = "bad_signature"
  }

  /// How it ended.
  public var verdict: Verdict
  /// Who signed: the principal of an SSH key, the user id of an OpenPGP key.
  public var signer: String?
  /// The key's fingerprint.
  public var key: String?
  /// What more is to be said.
  public var detail: String?

  /// Makes a check's result.
  public init(_ verdict: Verdict, signer: String? = nil, key: String? = nil, detail: String? = nil) {
    self.verdict = verdict
    self.signer = signer?.printable
    self.key = key?.printable
    self.detail = detail
  }

  /// The signer and the key, for people.
  var by: String {
    [signer, key.map { signer == nil ? "the key \($0)" : "(\($0))" }].compactMap { $0 }.joined(separator: " ")
  }

  /// What is wrong, after `the commit …`; what holds for a good one.
  public var words: String {
    let by = by.isEmpty ? "" : " by \(by)"
    let more = detail.map { ": \($0)" } ?? ""
    return switch verdict {
    case .good: "is signed\(by)"
    case .unsigned: "is not signed\(more)"
    case .unknownKey: "is signed\(by), and this host does not know that key\(more)"
    case .expiredKey: "is signed\(by) with a key that was not valid when it was made\(more)"
    case .revokedKey: "is signed\(by) with a key that was revoked\(more)"
    case .badSignature: "has a signature that does not fit its content\(more)"
    }
  }
}

/// A commit or a tag with what is known of its signature.
public struct CheckedObject: Codable, Sendable, Equatable {
  /// The id of the commit, or of the tag object.
  public var id: String
  /// The first line of a commit's message, or the tag's name.
  public var subject: String
  /// Its signature.
  public var signature: SignatureCheck

  /// Makes one.
  public init(id: String, subject: String, signature: SignatureCheck) {
    self.id = id
    self.subject = subject.printable
    self.signature = signature
  }
}

/// What `clup verify` prints: `clup.verification/1`.
public struct Verification: Codable, Sendable, Equatable {
  /// The schema's name.
  public var schema = "clup.verification/1"
  /// The repository, without credentials.
  var repository: String
  /// What is followed.
  public var branch: String
  /// The commit that was looked at.
  public var commit: String
  /// The commit up to which everything was trusted before; nothing before the first sync.
  @OrNull public var from: String?
  /// Whether a sync would take it.
  public var accepted = true
  /// Why a sync would refuse it.
  @OrNull public var error: String?
  /// Whether the configuration names signers.
  public var checked: Bool
  /// The signed tag, where a tag is followed.
  @OrNull public var tag: CheckedObject?
  /// Each commit that needs a signature, the oldest first.
  public var commits: [CheckedObject] = []

  /// Starts with what was looked at.
  public init(repository: String, branch: String, commit: String, from: String?, checked: Bool) {
    self.repository = repository
    self.branch = branch
    self.commit = commit
    self.from = from
    self.checked = checked
  }
}
