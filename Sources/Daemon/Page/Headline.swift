import Agent
import Core

/// The sentence that says how things stand.
struct Headline {
  /// How good the news is.
  let tone: Tone
  /// The sentence as plain text, for the title.
  let title: String
  let sentence: HTML

  init(_ tone: Tone, _ words: String) {
    self.tone = tone
    title = words
    sentence = "\(words)"
  }

  /// `7 stacks in place at 1a2b3c4, deployed 2 minutes ago`; the age is not read out each time that it grows.
  init(_ tone: Tone, _ words: String, at commit: String?, then: String = "", when: HTML? = nil) {
    self.tone = tone
    title = words + (commit.map { " at \($0.prefix(7))" } ?? "") + then
    let place = commit.map { " at \(Page.commit($0))" as HTML }
    sentence = "\(words)\(place)\(then)\(when.map { "<span aria-live=\"off\">, \($0)</span>" as HTML })"
  }

  /// Returns how the host stands.
  static func host(_ seen: StatusPageModel) -> Headline {
    guard let status = seen.status else {
      return seen.statusError == nil
        ? Headline(.calm, "Nothing is known of this host yet") : Headline(.bad, "The state of this host is unknown")
    }
    let stacks = status.stacks
    if status.error != nil {
      return Headline(.bad, "The engine does not answer: \(stacks.count.counted("stack")) cannot be seen")
    }
    if stacks.isEmpty {
      return seen.unreachable == nil
        ? Headline(.calm, "No stack was deployed yet")
        : Headline(.bad, "No stack was deployed yet, and the repository cannot be reached")
    }
    if let worst = troubles(stacks) { return Headline(.bad, worst) }
    let waiting = stacks.filter { StackCondition($0) == .waiting }
    if let first = waiting.first, let outage = first.waitsFor {
      let number = waiting.count
      return Headline(
        .note,
        stacks.count == 1
          ? "The only stack waits for \(outage.words)"
          : "\(number) of \(stacks.count) stacks wait\(number == 1 ? "s" : "") for \(outage.words)")
    }
    let pinned = stacks.filter { $0.pin != nil }.count
    let then = pinned == 0 ? "" : pinned == stacks.count ? ", each of them pinned" : ", \(pinned) of them pinned"
    if let changing = some(of: stacks, .changing, what: "being deployed"), seen.unreachable == nil,
      status.trouble == nil
    {
      return Headline(.calm, changing)
    }
    let words = "\(stacks.count.counted("stack")) in place"
    if seen.unreachable != nil {
      return Headline(.note, words, at: status.commit, then: "\(then), but the repository cannot be reached")
    }
    if let trouble = status.trouble {
      let what = trouble.outcome == .refused ? "the newest commit is refused" : "syncs fail"
      return Headline(.bad, words, at: status.commit, then: "\(then), but \(what)")
    }
    let deployed = seen.reports.first { $0.outcome == .deployed && !$0.dryRun && $0.commit == status.commit }
    return Headline(
      pinned == 0 ? .good : .note, words, at: pinned == stacks.count ? nil : status.commit, then: then,
      when: deployed.map { "deployed \(Moments(now: seen.now).ago($0.started))" })
  }

  private static func troubles(_ stacks: [Status.Stack]) -> String? {
    some(of: stacks, .held, .drifted, what: "not in place") ?? some(of: stacks, .unhealthy, what: "not healthy")
  }

  /// Says of how many stacks something is so; nothing of none.
  private static func some(of stacks: [Status.Stack], _ conditions: StackCondition..., what: String) -> String? {
    let number = stacks.filter { conditions.contains(StackCondition($0)) }.count
    if number == 0 { return nil }
    if stacks.count == 1 { return "The only stack is \(what)" }
    return "\(number) of \(stacks.count) stacks \(number == 1 ? "is" : "are") \(what)"
  }
}

/// How one stack stands.
enum StackCondition {
  case unseen, unhealthy, held, drifted, waiting, pinned, changing, starting, placed

  init(_ stack: Status.Stack) {
    if stack.isBusy {
      self = .changing
    } else if stack.held != nil {
      self = .held
    } else if stack.health == "unknown", stack.waitsFor != nil, stack.commit == nil {
      self = .waiting
    } else if stack.health == "unknown" {
      self = .unseen
    } else if !stack.drift.isEmpty || stack.health == "stopped" {
      self = .drifted
    } else if ["unhealthy", "restarting"].contains(stack.health) {
      self = .unhealthy
    } else if stack.waitsFor != nil {
      self = .waiting
    } else if stack.pin != nil {
      self = .pinned
    } else {
      self = stack.health == "starting" ? .starting : .placed
    }
  }

  var word: HTML { tone.word(words) }

  private var words: String {
    switch self {
    case .unseen: "not seen"
    case .unhealthy: "not healthy"
    case .held: "held back"
    case .waiting: "waiting"
    case .drifted: "not in place"
    case .pinned: "pinned"
    case .changing: "being deployed"
    case .starting: "starting"
    case .placed: "in place"
    }
  }

  var tone: Tone {
    switch self {
    case .unseen, .changing, .starting: .calm
    case .unhealthy, .held, .drifted: .bad
    case .pinned, .waiting: .note
    case .placed: .good
    }
  }
}
