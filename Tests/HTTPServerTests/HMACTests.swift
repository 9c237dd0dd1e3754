import HTTPServer
import Processes
import Testing

@Suite("HMAC-SHA256 is what others make of it")
struct HMACTests {
  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
  }

  private static let large = [UInt8](repeating: 0xaa, count: 131)

  @Test(
    "the vectors of RFC 4231",
    arguments: [
      (
        [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
      ),
      (
        Array(1...25), [UInt8](repeating: 0xcd, count: 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
      ),
      (
        large, Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
      (
        large,
        Array(
          ("This is a test using a larger than block-size key and a larger than block-size data. "
            + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
      ),
    ])
  func vectors(key: [UInt8], message: [UInt8], expected: String) throws {
    #expect(Self.hex(try HMAC.sha256(key: key, message: message)) == expected)
  }

  @Test("openssl agrees", arguments: [0, 1, 63, 64, 65, 1000, 100_000])
  func openssl(length: Int) async throws {
    let path = try #require(find("openssl", in: "/usr/bin:/bin"))
    let message = (0..<length).map { _ in UInt8.random(in: 0...255) }
    let arguments = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:00ff10", "-binary"]
    let outcome = try await run(Command(path, arguments, input: message))
    #expect(outcome.output == (try HMAC.sha256(key: [0, 255, 16], message: message)))
  }

  @Test("an empty key and an empty message have a digest too")
  func empty() throws {
    let expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
    #expect(Self.hex(try HMAC.sha256(key: [], message: [])) == expected)
  }

  @Test(
    "secrets are the same only if every byte is",
    arguments: [
      ([], [], true), ([1], [], false), ([1, 2, 3], [1, 2, 3], true), ([1, 2, 3], [1, 2, 4], false),
      ([0, 2], [1, 2], false), ([1, 2], [1, 2, 0], false),
    ] as [([UInt8], [UInt8], Bool)])
  func equality(one: [UInt8], other: [UInt8], expected: Bool) {
    #expect(HMAC.areEqual(one, other) == expected)
  }
}
