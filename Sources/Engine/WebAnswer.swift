/// What a web server on this host answers to `GET`.
public struct WebAnswer: Sendable {
  /// The HTTP status.
  public let status: Int
  /// The body.
  public let body: [UInt8]

  /// Asks once, through no proxy and after no redirect. A certificate is not checked: on loopback it is rarely made out
  /// for the name, and nobody can stand in between.
  public static func get(
    _ url: String, deadline: Duration, limit: Int = 1 << 20
  ) async throws(EngineError) -> WebAnswer {
    var request = Request(url: url)
    request.deadline = deadline
    request.limit = limit
    request.verifies = false
    let answer = try await send(request)
    return WebAnswer(status: answer.status, body: answer.body)
  }
}
