import FoundationEssentials

/// Tells moments by their distance from now.
struct Moments: Sendable {
  /// Seconds since 1970.
  let now: Double

  /// Returns a moment in seconds since 1970.
  static func seconds(_ text: String) -> Double? {
    (try? Date(text, strategy: .iso8601))?.timeIntervalSince1970
  }

  /// Returns `<time>` with the age as text and the exact moment as title; a text that is no moment is shown as it is.
  func ago(_ text: String) -> HTML {
    guard let date = try? Date(text, strategy: .iso8601) else { return "\(text)" }
    let exact = date.formatted(.iso8601)
    let title = exact.replacing("T", with: " ").replacing("Z", with: " UTC")
    let age = Self.age(now - date.timeIntervalSince1970, on: title)
    return "<time datetime=\"\(exact)\" title=\"\(title)\">\(age)</time>"
  }

  private static func age(_ seconds: Double, on title: String) -> String {
    func count(_ unit: Double, _ word: String) -> String { "\(Int(seconds / unit).counted(word)) ago" }
    switch seconds {
    case ..<(-90): return title
    case ..<10: return "just now"
    case ..<60: return "\(Int(seconds / 10) * 10) seconds ago"
    case ..<3600: return count(60, "minute")
    case ..<86400: return count(3600, "hour")
    case ..<(60 * 86400): return count(86400, "day")
    case ..<(730 * 86400): return count(30.44 * 86400, "month")
    default: return count(365.25 * 86400, "year")
    }
  }

  /// Returns a length of time: `640 ms`, `12 s`, `3 min 5 s`.
  static func length(milliseconds: Int) -> String {
    switch milliseconds {
    case ..<1000: return "\(milliseconds) ms"
    case ..<10_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    case ..<60_000: return "\(milliseconds / 1000) s"
    default: return "\(milliseconds / 60_000) min \(milliseconds % 60_000 / 1000) s"
    }
  }
}
