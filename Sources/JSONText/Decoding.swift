/// Reads a value from a JSON text, several times faster than Foundation, which takes each object for a dictionary first.
///
/// Keys are taken as they are, and of equal ones the first. Throws for what is no JSON or has another shape.
public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
  try Value(from: TapeDecoder(tape: Tape(bytes), index: 0))
}

/// Gives one value of a text to whoever reads it.
struct TapeDecoder: Decoder {
  let tape: Tape
  let index: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(try Members<Key>(tape, index))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try Elements(tape, index) }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(tape: tape, index: index) }
}

/// A value that is no container.
struct Single: SingleValueDecodingContainer {
  let tape: Tape
  let index: Int
  var codingPath: [any CodingKey] { [] }
  private var kind: Tape.Kind { tape.nodes[index].kind }
  private var fault: JSONTextError { JSONTextError(place: tape.nodes[index].start) }

  func decodeNil() -> Bool { kind == .null }

  func decode(_ type: Bool.Type) throws -> Bool {
    guard kind == .yes || kind == .no else { throw fault }
    return kind == .yes
  }

  func decode(_ type: String.Type) throws -> String { try tape.text(at: index) }

  func decode(_ type: Double.Type) throws -> Double {
    guard let value = Double(try tape.number(at: index)), value.isFinite else { throw fault }
    return value
  }

  func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
  func decode(_ type: Int.Type) throws -> Int { try integer() }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
  func decode(_ type: UInt.Type) throws -> UInt { try integer() }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try Value(from: TapeDecoder(tape: tape, index: index))
  }

  /// A whole number may be written as `1.0` or `1e3`.
  private func integer<Value: FixedWidthInteger>() throws -> Value {
    let digits = try tape.number(at: index)
    if let value = Value(digits) { return value }
    guard digits.utf8.contains(where: { [0x2e, 0x45, 0x65].contains($0) }),
      let value = Double(digits).flatMap({ Value(exactly: $0) })
    else { throw fault }
    return value
  }
}

/// The members of an object.
final class Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let tape: Tape
  private let (first, end): (Int, Int)
  /// The key that was found last: they are asked for in the order of the text, or more than once.
  private var last: Int

  init(_ tape: Tape, _ index: Int) throws {
    let node = tape.nodes[index]
    guard node.kind == .object else { throw JSONTextError(place: node.start) }
    self.tape = tape
    (first, end, last) = (index + 1, node.next, index + 1)
  }

  var codingPath: [any CodingKey] { [] }

  var allKeys: [Key] {
    var (keys, index) = ([Key](), first)
    while index < end {
      if let key = (try? tape.text(at: index)).flatMap({ Key(stringValue: $0) }) { keys.append(key) }
      index = tape.nodes[index + 1].next
    }
    return keys
  }

  /// Finds the value of a key.
  private func find(_ key: Key) throws -> Int? {
    let name = key.stringValue
    for (start, stop) in [(last, end), (first, last)] {
      var index = start
      while index < stop {
        if try tape.isText(name, at: index) {
          last = index
          return index + 1
        }
        index = tape.nodes[index + 1].next
      }
    }
    return nil
  }

  private func single(_ key: Key) throws -> Single {
    guard let index = try find(key) else { throw JSONTextError(place: tape.nodes[first - 1].start) }
    return Single(tape: tape, index: index)
  }

  func contains(_ key: Key) -> Bool { (try? find(key)) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try single(key).decodeNil() }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try single(key).decode(type) }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try single(key).decode(type) }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try single(key).decode(type) }
  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try single(key).decode(type) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(try Members<Nested>(tape, try single(key).index))
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try Elements(tape, try single(key).index)
  }

  func superDecoder() throws -> any Decoder { TapeDecoder(tape: tape, index: first - 1) }
  func superDecoder(forKey key: Key) throws -> any Decoder { TapeDecoder(tape: tape, index: try single(key).index) }
}

/// The elements of an array.
struct Elements: UnkeyedDecodingContainer {
  private let tape: Tape
  private let end: Int
  private var index: Int
  let count: Int?
  private(set) var currentIndex = 0

  init(_ tape: Tape, _ index: Int) throws {
    let node = tape.nodes[index]
    guard node.kind == .array else { throw JSONTextError(place: node.start) }
    self.tape = tape
    (self.index, end) = (index + 1, node.next)
    var (number, next) = (0, index + 1)
    while next < node.next { (number, next) = (number + 1, tape.nodes[next].next) }
    count = number
  }

  var codingPath: [any CodingKey] { [] }
  var isAtEnd: Bool { index >= end }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, tape.nodes[index].kind == .null else { return false }
    _ = try next()
    return true
  }

  private mutating func next() throws -> Int {
    guard !isAtEnd else { throw JSONTextError(place: tape.bytes.count) }
    defer { (index, currentIndex) = (tape.nodes[index].next, currentIndex + 1) }
    return index
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try Value(from: TapeDecoder(tape: tape, index: try next()))
  }

  mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(try Members<Key>(tape, try next()))
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try Elements(tape, try next()) }
  mutating func superDecoder() throws -> any Decoder { TapeDecoder(tape: tape, index: try next()) }
}
