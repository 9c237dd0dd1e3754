import CGnuTLS
import Encoding

/// Computes SHA-256 piece by piece, by GnuTLS; see gnutls_hash_init(3).
public final class SHA256 {
  private var handle: gnutls_hash_hd_t?

  /// Starts with nothing.
  public init() { gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) }

  deinit {
    if let handle { gnutls_hash_deinit(handle, nil) }
  }

  /// Adds bytes.
  public func update(_ bytes: [UInt8]) {
    if let handle { gnutls_hash(handle, bytes, bytes.count) }
  }

  /// Returns the digest of all bytes in hexadecimal digits, and starts again; nothing where GnuTLS has no SHA-256.
  public func finish() -> String? {
    guard let handle else { return nil }
    var digest = [UInt8](repeating: 0, count: Int(gnutls_hash_get_len(GNUTLS_DIG_SHA256)))
    gnutls_hash_output(handle, &digest)
    return digest.hexadecimal
  }
}
