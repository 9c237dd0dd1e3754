/// The section `credentials:`: what the host shows to whoever keeps its repository, and whom it trusts there.
///
/// Paths are as they were written: absolute, from the configuration's directory, or `$CREDENTIALS_DIRECTORY/NAME`.
public struct Credentials: Sendable, Equatable {
  /// The agent that holds ssh keys.
  public enum Agent: Sendable, Equatable {
    /// The one that `SSH_AUTH_SOCK` names.
    case environment
    /// The one that listens at this path.
    case socket(String)
  }

  /// A file with the private key.
  public var sshKeyFile: String?
  /// A file with the key's passphrase.
  public var sshPassphraseFile: String?
  /// The agent that is asked for keys.
  public var sshAgent: Agent?
  /// A file with the keys of ssh servers; `known_hosts` next to the configuration where it is not named.
  public var knownHostsFile: String?
  /// The user's name at the server.
  public var username: String?
  /// A file with a token or a password.
  public var tokenFile: String?
  /// A program that is asked for name and password, with its arguments; see git-credential(1).
  public var helper: [String] = []
  /// A file with the certificates of the authorities that are trusted, in PEM.
  public var caFile: String?
  /// The URL of an HTTP proxy.
  public var proxy: String?

  /// Whether a secret goes to the server.
  public var isSecret: Bool { tokenFile != nil || !helper.isEmpty }

  /// Whom to trust and the way there, with nothing that says who asks.
  public var anonymous: Credentials {
    var same = Credentials()
    (same.knownHostsFile, same.caFile, same.proxy) = (knownHostsFile, caFile, proxy)
    return same
  }

  /// The same without what only the host may see that it was written for.
  var withoutSecrets: Credentials {
    var same = self
    (same.username, same.tokenFile, same.helper) = (nil, nil, [])
    return same
  }
}

/// One place that the repository can be fetched from.
public struct RepositorySource: Sendable, Equatable {
  /// Its URL or path.
  public var url: String
  /// What it is shown.
  public var credentials: Credentials

  /// Names a place.
  public init(url: String, credentials: Credentials) {
    self.url = url
    self.credentials = credentials
  }
}
