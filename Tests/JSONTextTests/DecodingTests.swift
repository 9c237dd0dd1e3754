import Foundation
import JSONText
import Testing

@Suite("JSON is read and written as by Foundation") struct DecodingTests {
  struct Shape: Codable, Equatable {
    struct Part: Codable, Equatable {
      var flag: Bool?
      var size: UInt8
    }
    var name: String
    var number: Double
    var parts: [Part]
    var labels: [String: String]
    var time: Duration?
    var nested: [[Int]]
  }

  static let whole =
    #"{"nested": [[1, -2], []], "name": "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é", "number": -1.5e2, "unknown": {"x": [null]}, "#
    + #""parts": [{"size": 255, "flag": null}, {"flag": true, "size": 1.0}], "labels": {"k\u0065y": "v", "": ""}}"#

  @Test func `a value comes as Foundation gives it`() throws {
    let bytes = Array(Self.whole.utf8)
    #expect(try decode(Shape.self, from: bytes) == JSONDecoder().decode(Shape.self, from: Data(bytes)))
    var value = try decode(Shape.self, from: bytes)
    value.time = .milliseconds(1500)
    #expect(try decode(Shape.self, from: Array(JSONEncoder().encode(value))) == value)
  }

  @Test func `a value is written as Foundation writes it`() throws {
    var value = try decode(Shape.self, from: Array(Self.whole.utf8))
    value.time = .milliseconds(1500)
    value.name += "\u{1}\u{1f}\u{7f}\u{2028}"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(try jsonText(of: value) == Array(encoder.encode(value)))
    #expect(throws: (any Error).self) { try jsonText(of: [Double.nan]) }
  }

  @Test(
    arguments: [
      "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":01}", "{\"a\" 1}", "{a: 1}", "nul", "nulll", "[1 2]", "1 2",
      "\"\u{1}\"", "\"\\x\"",
      "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\u00g0\"", "\"\\u12\"", "\"a", "\"a\\", "+1", "-", "1.", ".5", "1e",
      "0x1", "[1]]", "NaN",
    ])
  func `what is no JSON is refused`(_ text: String) {
    #expect(throws: (any Error).self) { try decode([String: [Int]].self, from: Array(text.utf8)) }
    #expect(throws: (any Error).self) { try decode(String.self, from: Array(text.utf8)) }
    let node = try? JSONNode(parsing: Array(text.utf8))
    #expect(throws: (any Error).self) { try #require(node).content() }
  }

  @Test(
    arguments: [
      #"{"size": 256}"#, #"{"size": -1}"#, #"{"size": 1.5}"#, #"{"size": "1"}"#, #"{"size": null}"#, "{}", "[]",
      #""size""#,
    ]) func `another shape is refused`(_ text: String)
  {
    #expect(throws: (any Error).self) { try decode(Shape.Part.self, from: Array(text.utf8)) }
  }

  @Test func `bytes that are no UTF-8, and values too deep within one another, are refused`() {
    #expect(throws: (any Error).self) { try decode(String.self, from: [0x22, 0xff, 0x22]) }
    let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(throws: (any Error).self) { try JSONNode(parsing: Array(deep.utf8)) }
  }

  /// No text whatever may crash it, and what it takes Foundation takes as well.
  @Test func `damaged texts are read as Foundation reads them`() {
    var random = SystemRandomNumberGenerator()
    let letters = Array("{}[],:\"\\0123456789.eE+-tfnu \u{1}é".utf8)
    for _ in 0..<20_000 {
      var bytes = Array(Self.whole.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: bytes.indices, using: &random)
        if Bool.random(using: &random) {
          bytes.remove(at: place)
        } else {
          bytes[place] = letters.randomElement(using: &random) ?? 0
        }
      }
      let (own, foundation) = (
        try? decode(Shape.self, from: bytes), try? JSONDecoder().decode(Shape.self, from: Data(bytes))
      )
      if own != foundation { #expect(own == nil || hasTwice(bytes), "\(String(decoding: bytes, as: UTF8.self))") }
    }
  }

  /// Of a key that stands there twice, Foundation takes another one.
  private func hasTwice(_ bytes: [UInt8]) -> Bool {
    func hasTwice(_ node: JSONNode) -> Bool {
      switch try? node.content() {
      case .array(let nodes): nodes.contains(where: hasTwice)
      case .object(let members):
        Set(members.map(\.key)).count < members.count || members.contains { hasTwice($0.value) }
      default: false
      }
    }
    return (try? JSONNode(parsing: bytes)).map(hasTwice) ?? false
  }
}
