extension FixedWidthInteger where Self: UnsignedInteger {
  /// The number in hexadecimal digits, with zeros in front up to its type's width: two digits for a byte.
  public var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
  }
}

extension Sequence<UInt8> {
  /// The bytes in hexadecimal digits, two for each.
  public var hexadecimal: String { map(\.hexadecimal).joined() }
}
