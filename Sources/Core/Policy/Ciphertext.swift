/// Tells ciphertext, which is made to be in git, from values in clear.
public enum Ciphertext {
  /// Names what encrypted a file; nothing for a file whose values can be read as they are.
  ///
  /// A file that merely says that it is encrypted, and holds a secret in clear, is not.
  public static func kind(of bytes: [UInt8]) -> String? {
    for (start, kind) in starts where bytes.starts(with: Array(start.utf8)) { return kind }
    if isOpenPGP(bytes) { return "OpenPGP" }
    let head = bytes.prefix(1 << 20)
    guard markers.contains(where: { head.holds(Array($0.utf8)) }) else { return nil }
    return kind(ofText: String(decoding: head, as: UTF8.self))
  }

  /// A binary OpenPGP message begins with the packet of an encrypted session key: its tag, its length, its version, 3 for a
  /// public key, 4 to 6 for a passphrase or a newer one; see RFC 4880 and RFC 9580.
  private static func isOpenPGP(_ bytes: [UInt8]) -> Bool {
    guard let tag = bytes.first, bytes.count > 16, String(validating: bytes, as: UTF8.self) == nil else { return false }
    let version: Int? =
      switch tag {
      case 0x84, 0x8c: 2
      case 0x85, 0x8d: 3
      case 0xc1, 0xc3: bytes[1] < 192 ? 2 : bytes[1] < 224 ? 3 : nil
      default: nil
      }
    return version.map { (3...6).contains(bytes[$0]) } ?? false
  }

  private static let starts = [
    ("age-encryption.org/v1", "age"), ("-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    ("-----BEGIN PGP MESSAGE-----", "OpenPGP"), ("$ANSIBLE_VAULT;", "Ansible Vault"), ("\0GITCRYPT\0", "git-crypt"),
    ("Salted__", "OpenSSL"), ("U2FsdGVkX1", "OpenSSL"),
  ]

  private static let markers = ["ENC[", "encrypted:", "SealedSecret", "DOTENV_VAULT"]

  private static func kind(ofText text: String) -> String? {
    if text.contains("kind: SealedSecret") || text.contains("\"kind\": \"SealedSecret\"") { return "Sealed Secrets" }
    let values = text.split(whereSeparator: \.isNewline).compactMap { line in
      line.drop { $0 == " " }.hasPrefix("#") ? nil : Secrets.assignment(in: String(line.prefix(4000)))
    }
    let isSOPS = values.contains { name, _ in name == "sops" || name.hasPrefix("sops_") } || text.contains("[sops]")
    let isDotenvx = values.contains { name, _ in name.hasPrefix("DOTENV_PUBLIC_KEY") }
    if !values.isEmpty, values.allSatisfy({ $0.name.hasPrefix("DOTENV_VAULT") }) { return "dotenv-vault" }
    guard isSOPS || isDotenvx else { return nil }
    let own = values.filter { !$0.name.hasPrefix("sops_") && !$0.name.hasPrefix("DOTENV_PUBLIC_KEY") }
    let begin = isSOPS ? "ENC[" : "encrypted:"
    guard own.contains(where: { $0.value.hasPrefix(begin) }),
      !own.contains(where: { Secrets.isSecret($0.name, $0.value) })
    else { return nil }
    return isSOPS ? "SOPS" : "dotenvx"
  }
}

extension Subject {
  /// Finds values of services that are ciphertext, wherever they come from: the Compose file, a file of values, the live `.env`.
  /// A tracked file that is told of as a whole is not told of again.
  var encryptedValues: [Finding] {
    let told = environmentFiles.values.filter { Ciphertext.kind(of: Array($0.utf8)) != nil }
    return services.flatMap { service, json in
      json["environment"].members.compactMap { name, value -> Finding? in
        guard let text = value.string, ["ENC[AES256_GCM,", "encrypted:B"].contains(where: text.hasPrefix),
          !told.contains(where: { $0.contains(text) })
        else { return nil }
        return Finding(
          service: service, place: place(service, ["environment", name]),
          message: "the value of \(name) is encrypted, and clup decrypts nothing: \(service) would get the ciphertext",
          help: "decrypt it on the host, into the live `.env`, and write `${\(name)}` here")
      }
    }
  }
}

extension Collection<UInt8> {
  /// Returns whether a word is somewhere among the bytes.
  public func holds(_ word: [UInt8]) -> Bool {
    guard let first = word.first else { return true }
    var rest = self[...]
    while let index = rest.firstIndex(of: first) {
      if rest[index...].starts(with: word) { return true }
      rest = rest[rest.index(after: index)...]
    }
    return false
  }
}

/// The names of files that show the form of a file of values, without the values of a host.
enum Template {
  private static let examples: Set<Substring> = ["example", "examples", "sample", "samples", "skel"]
  private static let forms: Set<Substring> = [
    "template", "dist", "default", "defaults", "tmpl", "tpl", "j2", "jinja", "jinja2", "gotmpl",
  ]

  /// Returns whether a file is made to be copied and filled in: `.env.template`, `app.conf.example`.
  ///
  /// Other templates than those of values, `nginx.conf.template`, are used as they are.
  static func isNamed(_ path: String) -> Bool {
    let name = Path.name(path).lowercased()
    let words = name.split { $0 == "." || $0 == "-" || $0 == "_" }
    return words.contains(where: examples.contains) || name.hasPrefix(".env") && words.contains(where: forms.contains)
  }
}

/// The files that keep an empty directory in git, or keep its content out of git: nobody's state.
enum GitKeepFile {
  static let names: Set<String> = [".gitignore", ".gitkeep", ".keep", ".gitattributes"]

  static func isNamed(_ path: String) -> Bool { names.contains(Path.name(path)) }
}
