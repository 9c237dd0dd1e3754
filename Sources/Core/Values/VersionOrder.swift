/// The place of a tag's name among others when numbers within it count as numbers: `v1.9` comes before `v1.10`.
///
/// As in Semantic Versioning, a pre-release (a `-` and a letter after a number, `v2.0-rc1`) comes before its release, and what
/// follows a `+` does not count.
public struct VersionOrder: Sendable, Comparable {
  private enum Part: Sendable, Equatable {
    case number(String)
    case text(String)
  }
  private let release: [Part]
  private let preRelease: [Part]

  /// Takes a name apart.
  public init(_ name: String) {
    let name = name.prefix { $0 != "+" }
    if let match = name.firstMatch(of: /([0-9])-[A-Za-z]/) {
      release = Self.parts(of: name[..<match.1.endIndex])
      preRelease = Self.parts(of: name[match.1.endIndex...].dropFirst())
    } else {
      release = Self.parts(of: name)
      preRelease = []
    }
  }

  /// Whether it comes before the release that it is named after.
  var isPreRelease: Bool { !preRelease.isEmpty }

  /// Returns which comes first.
  public static func < (left: VersionOrder, right: VersionOrder) -> Bool {
    if let first = firstDifference(left.release, right.release) { return first }
    if left.isPreRelease != right.isPreRelease { return left.isPreRelease }
    return firstDifference(left.preRelease, right.preRelease) ?? false
  }

  /// Returns whether neither comes first: `1.0` and `1.00`.
  public static func == (left: VersionOrder, right: VersionOrder) -> Bool { !(left < right) && !(right < left) }

  private static func firstDifference(_ left: [Part], _ right: [Part]) -> Bool? {
    for (one, other) in zip(left, right) where one != other {
      switch (one, other) {
      // Numbers of any length, without leading zeros.
      case (.number(let one), .number(let other)):
        return one.utf8.count == other.utf8.count ? one < other : one.utf8.count < other.utf8.count
      case (.text(let one), .text(let other)): return one < other
      case (.number, .text): return true
      case (.text, .number): return false
      }
    }
    return left.count == right.count ? nil : left.count < right.count
  }

  private static func parts(of name: Substring) -> [Part] {
    var (parts, rest): ([Part], Substring) = ([], name)
    while let first = rest.first {
      let isDigit = isDigit(first)
      let part = rest.prefix { Self.isDigit($0) == isDigit }
      rest = rest[part.endIndex...]
      parts.append(isDigit ? .number(String(part.drop { $0 == "0" })) : .text(String(part)))
    }
    return parts
  }

  private static func isDigit(_ letter: Character) -> Bool { letter.isASCII && letter.isNumber }
}
