import Testing

@testable import Core

@Suite struct ByteSizeTests {
  static let sizes: [(bytes: Int, text: String)] = [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (300 << 20, "300 MiB"),
    (4 << 30, "4.0 GiB"),
  ]

  @Test(arguments: sizes) func `a number of bytes is written for people`(_ bytes: Int, _ text: String) {
    #expect(bytes.byteSize == text)
  }
}
