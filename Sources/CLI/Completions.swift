import Core

/// What a shell offers after `clup`, made from the commands and their options.
enum Completions {
  static let shells = ["bash", "zsh", "fish"]

  /// Returns the script of a shell; nothing for one that is not known.
  static func script(for shell: String) -> String? {
    switch shell {
    case "bash": bash
    case "zsh": zsh
    case "fish": fish
    default: nil
    }
  }

  /// What may follow an option, or stand as an operand.
  private enum Values {
    case words([String])
    case files
    case directories
  }

  private static func options(of command: CommandHelp) -> [String] {
    command.switches.union(command.options).sorted() + (command.configuration == nil ? [] : ["--config"])
      + (command.outputs.count > 1 ? ["--output"] : []) + ["--help"]
  }

  private static func values(of option: String, _ command: CommandHelp) -> Values? {
    switch option {
    case "--output": .words(command.outputs.map(\.rawValue))
    case "--config", "--env-file": .files
    case "--live-root", "--checkout": .directories
    default: nil
    }
  }

  private static func operands(of name: String) -> Values? {
    switch name {
    case "explain": .words(Rule.all.map(\.id).sorted())
    case "help": .words(Commands.order)
    case "completions": .words(shells)
    case "init", "validate": .directories
    default: nil
    }
  }

  /// Every command with its name, in the order of the help.
  private static var commands: [(name: String, command: CommandHelp)] {
    Commands.order.compactMap { name in Commands.all[name].map { (name, $0) } }
  }

  /// The branches of bash's and zsh's `case` for what follows an option, and for what else a command takes.
  private static func branches(
    _ word: String, _ offer: (Values) -> String
  ) -> (options: String, commands: String) {
    var (after, ends): ([String], [String]) = ([], [])
    for (name, command) in commands {
      let options = options(of: command)
      for option in options {
        if let values = values(of: option, command) { after.append("'\(name) \(option)') \(offer(values)); return ;;") }
      }
      let operand = operands(of: name).map { "[[ \(word) == -* ]] || { \(offer($0)); return; }; " } ?? ""
      ends.append("\(name)) \(operand)\(offer(.words(options))) ;;")
    }
    return (after.joined(separator: "\n    "), ends.joined(separator: "\n    "))
  }

  // MARK: shells

  private static var bash: String {
    func offer(_ values: Values) -> String {
      switch values {
      case .words(let words): "COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$word\"))"
      case .files: "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\"))"
      case .directories: "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$word\"))"
      }
    }
    let (options, commands) = branches("$word", offer)
    return """
      # Completion of clup for bash: put it into /usr/share/bash-completion/completions/clup
      _clup() {
        local word=${COMP_WORDS[COMP_CWORD]}
        if [ "$COMP_CWORD" = 1 ]; then
          \(offer(.words(Commands.order + ["--version"])))
          return
        fi
        case "${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}" in
          \(options)
        esac
        case "${COMP_WORDS[1]}" in
          \(commands)
        esac
      }
      complete -F _clup clup
      """
  }

  private static var zsh: String {
    let (options, commands) = branches("$words[CURRENT]") { values in
      switch values {
      case .words(let words): "compadd -- \(words.joined(separator: " "))"
      case .files: "_files"
      case .directories: "_files -/"
      }
    }
    let names = Self.commands.map { "\($0.name):\($0.command.summary)".quoted }
    return """
      #compdef clup
      # Completion of clup for zsh: put it into a directory of $fpath as _clup
      _clup() {
        if (( CURRENT == 2 )); then
          local -a names=(
            \(names.joined(separator: "\n      "))
          )
          _describe command names
          return
        fi
        case "$words[2] $words[CURRENT-1]" in
          \(options)
        esac
        case "$words[2]" in
          \(commands)
        esac
      }
      if [ "$funcstack[1]" = _clup ]; then _clup "$@"; else compdef _clup clup; fi
      """
  }

  private static var fish: String {
    func offer(_ values: Values) -> String {
      switch values {
      case .words(let words): "-x -a '\(words.joined(separator: " "))'"
      case .files: "-r -F"
      case .directories: "-x -a '(__fish_complete_directories)'"
      }
    }
    var lines = [
      "# Completion of clup for fish: put it into /usr/share/fish/vendor_completions.d/clup.fish",
      "complete -c clup -f",
    ]
    for (name, command) in commands {
      lines.append("complete -c clup -n __fish_use_subcommand -a \(name) -d \(command.summary.quoted)")
      let after = "complete -c clup -n '__fish_seen_subcommand_from \(name)'"
      for option in options(of: command) {
        let text = option.hasPrefix("--") ? "-l \(option.dropFirst(2))" : "-s \(option.dropFirst())"
        let isSwitch = command.switches.contains(option) || option == "--help"
        let values = values(of: option, command).map { " \(offer($0))" } ?? (isSwitch ? "" : " -x")
        lines.append("\(after) \(text)\(values)")
      }
      if let operands = operands(of: name) { lines.append("\(after) \(offer(operands))") }
    }
    return lines.joined(separator: "\n")
  }
}

extension CLI {
  static func completions(_ arguments: Arguments) -> ExitStatus {
    guard let shell = arguments.operands.first, let script = Completions.script(for: shell) else {
      tell("clup: completions are there for \(Completions.shells.joined(separator: ", "))")
      tell("help: `clup completions bash`")
      return .usage
    }
    print(script)
    return .success
  }
}
