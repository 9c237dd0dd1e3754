extension String {
  /// The text without control characters: what containers and strangers write must not steer a terminal.
  public var printable: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.filter { $0 == "\t" || !($0.value < 0x20 || (0x7f..<0xa0).contains($0.value)) }))
  }
}
