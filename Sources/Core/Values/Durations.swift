extension Duration {
  /// Reads `90s`, `5m`, `1h30m`, `250ms`, up to some thirty years; nothing else, not even a bare number.
  init?(parsing text: String) {
    let units: [Substring: Duration] = [
      "ms": .milliseconds(1), "s": .seconds(1), "m": .seconds(60), "h": .seconds(3600),
    ]
    func isDigit(_ letter: Character) -> Bool { letter.isASCII && letter.isNumber }
    var (total, rest) = (Duration.zero, text[...])
    repeat {
      let digits = rest.prefix(while: isDigit)
      let unit = rest[digits.endIndex...].prefix { !isDigit($0) }
      guard let count = Int(digits), count < 1_000_000_000, let length = units[unit] else { return nil }
      total += length * count
      rest = rest[unit.endIndex...]
    } while !rest.isEmpty
    guard total < .seconds(1_000_000_000) else { return nil }
    self = total
  }

  /// The time as people write it: `1h30m`, `90s`, `250ms`.
  public var text: String {
    let (seconds, rest) = (Int(components.seconds), milliseconds % 1000)
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "m"), (seconds % 60, "s"), (rest, "ms")]
      .filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }
    return parts.isEmpty ? "0s" : parts.joined()
  }

  /// Whole milliseconds, rounded down.
  public var milliseconds: Int {
    Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
  }
}
