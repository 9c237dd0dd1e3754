import Glibc

/// Colours for a terminal, or none.
struct Ink: Sendable {
  let isOn: Bool

  /// Those of standard output; none where NO_COLOR asks for none, see https://no-color.org.
  static func output(_ environment: [String: String]) -> Ink { Ink(isOn: isatty(1) == 1 && wantsColour(environment)) }

  static func wantsColour(_ environment: [String: String]) -> Bool {
    environment["NO_COLOR"]?.isEmpty ?? true && environment["TERM"] != "dumb"
  }

  func green(_ text: String) -> String { dye(text, 32) }
  func red(_ text: String) -> String { dye(text, 31) }
  func yellow(_ text: String) -> String { dye(text, 33) }
  func bold(_ text: String) -> String { dye(text, 1) }
  func faint(_ text: String) -> String { dye(text, 2) }

  private func dye(_ text: String, _ code: Int) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
