/// What is shown to whoever keeps a repository, and whom to trust there.
///
/// Git keeps no copy of a secret: it asks the closures when the server does, and overwrites what it was lent.
public struct RemoteAccess: Sendable {
  /// Lends the bytes of a secret, for the moment of one call.
  public typealias Lend = @Sendable () -> [UInt8]

  /// A key of an ssh server.
  public struct HostKey: Sendable, Equatable {
    /// Its kind, such as `ssh-ed25519`.
    public let type: String
    /// The key as it travels; see RFC 4253, section 6.6.
    public let bytes: [UInt8]
    /// Whether it must not be trusted any more.
    public let isRevoked: Bool

    /// Makes a key.
    public init(type: String, bytes: [UInt8], isRevoked: Bool) {
      self.type = type
      self.bytes = bytes
      self.isRevoked = isRevoked
    }
  }

  /// A private ssh key.
  public struct Key: Sendable {
    /// Where it was read from, for messages.
    let name: String
    let text: Lend
    let passphrase: Lend?

    /// Makes a key.
    public init(name: String, text: @escaping Lend, passphrase: Lend?) {
      self.name = name
      self.text = text
      self.passphrase = passphrase
    }
  }

  /// The user's name, where the URL has none.
  public var username: String?
  /// The private key that is offered first.
  public var key: Key?
  /// Whether an ssh agent is asked for keys.
  public var asksAgent = false
  /// The path of the agent's socket; the one that `SSH_AUTH_SOCK` names where there is none.
  public var agentSocket: String?
  /// A token or a password for https.
  public var password: Lend?
  /// The keys that the ssh server may have.
  public var hostKeys: [HostKey] = []
  /// The host as `known_hosts` names it, and where those keys were read from.
  public var hostName = ""
  /// See `hostName`.
  public var knownHostsFile = ""
  /// A directory whose `.ssh/known_hosts` lists the kinds of keys to ask the server for.
  public var home: String?
  /// A file with the certificates that are trusted, in PEM; the system's where there is none.
  public var certificatesFile: String?
  /// The URL of an HTTP proxy.
  public var proxy: String?

  /// Starts from nothing: what everybody may read.
  public init() {}
}
