import Core
import YAML

/// What Compose may read, judged before it reads anything, and what its answer may name.
extension Resolve {
  /// Puts values in the place of variables as Compose does.
  ///
  /// A text whose variables must have a value and have none is given none: what Compose drops needs none either.
  func interpolate(
    _ texts: [String], _ directory: String, _ values: [String], _ project: String?
  ) async throws(Failure) -> [String?] {
    if let all = try await interpolated(texts, directory, values, project) { return all }
    var found: [String?] = []
    for text in texts { found.append(try await interpolated([text], directory, values, project)?.first ?? nil) }
    return found
  }

  private func interpolated(
    _ texts: [String], _ directory: String, _ values: [String], _ project: String?
  ) async throws(Failure) -> [String?]? {
    let place = Path.join(view.root, directory)
    try Files.makeDirectories(place)
    var files: [String] = []
    for path in values where try await view.show(path) != .absent { files.append(Path.join(view.root, path)) }
    if Files.resolved(Path.join(place, ".env")) != nil, !(files.isEmpty && environmentFiles.isEmpty) {
      files.append(Path.join(place, ".env"))
    }
    var members: [String: JSON] = ["services": .object([:]), "x-texts": .array(texts.map(JSON.string))]
    members["name"] = project.map(JSON.string)
    let question = JSON.object(members)
    let outcome = try await programs.compose(
      (files + environmentFiles).flatMap { ["--env-file", $0] }
        + ["--project-directory", place, "-f", "-", "config", "--format", "json"],
      in: place, variables: goTuning, input: question.canonical, limits: .reading)
    guard outcome.succeeded, let answer = (try? JSON(parsing: outcome.output))?["x-texts"]?.unescaped.array,
      answer.count == texts.count
    else { return nil }
    let unknown = view.invents ? unsetNames(outcome.errorText) : []
    return zip(texts, answer).map { text, value in
      unknown.contains { Variables.uses($0, text) } ? nil : value.string.map(view.rebased)
    }
  }

  /// Answers for a stack or a job file whose files Compose must not read; nothing when it may.
  ///
  /// Where it is no more than files of values, the stack is judged as if it did not name them.
  func refusedReads(_ name: String, _ kind: Subject.Kind, _ gather: inout ComposeSources) async throws(Failure)
    -> Answer?
  {
    guard !gather.references.isEmpty else { return nil }
    let found = Rule.findings(ofReadsIn: try await subject(name, kind, .null, gather))
    let refused = settings.policy.judge(found, today: today, configuration: settings.file, whole: false)
      .filter(\.refuses)
    if refused.isEmpty { return nil }
    var answer = Answer(diagnostics: found, sources: gather.sources)
    if try await judge(&answer, without: refused, &gather) { return answer }
    answer.textSubjects = [try await subject(name, kind, PartialModel.model(of: gather.sources), gather)]
    return answer
  }

  /// Has Compose resolve a stack without the files of values that it must not read; says whether it could.
  private func judge(
    _ answer: inout Answer, without refused: [Diagnostic], _ gather: inout ComposeSources
  ) async throws(Failure) -> Bool {
    let unread = gather.references.filter { reference in
      refused.contains { ($0.file, $0.line, $0.column) == (reference.file, reference.mark.line, reference.mark.column) }
    }
    guard let source = gather.stack, !unread.isEmpty,
      unread.allSatisfy({ $0.key == "env_file" && source.composeFiles.contains($0.file) })
    else { return false }
    try await gather.noteReferences()
    var asked = Asked(
      source.name, directory: Path.join(view.root, source.place.directory), files: source.composeFiles,
      naming: try await naming(source, gather), values: goTuning, invents: true)
    asked.valueFiles = Self.valueFiles(gather.sources.filter { source.composeFiles.contains($0.path) }) { text, file in
      unread.contains { ($0.text, $0.file) == (text, file) }
    }
    let outcome = try await ask(&asked, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output),
      try await climbing(source.name, asked, json, gather) == nil
    else { return false }
    let lacking = invented(source.name, asked, gather).filter { gap in
      !refused.contains { ($0.file, $0.line, $0.column) == (gap.file, gap.line, gap.column) }
    }
    answer.diagnostics += unreadable(source.name, gather) + lacking
    answer.subjects = [try await subject(source.name, .stack, model(json, asked, gather), gather, asked)]
    (answer.placeholders, answer.invented) = (asked.placeholders, asked.invented)
    (answer.sources, answer.uses) = (gather.sources, Set(gather.tracked.keys))
    return true
  }

