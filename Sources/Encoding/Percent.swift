extension String {
  /// Percent-encodes each UTF-8 byte that is neither an ASCII letter or digit nor in `kept`; see RFC 3986, section 2.1.
  ///
  /// What is kept by default are the unreserved characters of section 2.3. `mark` stands before the two digits.
  public func percentEncoded(keeping kept: String = "-._~", mark: Character = "%") -> String {
    utf8.reduce(into: "") { result, byte in
      let character = Character(UnicodeScalar(byte))
      if character.isASCII, character.isLetter || character.isNumber || kept.contains(character) {
        result.append(character)
      } else {
        result += "\(mark)\(byte.hexadecimal.uppercased())"
      }
    }
  }
}
