import HTTPServer
import Testing

@testable import Daemon

@Suite("Only a name that the host was given is answered for")
struct HostNameTests {
  static let rows: [(host: String?, isKnown: Bool)] = [
    ("127.0.0.1", true), ("127.0.0.1:18890", true), ("192.168.1.5:80", true), ("[::1]:18890", true), ("[::1]", true),
    ("localhost", true), ("LocalHost:18890", true), ("localhost.", true), ("clup.example.org", true),
    ("CLUP.example.org:443", true), ("clup.example.org.:443", true),
    (nil, false), ("", false), ("rebound.example", false), ("rebound.example:18890", false), (":80", false),
    ("127.0.0.1.rebound.example", false), ("localhost.rebound.example", false), ("1.2.3", false), ("2130706433", false),
    ("[rebound.example]", false), ("[127.0.0.1]", false), ("127.0.0.1@rebound.example", false),
    ("127.0.0.1, rebound.example", false), ("evil-clup.example.org", false), ("127.0.0.1:80:80", false),
    ("127.0.0.1/x", false),
  ]

  @Test(arguments: rows.indices) func `a Host header`(_ index: Int) {
    let row = Self.rows[index]
    let request = HTTPRequest(
      method: "GET", path: "/", headers: row.host.map { [HTTPRequest.Field("host", $0)] } ?? [],
      remoteAddress: "127.0.0.1")
    let answer = HostName.stranger(request, known: ["clup.example.org"])
    #expect((answer == nil) == row.isKnown, "\(row.host ?? "none"): \(answer ?? "answered")")
  }

  @Test func `two headers, and a Unix socket`() {
    let fields = ["127.0.0.1", "rebound.example"].map { HTTPRequest.Field("Host", $0) }
    #expect(
      HostName.stranger(HTTPRequest(method: "GET", path: "/", headers: fields, remoteAddress: "::1"), known: []) != nil)
    #expect(HostName.stranger(HTTPRequest(method: "GET", path: "/", headers: fields), known: []) == nil)
  }
}
