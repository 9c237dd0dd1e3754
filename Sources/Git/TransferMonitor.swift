import Dispatch
import Synchronization

/// Ends a transfer whose time is over, or that has come to a crawl.
final class TransferMonitor: Sendable {
  /// A pack that brings less than `slowest` bytes within `patience` is given up, as git does for http.lowSpeedLimit.
  private let patience: Duration
  private static let slowest = 10 << 10

  private struct State {
    var isOver = false
    /// What has come of the pack, and whether all of it is there.
    var (bytes, isWhole) = (0, false)
    /// What had come at the last look that found enough.
    var mark: (bytes: Int, at: ContinuousClock.Instant)?
  }
  private let state = Mutex(State())

  init(patience: Duration = .seconds(30)) { self.patience = patience }

  /// Notes what has come so far; says whether to go on.
  func note(_ bytes: Int, isWhole: Bool) -> Bool {
    state.withLock {
      ($0.bytes, $0.isWhole) = (bytes, isWhole)
      if $0.mark == nil { $0.mark = (bytes, .now) }
      return !$0.isOver
    }
  }

  /// Makes the transfer end at its next step.
  func end() { state.withLock { $0.isOver = true } }

  /// Looks each second until `deadline` is over. `tell` gets the reason once there is one, and says whether anybody still waits.
  func follow(until deadline: Duration, _ tell: @escaping @Sendable (String?) -> Bool) {
    let start = ContinuousClock.now
    let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "git.deadline"))
    let step = min(1, seconds(deadline))
    timer.schedule(deadline: .now() + step, repeating: step)
    timer.setEventHandler {
      let why = self.verdict(at: .now, start, deadline)
      if why != nil { self.end() }
      if !tell(why) || why != nil { timer.cancel() }
    }
    timer.resume()
  }

  private func verdict(
    at now: ContinuousClock.Instant, _ start: ContinuousClock.Instant, _ deadline: Duration
  ) -> String? {
    if start.duration(to: now) >= deadline {
      return "did not answer within \(seconds(deadline).formatted) s; see `sync: {fetch_timeout: …}`"
    }
    return state.withLock { state in
      guard let mark = state.mark, !state.isWhole else { return nil }
      if state.bytes - mark.bytes >= Self.slowest {
        state.mark = (state.bytes, now)
      } else if mark.at.duration(to: now) >= patience {
        return "sent less than \(Self.slowest >> 10) KiB within \(patience.components.seconds) s"
      }
      return nil
    }
  }
}

private func seconds(_ duration: Duration) -> Double {
  Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

extension Double {
  fileprivate var formatted: String { self == rounded() ? String(Int(self)) : String(self) }
}
