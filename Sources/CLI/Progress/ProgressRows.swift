import Core

/// What a sync does now, as rows for a terminal: one for each stack that is worked on, or one for the sync as a whole.
struct ProgressRows: Sendable {
  private var phase: SyncEvent?
  private var stacks: [String: SyncEvent] = [:]

  /// Takes an event; a message is no row.
  mutating func take(_ event: SyncEvent) {
    switch event.kind {
    case .message: break
    case .phase: phase = event
    case .planned, .step, .ended:
      guard let stack = event.stack else { return }
      // A change of the same thing may come late.
      if stacks[stack]?.kind == .ended, event.kind == .step { return }
      stacks[stack] = event
    }
  }

  /// Returns the rows at a moment, none wider and no more than there is room for.
  func lines(width: Int, height: Int, now: Double, ink: Ink) -> [String] {
    if stacks.isEmpty { return phase.map { [row($0, "", width: width, now, ink)] } ?? [] }
    let longest = stacks.keys.map(\.count).max() ?? 0
    let name = min(longest, max(8, width / 3))
    let rows = shown(of: max(1, height - 1))
    var lines = rows.map { stack, event in row(event, Self.fit(stack, to: name) + "  ", width: width, now, ink) }
    let left = stacks.count - rows.count
    if left > 0 {
      let kept = Set(rows.map(\.key))
      let others = stacks.filter { !kept.contains($0.key) }.values
      let ended = others.filter { $0.kind == .ended }.count
      lines.append(ink.faint(Self.fit("  and \(left) more: \(ended) done, \(left - ended) to come", to: width)))
    }
    return lines
  }

  /// Those that are shown where there is no room for all: what is worked on and what failed before the rest.
  private func shown(of room: Int) -> [(key: String, value: SyncEvent)] {
    let all = stacks.sorted { $0.key < $1.key }
    if all.count <= room { return all }
    func rank(_ event: SyncEvent) -> Int {
      if event.kind == .step { return 0 }
      return event.kind == .planned ? 2 : Self.isGood(event) ? 3 : 1
    }
    let chosen = all.sorted { (rank($0.value), $0.key) < (rank($1.value), $1.key) }.prefix(room - 1)
    return chosen.sorted { $0.key < $1.key }
  }

  private func row(_ event: SyncEvent, _ name: String, width: Int, _ now: Double, _ ink: Ink) -> String {
    let (mark, text, measure) = parts(of: event, now)
    let end = measure.map { "  " + $0 } ?? ""
    let room = width - 2 - name.count - end.count
    let shown =
      room > 8
      ? Self.fit(text.replacing("\t", with: " "), to: room) + end
      : Self.fit(text.replacing("\t", with: " "), to: room + end.count)
    let dyed = event.kind == .planned ? ink.faint(shown) : shown
    switch event.kind {
    case .ended: return (Self.isGood(event) ? ink.green(mark) : ink.red(mark)) + " " + name + dyed
    case .planned: return ink.faint(mark) + " " + name + dyed
    default: return ink.yellow(mark) + " " + name + dyed
    }
  }

  private func parts(of event: SyncEvent, _ now: Double) -> (mark: String, text: String, measure: String?) {
    switch event.kind {
    case .ended:
      return (Self.isGood(event) ? "✓" : "✗", event.ending, nil)
    case .planned: return ("·", "waiting: \(event.text)", nil)
    default: return ("•", event.text, event.measure(at: now))
    }
  }

  private static func isGood(_ event: SyncEvent) -> Bool {
    !(event.outcome?.isBad ?? false)
  }

  /// Cuts a text, or fills it up with spaces.
  private static func fit(_ text: String, to width: Int) -> String {
    if text.count > width { return text.prefix(max(0, width - 1)) + (width > 0 ? "…" : "") }
    return text + String(repeating: " ", count: width - text.count)
  }
}
