import Synchronization

/// Bytes that are shown to nobody: whatever prints one prints `***`. They are overwritten once nobody holds them.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let storage: Storage

  /// Keeps the bytes.
  public init(_ bytes: [UInt8]) { storage = Storage(bytes) }

  /// Stands for the bytes.
  public var description: String { "***" }

  /// Stands for the bytes.
  public var debugDescription: String { "***" }

  /// Shows nothing of them either.
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Lends the bytes. Whoever keeps them keeps a copy that nobody overwrites.
  public func withBytes<Result>(_ use: ([UInt8]) throws -> Result) rethrows -> Result { try storage.lend(use) }

  /// Compares what is kept.
  public static func == (one: Secret, other: Secret) -> Bool {
    one.storage === other.storage || one.withBytes { first in other.withBytes { first == $0 } }
  }
}

/// Holds the bytes at one place, whoever hands the secret on.
private final class Storage: Sendable {
  private let bytes: Mutex<[UInt8]>

  init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }

  deinit { bytes.withLock { wipe(&$0) } }

  func lend<Result>(_ use: ([UInt8]) throws -> Result) rethrows -> Result { try use(bytes.withLock { $0 }) }
}

/// Overwrites bytes with zeros. Not inlined, so that the compiler cannot see that nobody reads them afterwards.
@inline(never)
public func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { buffer in
    for index in buffer.indices { buffer[index] = 0 }
  }
}
