import Core

extension Page {
  /// Shows what the syncs that run are doing, stack by stack; nothing where none has come to a stack yet.
  static func working(_ seen: StatusPageModel) -> HTML {
    let events = seen.working.filter { $0.stack != nil }
    if events.isEmpty { return .nothing }
    let items = events.map { event in
      """
      <li id="now-\(Shown.anchor(event.stack ?? ""))"><strong>\(event.stack ?? "")</strong>\
      <span>\(words(of: event, at: seen.now))</span></li>
      """ as HTML
    }
    return section("now", "Under way", "<ol class=\"runs\">\(items)</ol>")
  }

  private static func words(of event: SyncEvent, at now: Double) -> HTML {
    switch event.kind {
    case .ended:
      let outcome = event.outcome ?? .deployed
      if event.text.isEmpty { return outcome.tone.word(event.ending) }
      return "\(outcome.tone.word(outcome.words))<span class=\"text detail\">\(event.text)</span>"
    case .planned: return "<span class=\"age\">waiting: \(event.text)</span>"
    case .step, .phase, .message:
      let measure: HTML? = event.measure(at: now).map { " <span class=\"age\">\($0)</span>" }
      return "\(event.text)\(measure)"
    }
  }
}
