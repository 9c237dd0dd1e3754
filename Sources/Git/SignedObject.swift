/// A commit or a tag with its signature taken out of it, as git does it; see gitformat-signature(5).
///
/// libgit2 is not asked for it: it leaves out letters of odd headers, and all that follows a zero byte.
public struct SignedObject: Sendable, Equatable {
  /// The program that a signature is for.
  public enum Format: Sendable { case ssh, openPGP, other }

  /// What the signature was made over.
  public let content: [UInt8]
  /// The signature as text; nothing where there is none.
  public let signature: [UInt8]?
  /// What is wrong with the object itself, so that no signature could say what it holds.
  public let problem: String?

  /// The format of the signature.
  public var format: Format {
    guard let signature else { return .other }
    if signature.starts(with: Array("-----BEGIN SSH SIGNATURE-----".utf8)) { return .ssh }
    return Self.openPGP.contains { signature.starts(with: Array($0.utf8)) } ? .openPGP : .other
  }

  private static let openPGP = ["-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----"]
  private static let beginnings = (openPGP + ["-----BEGIN SSH SIGNATURE-----", "-----BEGIN SIGNED MESSAGE-----"])
    .map { Array($0.utf8) }

  private init(_ content: [UInt8], _ signature: [UInt8]?, _ problem: String?) {
    self.content = content
    self.signature = signature
    // C libraries end a text there, so that not everybody would read the same.
    self.problem = problem ?? (content.contains(0) ? "it holds a zero byte" : nil)
  }

  /// Takes a commit apart: its signature stands in the header `gpgsig`, with a space before each further line.
  public init(commit bytes: [UInt8]) {
    var (content, signature): ([UInt8], [UInt8]) = ([], [])
    var (count, rest) = (0, bytes[...])
    enum Place { case content, signature, otherSignature }
    var place = Place.content
    // An empty line ends the headers.
    while let first = rest.first, first != 10 {
      let line = rest.prefix { $0 != 10 }
      let next = min(line.endIndex + 1, rest.endIndex)
      if line.starts(with: Array("gpgsig ".utf8)) {
        place = .signature
        count += 1
        signature += line.dropFirst(7) + [10]
      } else if line.starts(with: Array("gpgsig-sha256 ".utf8)) {
        place = .otherSignature
      } else if first == 0x20, place != .content {
        if place == .signature { signature += line.dropFirst() + [10] }
      } else {
        place = .content
        content += rest[rest.startIndex..<next]
      }
      rest = rest[next...]
    }
    self.init(
      content + rest, count == 0 ? nil : signature, count > 1 ? "it has more than one signature" : nil)
  }

  /// Takes a tag apart: its signature ends its message.
  public init(tag bytes: [UInt8]) {
    var (start, place): (Int?, Int) = (nil, 0)
    while place < bytes.count {
      let rest = bytes[place...]
      if Self.beginnings.contains(where: { rest.starts(with: $0) }) { start = place }
      place = (rest.firstIndex(of: 10) ?? bytes.count) + 1
    }
    self.init(Array(bytes[..<(start ?? bytes.count)]), start.map { Array(bytes[$0...]) }, nil)
  }

  /// Returns the value of a header, as far as the signature covers it.
  public func header(_ name: String) -> String? {
    for line in content.split(separator: 10, omittingEmptySubsequences: false) {
      if line.isEmpty { return nil }
      if line.starts(with: Array("\(name) ".utf8)) {
        return String(decoding: line.dropFirst(name.utf8.count + 1), as: UTF8.self)
      }
    }
    return nil
  }

  /// The time that a header such as `tagger` ends with, in seconds since 1970.
  public func time(in name: String) -> Int64? {
    header(name).flatMap { $0.split(separator: " ").dropLast().last.flatMap { Int64($0) } }
  }
}
