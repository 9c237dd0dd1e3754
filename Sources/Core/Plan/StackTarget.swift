/// Where a stack is to go in a sync.
public enum StackTarget: Sendable, Equatable {
  /// To the target commit.
  case target
  /// To the commit that a rollback pinned it to, which lies so many commits behind the branch's head where that is known.
  case pin(Pin, behind: Int?)
  /// Nowhere: the target commit failed for it already. It stays at what was good before.
  case hold(Hold)
  /// Nowhere: another stack, for the reason given, stays where it is, and both must go together.
  case tied(SharedPathConflict, because: String?)
  /// Nowhere yet: what it waits for was away a moment ago. It stays at what was good before.
  case waiting(Waiting)
  /// Nowhere: validation refused it, and `gate: stack` lets the others go on.
  case refused
  /// Nowhere: another sync works on it.
  case busy
  /// To what was good, whatever the repository says now.
  case recorded
  /// Nowhere: it is gone from the repository, and the host neither takes it down by itself nor starts its services that are
  /// `down`.
  case gone(down: [String])
  /// To the target commit, where it is already; what drifted on the host is told of and left alone.
  case drifted([String])

  /// Whether it is kept from the target commit by an earlier failure, its own or that of a stack that it is tied to.
  public var isKeptBack: Bool {
    switch self {
    case .hold, .tied, .waiting: true
    case .target, .pin, .refused, .busy, .recorded, .gone, .drifted: false
    }
  }

  /// Whether it stays at its last good record, and is brought to no commit.
  public var staysAtLastGood: Bool { isKeptBack || self == .recorded }

  /// Whether what failed before no longer counts. A pin says nothing about another commit; neither does a stack that this sync
  /// does not bring anywhere.
  public func lifts(_ hold: Hold) -> Bool {
    switch self {
    case .target, .gone, .drifted: true
    case .pin(let pin, _): pin.commit == hold.commit
    case .refused, .busy, .hold, .tied, .waiting, .recorded: false
    }
  }

  /// Whether the repository no longer has it.
  public var isGone: Bool { if case .gone = self { true } else { false } }

  /// Whether a rollback pinned it.
  public var isPin: Bool { if case .pin = self { true } else { false } }

  /// Says for people why a stack is not brought to the target commit.
  public var reason: String? {
    switch self {
    case .target, .recorded: nil
    case .drifted(let drift): "left alone: " + drift.joined(separator: ", ")
    case .refused: "refused by validation"
    case .busy: "another sync works on it"
    case .tied(let tie, let why): "\(tie.words(of: "it")) \(why ?? "stays where it is")"
    case .gone(let down):
      "gone from the repository, and left "
        + (down.isEmpty ? "running" : "as it is, \(down.listed(4)) not running")
        + ": `sync: {prune: remove}` takes it down"
    case .pin(let pin, let behind):
      "pinned at \(pin.commit.prefix(7)) since \(pin.since)"
        + (behind.map { ", \($0.counted("commit")) behind" } ?? "")
    case .waiting(let waiting):
      "waiting for \(waiting.outage.words) since \(waiting.since); tried again within \(waiting.pause.text)"
    case .hold(let hold):
      "\(hold.commit.prefix(7)) failed at \(hold.since) and is not tried again until something it depends on changes, "
        + "or you run `clup sync --retry`"
    }
  }

  /// Says of a stack, in a sentence about another one, why it stays.
  public var reasonForOthers: String? {
    switch self {
    case .target, .recorded, .gone, .drifted: nil
    case .refused: "was refused by validation"
    case .busy: "is worked on by another sync"
    case .tied(let tie, _):
      if case .service = tie.cause {
        "stays, since \(tie.cause) moves between it and \(tie.stack)"
      } else {
        "shares \(tie.cause) with \(tie.stack)"
      }
    case .pin(let pin, _): "is pinned at \(pin.commit.prefix(7))"
    case .waiting(let waiting): "waits for \(waiting.outage.words)"
    case .hold(let hold): "is held: \(hold.commit.prefix(7)) failed for it at \(hold.since)"
    }
  }

  /// How a stack with nothing to do is reported.
  public var idle: StackReport.Outcome {
    switch self {
    case .target, .recorded, .gone, .drifted: .unchanged
    case .pin: .pinned
    case .hold, .tied: .held
    case .waiting: .waiting
    case .refused: .refused
    case .busy: .skipped
    }
  }
}
