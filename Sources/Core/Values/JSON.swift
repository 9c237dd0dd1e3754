import FoundationEssentials
import YAML

/// A JSON value of any shape, as `docker compose config --format json` prints it.
public indirect enum JSON: Codable, Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Decodes whichever shape stands there.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([JSON].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  /// Encodes the plain value.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// Parses UTF-8 JSON text.
  public init(parsing bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

  /// Returns the text with sorted keys, so that equal values give equal bytes.
  public var canonical: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map(Array.init) ?? []
  }

  /// Returns the member of an object.
  public subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  /// The members of an object, none for any other shape.
  public var object: [String: JSON] {
    guard case .object(let members) = self else { return [:] }
    return members
  }

  /// The elements of an array, none for any other shape.
  public var array: [JSON] {
    guard case .array(let elements) = self else { return [] }
    return elements
  }

  /// The text of a string.
  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The value of a boolean.
  public var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The value of a whole number.
  public var integer: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// The texts among the elements of an array.
  var strings: [String] { array.compactMap(\.string) }

  /// Returns the same with a change to the object that is a member; without that member it stays as it is.
  public func changing(_ key: String, _ change: (inout [String: JSON]) -> Void) -> JSON {
    guard case .object(var members) = self, var inner = members[key]?.object else { return self }
    change(&inner)
    members[key] = .object(inner)
    return .object(members)
  }

  /// Applies a change to every string within.
  public func mapStrings(_ change: (String) -> String) -> JSON {
    switch self {
    case .string(let text): .string(change(text))
    case .array(let elements): .array(elements.map { $0.mapStrings(change) })
    case .object(let members): .object(members.mapValues { $0.mapStrings(change) })
    case .null, .bool, .integer, .number: self
    }
  }
}

extension Optional<JSON> {
  /// Returns the member of an object.
  public subscript(_ key: String) -> JSON? { self?[key] }

  /// The members of an object, none for any other shape or where nothing stands.
  public var object: [String: JSON] { self?.object ?? [:] }

  /// The members of an object, sorted by name.
  public var members: [(key: String, value: JSON)] { object.sorted { $0.key < $1.key } }

  /// The elements of an array, none for any other shape or where nothing stands.
  public var array: [JSON] { self?.array ?? [] }

  /// The texts among the elements of an array.
  public var strings: [String] { array.compactMap(\.string) }
}

extension JSON {
  /// Takes over a YAML value; scalars without quotes are read by YAML's core schema.
  init(_ node: Node) {
    switch node.content {
    case .sequence(let items): self = .array(items.map(JSON.init))
    case .mapping(let entries):
      self = .object(Dictionary(entries.map { ($0.key.string ?? "", JSON($0.value)) }) { _, last in last })
    case .scalar(let text, let plain):
      if node.isNull {
        self = .null
      } else if plain, ["true", "True", "TRUE", "false", "False", "FALSE"].contains(text) {
        self = .bool(text.lowercased() == "true")
      } else if plain, let number = Int(text) {
        self = .integer(number)
      } else if plain, let first = text.first, first.isNumber || "+-.".contains(first), let number = Double(text) {
        self = .number(number)
      } else {
        self = .string(text)
      }
    }
  }
}
