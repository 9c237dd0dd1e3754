import Core
import Glibc

extension Render {
  /// Tells what was found, in at most so many columns: what is as it should be on one line, the rest with what was expected
  /// and how to fix it.
  static func diagnosis(_ found: Diagnosis, width: Int, ink: Ink) -> [String] {
    var lines: [String] = []
    let column = min(20, found.checks.map(\.name.count).max() ?? 0)
    for section in Check.Section.allCases {
      let checks = found.checks.filter { $0.section == section }
      // The checks of one stack belong together, and those of none come first.
      let stacks = [String?.none] + Set(checks.compactMap(\.stack)).sorted()
      for stack in stacks {
        let own = checks.filter { $0.stack == stack }
        if own.isEmpty { continue }
        if !lines.isEmpty { lines.append("") }
        lines.append("\(title(section))\(stack.map { " · \($0)" } ?? "")".printable)
        for check in own { lines += self.lines(of: check, column: column, width: width, ink) }
      }
    }
    // What failed may have scrolled away by now.
    let failed = found.checks.filter { $0.result == .failed }.map { check in
      "  \(mark(.failed, ink)) " + "\(check.name)\(check.stack.map { " (\($0))" } ?? "")".printable
    }
    return lines + [""] + failed + [summary(found)]
  }

  private static func title(_ section: Check.Section) -> String {
    switch section {
    case .host: "Host"
    case .docker: "Docker"
    case .disks: "Disks"
    case .directories: "Directories"
    case .stacks: "Stacks"
    case .socket: "Docker socket"
    case .access: "Access"
    case .service: "clup"
    }
  }

  private static func lines(of check: Check, column: Int, width: Int, _ ink: Ink) -> [String] {
    let name = check.name.printable
    let (said, left) = (check.found ?? check.reason.map { "skipped: \($0)" } ?? "", 4 + column + 2)
    let (bad, indent) = ([.warning, .failed].contains(check.result), String(repeating: " ", count: left))
    var lines: [String] = []
    var first = "  \(mark(check.result, ink)) \(name)"
    if name.count > column {
      lines.append(first)
      first = indent
    } else {
      first += String(repeating: " ", count: column - name.count + 2)
    }
    let parts = wrapped(said, width - left)
    lines.append(first + (parts.first ?? ""))
    lines += parts.dropFirst().map { indent + $0 }
    guard bad else {
      return check.result == .skipped ? lines.map { ink.faint($0) } : lines
    }
    for (word, text) in [("expected: ", check.expected), ("fix: ", check.help)] {
      guard let text else { continue }
      for (index, part) in wrapped(text, width - left - word.count).enumerated() {
        lines.append(indent + (index == 0 ? word : String(repeating: " ", count: word.count)) + part)
      }
    }
    return lines
  }

  /// Breaks a text between words, and no command in backticks; what is wider than a line has one for itself.
  static func wrapped(_ text: String, _ width: Int) -> [String] {
    var isCommand = false
    let words = text.printable.split(separator: " ").reduce(into: [String]()) { words, part in
      if isCommand, !words.isEmpty { words[words.count - 1] += " \(part)" } else { words.append(String(part)) }
      if part.filter({ $0 == "`" }).count % 2 == 1 { isCommand.toggle() }
    }
    return words.reduce(into: []) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(word)
      }
    }
  }

  /// Breaks a line that is wider than a terminal between words; what follows is indented further. No path and no command is
  /// cut: what is wider than a line has one for itself.
  static func fitted(_ line: String, _ width: Int, indent: String? = nil) -> [String] {
    if line.count <= width { return [line] }
    let start = String(line.prefix { $0 == " " })
    let indent = indent ?? start + "    "
    let parts = wrapped(String(line.dropFirst(start.count)), width - indent.count)
    return parts.enumerated().map { ($0 == 0 ? start : indent) + $1 }
  }

  private static func mark(_ result: Check.Result, _ ink: Ink) -> String {
    switch result {
    case .good: ink.green("✓")
    case .warning: ink.yellow("!")
    case .failed: ink.red("✗")
    case .skipped: "-"
    }
  }

  private static func summary(_ found: Diagnosis) -> String {
    let counts = Check.Result.allCases.map { result in (result, found.checks.filter { $0.result == result }.count) }
    let words = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }.joined(separator: ", ")
    return "\(found.host.printable): \(words)"
  }
}

extension CLI {
  /// The columns of the terminal that standard output leads to; a pipe or a file takes long lines, which a person can read yet.
  static var width: Int { width(of: 1) }

  /// The columns of the terminal that a descriptor leads to.
  static func width(of descriptor: Int32) -> Int {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 40 ? Int(size.ws_col) : 400
  }
}
