import Core
import Git
import Glibc
import YAML

/// Asks Compose what a stack of the target commit is, with the live directory's own settings.
struct Resolve: Sendable {
  let programs: Programs
  let view: View
  let settings: Settings
  let observe: Observe

  struct Answer: Sendable {
    var desired: DesiredStack?
    var diagnostics: [Diagnostic]
  }

  func stack(_ source: StackSource) async throws(Failure) -> Answer {
    let name = source.name
    if let file = source.composeFiles.first, let obstacle = Obstacle.file(above: file, in: settings.liveRoot) {
      return Answer(
        desired: nil,
        diagnostics: [
          Diagnostic(
            rule: "forbidden-file", file: file, stack: name, message: obstacle.message, help: obstacle.help)
        ])
    }
    var tracked: [String: String] = [:]
    var untracked: [String: String] = [:]
    var sources: [ComposeSource] = []
    func note(_ path: String) async throws(Failure) {
      if tracked[path] != nil { return }
      tracked[path] = view.tree.fingerprint(path)
      if try await view.show(path) == .tracked { return }
      untracked[path] = observe.untracked(path)
    }
    for file in ComposeFileName.all + [".env"] { try await note(Path.join(name, file)) }
    let live = ComposeFileName.main.map { Path.join(name, $0) }
    if let first = live.first(where: { view.tree[$0] != nil || untracked[$0].map { $0 != Fingerprint.absent } ?? false }
    ),
      view.tree[first] == nil, let hidden = source.composeFiles.first
    {
      return refused(
        name, hidden, nil, "the host's own \(first) comes before \(hidden) in Compose's order",
        "move \(Path.join(settings.liveRoot, first)) aside, or commit it")
    }
    var queue = source.composeFiles
    var seen: Set<String> = []
    while let path = queue.popLast() {
      guard seen.insert(path).inserted, let entry = view.tree[path], entry.kind == .file || entry.kind == .executable
      else { continue }
      let bytes: [UInt8]
      do throws(GitError) { bytes = try await view.mirror.contents(of: entry.id, limit: 1 << 20) } catch {
        return refused(
          name, path, nil, "\(path) cannot be read as a Compose file: \(error.message)", "split it with `include`")
      }
      let text = ComposeSource(path: path, bytes: bytes)
      sources.append(text)
      if let error = text.error, error.kind == .encoding || error.kind == .tooLarge {
        return refused(
          name, path, error.mark, "\(path) cannot be read as a Compose file: \(error.message)",
          "commit it as UTF-8 text")
      }
      guard let document = text.document else { continue }
      for reference in References.paths(in: document) {
        if let target = inside(Path.join(Path.parent(path), reference)) { try await note(target) }
      }
      for reference in References.composeFiles(in: document) {
        if let target = inside(Path.join(Path.parent(path), reference)) { queue.append(target) }
      }
    }
    let directory = Path.join(view.root, name)
    try Files.makeDirectories(directory)
    var outcome = try await programs.compose(["config", "--format", "json"], in: directory)
    for _ in 0..<16 where !outcome.succeeded {
      guard let path = missing(outcome.errorText), tracked[path] == nil else { break }
      try await note(path)
      outcome = try await programs.compose(["config", "--format", "json"], in: directory)
    }
    let errors = view.rebased(outcome.errorText).split(separator: "\n").map(String.init)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
      let live = view.liveRoot + "/"
      let message = errors.filter { !$0.contains("level=warning") }.joined(separator: " ").replacing(live, with: "")
      let (file, mark) = Blame.place(message, in: sources)
      let lost = message.contains("env file") && message.contains("not found")
      return refused(
        name, file.isEmpty ? name : file, mark, message.isEmpty ? "Compose refuses it" : message,
        "mend it, and try `docker compose config` in \(Path.join(settings.liveRoot, name))",
        rule: lost ? "unset-variable" : "compose")
    }
    var found: [Diagnostic] = []
    for line in errors {
      guard let match = line.firstMatch(of: /The \\"([A-Za-z_][A-Za-z0-9_]*)\\" variable is not set/) else { continue }
      let (file, mark) = Variables.place(of: String(match.1), in: sources)
      found.append(
        Diagnostic(
          rule: "unset-variable", file: file, line: mark?.line, column: mark?.column, stack: name,
          message: "the variable \(match.1) has no value",
          help: "set it in \(Path.join(settings.liveRoot, name))/.env, or give a default: ${\(match.1):-…}"))
    }
    let rebased = json.mapStrings(view.rebased)
    let model = ComposeModel(rebased)
    let hashes = try await programs.compose(
      [
        "-p", model.project, "--project-directory", Path.join(settings.liveRoot, name), "-f", "-", "config", "--hash",
        "*",
      ],
      in: directory, input: rebased.canonical)
    guard hashes.succeeded else {
      return refused(
        name, source.composeFiles.first ?? name, nil, view.rebased(hashes.errorText).firstLine,
        "try `docker compose config --hash '*'` in \(Path.join(settings.liveRoot, name))")
    }
    var byService: [String: String] = [:]
    for line in hashes.outputText.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 2 { byService[String(parts[0])] = String(parts[1]) }
    }
    for path in model.hostPaths.compactMap(view.relative) where !view.tree.files(under: path).isEmpty {
      try await view.export(path)
      tracked[path] = view.tree.fingerprint(path)
    }
    let copied = Set(model.services.flatMap { $0.binds + $0.buildContexts }.compactMap(view.relative))
    let writable = Set(model.services.flatMap(\.writable).compactMap(view.relative))
    var links: [String: DesiredLink] = [:]
    for path in tracked.keys.sorted() {
      let manner: Manner = writable.contains(path) ? .writable : copied.contains(path) ? .mounted : .plain
      link(path, manner, into: &links, &found, name)
    }
    links = links.filter { path, _ in !Path.ancestors(path).contains { links[$0] != nil } }
    let services = model.services.map { service in
      func ids(_ paths: [String]) -> [String: String] {
        var ids: [String: String] = [:]
        for path in paths.compactMap(view.relative) {
          let id = view.tree.fingerprint(path)
          if id != Fingerprint.absent { ids[path] = id }
        }
        return ids
      }
      var mounts = ids(service.binds + service.files)
      for path in service.files where mounts[view.relative(path) ?? path] == nil {
        mounts[view.relative(path) ?? path] = Files.read(path).map { blobID(of: $0) } ?? Fingerprint.absent
      }
      return DesiredService(
        name: service.name, hash: byService[service.name] ?? "", image: service.image,
        fields: service.fields.mapValues { blobID(of: $0.canonical) }, mounts: mounts,
        builds: ids(service.buildContexts),
        replicas: service.replicas, restarts: service.restarts, hasHealthCheck: service.hasHealthCheck,
        claims: service.claims)
    }
    let desired = DesiredStack(
      name: name, commit: view.tree.commit, project: model.project, tracked: tracked, untracked: untracked,
      services: services, links: links, after: model.after,
      deployTimeout: settings.stacks[name]?.deployTimeout ?? model.deployTimeout)
    return Answer(desired: desired, diagnostics: found)
  }

  /// How a service uses a tracked path.
  private enum Manner {
    case plain
    /// A container sees it without the rest of the live root, where a link would lead nowhere.
    case mounted
    /// A container may write there: a link to a directory would put its state into a release.
    case writable
  }

  private func link(
    _ path: String, _ manner: Manner, into links: inout [String: DesiredLink], _ found: inout [Diagnostic],
    _ stack: String
  ) {
    guard let entry = view.tree[path] else { return }
    if let glob = settings.protectedPaths.glob(protecting: path) {
      found.append(Discovery.landsOnState(path, glob: glob, stack: stack))
      return
    }
    switch entry.kind {
    case .file, .executable:
      if links[path] == nil { links[path] = DesiredLink(kind: .link, entry) }
    case .symlink, .submodule:
      found.append(
        Diagnostic(
          rule: "forbidden-file", file: path, stack: stack,
          message: "\(path) is a \(entry.kind == .symlink ? "symbolic link" : "submodule") in a managed path",
          help: "commit the file itself"))
    case .directory:
      let live = Path.join(settings.liveRoot, path)
      let real = Files.status(live).map(Files.isDirectory) ?? (path == "." || manner == .writable)
      guard real || stack == path || Path.relative(stack, to: path) != nil else {
        links[path] = DesiredLink(kind: .link, entry)
        return
      }
      if manner == .plain {
        for child in view.tree.children(of: path) { link(child.path, manner, into: &links, &found, stack) }
        return
      }
      for file in view.tree.files(under: path) where links[file.path] == nil {
        if file.kind != .file && file.kind != .executable {
          link(file.path, manner, into: &links, &found, stack)
        } else if !ComposeFileName.all.contains(Path.name(file.path)) {
          links[file.path] = DesiredLink(kind: .copy, file)
        }
      }
    }
  }

  private func inside(_ path: String) -> String? {
    path.hasPrefix("/") ? view.relative(path) : (path.hasPrefix("..") ? nil : path)
  }

  private func missing(_ errors: String) -> String? {
    guard let start = errors.firstRange(of: view.directory + "/root") else { return nil }
    let rest = errors[start.upperBound...].prefix { $0 != ":" && $0 != "\n" && $0 != "\"" && $0 != " " }
    return view.relative(String(rest))
  }

  private func refused(
    _ stack: String, _ file: String, _ mark: Mark?, _ message: String, _ help: String, rule: String = "compose"
  ) -> Answer {
    Answer(
      desired: nil,
      diagnostics: [
        Diagnostic(
          rule: rule, file: file, line: mark?.line, column: mark?.column, stack: stack, message: message, help: help)
      ])
  }
}
