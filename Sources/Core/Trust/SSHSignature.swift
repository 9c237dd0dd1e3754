import FoundationEssentials

/// A signature as `ssh-keygen -Y sign` makes it; see PROTOCOL.sshsig of OpenSSH.
public struct SSHSignature: Sendable, Equatable {
  /// The public key in it, as `authorized_keys` and `allowed_signers` write it, in base64.
  let key: String

  /// Reads the armoured text; nothing where it is no such signature.
  public init?(_ armoured: [UInt8]) {
    let lines = String(decoding: armoured, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard lines.first == "-----BEGIN SSH SIGNATURE-----", lines.last == "-----END SSH SIGNATURE-----",
      let data = Data(base64Encoded: lines.dropFirst().dropLast().joined())
    else { return nil }
    let bytes = [UInt8](data)
    // Six letters, a version, and a length before the key.
    guard bytes.count > 14, bytes.starts(with: Array("SSHSIG".utf8)) else { return nil }
    let length = bytes[10..<14].reduce(0) { $0 << 8 | Int($1) }
    guard length > 0, length <= bytes.count - 14 else { return nil }
    key = Data(bytes[14..<14 + length]).base64EncodedString()
  }

  /// Returns whether a file of allowed signers names the key, for whatever time.
  public func isNamed(in allowedSigners: [UInt8]) -> Bool {
    String(decoding: allowedSigners, as: UTF8.self).split(whereSeparator: \.isNewline).contains { line in
      line.split(whereSeparator: \.isWhitespace).contains { $0 == key[...] }
    }
  }
}
