/// One thing that a sync tells while it works: `clup.event/1`. Between processes it is a line of JSON.
public struct SyncEvent: Codable, Sendable, Equatable {
  /// What it is about.
  public enum Kind: String, Codable, Sendable {
    /// Something that people should know, of the sync as a whole.
    case message
    /// What the sync as a whole is doing.
    case phase
    /// A stack is to be worked on; the text says why.
    case planned
    /// Something is being done to a stack.
    case step
    /// A stack came to its end.
    case ended
  }

  /// The schema that this version writes.
  public static let schema = "clup.event/1"
  /// The schema's name.
  public var schema = Self.schema
  /// What it is about.
  public var kind: Kind
  /// The stack; nothing where it is about the sync as a whole.
  public var stack: String?
  /// What happens, for people.
  public var text: String
  /// When it began, in seconds since 1970.
  public var since: Double
  /// How many seconds it may take at the most.
  public var limit: Int?
  /// How many bytes have come by now.
  public var bytes: Int?
  /// How many there are, as far as that is known.
  public var totalBytes: Int?
  /// How the stack ended.
  public var outcome: StackReport.Outcome?
  /// How long that took.
  public var durationMs: Int?

  enum CodingKeys: String, CodingKey {
    case schema, kind, stack, text, since, limit, bytes, outcome
    case totalBytes = "total_bytes"
    case durationMs = "duration_ms"
  }

  /// Tells of something that begins at a moment, in seconds since 1970.
  public init(_ kind: Kind, of stack: String? = nil, _ text: String, since: Double) {
    self.kind = kind
    self.stack = stack
    self.text = text
    self.since = since
  }

  /// Returns how a stack ended: `deployed in 12 s`, `failed: web is unhealthy`.
  public var ending: String {
    let word = outcome?.words ?? "done"
    if !text.isEmpty { return "\(word): \(text)" }
    let seconds = (durationMs ?? 0) / 1000
    return seconds < 1 ? word : "\(word) in \(seconds) s"
  }

  /// Returns how much there is of it by a moment: `12 of 300 s`, `3.1 of 40.2 MB`; nothing of what has just begun.
  public func measure(at now: Double) -> String? {
    if let bytes {
      let total = totalBytes.map { max($0, bytes) }
      let unit = (total ?? bytes) >= 1_000_000 ? "MB" : "kB"
      func amount(_ bytes: Int) -> String {
        let tenths = (unit == "MB" ? bytes / 100_000 : bytes / 100)
        return "\(tenths / 10).\(tenths % 10)"
      }
      return "\(total.map { "\(amount(bytes)) of \(amount($0))" } ?? amount(bytes)) \(unit)"
    }
    let seconds = Int(max(0, now - since))
    if let limit { return "\(seconds) of \(limit) s" }
    return seconds < 1 ? nil : "\(seconds) s"
  }
}
