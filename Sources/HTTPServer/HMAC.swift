import CMicrohttpd

/// Makes and compares message authentication codes by GnuTLS.
public enum HMAC {
  /// Returns the 32 bytes of the HMAC-SHA256 of `message`; see RFC 2104 and gnutls_hmac_fast(3).
  public static func sha256(key: [UInt8], message: [UInt8]) throws(HTTPServerError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(gnutls_hmac_get_len(GNUTLS_MAC_SHA256)))
    let code = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key.count, message, message.count, &digest)
    if code < 0 { throw .gnutls(code, "cannot make an HMAC") }
    return digest
  }

  /// Tells whether two secrets are the same, in a time that depends on their lengths alone; see gnutls_memcmp(3).
  public static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && gnutls_memcmp(one, other, one.count) == 0
  }
}

extension HTTPServerError {
  static func gnutls(_ code: Int32, _ what: String) -> HTTPServerError {
    HTTPServerError(kind: .gnutls(code), message: "\(what): \(String(cString: gnutls_strerror(code)))")
  }
}
