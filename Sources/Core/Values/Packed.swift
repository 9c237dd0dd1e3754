/// A table of texts that is written as one text: a file with thousands of them is read several times as fast. A table that was
/// written as one is read, too.
///
/// Each key and each value ends with a DEL, which neither paths nor ids hold as a rule, and which JSON writes as it is; the keys
/// are sorted.
@propertyWrapper public struct Packed: Codable, Sendable, Equatable {
  /// The table.
  public var wrappedValue: [String: String]

  /// Takes a table.
  public init(wrappedValue: [String: String]) { self.wrappedValue = wrappedValue }

  /// Reads either form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let text = try? container.decode(String.self) else {
      wrappedValue = try container.decode([String: String].self)
      return
    }
    let fields = text.utf8.split(separator: Self.end, omittingEmptySubsequences: false).dropLast()
    guard fields.count.isMultiple(of: 2) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a key without a value")
    }
    wrappedValue = Dictionary(minimumCapacity: fields.count / 2)
    for index in stride(from: 0, to: fields.count, by: 2) {
      wrappedValue[String(Substring(fields[index]))] = String(Substring(fields[index + 1]))
    }
  }

  private static let end: UInt8 = 0x7f

  /// Writes it as one text; as a table where a key or value holds a DEL.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if wrappedValue.contains(where: { $0.key.utf8.contains(Self.end) || $0.value.utf8.contains(Self.end) }) {
      return try container.encode(wrappedValue)
    }
    try container.encode(wrappedValue.sorted { $0.key < $1.key }.map { "\($0.key)\u{7f}\($0.value)\u{7f}" }.joined())
  }
}
