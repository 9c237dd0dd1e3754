import Core
import Processes

extension Resolve {
  /// What Compose is asked, and what stands for values that nobody gave.
  struct Asked: Sendable {
    /// The stack, or the job file.
    let name: String
    let directory: String
    /// The options that name Compose files and the project; none where Compose finds them.
    let naming: [String]
    /// The options that switch profiles on; every one at first: what one switches on later is checked all the same.
    var options = ["--profile", "*"]
    var values: [String: String]
    /// Whether placeholders may stand for what is missing.
    var invents: Bool
    /// The variables that a placeholder stands for.
    var placeholders: Set<String> = []
    /// Whether files of values are left unread, since one of them is not there.
    var skipsValueFiles = false
    /// The services whose label file is not there, and is left out.
    var unlabelled: [String] = []
    /// For each service that takes values from a file which is not there, those that are.
    var valueFiles: [String: [JSON]] = [:]
    /// The Compose files by name, for the case that more is laid over them.
    let files: [String]
    /// The Compose file that was taken for one that a variable leads to, by that variable.
    var guessed: [String: String] = [:]
    /// The directories around a work tree that its relative paths lead up to.
    var climbed: Set<String> = []
    /// The variables that a refusal was last about.
    var blamed: [String] = []
    /// How many other values were tried for a variable.
    private var tried: [String: Int] = [:]
    private var first: [String: String] = [:]

    init(
      _ name: String, directory: String, files: [String], naming: [String], values: [String: String], invents: Bool
    ) {
      (self.name, self.directory, self.files, self.naming) = (name, directory, files.map(Path.name), naming)
      (self.values, self.invents) = (values, invents)
    }

    /// What is laid over the Compose files, in Compose's own words.
    var overlay: (options: [String], input: [UInt8]) {
      var lines = Dictionary(unlabelled.map { ($0, ["label_file: !reset null"]) }) { first, _ in first }
      for (service, files) in valueFiles {
        let list = files.map { String(decoding: $0.canonical, as: UTF8.self) }.joined(separator: ", ")
        lines[service, default: []].append("env_file: " + (files.isEmpty ? "!reset null" : "!override [\(list)]"))
      }
      if lines.isEmpty { return ([], []) }
      let files = naming.contains("-f") ? [] : files.flatMap { ["-f", $0] }
      let services = lines.map { "\"\($0.key)\": {\($0.value.joined(separator: ", "))}" }.joined(separator: ", ")
      return (files + ["-f", "-"], Array("services: {\(services)}\n".utf8))
    }

    mutating func take(_ variable: String, _ sources: [ComposeSource]) {
      values[variable] = Placeholder.value(of: variable, in: sources, taken: Set(values.values), for: name)
      placeholders.insert(variable)
    }

    /// Takes another value for a variable; says whether there was one left.
    mutating func takeOther(_ name: String) -> Bool {
      let index = tried[name, default: 0]
      guard index <= Placeholder.alternatives.count else { return false }
      tried[name] = index + 1
      // Where none is valid, the first one tells by its look whose it is.
      if index == 0 { first[name] = values[name] }
      values[name] = index < Placeholder.alternatives.count ? Placeholder.alternatives[index] : first[name]
      return true
    }

    var invented: [String: String] { values.filter { placeholders.contains($0.key) } }
  }

  /// Compose spends a third of its time on collecting garbage before it ends. On a host nothing may be added to what it
  /// sees: a stack may pass these variables on.
  var goTuning: [String: String] { view.invents ? Programs.goTuning : [:] }

  /// Asks until Compose has every file that it wants and, where placeholders may stand for them, a value for every
  /// variable.
  func ask(_ asked: inout Asked, _ gather: inout ComposeSources) async throws(Failure) -> Outcome {
    try Files.makeDirectories(asked.directory)
    try await preset(&asked, &gather)
    var outcome: Outcome
    var rounds = 0
    repeat {
      outcome = try await config(asked, in: asked.directory)
      rounds += 1
      if !outcome.succeeded, let path = view.missing(outcome.errorText), gather.tracked[path] == nil {
        guard try await mayRead(path, gather) else { break }
        try await gather.note(path)
        if path.hasSuffix(".yml") || path.hasSuffix(".yaml") {
          _ = try await gather.read([path], in: Path.parent(path), interpolate)
        }
        continue
      }
      guard asked.invents, try await invent(&asked, &gather, outcome) else { break }
    } while rounds < 48
    if !knowsSettings, !knowsHost { asked.climbed = view.climbed(in: outcome.output) }
    return outcome
  }

