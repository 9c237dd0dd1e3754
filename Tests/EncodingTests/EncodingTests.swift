import Encoding
import Testing

@Suite("Texts are encoded") struct EncodingTests {
  static let texts: [(text: String, encoded: String)] = [
    ("", ""), ("aZ09-._~", "aZ09-._~"), ("a/b c", "a%2Fb%20c"), ("100%", "100%25"), ("?#&=+", "%3F%23%26%3D%2B"),
    ("ü", "%C3%BC"), ("\n\u{7f}", "%0A%7F"), ("¼²", "%C2%BC%C2%B2"),
  ]

  @Test(arguments: texts) func `each byte that is not unreserved is percent-encoded`(_ text: String, _ encoded: String)
  {
    #expect(text.percentEncoded() == encoded)
  }

  @Test func `what is kept and what marks a byte can be chosen`() {
    #expect("a/b~c".percentEncoded(keeping: "-._~/") == "a/b~c")
    #expect("a_b/c d".percentEncoded(keeping: "/", mark: "_") == "a_5Fb/c_20d")
  }

  @Test func `hexadecimal digits have the width of their type`() {
    #expect(UInt8(0).hexadecimal == "00" && UInt8(0xAB).hexadecimal == "ab")
    #expect(UInt16(0x1F).hexadecimal == "001f" && UInt32.max.hexadecimal == "ffffffff")
    #expect([UInt8]([0, 15, 16, 255]).hexadecimal == "000f10ff" && [UInt8]().hexadecimal == "")
  }

  @Test func `a random name is short, of letters and digits, and another each time`() {
    let names = (0..<1000).map { _ in randomName() }
    #expect(Set(names).count == names.count)
    #expect(
      names.allSatisfy { (1...13).contains($0.count) && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } })
  }
}
