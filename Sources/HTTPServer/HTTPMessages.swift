/// Holds one request as it came in whole.
public struct HTTPRequest: Sendable, Equatable {
  /// Pairs the name of a header or query item with its value.
  public struct Field: Sendable, Equatable {
    /// The name as it was sent.
    public let name: String
    /// The value; empty for a query item without one.
    public let value: String

    /// Makes a field.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The method as it was sent, which may be one that no standard knows.
  public let method: String
  /// The path without the query, percent-decoded once; bytes that are no UTF-8 became U+FFFD.
  public let path: String
  /// The query's items in their order, decoded.
  public let query: [Field]
  /// The headers in no particular order.
  let headers: [Field]
  /// The bytes of the body, after any chunked encoding; empty without one.
  public let body: [UInt8]
  /// The client's IP address; `nil` on a Unix socket.
  public let remoteAddress: String?

  /// Makes a request, for the tests of those who answer them.
  public init(
    method: String, path: String, query: [Field] = [], headers: [Field] = [], body: [UInt8] = [],
    remoteAddress: String? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress
  }

  /// Returns the value of a header, in whatever case its name was sent.
  ///
  /// Values of one that was sent twice are joined by `, `, so that none can hide another (RFC 9110, 5.3).
  public func header(_ name: String) -> String? {
    let lowercased = name.lowercased()
    let values = headers.filter { $0.name.lowercased() == lowercased }.map(\.value)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  /// Returns the value of the first query item with this name.
  public func queryItem(_ name: String) -> String? {
    query.first { $0.name == name }?.value
  }
}

/// Holds an answer.
public struct HTTPResponse: Sendable, Equatable {
  /// The status, from 200 to 599.
  public var status: Int
  /// The headers; length, date and connection are added where they are due.
  public var headers: [String: String]
  /// The bytes of the body; not sent in answer to `HEAD`, nor with a status that has none.
  var body: [UInt8]

  /// Makes an answer from bytes.
  public init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Makes an answer of plain text.
  public init(status: Int, text: String) {
    self.init(status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
  }
}
