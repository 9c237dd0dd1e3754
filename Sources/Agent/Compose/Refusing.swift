import Core
import Processes

extension Resolve {
  /// Refuses a stack with `unusable` files, such as encrypted ones: what Compose makes of the ciphertext is no news.
  func refuse(
    _ name: String, _ kind: Subject.Kind, _ errors: String, _ asked: Asked, _ gather: inout ComposeSources,
    unusable: [Diagnostic]
  ) async throws(Failure) -> Answer {
    var answer = try await refuse(name, kind, errors, asked, &gather)
    if !unusable.isEmpty, errors.contains("failed to read") {
      answer.diagnostics.removeAll { $0.rule == "compose" }
      answer.diagnostics += unusable.map(\.asFinal)
    } else {
      answer.diagnostics += unusable
    }
    return answer
  }

  /// Turns Compose's refusal into findings, and has the rules look at the stack all the same: as Compose sees it once
  /// something stands in the place of what is missing, or else by its text alone.
  func refuse(
    _ name: String, _ kind: Subject.Kind, _ errors: String, _ asked: Asked, _ gather: inout ComposeSources
  ) async throws(Failure) -> Answer {
    var answer = Answer(placeholders: asked.placeholders, invented: asked.invented)
    var refusal = try await refusal(name, errors, asked, gather)
    let causes = unset(name, errors, gather).map(\.asFinal)
    let blamed = blamed(errors, asked, gather)
    let open = asked.invents ? openPaths(gather, unknown: asked.placeholders).first : nil
    if let open, refusal.line != nil {
      refusal.help = "\(open.way): the file that `\(open.text)` leads to may define it; otherwise \(refusal.help)"
    }
    // Compose names the first of them alone.
    let lacking = knowsHost ? gaps(name, gather, unknown: asked.placeholders) : []
    let isLack = lacking.contains { ($0.file, $0.line ?? 0) == (refusal.file, refusal.line ?? -1) }
    let absent = isLack || isAboutValueFile(errors) ? lacking : []
    let empty = causes.isEmpty && absent.isEmpty && !asked.invents ? try await emptied(name, gather) : []
    let refusals = absent + empty + (absent.isEmpty && empty.isEmpty ? [refusal] : [])
    if !blamed.isEmpty {
      answer.diagnostics = blamed.map { unknown($0, name, gather) }
    } else if let open, refusal.line == nil {
      // Without what the path leads to there may be nothing left that Compose takes for a project.
      answer.diagnostics = [unknown(open.variable, name, gather)]
    } else if !asked.invents {
      var second = asked
      second.invents = true
      let outcome = try await ask(&second, &gather)
      if outcome.succeeded, let json = try? JSON(parsing: outcome.output) {
        // With a value for each variable Compose takes it: that they have none is all that is wrong.
        let isAllOfIt = !causes.isEmpty && !isAboutValueFile(errors)
        answer.diagnostics = isAllOfIt ? causes : causes + refusals
        answer.subjects = [
          try await subject(name, kind, model(json, second, gather), gather, second)
        ]
        answer.invented = second.invented
        answer.sources = gather.sources
        return answer
      }
      answer.diagnostics = causes + refusals
    } else {
      answer.diagnostics = causes + refusals
    }
    answer.textSubjects = [try await subject(name, kind, PartialModel.model(of: gather.sources), gather)]
    answer.sources = gather.sources
    return answer
  }

  /// What the repository is to blame for is a finding; what the host is to blame for ends the sync.
  func refuse(_ name: String, _ file: String, _ failure: Failure) throws(Failure) -> Answer {
    // One stack that Compose cannot read in time is that stack's trouble alone.
    guard failure.kind == .refused || failure.kind == .timeout else { throw failure }
    return Answer(diagnostics: [
      Diagnostic(
        rule: "compose", file: failure.tooLarge ?? file, stack: name, message: failure.message, help: failure.help,
        isFinal: true)
    ])
  }

  /// A Compose file that clup cannot take; what could be read of the stack is judged all the same.
  func refuse(
    _ name: String, _ kind: Subject.Kind, _ refusal: Diagnostic, _ gather: ComposeSources
  ) async throws(Failure) -> Answer {
    var answer = Answer(diagnostics: [refusal], sources: gather.sources)
    answer.diagnostics[0].stack = name
    answer.textSubjects = [try await subject(name, kind, PartialModel.model(of: gather.sources), gather)]
    return answer
  }

