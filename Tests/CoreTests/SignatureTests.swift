@testable import Core
import Testing

@Suite("What gpgv reports is judged by its status lines alone")
struct SignatureTests {
  static let valid = "VALIDSIG AAAA 2020-01-15 1579046400 0 4 0 22 8 00 BBBB"

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let lines: [String]
    var time: Int64 = 1_579_046_400
    let verdict: SignatureCheck.Verdict
  }

  static let cases: [Case] = [
    Case(testDescription: "good", lines: ["NEWSIG", "GOODSIG 12 A <a@b>", valid], verdict: .good),
    Case(testDescription: "good without a valid line", lines: ["GOODSIG 12 A"], verdict: .badSignature),
    Case(testDescription: "nothing", lines: [], verdict: .badSignature),
    Case(testDescription: "bad", lines: ["BADSIG 12 A"], verdict: .badSignature),
    Case(testDescription: "revoked", lines: ["REVKEYSIG 12 A", valid], verdict: .revokedKey),
    Case(
      testDescription: "expired later", lines: ["KEYEXPIRED 1580515200", "EXPKEYSIG 12 A", valid], verdict: .good),
    Case(
      testDescription: "expired before", lines: ["KEYEXPIRED 1580515200", "EXPKEYSIG 12 A", valid],
      time: 1_580_515_200, verdict: .expiredKey),
    Case(
      testDescription: "the signature is later than the key's end",
      lines: ["KEYEXPIRED 1579000000", "EXPKEYSIG 12 A", valid], time: 0, verdict: .expiredKey),
    Case(
      testDescription: "one of two ends was before",
      lines: ["KEYEXPIRED 1580515200", "KEYEXPIRED 1500000000", "EXPKEYSIG 12 A", valid], verdict: .expiredKey),
    Case(testDescription: "expired at an unknown time", lines: ["EXPKEYSIG 12 A", valid], verdict: .expiredKey),
    Case(testDescription: "an expired signature", lines: ["EXPSIG 12 A", valid], verdict: .expiredKey),
    Case(
      testDescription: "no such key", lines: ["ERRSIG 12 22 8 00 1579046400 9 CCCC", "NO_PUBKEY 12"],
      verdict: .unknownKey),
    Case(testDescription: "an unknown algorithm", lines: ["ERRSIG 12 99 8 00 1579046400 4 -"], verdict: .badSignature),
    Case(
      testDescription: "two signatures", lines: ["GOODSIG 12 A", valid, "BADSIG 13 B"], verdict: .badSignature),
    Case(
      testDescription: "words that are no status", lines: ["BADSIG 12 [GNUPG:] GOODSIG 12 A"], verdict: .badSignature),
  ]

  @Test(arguments: cases) func `a verdict`(_ item: Case) {
    let text = "gpgv: Good signature\n" + item.lines.map { "[GNUPG:] \($0)\n" }.joined()
    #expect(OpenPGPStatus.check(text, at: item.time).verdict == item.verdict)
  }

  @Test func `the key of an SSH signature is found, and nothing in what is none`() {
    let armoured =
      "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAAANrZXkAAAADZ2l0\n-----END SSH SIGNATURE-----\n"
    #expect(SSHSignature(Array(armoured.utf8))?.key == "a2V5")
    #expect(SSHSignature(Array(armoured.utf8))?.isNamed(in: Array("a b\nc@d ssh-ed25519 a2V5 x\n".utf8)) == true)
    #expect(SSHSignature(Array(armoured.utf8))?.isNamed(in: Array("c@d ssh-ed25519 a2V5Cg==\n".utf8)) == false)
    for text in [
      "", "-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----",
    ] {
      #expect(SSHSignature(Array(text.utf8)) == nil)
    }
    // A length that leads beyond the end.
    let long = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////9rZXkA\n-----END SSH SIGNATURE-----\n"
    #expect(SSHSignature(Array(long.utf8)) == nil)
  }
}
