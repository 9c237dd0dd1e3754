import Core

/// Makes texts from elsewhere fit to be shown: commit messages, names, log lines and errors are anybody's.
enum Shown {
  /// What stands in the place of a line that may hold a secret.
  static let hidden = "[a line that may hold a secret is not shown]"

  /// How many bytes of one line are shown.
  static let longest = 2000

  /// Escapes a text for HTML, as text and within a quoted attribute.
  ///
  /// Characters that HTML does not allow are replaced; those that turn the direction of writing around are named, so
  /// that a line reads as what it is.
  static func escaped(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x26: bytes += "&amp;".utf8
      case 0x3c: bytes += "&lt;".utf8
      case 0x3e: bytes += "&gt;".utf8
      case 0x22: bytes += "&quot;".utf8
      case 0x27: bytes += "&#39;".utf8
      case 0x09, 0x0a, 0x20...0x7e: bytes.append(UInt8(scalar.value))
      case 0x0d: continue
      case 0x61c, 0x200b...0x200f, 0x202a...0x202e, 0x2060...0x2069, 0xfeff:
        bytes += "⟨U+\(String(scalar.value, radix: 16, uppercase: true))⟩".utf8
      case ..<0x20, 0x7f...0x9f, 0xfdd0...0xfdef: bytes += "\u{fffd}".utf8
      case let value where value & 0xfffe == 0xfffe: bytes += "\u{fffd}".utf8
      default: bytes += String(scalar).utf8
      }
    }
    return bytes
  }

  /// Replaces each line that may hold a secret by a sentence, and cuts what is too long to read.
  static func guarded(_ text: String) -> String {
    let plain = withoutColours(text)
    if plain.utf8.count <= longest, !plain.utf8.contains(0x0a) { return mayHold(plain) ? hidden : plain }
    return lines(plain.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init))
      .joined(separator: "\n")
  }

  /// Replaces each of the lines of one text that may hold a secret, also those that only do so in their place: within a
  /// private key. Those of a diff keep their sign.
  static func lines(_ lines: [String], signed: Bool = false) -> [String] {
    var isKey = false
    return lines.map { line in
      let plain = withoutColours(line)
      if plain.contains("-----BEGIN "), plain.contains("PRIVATE KEY") { isKey = true }
      defer { if plain.contains("-----END ") { isKey = false } }
      if isKey || mayHold(plain) { return signed ? plain.prefix(1) + hidden : hidden }
      return plain.utf8.count > longest ? String(decoding: plain.utf8.prefix(longest), as: UTF8.self) + "…" : plain
    }
  }

  private static func mayHold(_ line: String) -> Bool { isKeyMaterial(line) || Secrets.mayHold(line) }

  /// Says whether a line is Base64 and nothing else, as the middle of a key is in a diff that begins below its first line.
  private static func isKeyMaterial(_ line: String) -> Bool {
    guard line.utf8.count >= 60 else { return false }
    let body = line.utf8.drop { $0 == 0x2b || $0 == 0x2d || $0 == 0x20 || $0 == 0x09 || $0 == 0x7c }
    var upper = false
    for byte in body {
      switch byte {
      case 0x41...0x5a: upper = true
      case 0x61...0x7a, 0x30...0x39, 0x2b, 0x2f, 0x3d: continue
      default: return false
      }
    }
    return upper && body.count >= 60
  }

  /// Takes out the escape sequences by which programs colour what they print.
  private static func withoutColours(_ text: String) -> String {
    guard text.utf8.contains(0x1b) else { return text }
    var result: [UInt8] = []
    var bytes = text.utf8[...]
    while let byte = bytes.popFirst() {
      guard byte == 0x1b, bytes.first == 0x5b else {
        result.append(byte)
        continue
      }
      bytes = bytes.dropFirst().drop { (0x20...0x3f).contains($0) }.dropFirst()
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Makes a name fit to be an `id`, and the end of a link to it: different names stay different.
  static func anchor(_ name: String) -> String { coded(name, mark: "_", keeping: "-./") }

  /// Makes a text fit to be a part of an address's path.
  static func segment(_ text: String) -> String { coded(text, mark: "%", keeping: "-._~") }

  private static func coded(_ text: String, mark: String, keeping: String) -> String {
    var result = ""
    for byte in text.utf8 {
      let letter = Character(UnicodeScalar(byte))
      if byte < 0x80, letter.isLetter || letter.isNumber || keeping.contains(letter) {
        result.append(letter)
      } else {
        result += mark + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }
}