  /// Asks once, in a directory that shows the stack.
  func config(_ asked: Asked, in directory: String) async throws(Failure) -> Outcome {
    let live = Path.join(asked.directory, ".env")
    let values =
      environmentFiles.isEmpty
      ? [] : ((Files.resolved(live) == nil ? [] : [live]) + environmentFiles).flatMap { ["--env-file", $0] }
    let unread = asked.skipsValueFiles ? ["--no-env-resolution"] : []
    let overlay = asked.overlay
    return try await programs.compose(
      values + asked.naming + asked.options + overlay.options + ["config", "--format", "json"] + unread, in: directory,
      variables: asked.values, input: overlay.input, limits: .reading)
  }

  /// Puts something in the place of what an answer lacks; says whether there is reason to ask again.
  private func invent(_ asked: inout Asked, _ gather: inout ComposeSources, _ outcome: Outcome) async throws(Failure)
    -> Bool
  {
    let names = unsetNames(outcome.errorText).filter { asked.values[$0] == nil }
    try await take(names, &asked, &gather)
    if !names.isEmpty { return true }
    if outcome.succeeded { return false }
    if !asked.skipsValueFiles, isAboutValueFile(outcome.errorText) {
      asked.skipsValueFiles = true
      return true
    }
    // Compose before version 5 looks for the files all the same, or does not know the option.
    if asked.skipsValueFiles, asked.valueFiles.isEmpty {
      let own = gather.sources.filter {
        asked.files.contains(Path.name($0.path)) && Path.join(view.root, Path.parent($0.path)) == asked.directory
      }
      asked.valueFiles = Self.valueFiles(own) { isGap($0, beside: $1, gather) }
      asked.skipsValueFiles = asked.valueFiles.isEmpty
      if !asked.skipsValueFiles { return true }
    }
    if asked.unlabelled.isEmpty, outcome.errorText.contains("label file") {
      asked.unlabelled = labelled(gather)
      if !asked.unlabelled.isEmpty { return true }
    }
    let found = blamed(outcome.errorText, asked, gather)
    // Another value may be named in a way that leads to no place.
    if !found.isEmpty { asked.blamed = found }
    return asked.blamed.contains { asked.takeOther($0) }
  }

  private func take(
    _ names: [String], _ asked: inout Asked, _ gather: inout ComposeSources
  ) async throws(Failure) {
    for name in names {
      asked.take(name, gather.sources)
      if let (directory, file) = try await directory(named: name, &gather) {
        (asked.values[name], asked.guessed[name]) = (directory, file)
      }
    }
  }

  /// Takes placeholders at once for the variables that nothing can give a value, so that Compose need not be asked to hear
  /// their names.
  private func preset(_ asked: inout Asked, _ gather: inout ComposeSources) async throws(Failure) {
    guard asked.invents, !(view.invents && knowsHost), environmentFiles.isEmpty,
      Files.resolved(Path.join(asked.directory, ".env")) == nil,
      gather.sources.allSatisfy({ References.includes(in: $0.document).isEmpty })
    else { return }
    let names = Variables.withoutDefault(in: gather.sources).filter { asked.values[$0] == nil }
    try await take(names, &asked, &gather)
  }

  func isAboutValueFile(_ errors: String) -> Bool {
    errors.contains("env file") && errors.contains("not found")
  }

  /// Finds the placeholders that a complaint of Compose's is about.
  func blamed(_ errors: String, _ asked: Asked, _ gather: ComposeSources) -> [String] {
    let message = view.rebased(errors).split(separator: "\n").filter { !$0.contains("level=warning") }
      .joined(separator: " ")
    let named = asked.invented.filter { Placeholder.isIn(message, of: [$0.key: $0.value]) }.keys.sorted()
    if !named.isEmpty { return named }
    let (path, mark) = Blame.place(message, in: gather.sources)
    guard let mark else { return [] }
    return asked.placeholders.sorted().filter { Variables.isUsed($0, at: mark, of: path, in: gather.sources) }
  }

  /// Lists the services whose label file is not there.
  private func labelled(_ gather: ComposeSources) -> [String] {
    gather.sources.flatMap { source in
      (source.document?["services"]?.merged ?? []).filter { service in
        let node = service.value["label_file"]
        let files = node?.string.map { [$0] } ?? node?.sequence?.compactMap(\.string) ?? []
        return files.contains { isGap($0, beside: source.path, gather) }
      }.compactMap(\.key.string)
    }
  }

