/// Finds the lines of a text that are worth a closer look, in one pass over its bytes: most lines are not, and to decode
/// each of them takes seconds for a list of settings.
struct Scan {
  /// What a line holds a hint of.
  struct Hints: OptionSet {
    let rawValue: UInt8
    static let shape = Hints(rawValue: 1)
    static let address = Hints(rawValue: 2)
    static let name = Hints(rawValue: 4)
  }

  /// A line that holds a hint: its number from 1, its bytes, and what the hint is of.
  struct Line {
    let number: Int
    let bytes: Range<Int>
    let hints: Hints
  }

  /// Returns the lines with hints, those of more than 4000 bytes aside.
  static func lines(of bytes: [UInt8]) -> [Line] {
    bytes.withUnsafeBufferPointer { buffer in
      pairs.withUnsafeBufferPointer { pairs in
        var (found, number, start, hints) = ([Line](), 1, 0, Hints())
        let count = buffer.count
        var index = 0
        while index <= count {
          let byte = index < count ? buffer[index] : 10
          if byte == 10 {
            if !hints.isEmpty, index - start <= 4000 {
              found.append(Line(number: number, bytes: start..<index, hints: hints))
            }
            (number, start, hints) = (number + 1, index + 1, [])
          } else if index + 1 < count, pairs[Int(byte) << 8 | Int(buffer[index + 1])] {
            hints.formUnion(Self.hints(at: index, in: buffer))
          }
          index += 1
        }
        return found
      }
    }
  }

  private static let words: [(word: [UInt8], hint: Hints)] =
    (Secrets.beginnings + [
      "-----BEGIN ", "PuTTY-User-Key-File-", "eyJ", "hooks.slack.com", ":AA", "\"auth\"", "@pam!", "@pve!",
    ])
    .map { (Array($0.utf8), .shape) } + [(Array("://".utf8), .address)]

  private static let names = Secrets.hints.map { $0 }

  /// Which two bytes begin a word that is looked for; the words in names count in either case.
  private static let pairs: [Bool] = {
    var pairs = [Bool](repeating: false, count: 1 << 16)
    for (word, _) in words { pairs[Int(word[0]) << 8 | Int(word[1])] = true }
    for name in names {
      for first in [name[0], name[0] | 0x20] {
        for second in [name[1], name[1] | 0x20] { pairs[Int(first) << 8 | Int(second)] = true }
      }
    }
    return pairs
  }()

  private static func hints(at index: Int, in buffer: UnsafeBufferPointer<UInt8>) -> Hints {
    var hints = Hints()
    func isThere(_ word: [UInt8], _ fold: UInt8) -> Bool {
      guard index + word.count <= buffer.count else { return false }
      for offset in word.indices where buffer[index + offset] & ~fold != word[offset] & ~fold { return false }
      return true
    }
    for (word, hint) in words where word[0] == buffer[index] && isThere(word, 0) { hints.formUnion(hint) }
    for name in names where name[0] == buffer[index] & 0xdf && isThere(name, 0x20) { hints.formUnion(.name) }
    return hints
  }
}
