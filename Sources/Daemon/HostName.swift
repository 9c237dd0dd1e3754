import Core
import Glibc
import HTTPServer

/// The name that a client asks for. A web page may point a name of its own to this host, and a browser then lets it read
/// what is answered: only a name that the host was given is answered for.
enum HostName {
  /// Returns why a request is not answered; nothing when it is.
  static func stranger(_ request: HTTPRequest, known: [String]) -> String? {
    // Nobody reaches a Unix socket by a name.
    guard request.remoteAddress != nil else { return nil }
    let way = "use an IP address or localhost, or name it in `serve: {hosts: [\u{2026}]}` of the configuration"
    guard let header = request.header("Host") else { return "the request names no host; \(way)" }
    guard let name = name(in: header), isAddress(name) || name == "localhost" || known.contains(name) else {
      return "clup does not answer for \(String(header.printable.prefix(100))); \(way)"
    }
    return nil
  }

  /// Takes the port off, the brackets of an IPv6 address and the dot of a complete name; nothing for what is no host.
  static func name(in header: String) -> String? {
    let form = /(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+?)\.?)(?::[0-9]{0,5})?/
    guard let match = header.lowercased().wholeMatch(of: form) else { return nil }
    if let address = match.1 { return address.contains(":") ? String(address) : nil }
    return match.2.map(String.init)
  }

  private static func isAddress(_ name: String) -> Bool {
    var (four, six) = (in_addr(), in6_addr())
    return inet_pton(AF_INET, name, &four) == 1 || inet_pton(AF_INET6, name, &six) == 1
  }
}