  /// For each service of the stack's own Compose files that takes values from a file to be left out, lists the others.
  static func valueFiles(
    _ own: [ComposeSource], leavingOut isLeftOut: (_ text: String, _ file: String) -> Bool
  ) -> [String: [JSON]] {
    var present: [String: [JSON]] = [:]
    var lacking: Set<String> = []
    for source in own {
      for service in source.document?["services"]?.merged ?? [] {
        guard let name = service.key.string, let node = service.value["env_file"] else { continue }
        for item in node.sequence ?? [node] {
          guard let text = item.string ?? item["path"]?.string else { continue }
          if isLeftOut(text, source.path) {
            lacking.insert(name)
          } else {
            let format = item.string == nil ? item["format"]?.string : nil
            present[name, default: []].append(
              .object(["path": .string(text)].merging(format.map { ["format": .string($0)] } ?? [:]) { $1 }))
          }
        }
      }
    }
    return Dictionary(uniqueKeysWithValues: lacking.map { ($0, present[$0] ?? []) })
  }

  /// Finds the directory that a variable must stand for where a Compose file is named below it, `${ROOT}/base.yaml`, and
  /// only one tracked file can be meant.
  private func directory(named name: String, _ gather: inout ComposeSources) async throws(Failure) -> (
    String, file: String
  )? {
    for use in Variables.uses(of: name, in: gather.sources) {
      guard use.isComposeFile, use.text.hasSuffix(".yml") || use.text.hasSuffix(".yaml"),
        let rest = ["${\(name)}/", "$\(name)/"].first(where: use.text.hasPrefix).map({ use.text.dropFirst($0.count) })
      else { continue }
      let files = view.tree.files.filter { $0.path == rest || $0.path.hasSuffix("/" + rest) }
      guard files.count == 1, let file = files.first else { continue }
      try await gather.note(file.path)
      _ = try await gather.read([file.path], in: Path.parent(file.path), interpolate)
      return (Path.join(view.root, String(file.path.dropLast(rest.count))), file.path)
    }
    return nil
  }

  /// Asks again with the defaults that some uses of a variable have, where a placeholder stood for them.
  func withDefaults(_ asked: Asked, _ gather: inout ComposeSources) async throws(Failure) -> JSON? {
    var other = asked
    other.options = ["--profile", "*"]
    var found = false
    for name in asked.placeholders.sorted() {
      guard let value = Placeholder.defaults(of: name, in: gather.sources).first else { continue }
      other.values[name] = value
      found = true
    }
    guard found else { return nil }
    let outcome = try await ask(&other, &gather)
    return outcome.succeeded ? (try? JSON(parsing: outcome.output)).map { model($0, other, gather) } : nil
  }

  /// Sees a stack as a plain work tree does, where variables without a value refuse it: what Compose makes of nothing in their
  /// place (`${DIR}/x` as `/x`) is nobody's doing.
  func withPlaceholders(
    _ source: StackSource, _ asked: Asked, _ outcome: Outcome, _ gather: inout ComposeSources
  ) async throws(Failure) -> Subject? {
    if asked.invents { return nil }
    let unset = unset(source.name, outcome.errorText, gather)
    let judged = settings.policy.judge(unset, today: today, configuration: settings.file, whole: false)
    guard judged.contains(where: \.refuses) else { return nil }
    var second = asked
    second.invents = true
    let outcome = try await ask(&second, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else { return nil }
    let whole = model(json, second, gather)
    return try await subject(source.name, .stack, whole.covered(by: covers(source, whole)), gather, second)
  }

  /// Returns the model with the live directory's own paths, and with the values of those tracked files that Compose was
  /// told not to read.
  func model(_ json: JSON, _ asked: Asked, _ gather: ComposeSources) -> JSON {
    let whole = json.mapStrings(view.rebased)
    guard asked.skipsValueFiles else { return whole }
    return whole.changing("services") { services in
      services = services.mapValues { service in
        var values: [String: JSON] = [:]
        for file in service["env_file"].array {
          guard let path = file["path"]?.string.flatMap(view.relative), let text = gather.environmentFiles[path] else {
            continue
          }
          for (name, value) in References.values(in: text) { values[name] = .string(value) }
        }
        var fields = service.object
        fields["environment"] = .object(values.merging(service["environment"].object) { _, own in own })
        return .object(fields)
      }
    }
  }

  func unsetNames(_ errors: String) -> [String] {
    let warned = errors.matches(of: /The \\?"([A-Za-z_][A-Za-z0-9_]*)\\?" variable is not set/).map { String($0.1) }
    return warned + errors.matches(of: /required variable ([A-Za-z_][A-Za-z0-9_]*) is missing/).map { String($0.1) }
  }
}
