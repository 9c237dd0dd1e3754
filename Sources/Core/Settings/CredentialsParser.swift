import YAML

extension SettingsReader {
  /// Reads `repository:`, a URL or a list of them, each alone or with `credentials:` of its own.
  mutating func repository(_ top: [String: Node], in root: Node, into settings: inout Settings) {
    if let node = top["credentials"] { settings.credentials = credentials(node, registry: &settings.registryAuthFile) }
    guard let node = top["repository"], let elements = node.sequence else {
      settings.repository = required(top, "repository", in: root)
      if let node = top["repository"], let url = checked(settings.repository, node) {
        agree(url, settings.credentials, top["credentials"] ?? node)
        if url.scheme == .ssh, settings.credentials.proxy != nil, let place = top["credentials"]?.entry("proxy")?.key {
          problem(place, "proxy is for https; ssh does not go through it")
        }
      }
      return
    }
    var sources: [(source: RepositorySource, isOwn: Bool)] = []
    for element in elements {
      let keys =
        element.mapping == nil ? ["url": element] : section(element, "repository", keys: ["url", "credentials"])
      let text = required(keys, "url", in: element)
      guard !text.isEmpty, let place = keys["url"], let url = checked(text, place) else { continue }
      let own = keys["credentials"].map { credentials($0) }
      let first = sources.first.flatMap { RepositoryURL($0.source.url) } ?? url
      // A token is for the host that it was written for: a mirror elsewhere gets none.
      let near = first.host.lowercased() == url.host.lowercased()
      let shared = near ? settings.credentials : settings.credentials.withoutSecrets
      agree(url, own ?? shared, keys["credentials"] ?? (own == nil && near ? top["credentials"] : nil) ?? place)
      sources.append((RepositorySource(url: text, credentials: own ?? shared), own != nil))
    }
    guard let first = sources.first?.source else {
      if problems.isEmpty { problem(node, "repository must name at least one URL") }
      return
    }
    settings.repository = first.url
    settings.credentials = first.credentials
    settings.mirrors = sources.dropFirst().map(\.source)
  }

  /// Refuses a URL that holds a password, or that leads nowhere.
  private mutating func checked(_ text: String, _ node: Node) -> RepositoryURL? {
    if text.isEmpty { return nil }
    guard let url = RepositoryURL(text) else {
      problem(
        node, "repository must be https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, git://, file:// or a path")
      return nil
    }
    let isToken = url.scheme != .ssh && url.user.map { !Secrets.shaped($0).isEmpty } ?? false
    if url.password != nil || isToken {
      problem(
        node,
        "the URL of the repository holds a \(isToken ? "token" : "password"), which this file shows to everyone: write it "
          + "to a file of mode 600, name that by `credentials: {token_file: …}`, and take it out of the URL")
      return nil
    }
    return url
  }

  /// Refuses credentials that a URL of this kind would not use, or would show to everybody on the way.
  private mutating func agree(_ url: RepositoryURL, _ credentials: Credentials, _ node: Node) {
    if credentials.isSecret, url.scheme == .http, !url.isLoopback {
      problem(node, "a token would travel unencrypted to http://\(url.host): use https")
    }
    if credentials.isSecret, credentials.tokenFile != nil, !credentials.helper.isEmpty {
      problem(node, "token_file and helper both give a token: name one of them")
    }
  }

  /// Reads the host's own section, which also says what registries are shown.
  private mutating func credentials(_ node: Node, registry: inout String?) -> Credentials {
    if let place = node.entry("registry_auth_file")?.value {
      registry = required(["registry_auth_file": place], "registry_auth_file", in: node)
    }
    return credentials(node, more: ["registry_auth_file"])
  }

  private mutating func credentials(_ node: Node, more: [String] = []) -> Credentials {
    let keys = section(
      node, "credentials",
      keys: [
        "ssh_key_file", "ssh_passphrase_file", "ssh_agent", "known_hosts_file", "username", "token_file", "helper",
        "ca_file", "proxy",
      ] + more)
    var credentials = Credentials()
    func text(_ key: String) -> String? { keys[key] == nil ? nil : required(keys, key, in: node) }
    credentials.sshKeyFile = text("ssh_key_file")
    credentials.sshPassphraseFile = text("ssh_passphrase_file")
    credentials.knownHostsFile = text("known_hosts_file")
    credentials.username = text("username")
    credentials.tokenFile = text("token_file")
    credentials.caFile = text("ca_file")
    credentials.proxy = text("proxy")
    if let helper = keys["helper"] { credentials.helper = helper.string.map { [$0] } ?? strings(keys, "helper") }
    if let agent = keys["ssh_agent"] { credentials.sshAgent = self.agent(agent) }
    if credentials.sshPassphraseFile != nil, credentials.sshKeyFile == nil, let place = keys["ssh_passphrase_file"] {
      problem(place, "ssh_passphrase_file needs ssh_key_file beside it")
    }
    if let proxy = credentials.proxy, let place = keys["proxy"] {
      let url = RepositoryURL(proxy)
      if url?.scheme != .http && url?.scheme != .https || url?.user != nil || url?.password != nil {
        problem(place, "proxy must be http://HOST:PORT or https://HOST:PORT, without a user's name and password")
      }
    }
    return credentials
  }

  private mutating func agent(_ node: Node) -> Credentials.Agent? {
    switch node.string {
    case "true": return .environment
    case "false": return nil
    case let path? where path.hasPrefix("/"): return .socket(path)
    default:
      problem(
        node, "ssh_agent must be true, for the agent that SSH_AUTH_SOCK names, or the absolute path of its socket")
      return nil
    }
  }
}
