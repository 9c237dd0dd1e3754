extension UInt8 {
  var isDigit: Bool { (0x30...0x39).contains(self) }

  /// Whether it is a letter of ASCII; their cases differ in one bit.
  var isLetter: Bool { (0x61...0x7a).contains(self | 0x20) }
}

extension Int {
  /// The number as a size for people: `1.5 MiB`.
  public var byteSize: String {
    var (value, unit) = (Double(self), 0)
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    let tenths = Int((value * 10).rounded())
    return value < 10 && unit > 0 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(Int(value)) \(units[unit])"
  }
}
