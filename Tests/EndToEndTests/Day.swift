import Core
import Foundation
import Testing

/// What happens to a host in a day, and where each of its stacks belongs by then: the part that asks nobody.
struct Day {
  /// What may happen between two polls.
  enum Event: Hashable { case good, bad, refused, reverted, drift, engine, repository, registry, kill, disk }

  /// What a stack's Compose file makes of it.
  enum Content: Equatable {
    case good(Int), bad(Int), refused(Int), unpulled(Int)

    var number: Int {
      switch self {
      case .good(let n), .bad(let n), .refused(let n), .unpulled(let n): n
      }
    }

    var text: String {
      var lines = ["labels: {v: '\(number)'}", "network_mode: none"]
      if case .bad = self {} else { lines.append("restart: unless-stopped") }
      if case .refused = self { lines.append("privileged: true") }
      var text = sleeper("web", lines: lines)
      if case .bad = self { text = text.replacing("sleep 100000", with: "'false'") }
      if case .unpulled = self { text = text.replacing("busybox:test", with: image) }
      return text
    }

    /// An image that no registry has.
    var image: String { "127.0.0.1:1/day:\(number)" }
  }

  /// How often each happens in a whole day, which has 1,440 polls.
  private static let usual: [(Event, Int)] = [
    (.good, 30), (.bad, 10), (.refused, 10), (.reverted, 10), (.drift, 30), (.engine, 10), (.repository, 10),
    (.registry, 5), (.kill, 3), (.disk, 2),
  ]

  static let stacks = (0..<10).map { "s\($0)" }

  /// What happens before each poll; nothing before most of them.
  let events: [Event?]
  /// The head of the branch, and every head before it.
  private(set) var heads: [[String: Content]]
  /// What each stack runs, by the last head that was good for it.
  private(set) var runs: [String: Content]
  var dice: EndToEnd.EqualSources.Dice

  /// Draws a day of so many polls, in which everything happens at least once.
  init(polls: Int, seed: UInt64) {
    dice = EndToEnd.EqualSources.Dice(state: seed)
    var drawn = Self.usual.flatMap { Array(repeating: Optional($0.0), count: max(1, $0.1 * polls / 1440)) }
    drawn += Array(repeating: nil, count: max(0, polls - drawn.count))
    events = drawn.shuffled(using: &dice)
    let first = Dictionary(uniqueKeysWithValues: Self.stacks.map { ($0, Content.good(0)) })
    (heads, runs) = ([first], first)
  }

  var head: [String: Content] { heads.last ?? [:] }

  var isRefused: Bool { head.values.contains { if case .refused = $0 { true } else { false } } }

  /// The stacks whose head failed, or waits.
  func isKept(_ stack: String) -> Bool { !isRefused && head[stack] != runs[stack] }

  /// Makes the next head of the branch; gives what it changes.
  mutating func commit(_ event: Event) -> [String: Content] {
    let number = heads.count
    var next = head
    // What is refused is fixed by whoever commits next.
    for (name, content) in next { if case .refused = content { next[name] = runs[name] } }
    let chosen = Self.stacks.shuffled(using: &dice).prefix(Int.random(in: 1...3, using: &dice))
    switch event {
    case .bad: next[chosen[0]] = .bad(number)
    case .refused: next[chosen[0]] = .refused(number)
    case .registry: next[chosen[0]] = .unpulled(number)
    case .reverted:
      next =
        heads.dropLast().last { head in !head.values.contains { if case .refused = $0 { true } else { false } } }
        ?? next
    default: for name in chosen { next[name] = .good(number) }
    }
    let changed = next.filter { $0.value != head[$0.key] }
    heads.append(next)
    return changed
  }

  /// Says that the head was brought to the host, as far as it can be; `pulled` says whether a registry gives what it has.
  mutating func arrive(pulled: Bool = true) {
    if isRefused { return }
    for (name, content) in head {
      switch content {
      case .good: runs[name] = content
      case .unpulled: if pulled { runs[name] = content }
      case .bad, .refused: continue
      }
    }
  }
}

func sleeper(_ name: String, lines: [String]) -> String { "services:\n" + service(name, lines) }
