/// Takes lines out of one stream of a process as they come; what it does not take is kept for the outcome.
///
/// Lines come without their newlines, one after the other, on the thread that reads: what is done with one must not wait. Bytes
/// that are not UTF-8 become U+FFFD.
public struct LineTap: Sendable {
  /// A stream of a process.
  public enum Stream: Sendable { case output, errors }

  let stream: Stream
  private let takes: @Sendable (String) -> Bool
  private var partial: [UInt8] = []
  /// Whether the line that comes has been given up.
  private var skips = false

  /// Taps a stream; `takes` says of each line whether it is taken out.
  public init(_ stream: Stream, takes: @escaping @Sendable (String) -> Bool) {
    self.stream = stream
    self.takes = takes
  }

  /// Takes the next bytes, and gives those of lines that stay; a line is looked at up to so many of its bytes.
  mutating func append(_ bytes: ArraySlice<UInt8>, lineLimit: Int) -> [UInt8] {
    var (kept, rest) = ([UInt8](), bytes)
    while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
      partial += rest[...newline]
      kept += staying()
      rest = rest[(newline + 1)...]
    }
    partial += rest
    // A longer line is not looked at.
    if partial.count > lineLimit {
      (kept, partial, skips) = (kept + partial, [], true)
    }
    return kept
  }

  /// Ends the stream; a last line without a newline counts.
  mutating func end() -> [UInt8] { partial.isEmpty ? [] : staying() }

  private mutating func staying() -> [UInt8] {
    defer {
      partial.removeAll(keepingCapacity: true)
      skips = false
    }
    if skips { return partial }
    let line = partial.last == UInt8(ascii: "\n") ? partial.dropLast() : partial[...]
    return takes(String(decoding: line, as: UTF8.self)) ? [] : partial
  }
}
