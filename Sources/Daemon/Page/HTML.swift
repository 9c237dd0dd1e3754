/// A piece of a page, which no text enters unescaped.
///
/// Only literals of this program are taken as they are. Whatever is put in between, `"<p>\(message)</p>"`, goes through
/// `Shown`: harmless as text and as a quoted attribute, and without a secret.
struct HTML: ExpressibleByStringInterpolation, Sendable, Equatable {
  private(set) var bytes: [UInt8] = []

  static let nothing: HTML = ""

  init(stringLiteral literal: StaticString) { bytes.append(literal) }

  init(stringInterpolation: StringInterpolation) { bytes = stringInterpolation.bytes }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var bytes: [UInt8] = []

    init(literalCapacity: Int, interpolationCount: Int) { bytes.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: StaticString) { bytes.append(literal) }

    mutating func appendInterpolation(_ text: String) { bytes += Shown.escaped(Shown.guarded(text)) }

    mutating func appendInterpolation(_ number: Int) { bytes += String(number).utf8 }

    mutating func appendInterpolation(_ html: HTML) { bytes += html.bytes }

    mutating func appendInterpolation(_ html: HTML?) { bytes += html?.bytes ?? [] }

    mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { bytes += piece.bytes } }
  }

  static func += (page: inout HTML, piece: HTML) { page.bytes += piece.bytes }

  static func joined(_ pieces: [HTML], by separator: HTML) -> HTML {
    var result = HTML.nothing
    for (index, piece) in pieces.enumerated() { result += index == 0 ? piece : "\(separator)\(piece)" }
    return result
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ literal: StaticString) {
    literal.withUTF8Buffer { append(contentsOf: $0) }
  }
}
