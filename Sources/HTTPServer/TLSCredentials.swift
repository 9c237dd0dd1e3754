import CMicrohttpd

/// Holds what a server proves its name with.
public struct TLSCredentials: Sendable {
  /// The certificate and those that lead to its root, as PEM.
  public var certificate: [UInt8]
  /// Its private key, as PEM, without a password.
  public var key: [UInt8]

  /// Makes credentials; they are looked at when a server starts.
  public init(certificate: [UInt8], key: [UInt8]) {
    self.certificate = certificate
    self.key = key
  }

  /// Throws if GnuTLS cannot use them; see gnutls_certificate_set_x509_key_mem(3).
  func validate() throws(HTTPServerError) {
    var credentials: gnutls_certificate_credentials_t?
    var code = gnutls_certificate_allocate_credentials(&credentials)
    guard code >= 0, let credentials else { throw .gnutls(code, "cannot use TLS") }
    defer { gnutls_certificate_free_credentials(credentials) }
    code = Self.withDatum(certificate) { certificate in
      Self.withDatum(key) { key in
        gnutls_certificate_set_x509_key_mem(credentials, certificate, key, GNUTLS_X509_FMT_PEM)
      }
    }
    if code < 0 {
      throw HTTPServerError(
        kind: .badCredentials,
        message: "cannot use the TLS certificate and its key: \(String(cString: gnutls_strerror(code)))")
    }
  }

  private static func withDatum(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Int32) -> Int32 {
    var copy = bytes
    return copy.withUnsafeMutableBufferPointer { buffer in
      var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
      return body(&datum)
    }
  }
}
