/// A value of a JSON text whose shape nobody knows before.
public struct JSONNode {
  /// What it is.
  public enum Content {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([(key: String, value: JSONNode)])
  }

  private let tape: Tape
  private let index: Int

  /// Parses UTF-8 text.
  public init(parsing bytes: [UInt8]) throws(JSONTextError) { self.init(tape: try Tape(bytes), index: 0) }

  private init(tape: Tape, index: Int) { (self.tape, self.index) = (tape, index) }

  /// Takes the value apart by one level.
  public func content() throws(JSONTextError) -> Content {
    let node = tape.nodes[index]
    switch node.kind {
    case .null: return .null
    case .yes, .no: return .bool(node.kind == .yes)
    case .text, .escaped: return .string(try tape.text(at: index))
    case .number:
      let digits = try tape.number(at: index)
      if let whole = Int(digits) { return .integer(whole) }
      guard let value = Double(digits), value.isFinite else { throw JSONTextError(place: node.start) }
      return Int(exactly: value).map(Content.integer) ?? .number(value)
    case .array:
      var (elements, next) = ([JSONNode](), index + 1)
      while next < node.next {
        elements.append(JSONNode(tape: tape, index: next))
        next = tape.nodes[next].next
      }
      return .array(elements)
    case .object:
      var (members, next) = ([(key: String, value: JSONNode)](), index + 1)
      while next < node.next {
        members.append((try tape.text(at: next), JSONNode(tape: tape, index: next + 1)))
        next = tape.nodes[next + 1].next
      }
      return .object(members)
    }
  }
}
