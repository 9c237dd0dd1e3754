extension UInt8 {
  var isDigit: Bool { (0x30...0x39).contains(self) }

  /// Whether it is a letter of ASCII; their cases differ in one bit.
  var isLetter: Bool { (0x61...0x7a).contains(self | 0x20) }
}
