import Synchronization

/// Cuts a stream of bytes into lines and hands them to a reader that waits for them.
final class LineQueue: Sendable {
  private typealias Reader = CheckedContinuation<String?, any Error>

  /// How many bytes may wait for the reader before the writer is held back.
  private static let capacity = 1 << 20

  private let state: Mutex<State>

  /// Makes a queue that keeps the first `lineLimit` bytes of each line.
  init(lineLimit: Int) {
    state = Mutex(State(lineLimit: lineLimit))
  }

  /// Whether the reader should catch up before more is appended.
  var isFull: Bool {
    state.withLock { $0.waiting >= LineQueue.capacity }
  }

  /// Takes the next bytes of the stream.
  func append(_ bytes: ArraySlice<UInt8>) {
    change { $0.append(bytes) }
  }

  /// Ends the stream; a last line without a newline counts. Only the first end counts.
  func end(_ end: Result<Void, ProcessError>) {
    change { $0.finish(end) }
  }

  /// Returns the next line, or `nil` after the last one, and calls `madeRoom` when the queue has just ceased to be full.
  func next(madeRoom: () -> Void) async throws -> String? {
    try await withCheckedThrowingContinuation { reader in
      let wasFull = isFull
      change { $0.readers.append(reader) }
      if wasFull && !isFull { madeRoom() }
    }
  }

  /// Changes the state, then gives each waiting reader what there is for it.
  private func change(_ body: (inout State) -> Void) {
    let served = state.withLock { state in
      body(&state)
      var served: [(Reader, Result<String?, any Error>)] = []
      while !state.readers.isEmpty, let result = state.take() { served.append((state.readers.removeFirst(), result)) }
      return served
    }
    for (reader, result) in served { reader.resume(with: result) }
  }

  private struct State {
    let lineLimit: Int
    var readers: [Reader] = []
    /// The bytes that wait, a little more for each line.
    private(set) var waiting = 0
    private var partial: [UInt8] = []
    private var lines: [String] = []
    private var taken = 0
    private var end: Result<Void, ProcessError>?

    init(lineLimit: Int) {
      self.lineLimit = lineLimit
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
      guard end == nil else { return }
      var rest = bytes
      while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
        extendLine(rest[..<newline])
        completeLine()
        rest = rest[(newline + 1)...]
      }
      extendLine(rest)
    }

    mutating func finish(_ end: Result<Void, ProcessError>) {
      guard self.end == nil else { return }
      if !partial.isEmpty { completeLine() }
      self.end = end
    }

    /// Takes the next line or the end; `nil` when neither is there yet. An error is given once.
    mutating func take() -> Result<String?, any Error>? {
      if taken < lines.count {
        let line = lines[taken]
        taken += 1
        waiting -= line.utf8.count + 1
        if taken == lines.count || taken >= 4096 {
          lines.removeFirst(taken)
          taken = 0
        }
        return .success(line)
      }
      guard let end else { return nil }
      self.end = .success(())
      return end.map { nil }.mapError { $0 }
    }

    private mutating func extendLine(_ bytes: ArraySlice<UInt8>) {
      partial.append(contentsOf: bytes.prefix(max(0, lineLimit - partial.count)))
    }

    private mutating func completeLine() {
      let line = String(decoding: partial, as: UTF8.self)
      partial.removeAll(keepingCapacity: partial.count < 4096)
      lines.append(line)
      waiting += line.utf8.count + 1
    }
  }
}
