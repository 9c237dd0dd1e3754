/// Bytes that are shown to nobody: whatever prints one prints `***`.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let bytes: [UInt8]

  /// Keeps the bytes.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Stands for the bytes.
  public var description: String { "***" }

  /// Stands for the bytes.
  public var debugDescription: String { "***" }

  /// Shows nothing of them either.
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Lends the bytes.
  public func withBytes<Result>(_ use: ([UInt8]) throws -> Result) rethrows -> Result { try use(bytes) }
}
