import YAML

/// One text of a Compose file, with its tree where it could be read.
public struct ComposeSource: Sendable {
  /// The path, relative to the repository's root or absolute on the host.
  public let path: String
  /// The tree.
  public let document: Node?
  /// Why it could not be read.
  public let error: YAMLError?
  /// The text as it was read.
  public let bytes: [UInt8]
  /// How often the text goes up a directory.
  public var climbs: Int { Path.climbs(in: String(decoding: bytes, as: UTF8.self)) }
  /// Every text of its tree; see `Node.scalars`.
  public var scalars: [(keys: [String], text: String, mark: Mark)] { document?.scalars ?? [] }
}

extension ComposeSource {
  /// Reads a text; of several documents the first.
  init(path: String, bytes: [UInt8]) {
    self = Self.documents(path: path, bytes: bytes)[0]
  }

  /// Reads a text with each of its documents, which Compose lays over one another; at least one.
  public static func documents(path: String, bytes: [UInt8]) -> [ComposeSource] {
    do throws(YAMLError) {
      let documents = try parse(bytes)
      if documents.isEmpty { return [ComposeSource(path: path, document: nil, error: nil, bytes: bytes)] }
      return documents.map { ComposeSource(path: path, document: $0, error: nil, bytes: bytes) }
    } catch {
      return [ComposeSource(path: path, document: nil, error: error, bytes: bytes)]
    }
  }
}

extension Node {
  /// Every text at and below it, in order, each with the keys that lead there.
  public var scalars: [(keys: [String], text: String, mark: Mark)] {
    var found: [(keys: [String], text: String, mark: Mark)] = []
    addScalars(below: [], to: &found)
    return found
  }

  private func addScalars(below keys: [String], to found: inout [(keys: [String], text: String, mark: Mark)]) {
    if let text = string { return found.append((keys, text, start)) }
    for element in sequence ?? [] { element.addScalars(below: keys, to: &found) }
    for entry in mapping ?? [] { entry.value.addScalars(below: keys + [entry.key.string ?? ""], to: &found) }
  }
}
