import Core
import FoundationEssentials
import Glibc
import Synchronization

/// Shows what a sync tells while it works: rows on a terminal, lines in a pipe or a log, JSON for a program.
final class Progress: Sendable {
  private enum Form { case rows, lines, json }

  private struct Shown {
    var rows = ProgressRows()
    /// How many lines stand on the terminal.
    var lines = 0
    /// What was said last of each stack.
    var said: [String: String] = [:]
    var isOver = false
  }

  private let form: Form
  private let ink: Ink
  private let shown = Mutex(Shown())
  private let clock = Mutex<Task<Void, Never>?>(nil)

  /// Decides how to show it by where standard error leads, and by what the environment asks for.
  init(json: Bool, environment: [String: String]) {
    let isTerminal = isatty(2) == 1 && environment["TERM"] != "dumb" && environment["CI"] == nil
    form = json ? .json : isTerminal ? .rows : .lines
    ink = Ink(isOn: isTerminal && Ink.wantsColour(environment))
    guard form == .rows else { return }
    // The seconds go on when nothing else happens.
    let ticking = Task { [weak self] in
      while (try? await Task.sleep(for: .seconds(1))) != nil { self?.draw() }
    }
    clock.withLock { $0 = ticking }
  }

  /// Shows an event.
  func take(_ event: SyncEvent) {
    switch form {
    case .json: CLI.print(line: event)
    case .lines: if let line = shown.withLock({ Self.line(for: event, &$0.said) }) { CLI.tell(line) }
    case .rows:
      shown.withLock { shown in
        if shown.isOver { return }
        shown.rows.take(event)
        draw(&shown, above: event.kind == .message ? event.text.printable : nil)
      }
    }
  }

  /// Takes the rows away: the report says how it ended.
  func end() {
    clock.withLock { $0?.cancel() }
    shown.withLock { shown in
      shown.isOver = true
      write([], &shown)
    }
  }

  /// One line for what a log should hold: what begins, what may take long, and how it ended.
  private static func line(for event: SyncEvent, _ said: inout [String: String]) -> String? {
    let text = event.text.printable
    guard let stack = event.stack else { return event.kind == .message ? text : nil }
    switch event.kind {
    case .ended: return "\(stack): \(event.ending.printable)"
    case .step where event.limit == nil: return nil
    default:
      if said.updateValue(text, forKey: stack) == text { return nil }
      return "\(stack): \(text)"
    }
  }

  private func draw() { shown.withLock { if !$0.isOver { draw(&$0, above: nil) } } }

  private func draw(_ shown: inout Shown, above message: String?) {
    var size = winsize()
    let isKnown = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let (width, height) = isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    // In the last column some terminals begin a new line.
    let lines = shown.rows.lines(
      width: width - 1, height: height - 1, now: Date().timeIntervalSince1970, ink: ink)
    if let message {
      write([], &shown)
      CLI.tell(message)
    }
    write(lines, &shown)
  }

  /// Writes lines over those that stand there. Each is cleared by itself: to clear the rest of a screen makes some terminals keep
  /// it in their history.
  private func write(_ lines: [String], _ shown: inout Shown) {
    let spare = max(0, shown.lines - lines.count)
    let up = { (count: Int) in count > 0 ? "\u{1B}[\(count)A" : "" }
    let clear = "\r\u{1B}[2K"
    CLI.tell(
      up(shown.lines) + lines.map { clear + $0 + "\n" }.joined()
        + String(repeating: clear + "\n", count: spare) + up(spare), newline: false)
    shown.lines = lines.count
  }
}
