/// Tells why a text could not be read as YAML.
public struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Sorts the errors.
  public enum Kind: Sendable, Equatable {
    /// The text breaks YAML's grammar.
    case syntax
    /// The text is not UTF-8 or UTF-16.
    case encoding
    /// The text goes past one of the limits.
    case tooLarge
    /// A mapping holds a key twice.
    case duplicateKey
    /// An alias names no anchor above it.
    case unknownAlias
  }

  /// What kind of error this is.
  public let kind: Kind
  /// What is wrong, in libyaml's words where they come from there.
  public let message: String
  /// Where, as far as it is known.
  public let mark: Mark?

  /// The message with its place.
  public var description: String { mark.map { "line \($0.line), column \($0.column): \(message)" } ?? message }
}

/// Returns the source line at a mark with a caret under its column, or nothing when there is no such line.
///
/// Tabs become single spaces so that the caret stands right; a long line is cut around the mark.
public func excerpt(of bytes: [UInt8], at mark: Mark) -> [String] {
  let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  guard mark.line >= 1, mark.line <= lines.count else { return [] }
  var scalars = Array(String(decoding: lines[mark.line - 1], as: UTF8.self).unicodeScalars)
  if scalars.last == "\r" { scalars.removeLast() }
  let column = min(max(mark.column, 1), scalars.count + 1)
  let first = max(0, column - 80)
  var text = String.UnicodeScalarView()
  for scalar in scalars[first...].prefix(120) {
    text.append(scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? " " : scalar)
  }
  return [String(text), String(repeating: " ", count: column - 1 - first) + "^"]
}
