extension String {
  /// The text as one line without control characters: what containers and strangers write must not steer a terminal, nor turn the
  /// direction of what follows.
  public var printable: String {
    let scalars = unicodeScalars.compactMap { scalar -> Unicode.Scalar? in
      switch scalar.value {
      case 0x0A, 0x0D: " "
      case 0x09: scalar
      case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: nil
      default: scalar
      }
    }
    return String(String.UnicodeScalarView(scalars))
  }
}
