import Core

/// What a command line asks for.
struct Arguments: Sendable, Equatable {
  enum Output: String, Sendable, CaseIterable { case text, json, ndjson, sarif, github }

  var command: String
  var configuration: String?
  var output = Output.text
  /// The switches that were given, such as `--dry-run`.
  var switches: Set<String> = []
  /// The values of other options, in their order.
  var values: [String: [String]] = [:]
  /// What is no option.
  var operands: [String] = []

  /// Reads a command line; the error is a sentence for people.
  static func parse(_ words: [String]) -> Result<Arguments, Usage> {
    var rest = words[...]
    guard let first = rest.popFirst() else { return .success(Arguments(command: "help")) }
    let aliases = ["--help": "help", "-h": "help", "--version": "version", "-V": "version"]
    let name = aliases[first] ?? first
    if name.hasPrefix("-") { return .failure(Usage("options follow the command: `clup sync \(first) …`")) }
    guard let command = Commands.all[name] else {
      let near = nearest(first, among: Commands.all.keys.sorted())
      return .failure(Usage("unknown command \(first)" + (near.map { "; did you mean `clup \($0)`?" } ?? "")))
    }
    var arguments = Arguments(command: name)
    while let word = rest.popFirst() {
      guard word.hasPrefix("-"), word != "-" else {
        arguments.operands.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let option = parts[0]
      if option == "--help" || option == "-h" { return .success(Arguments(command: "help", operands: [name])) }
      if command.switches.contains(option), parts.count == 1 {
        arguments.switches.insert(option)
        continue
      }
      if command.switches.contains(option) { return .failure(Usage("\(option) takes no value")) }
      guard command.options.contains(option) || ["--config", "--output"].contains(option) else {
        return .failure(Usage("`clup \(name)` has no option \(option); see `clup help \(name)`"))
      }
      guard let value = parts.count > 1 ? parts[1] : rest.popFirst(), !value.isEmpty else {
        return .failure(Usage("\(option) needs a value"))
      }
      switch option {
      case "--config": arguments.configuration = value
      case "--output":
        guard let output = Output(rawValue: value), command.outputs.contains(output) else {
          let names = command.outputs.map(\.rawValue)
          let known = (names.count > 1 ? [names.dropLast().joined(separator: ", ")] : []) + names.suffix(1)
          return .failure(Usage("--output is \(known.joined(separator: " or ")), not \(value)"))
        }
        arguments.output = output
      default: arguments.values[option, default: []].append(value)
      }
    }
    if let extra = arguments.operands.dropFirst(command.operands).first {
      let way = command.options.contains("--stack") ? "; a stack is named with `--stack \(extra)`" : ""
      return .failure(Usage("`clup \(name)` does not take \(extra)\(way)"))
    }
    return .success(arguments)
  }
}

/// What is wrong with a command line.
struct Usage: Error, Sendable, Equatable {
  let message: String
  init(_ message: String) { self.message = message }
}
