extension Duration {
  /// Reads `90s`, `5m`, `1h30m`, `250ms`, up to some thirty years; nothing else, not even a bare number.
  init?(parsing text: String) {
    var total = Duration.zero
    var digits = ""
    var unit = ""
    func amount() -> Duration? {
      guard let count = Int(digits), count < 1_000_000_000 else { return nil }
      switch unit {
      case "ms": return .milliseconds(count)
      case "s": return .seconds(count)
      case "m": return .seconds(count * 60)
      case "h": return .seconds(count * 3600)
      default: return nil
      }
    }
    for letter in text {
      if letter.isASCII, letter.isNumber {
        if !unit.isEmpty {
          guard let part = amount() else { return nil }
          total += part
          digits = ""
          unit = ""
        }
        digits.append(letter)
      } else {
        unit.append(letter)
      }
    }
    guard let part = amount(), total + part < .seconds(1_000_000_000) else { return nil }
    self = total + part
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
