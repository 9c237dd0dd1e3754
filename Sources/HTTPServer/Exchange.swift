/// Gathers one request while it comes in; for the thread of its daemon alone.
final class Exchange {
  enum Phase { case head, body, handled }

  var phase = Phase.head
  private(set) var body: [UInt8] = []
  /// Whether the target holds an encoded NUL, at which C strings would end.
  let hasNUL: Bool

  init(target: String) {
    hasNUL = target.contains("%00")
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    body.append(contentsOf: bytes)
  }

  func takeBody() -> [UInt8] {
    defer { body = [] }
    return body
  }
}
