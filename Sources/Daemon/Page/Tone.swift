import Core

/// How good a piece of news is: a colour and a mark, always next to a word that says the same.
enum Tone: Int, Comparable {
  case calm, good, note, bad

  static func < (left: Tone, right: Tone) -> Bool { left.rawValue < right.rawValue }

  /// The name of its colours in the style sheet.
  var name: HTML {
    switch self {
    case .calm: "calm"
    case .good: "good"
    case .note: "note"
    case .bad: "bad"
    }
  }

  /// A mark for the eye, kept from screen readers.
  var mark: HTML {
    switch self {
    case .calm: "○"
    case .good: "✓"
    case .note: "◆"
    case .bad: "!"
    }
  }

  /// The picture in the browser's tab: another shape for each tone, not just another colour.
  var icon: HTML {
    switch self {
    case .calm:
      "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E%3Ccircle%20cx='8'%20cy='8'%20r='6'%20fill='none'%20stroke='%23808890'%20stroke-width='2'/%3E%3C/svg%3E"
    case .good:
      "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E%3Ccircle%20cx='8'%20cy='8'%20r='7'%20fill='%2323895a'/%3E%3C/svg%3E"
    case .note:
      "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E%3Crect%20x='2'%20y='2'%20width='12'%20height='12'%20rx='2'%20fill='%23b97a10'/%3E%3C/svg%3E"
    case .bad:
      "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E%3Cpath%20d='M8%200%2016%2015H0z'%20fill='%23c8372d'/%3E%3C/svg%3E"
    }
  }

  func word(_ text: String) -> HTML {
    "<span class=\"word \(name)\"><span aria-hidden=\"true\">\(mark)</span>&nbsp;\(text)</span>"
  }
}

extension StackReport.Outcome {
  var tone: Tone {
    switch self {
    case .unchanged, .planned, .removed: .calm
    case .deployed: .good
    case .pinned, .skipped, .waiting: .note
    case .refused, .rolledBack, .failed, .held: .bad
    }
  }
}

extension Report.Outcome {
  var tone: Tone {
    switch self {
    case .unchanged, .planned: .calm
    case .deployed: .good
    case .refused, .failed: .bad
    }
  }
}