  /// Returns whether Compose may read a file of the live root that it asked for and that no source was seen to name.
  func mayRead(_ path: String, _ gather: ComposeSources) async throws(Failure) -> Bool {
    guard let source = gather.sources.first else { return false }
    let isJob = discovery.jobs.contains(source.path)
    let name = isJob ? source.path : gather.stack?.name ?? Path.parent(source.path)
    var subject = try await subject(name, isJob ? .job : .stack, .null, gather)
    subject.references = [
      Reference(
        key: "extends", text: path, file: source.path, mark: Mark(line: 1, column: 1),
        path: Path.join(settings.liveRoot, path))
    ]
    let found = Rule.findings(ofReadsIn: subject)
    return !settings.policy.judge(found, today: today, configuration: settings.file, whole: false).contains(
      where: \.refuses)
  }

  /// Finds a relative path of the model that climbs above the host's root directory.
  ///
  /// Compose is shown the live directory at a deeper place, from which such a path would lead elsewhere; asked from two
  /// depths, it comes to two places.
  func climbing(
    _ name: String, _ asked: Asked, _ model: JSON, _ gather: ComposeSources
  ) async throws(Failure) -> Diagnostic? {
    guard gather.mayClimb(above: settings.liveRoot) else { return nil }
    guard let place = Path.relative(asked.directory, to: view.root) else { return nil }
    let deep = Path.join(try view.deepRoot(), place)
    let outcome = try await config(asked, in: deep)
    func finding(_ path: String) -> Diagnostic {
      Diagnostic(
        rule: "host-path", file: gather.sources.first?.path ?? place, line: 1, column: 1, stack: name,
        message: "a relative path climbs above the root directory of the host (it leads to \(path))",
        help: "write an absolute path, or fewer `..`", isFinal: true)
    }
    guard outcome.succeeded, let other = try? JSON(parsing: outcome.output) else {
      return finding("a place that Compose cannot find")
    }
    let (near, far) = (model.mapStrings(view.rebased), other.mapStrings(view.rebasedFromDeep))
    return near.firstDifference(from: far).map(finding)
  }

  /// Describes a stack or a job file for the rules, with where its paths lead on this host.
  func subject(
    _ name: String, _ kind: Subject.Kind, _ model: JSON, _ gather: ComposeSources, _ asked: Asked? = nil
  ) async throws(Failure) -> Subject {
    // Compose doubles each dollar sign of what it prints; a path is what is meant.
    let model = model.unescaped
    let isHost = Files.status(settings.liveRoot) != nil && !view.invents
    var paths = HostPaths(
      liveRoot: settings.liveRoot, checkout: knowsSettings ? settings.checkout : nil,
      stacks: discovery.stacks.reduce(into: neighbours) { $0[$1.name] = $1.place.directory }, isHost: isHost)
    paths.named = Set(discovery.stacks.filter { Discovery.isNamed($0, settings) }.map(\.name))
    paths.tree = view.tree
    paths.knowsRoots = knowsSettings
    (paths.knowsPlace, paths.climbed) = (knowsSettings || knowsHost, asked?.climbed ?? [])
    paths.own =
      !knowsSettings
      ? []
      : Set(["/etc/clup", settings.file, AcceptedFindings.file(beside: settings.file)].filter { Path.isAbsolute($0) })
    let directory = gather.stack?.place.directory ?? Path.parent(name)
    paths.reads = Set(
      ((gather.stack?.lookedFor ?? [name]) + [Path.join(directory, ".env")]).map { Path.join(settings.liveRoot, $0) }
        + gather.references.filter { !$0.isRemote }.map(\.path)
        + gather.sources.map { Path.join(settings.liveRoot, $0.path) })
    var subject = Subject(
      stack: name, kind: kind, directory: directory, model: model, sources: gather.sources, paths: paths,
      policy: settings.policy, today: today, environmentFiles: gather.environmentFiles)
    subject.references = gather.references
    (subject.invented, subject.refusesUnset) = (asked?.invented ?? [:], knowsHost && kind == .stack)
    let resolver = SymlinkResolver(view: view)
    let candidates = Set(subject.hostPaths + settings.policy.bindRoots + [settings.liveRoot]).union(paths.reads)
    for path in candidates.sorted() where Path.isAbsolute(path) {
      if let other = try await resolver.real(path) { paths.real[path] = other }
      if isHost, resolver.isMissing(path) { paths.missing.insert(path) }
      if isHost, let relative = view.relative(path) {
        if resolver.holdsMore(relative) { paths.mixed.insert(relative) }
        for place in handRun(around: relative, beside: directory) { paths.stacks[place] = place }
      }
    }
    subject.paths = paths
    var dockerfiles: [String: String] = [:]
    for (service, path) in subject.readableDockerfiles { dockerfiles[service] = try await dockerfile(path) }
    subject.read(dockerfiles: dockerfiles)
    return subject
  }

