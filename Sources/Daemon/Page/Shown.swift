import Core
import Encoding

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
    if text.utf8.count <= longest, !text.utf8.contains(0x0a) { return lines([text])[0] }
    return lines(split(text)).joined(separator: "\n")
  }

  /// Splits a text where a line ends, and nowhere else: a diff would lose its signs.
  static func split(_ text: String) -> [String] {
    text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map { line in
      String(decoding: line.last == 0x0d ? line.dropLast() : line, as: UTF8.self)
    }
  }

  /// Replaces each of the lines of one text that may hold a secret, also those that only do so in their place: within a
  /// private key. Those of a diff keep their sign.
  static func lines(_ lines: [String], signed: Bool = false) -> [String] {
    func hide(_ line: String) -> String { signed ? line.prefix(1) + hidden : hidden }
    var isKey = false
    var shown: [String] = []
    for line in lines {
      let plain = withoutColours(line)
      let wasKey = isKey
      let begin = plain.ranges(of: "-----BEGIN ").last { plain[$0.upperBound...].contains("PRIVATE KEY") }
      let end = plain.ranges(of: "-----END ").last { plain[$0.upperBound...].contains("PRIVATE KEY") }
      if let begin { isKey = end.map { $0.lowerBound < begin.lowerBound } ?? true } else if end != nil { isKey = false }
      if end != nil, !wasKey, begin == nil {
        // The key began above what is to be seen.
        for index in shown.indices.reversed() {
          if signed, shown[index].hasPrefix("@@") { break }
          shown[index] = hide(shown[index])
        }
      }
      if wasKey || begin != nil || end != nil || isKeyMaterial(plain) || Secrets.mayHold(plain) {
        shown.append(hide(plain))
      } else {
        shown.append(
          plain.utf8.count > longest ? String(decoding: plain.utf8.prefix(longest), as: UTF8.self) + "…" : plain)
      }
    }
    return shown
  }

  /// Returns whether a line has a long piece of Base64, as the middle of a key is that began above what is to be seen.
  private static func isKeyMaterial(_ line: String) -> Bool {
    guard line.utf8.count >= 60 else { return false }
    var (length, upper, lower, digit) = (0, false, false, false)
    for byte in line.utf8 {
      length += 1
      switch byte {
      case 0x41...0x5a: upper = true
      case 0x61...0x7a: lower = true
      case 0x30...0x39: digit = true
      case 0x2b, 0x2f, 0x3d: break
      default: (length, upper, lower, digit) = (0, false, false, false)
      }
      if length >= 60, upper, lower, digit { return true }
    }
    return false
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
  static func anchor(_ name: String) -> String { guarded(name).percentEncoded(keeping: "-./", mark: "_") }

  /// Makes a text fit to be a part of an address's path.
  static func segment(_ text: String) -> String { guarded(text).percentEncoded() }
}
