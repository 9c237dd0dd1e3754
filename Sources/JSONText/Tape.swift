/// A JSON text (RFC 8259) taken apart: a node for each value in the order of the text, and for each key of an object.
final class Tape {
  enum Kind: UInt8 { case null, yes, no, number, text, escaped, array, object }

  /// A value, with the place of its bytes; those of a text are without its quotes.
  struct Node {
    var kind: Kind
    var start: Int
    var end: Int
    /// The node after this one and all within it.
    var next: Int
  }

  let bytes: [UInt8]
  let nodes: [Node]

  /// Takes a text apart.
  init(_ bytes: [UInt8]) throws(JSONTextError) {
    // What nobody asks for must be text all the same.
    guard String(validating: bytes, as: UTF8.self) != nil else { throw JSONTextError(place: 0) }
    self.bytes = bytes
    let result = bytes.withUnsafeBufferPointer { bytes -> Result<[Node], JSONTextError> in
      Result { () throws(JSONTextError) in
        var parser = Parser(bytes: bytes)
        return try parser.parse()
      }
    }
    nodes = try result.get()
  }

  /// Gives the text of a node.
  func text(at index: Int) throws(JSONTextError) -> String {
    let node = nodes[index]
    switch node.kind {
    case .text:
      let text = bytes.withUnsafeBufferPointer { String(validating: $0[node.start..<node.end], as: UTF8.self) }
      guard let text else { throw JSONTextError(place: node.start) }
      return text
    case .escaped: return try unescaped(node)
    default: throw JSONTextError(place: node.start)
    }
  }

  /// Whether a text is this one.
  func isText(_ text: String, at index: Int) throws(JSONTextError) -> Bool {
    let node = nodes[index]
    if node.kind == .escaped { return try unescaped(node) == text }
    let utf8 = text.utf8
    guard utf8.count == node.end - node.start else { return false }
    var position = node.start
    for byte in utf8 {
      if bytes[position] != byte { return false }
      position += 1
    }
    return true
  }

  /// Gives the digits of a number.
  func number(at index: Int) throws(JSONTextError) -> Substring {
    let node = nodes[index]
    guard node.kind == .number else { throw JSONTextError(place: node.start) }
    return Substring(decoding: bytes[node.start..<node.end], as: UTF8.self)
  }

  private func unescaped(_ node: Node) throws(JSONTextError) -> String {
    var (result, position) = ([UInt8](), node.start)
    func unit(_ start: Int) throws(JSONTextError) -> UInt32 {
      guard start + 4 <= node.end, bytes[start..<(start + 4)].allSatisfy({ Parser.isHex($0) }),
        let value = UInt32(String(decoding: bytes[start..<(start + 4)], as: UTF8.self), radix: 16)
      else { throw JSONTextError(place: start) }
      return value
    }
    while position < node.end {
      guard bytes[position] == UInt8(ascii: "\\") else {
        result.append(bytes[position])
        position += 1
        continue
      }
      let letter = bytes[position + 1]
      position += 2
      switch letter {
      case UInt8(ascii: "b"): result.append(8)
      case UInt8(ascii: "f"): result.append(12)
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "u"):
        var value = try unit(position)
        position += 4
        if (0xd800..<0xdc00).contains(value), position + 6 <= node.end, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        {
          let low = try unit(position + 2)
          guard (0xdc00..<0xe000).contains(low) else { throw JSONTextError(place: position) }
          value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
          position += 6
        }
        guard let scalar = Unicode.Scalar(value) else { throw JSONTextError(place: position) }
        result += Array(String(Character(scalar)).utf8)
      default: result.append(letter)
      }
    }
    guard let text = String(validating: result, as: UTF8.self) else { throw JSONTextError(place: node.start) }
    return text
  }
}

/// Says that a text is no JSON, or not of the shape that was asked for, and at which byte.
public struct JSONTextError: Error, Sendable, Equatable {
  /// The byte, from 0.
  public let place: Int
}