  /// Reads a Dockerfile as the builder will find it; the builder takes the same name in small letters, too.
  private func dockerfile(_ path: String) async throws(Failure) -> String? {
    let small = Path.join(Path.parent(path), "dockerfile")
    for place in Path.name(path) == "Dockerfile" ? [path, small] : [path] {
      if let relative = view.relative(place), let entry = view.tree[relative] {
        guard entry.isRegular else { return nil }
        return try await view.tracked.smallContents(of: entry).map { String(decoding: $0, as: UTF8.self) }
      }
      if let bytes = Files.read(place, limit: 1 << 20) { return String(decoding: bytes, as: UTF8.self) }
    }
    return nil
  }

  /// Lists the directories around a path that a person runs a stack from, or keeps values for one in, beside clup.
  private func handRun(around path: String, beside home: String) -> [String] {
    (Path.ancestors(path) + [path]).filter { directory in
      guard directory != ".", Path.relative(home, to: directory) == nil, Path.relative(directory, to: home) == nil,
        !discovery.stacks.contains(where: { $0.place.directory == directory })
      else { return false }
      return (ComposeFileName.main + [".env"]).contains { name in
        let file = Path.join(directory, name)
        return view.tree[file] == nil && Files.status(Path.join(settings.liveRoot, file)) != nil
      }
    }
  }
}

extension ComposeSources {
  /// Whether the texts hold enough `..` to climb above the root directory from a directory of the live root.
  fileprivate func mayClimb(above liveRoot: String) -> Bool {
    let depth = Path.components(liveRoot).count
    let own = sources.reduce(0) { $0 + $1.climbs }
    // A variable may bring as many as it likes.
    let brought = untracked.keys.contains { path in
      Files.read(Path.join(view.liveRoot, path), limit: 1 << 20)
        .map { Path.climbs(in: String(decoding: $0, as: UTF8.self)) > 0 } ?? false
    }
    return own > depth || brought || environmentFiles.values.contains { Path.climbs(in: $0) > 0 }
  }
}

extension JSON {
  /// Returns the first text that is another one in a model of the same shape.
  fileprivate func firstDifference(from other: JSON) -> String? {
    switch (self, other) {
    case (.string(let text), .string(let far)): text == far ? nil : text
    case (.array(let items), .array(let others)):
      items.count == others.count ? zip(items, others).lazy.compactMap { $0.firstDifference(from: $1) }.first : ""
    case (.object(let members), .object(let others)):
      Set(members.keys) == Set(others.keys)
        ? members.sorted { $0.key < $1.key }.lazy.compactMap { key, value in
          others[key].flatMap { value.firstDifference(from: $0) }
        }.first : ""
    default: self == other ? nil : ""
    }
  }
}
