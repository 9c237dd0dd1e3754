/// Where a stack is to go in a sync.
public enum Aim: Sendable, Equatable {
  /// To the target commit.
  case target
  /// To the commit that a rollback pinned it to, which lies so many commits behind the branch's head where that is known.
  case pin(Pin, behind: Int?)
  /// Nowhere: the target commit failed for it already. It stays at what was good before.
  case hold(Hold)
  /// Nowhere: validation refused it, and `gate: stack` lets the others go on.
  case refused
  /// Nowhere: it is gone from the repository, and the host takes nothing down by itself.
  case gone
  /// To the target commit, where it is already; what drifted on the host is told of and left alone.
  case drifted([String])

  /// Whether it is kept from the target commit by an earlier failure.
  public var isHeld: Bool { if case .hold = self { true } else { false } }

  /// Whether it is kept from the target commit although nobody wished that.
  public var isKept: Bool { isHeld || self == .refused }

  /// Says for people why a stack is not brought to the target commit.
  public var reason: String? {
    switch self {
    case .target: nil
    case .drifted(let drift): "left alone: " + drift.joined(separator: ", ")
    case .refused: "refused by validation"
    case .gone: "gone from the repository, and left running: `sync: {prune: remove}` takes it down"
    case .pin(let pin, let behind):
      "pinned at \(pin.commit.prefix(7)) since \(pin.since)"
        + (behind.map { ", \($0) commit\($0 == 1 ? "" : "s") behind" } ?? "")
    case .hold(let hold):
      "\(hold.commit.prefix(7)) failed at \(hold.since) and is not tried again until something it depends on changes, "
        + "or --retry asks"
    }
  }

  /// How a stack with nothing to do is reported.
  public var idle: StackReport.Outcome {
    switch self {
    case .target, .gone, .drifted: .unchanged
    case .pin: .pinned
    case .hold: .held
    case .refused: .refused
    }
  }
}
