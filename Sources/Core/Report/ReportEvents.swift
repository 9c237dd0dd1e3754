extension Report {
  /// What a `notify:` hook is run for.
  public enum Event: String, Codable, CaseIterable, Sendable {
    /// A stack was deployed.
    case deployed
    /// The sync, or a stack in it, failed, be it put back or not.
    case failed
    /// A stack failed and was put back.
    case rolledBack = "rolled_back"
    /// The commit, or a stack of it, was refused.
    case refused
    /// Something has been away for five minutes that the sync or a stack needs.
    case waiting
    /// A stack that left the repository was taken down.
    case removed
    /// All that was told has ended.
    case recovered
  }
}

/// What a report tells that was not told before.
public struct News: Sendable, Equatable {
  let events: Set<Report.Event>
  /// What was told since all was well.
  let ended: Set<Report.Event>

  /// Lists the events for a hook that wants some; it hears that all is well where it has heard that it was not.
  public func events(for wanted: Set<Report.Event>) -> [Report.Event] {
    Report.Event.allCases.filter { event in
      events.contains(event) && wanted.contains(event) && (event != .recovered || !wanted.isDisjoint(with: ended))
    }
  }
}

/// What is wrong on a host, as far as hooks were told of it: `told.json` in the checkout.
public struct ToldTroubles: Codable, Sendable, Equatable {
  /// What is wrong with one stack, or with syncs as a whole.
  struct Trouble: Codable, Sendable, Equatable {
    var events: [Report.Event]
    /// What distinguishes it from the next one of its kind.
    var what: String
    /// In seconds since 1970.
    var since: Double
    var isTold = false
  }

  /// For how many seconds something may be away before that is told.
  public static let patience = 300.0

  /// The schema's name.
  var schema = "clup.told/1"
  /// By stack, those of syncs as a whole under an empty name.
  var troubles: [String: Trouble] = [:]
  /// All that was told since all was well.
  private var heard: Set<Report.Event> = []

  /// Starts with a host that is well.
  public init() {}

  /// Takes what a report says and returns what is new in it.
  ///
  /// `isWhole` says that it is of all stacks and of the repository's commit; `now` is in seconds since 1970.
  public mutating func news(in report: Report, isWhole: Bool, now: Double) -> News {
    var found = Set(report.stacks.compactMap { Self.deed($0.outcome) })
    var judged = report.stacks.map { ($0.name, Self.trouble(of: $0, at: now)) }
    if isWhole {
      let whole = Self.trouble(ofWhole: report, at: now)
      judged.append(("", .some(whole)))
      if whole == nil {
        let present = Set(report.stacks.map(\.name))
        judged += troubles.keys.filter { !$0.isEmpty && !present.contains($0) }.map { ($0, .some(nil)) }
      }
    }
    for case (let name, let trouble?) in judged {
      guard var trouble else {
        troubles[name] = nil
        continue
      }
      if let old = troubles[name], old.what == trouble.what { trouble = old }
      if !trouble.isTold, trouble.events != [.waiting] || now - trouble.since >= Self.patience {
        found.formUnion(trouble.events)
        heard.formUnion(trouble.events)
        trouble.isTold = true
      }
      troubles[name] = trouble
    }
    let news = News(events: found, ended: heard)
    if heard.isEmpty || !troubles.isEmpty { return news }
    heard = []
    return News(events: found.union([.recovered]), ended: news.ended)
  }

  private static func deed(_ outcome: StackReport.Outcome) -> Report.Event? {
    switch outcome {
    case .deployed: .deployed
    case .removed: .removed
    default: nil
    }
  }

  /// What is wrong with a stack, nothing within where it is well; nothing at all where the report does not say.
  private static func trouble(of stack: StackReport, at now: Double) -> Trouble?? {
    let events: [Report.Event]
    switch stack.outcome {
    case .failed: events = [.failed]
    case .rolledBack: events = [.failed, .rolledBack]
    case .refused: events = [.refused]
    case .waiting: events = [.waiting]
    case .held, .skipped, .planned: return nil
    case .unchanged, .deployed, .pinned, .removed: return .some(nil)
    }
    return Trouble(events: events, what: what(events, stack.to), since: now)
  }

  private static func trouble(ofWhole report: Report, at now: Double) -> Trouble? {
    if report.waitsFor != nil { return Trouble(events: [.waiting], what: what([.waiting], nil), since: now) }
    if report.outcome == .refused {
      return Trouble(events: [.refused], what: what([.refused], report.commit), since: now)
    }
    guard let error = report.error else { return nil }
    return Trouble(events: [.failed], what: what([.failed], error), since: now)
  }

  private static func what(_ events: [Report.Event], _ text: String?) -> String {
    events.map(\.rawValue).joined(separator: " ") + (events == [.waiting] ? "" : " \(text ?? "")")
  }
}
