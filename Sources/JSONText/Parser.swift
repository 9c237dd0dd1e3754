/// Reads JSON strictly, in one pass.
struct Parser {
  let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var nodes: [Tape.Node] = []

  /// More values within one another than this are refused, as Foundation does.
  private static let depth = 512

  init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    nodes.reserveCapacity(bytes.count / 12)
  }

  mutating func parse() throws(JSONTextError) -> [Tape.Node] {
    try value(0)
    skipSpace()
    guard position == bytes.count else { throw fault }
    return nodes
  }

  static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  private var fault: JSONTextError { JSONTextError(place: position) }

  private mutating func value(_ depth: Int) throws(JSONTextError) {
    skipSpace()
    guard position < bytes.count, depth < Self.depth else { throw fault }
    switch bytes[position] {
    case UInt8(ascii: "{"): try object(depth)
    case UInt8(ascii: "["): try array(depth)
    case UInt8(ascii: "\""): try text()
    case UInt8(ascii: "t"): try word("true", .yes)
    case UInt8(ascii: "f"): try word("false", .no)
    case UInt8(ascii: "n"): try word("null", .null)
    default: try number()
    }
  }

  private mutating func object(_ depth: Int) throws(JSONTextError) {
    let index = open(.object)
    skipSpace()
    if !take(UInt8(ascii: "}")) {
      repeat {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw fault }
        try text()
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw fault }
        try value(depth + 1)
        skipSpace()
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "}")) else { throw fault }
    }
    close(index)
  }

  private mutating func array(_ depth: Int) throws(JSONTextError) {
    let index = open(.array)
    skipSpace()
    if !take(UInt8(ascii: "]")) {
      repeat {
        try value(depth + 1)
        skipSpace()
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "]")) else { throw fault }
    }
    close(index)
  }

  private mutating func open(_ kind: Tape.Kind) -> Int {
    nodes.append(Tape.Node(kind: kind, start: position, end: 0, next: 0))
    position += 1
    return nodes.count - 1
  }

  private mutating func close(_ index: Int) {
    nodes[index].end = position
    nodes[index].next = nodes.count
  }

  private mutating func text() throws(JSONTextError) {
    position += 1
    let start = position
    var kind = Tape.Kind.text
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        nodes.append(Tape.Node(kind: kind, start: start, end: position, next: nodes.count + 1))
        position += 1
        return
      }
      guard byte >= 0x20 else { throw fault }
      position += 1
      if byte == UInt8(ascii: "\\") {
        kind = .escaped
        guard position < bytes.count, "\"\\/bfnrtu".utf8.contains(bytes[position]) else { throw fault }
        position += 1
      }
    }
    throw fault
  }

  private mutating func word(_ word: StaticString, _ kind: Tape.Kind) throws(JSONTextError) {
    let start = position
    for offset in 0..<word.utf8CodeUnitCount {
      guard take(word.utf8Start[offset]) else { throw fault }
    }
    nodes.append(Tape.Node(kind: kind, start: start, end: position, next: nodes.count + 1))
  }

  private mutating func number() throws(JSONTextError) {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    nodes.append(Tape.Node(kind: .number, start: start, end: position, next: nodes.count + 1))
  }

  private mutating func digits() throws(JSONTextError) {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    if position == start { throw fault }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }
}
