struct Request: Sendable {
  enum Route: Sendable {
    /// As the URL says, without any proxy.
    case network
    /// Through a Unix socket.
    case socket(String)
    /// Through a connected socket that this opens.
    case connected(@Sendable () throws(EngineError) -> Int32)
  }

  var method = "GET"
  let url: String
  var route = Route.network
  /// Further lines of the header.
  var headers: [String] = []
  /// Sent as JSON.
  var body: [UInt8]?
  /// For the whole answer; nothing for one without end.
  var deadline: Duration?
  /// The bytes of an answer that are taken at the most.
  var limit = 64 << 20
  /// Whether the server's certificate is checked.
  var verifies = true
}

struct Response: Sendable {
  var status = 0
  /// By name in lower case.
  var headers: [String: String] = [:]
  var body: [UInt8] = []
}
