import Agent
import Core
import Dispatch
import FoundationEssentials
import Glibc
import Synchronization

/// Shows what a sync tells while it works: rows on a terminal, lines in a pipe or a log, JSON for a program.
///
/// It is written by a thread of its own: a terminal that is stopped, or a program that reads no more, holds no deploy up.
final class Progress: Sendable {
  private enum Form { case rows, lines, json }

  private struct Shown {
    var rows = ProgressRows()
    /// What was said last of each stack.
    var said: [String: String] = [:]
    /// What is still to be written, and how many bytes that is.
    var waiting: [String] = []
    var bytes = 0
    /// Whether the rows on the terminal are old.
    var isOld = false
    var isWriting = false
    var isOver = false
  }

  /// How much may wait for whoever reads; then steps are left out.
  private static let room = 1 << 20

  private let form: Form
  private let ink: Ink
  private let descriptor: Int32
  private let shown = Mutex(Shown())
  /// How many rows are on the terminal; the writing thread alone knows.
  private let height = Mutex(0)
  private let writer = DispatchQueue(label: "clup.progress")
  private let ticking = Mutex<Task<Void, Never>?>(nil)

  /// Decides how to show it by where it leads, and by what the environment asks for. JSON goes to standard output, all else to standard
  /// error, unless told otherwise.
  init(json: Bool, environment: [String: String], to descriptor: Int32? = nil) {
    self.descriptor = descriptor ?? (json ? 1 : 2)
    let isTerminal = !json && isatty(self.descriptor) == 1 && environment["TERM"] != "dumb" && environment["CI"] == nil
    form = json ? .json : isTerminal ? .rows : .lines
    ink = Ink(isOn: isTerminal && Ink.wantsColour(environment))
    guard form == .rows else { return }
    // The seconds go on when nothing else happens.
    let task = Task { [weak self] in
      while (try? await Task.sleep(for: .seconds(1))) != nil { self?.change { $0.isOld = true } }
    }
    ticking.withLock { $0 = task }
  }

  /// Shows an event.
  func take(_ event: SyncEvent) {
    var event = event
    (event.text, event.stack) = (event.text.printable, event.stack?.printable)
    change { shown in
      if shown.isOver { return }
      let line: String?
      switch form {
      case .json: line = String(decoding: encode(event), as: UTF8.self)
      case .lines: line = Self.line(for: event, &shown.said)
      case .rows:
        shown.rows.take(event)
        shown.isOld = true
        line = event.kind == .message ? event.text : nil
      }
      guard let line, event.kind != .step || shown.bytes < Self.room else { return }
      shown.waiting.append(line)
      shown.bytes += line.utf8.count
    }
  }

  /// Takes the rows away: the report says how it ended. Waits a moment for what is still to be written.
  func end() async {
    ticking.withLock { $0?.cancel() }
    change { shown in (shown.isOver, shown.isOld) = (true, true) }
    let (written, tell) = AsyncStream<Void>.makeStream()
    writer.async { tell.yield() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 1) { tell.yield() }
    for await _ in written { break }
  }

  /// One line for what a log should hold: what begins, what may take long, and how it ended.
  private static func line(for event: SyncEvent, _ said: inout [String: String]) -> String? {
    guard let stack = event.stack else { return event.kind == .message ? event.text : nil }
    switch event.kind {
    case .ended: return "\(stack): \(event.ending)"
    case .step where event.limit == nil: return nil
    default:
      if said.updateValue(event.text, forKey: stack) == event.text { return nil }
      return "\(stack): \(event.text)"
    }
  }

  private func change(_ change: (inout Shown) -> Void) {
    let begins = shown.withLock { shown in
      change(&shown)
      let begins = !shown.isWriting && (shown.isOld && form == .rows || !shown.waiting.isEmpty)
      if begins { shown.isWriting = true }
      return begins
    }
    if begins { writer.async { [self] in write() } }
  }

  /// Writes until there is nothing more to write.
  private func write() {
    while true {
      let next: (lines: [String], rows: ProgressRows?)? = shown.withLock { shown in
        guard shown.isOld && form == .rows || !shown.waiting.isEmpty else {
          shown.isWriting = false
          return nil
        }
        defer { (shown.waiting, shown.bytes, shown.isOld) = ([], 0, false) }
        return (shown.waiting, shown.isOver ? nil : shown.rows)
      }
      guard let next else { return }
      let lines = form == .json ? next.lines : next.lines.flatMap { Render.fitted($0, CLI.width(of: descriptor)) }
      if form == .rows {
        draw(next.rows, below: lines)
      } else {
        CLI.write(lines.map { $0 + "\n" }.joined(), to: descriptor)
      }
    }
  }

  /// Writes lines, and the rows below them, over the rows that are there. Each is cleared by itself: clearing the rest of a screen makes
  /// some terminals keep it in their history. What is wider than the terminal, such as a name of wide letters, is cut by it.
  private func draw(_ rows: ProgressRows?, below messages: [String]) {
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let (width, height) = isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    // In the last column some terminals begin a new line.
    let lines =
      rows?.lines(width: width - 1, height: height - 1, now: Date().timeIntervalSince1970, ink: ink) ?? []
    let up = { (count: Int) in count > 0 ? "\u{1B}[\(count)A" : "" }
    let clear = "\r\u{1B}[2K"
    self.height.withLock { before in
      let all = messages.map { clear + $0 + "\n" } + ["\u{1B}[?7l"] + lines.map { clear + $0 + "\n" }
      let spare = max(0, before - lines.count - messages.count)
      CLI.write(
        up(before) + all.joined() + String(repeating: clear + "\n", count: spare) + up(spare) + "\u{1B}[?7h",
        to: descriptor)
      before = lines.count
    }
  }
}
