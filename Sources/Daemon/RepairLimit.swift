import Core

/// How often drift is put right before the daemon takes it for the will of a person, and only tells of it.
struct RepairLimit: Sendable {
  static let repairs = 3
  static let window = Duration.seconds(600)

  private var repaired: [String: [ContinuousClock.Instant]] = [:]

  private var excused: Set<String> = []

  /// Takes what was not in place once the engine was back for the engine's doing: the next try for it does not count.
  mutating func excuse(_ stacks: [String]) { excused.formUnion(stacks) }

  /// Counts a try for each stack that was worked on.
  mutating func note(_ stacks: Set<String>, at now: ContinuousClock.Instant) {
    for name in stacks where excused.remove(name) == nil { repaired[name, default: []].append(now) }
  }

  /// Splits stacks that drifted into those to put right now and those to leave alone.
  mutating func judge(_ stacks: [String], at now: ContinuousClock.Instant) -> (repair: [String], wait: [String]) {
    repaired = repaired.mapValues { $0.filter { $0.duration(to: now) < Self.window } }.filter { !$0.value.isEmpty }
    let wait = stacks.filter { (repaired[$0]?.count ?? 0) >= Self.repairs }
    return (stacks.filter { !wait.contains($0) }, wait)
  }

  /// When the first of the stacks that are left alone may be put right again.
  func next(of stacks: [String]) -> ContinuousClock.Instant? {
    stacks.compactMap { repaired[$0]?.first?.advanced(by: Self.window) }.min()
  }
}
