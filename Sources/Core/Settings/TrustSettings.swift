import YAML

/// The section `trust:`: whose signatures commits need.
public struct TrustSettings: Sendable, Equatable {
  /// Who may sign with which SSH key, and when; see ALLOWED SIGNERS in ssh-keygen(1).
  public var allowedSignersFile: String?
  /// SSH keys that count no more: a revocation list, or a public key a line; see KEY REVOCATION LISTS in ssh-keygen(1).
  public var revokedSignersFile: String?
  /// The OpenPGP keys that may sign, as `gpg --export` writes them; see gpgv(1).
  public var gpgKeyringFile: String?

  /// Whether signatures are needed at all.
  public var isOn: Bool { allowedSignersFile != nil || gpgKeyringFile != nil }
}

extension SettingsReader {
  /// Reads what to follow: exactly one of `branch`, `tag` and `commit`.
  mutating func followed(_ top: [String: Node], in root: Node) -> Followed {
    let given = ["branch", "tag", "commit"].filter { top[$0] != nil }
    guard let key = given.first, let node = top[key] else {
      problem(root, "branch is missing; a tag (`tag: v*`) or a commit (`commit: ID`) can stand in its place")
      return .branch("")
    }
    for other in given.dropFirst() {
      if let node = top[other] { problem(node, "\(other) and \(key) exclude each other: a host follows one of them") }
    }
    let text = required(top, key, in: root)
    if text.isEmpty { return .branch("") }
    switch key {
    case "tag":
      if text.utf8.count > 200 || text.contains(where: { $0.isWhitespace || "~^:\\".contains($0) })
        || text.hasPrefix("/") || text.hasPrefix("refs/")
      {
        problem(node, "tag must be the name of a tag or a pattern such as v*, not \(text.printable)")
      }
      return .tag(text)
    case "commit":
      let id = text.lowercased()
      if id.wholeMatch(of: /[0-9a-f]{40}/) == nil {
        problem(node, "commit must be the whole id, 40 hexadecimal digits, not \(text.printable)")
      }
      return .commit(id)
    default: return .branch(text)
    }
  }

  /// Reads `trust:`. Nothing that a commit could bring to the host may say who is to be trusted.
  mutating func trust(_ node: Node, _ settings: Settings) -> TrustSettings {
    let before = problems.count
    let keys = section(node, "trust", keys: ["allowed_signers_file", "revoked_signers_file", "gpg_keyring_file"])
    var trust = TrustSettings()
    trust.allowedSignersFile = trustFile("allowed_signers_file", keys, in: node, settings)
    trust.revokedSignersFile = trustFile("revoked_signers_file", keys, in: node, settings)
    trust.gpgKeyringFile = trustFile("gpg_keyring_file", keys, in: node, settings)
    if let revoked = keys["revoked_signers_file"], keys["allowed_signers_file"] == nil {
      problem(revoked, "revoked_signers_file goes with allowed_signers_file")
    } else if !trust.isOn, problems.count == before {
      problem(node, "trust needs allowed_signers_file, gpg_keyring_file or both")
    }
    return trust
  }

  private mutating func trustFile(
    _ key: String, _ keys: [String: Node], in node: Node, _ settings: Settings
  ) -> String? {
    guard let place = keys[key] else { return nil }
    let path = absolutePath(keys, key, in: node)
    if path.isEmpty { return nil }
    let owned = [settings.liveRoot, settings.checkout].first { !$0.isEmpty && Path.relative(path, to: $0) != nil }
    if let owned {
      problem(place, "\(key) must lie outside of \(owned), where a commit could change it; /etc/clup would do")
    }
    return path
  }
}