  /// Turns Compose's own words into a finding at the place that they are about, without the values of variables.
  private func refusal(_ name: String, _ errors: String, _ asked: Asked, _ gather: ComposeSources) async throws(Failure)
    -> Diagnostic
  {
    let lines = view.rebased(errors).split(separator: "\n").filter { !$0.contains("level=warning") }
    var message = String(lines.joined(separator: " ").replacing(settings.liveRoot + "/", with: "").prefix(2000))
    if let found = valueFileRefusal(name, message) ?? composeSettingRefusal(name) { return found }
    let (file, mark) = Blame.place(message, in: gather.sources)
    message = await programs.mask(
      for: asked.directory, options: environmentFiles.flatMap { ["--env-file", $0] }, variables: asked.values
    ).adding(valuesIn: gather.references.hostValues(view.liveRoot, view.tree)).sparing(gather.sources).hide(message)
    message = Mask(assignments: Placeholder.secretDefaults(in: gather.sources), all: true).hide(message)
    message = Placeholder.mask(asked.invented).hide(message)
    let alias = gather.sources.first { $0.error?.kind == .unknownAlias }
    let lost =
      message.contains("env file") || message.contains("label file") || message.contains("required variable")
    let other = gather.sources.lazy.compactMap { source in
      source.kindForOthers?.words.map { (path: source.path, what: $0.what, help: $0.help) }
    }.first
    let excluding = discovery.stacks.first { $0.name == name }?.excluding ?? name
    let said = message.isEmpty ? "Compose refuses it" : message
    if let alias, let error = alias.error {
      return Diagnostic(
        rule: "compose", at: (alias.path, error.mark), stack: name, message: "\(error.message); Compose says: \(said)",
        help: "define that anchor (`&…`) further up in \(alias.path): an anchor of another file does not count here; "
          + "share what several files need with `extends`", isFinal: true)
    }
    let isEmpty = gather.sources.allSatisfy { $0.error == nil && $0.document?.isNull ?? true }
    let base =
      isEmpty
      ? "remove the file, or leave the stack out on the host: `stacks: {exclude: [\(excluding)]}`"
      : other == nil ? try await layeredHelp(name, gather) : nil
    return Diagnostic(
      rule: lost ? "unset-variable" : "compose", at: (file.isEmpty ? name : file, mark), stack: name,
      message: other.map { "\($0.path) \($0.what); Compose says: \(said)" } ?? said,
      help: other.map { "\($0.help); or leave the stack out: `stacks: {exclude: [\(excluding)]}`" } ?? base
        ?? "correct it, and run `clup validate` in a clone before the next push", isFinal: true)
  }

  /// Reports that a stack cannot be judged without the value of a variable.
  private func unknown(_ variable: String, _ name: String, _ gather: ComposeSources) -> Diagnostic {
    Diagnostic(
      rule: "unset-variable", at: Variables.place(of: variable, in: gather.sources), stack: name,
      message: "the variable \(variable) has no value here, and Compose cannot resolve \(name) without it",
      help: "give it with `--env-file FILE` or `--live-root DIR`, or write a default: ${\(variable):-…}", isFinal: true)
  }

  /// Finds mounts whose path begins with a variable that is set, to nothing.
  private func emptied(_ name: String, _ gather: ComposeSources) async throws(Failure) -> [Diagnostic] {
    let uses = gather.sources.flatMap { source in
      source.scalars.filter { $0.keys.contains("volumes") && $0.text.hasPrefix("$") }.map { (source.path, $0) }
    }
    if uses.isEmpty { return [] }
    let values = try await interpolate(uses.map { $0.1.text }, directory(of: name), [], nil)
    return zip(uses, values).compactMap { use, value in
      guard let value, value.isEmpty || value.hasPrefix(":") else { return nil }
      return Diagnostic(
        rule: "unset-variable", at: (use.0, use.1.mark), stack: name,
        message: "the path in `\(use.1.text)` is empty: its variable has no value",
        help: "set it in \(settings.liveRoot)/\(directory(of: name))/.env", isFinal: true)
    }
  }

  /// Tells the variables that Compose took for empty.
  func unset(_ name: String, _ errors: String, _ gather: ComposeSources) -> [Diagnostic] {
    var seen: Set<String> = []
    return unsetNames(errors).filter { seen.insert($0).inserted }.map { variable in
      unset(variable, of: name, gather)
    }
  }

  func unset(_ variable: String, of name: String, _ gather: ComposeSources) -> Diagnostic {
    let directory = Path.join(settings.liveRoot, directory(of: name))
    let uses = Variables.uses(of: variable, in: gather.sources)
    // In a file of values the name may be a part of a secret with a dollar sign in it.
    guard let use = uses.first else {
      return Diagnostic(
        rule: "unset-variable",
        at: valueFileUse(of: variable, in: self.directory(of: name))
          ?? (gather.sources.first?.path ?? name, nil), stack: name,
        message: "an `env_file` or the `.env` uses a variable that has no value",
        help: "write `$$` for a dollar sign in a value, or put the value into single quotes")
    }
    var help = "set it in \(directory)/.env, or give a default: ${\(variable):-…}"
    if let command = uses.first(where: \.isCommand) {
      let meant = command.text.contains("${\(variable)") ? "$${\(variable)}" : "$$\(variable)"
      help = "write `\(meant)` if the container's own shell is to read it; otherwise " + help
    }
    return Diagnostic(
      rule: "unset-variable", at: (use.path, use.mark), stack: name, message: "the variable \(variable) has no value",
      help: help)
  }

  /// Tells what only a host knows: files of values, and where it was asked about, variables.
  func invented(_ name: String, _ asked: Asked, _ gather: ComposeSources) -> [Diagnostic] {
    let guessed = asked.guessed.sorted { $0.key < $1.key }.map { variable, file in
      Diagnostic(
        rule: "unset-variable", severity: .warning, at: Variables.place(of: variable, in: gather.sources), stack: name,
        message: "only a host knows which Compose file \(variable) leads to: \(name) was checked with \(file)",
        help: "name it by a relative path, or give the value with `--env-file FILE`")
    }
    return gaps(name, gather, unknown: asked.placeholders) + guessed
      + (knowsHost ? asked.placeholders.sorted().map { unset($0, of: name, gather) } : [])
  }
}
