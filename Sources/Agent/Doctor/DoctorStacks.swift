import Core
import Engine
import Git

/// A stack as it stands on the host: one that clup has deployed, or a Compose project that somebody runs below the live root.
struct SeenStack: Sendable {
  let name: String
  let record: Deployment?
  var containers: [InspectedContainer]
  /// What Compose makes of the files in its live directory.
  var model: ComposeModel?
  /// What is to be said of those files.
  var file: Check?

  /// Where its project lies.
  var place: ProjectPlace { record?.place(of: name) ?? ProjectPlace(directory: name) }

  /// The services that it is to have, each with the number of its containers.
  var services: [(name: String, wanted: Int)] {
    if let record { return record.services.map { ($0.name, $0.replicas) } }
    if let model { return model.services.map { ($0.name, $0.replicas) } }
    return Set(containers.map(\.service)).sorted().map { ($0, 1) }
  }
}

extension Doctor {
  /// Finds the stacks, and asks Compose about their files.
  func stacks(_ state: State, _ engine: SeenEngine) async -> [SeenStack] {
    let root = Files.resolved(settings.liveRoot) ?? settings.liveRoot
    let own = engine.containers.filter { !$0.isOneOff && !$0.project.isEmpty }
    var found = state.standing.map { name, record in
      SeenStack(name: name, record: record, containers: own.filter { $0.project == record.project })
    }
    let projects = Set(state.standing.values.map(\.project))
    let others = Dictionary(grouping: own.filter { !projects.contains($0.project) }) { container in
      Path.relative(Files.resolved(container.directory) ?? container.directory, to: root) ?? ""
    }
    for (name, containers) in others where !name.isEmpty && state.standing[name] == nil {
      if settings.exclude.contains(where: { Glob($0).covers(name) }) { continue }
      found.append(SeenStack(name: name, record: nil, containers: containers))
    }
    let stacks = found.sorted { $0.name < $1.name }
    guard let programs = engine.programs else { return stacks }
    let asked = try? await each(stacks, atOnce: 4) { stack throws(Failure) in
      var stack = await read(stack, programs)
      for index in stack.containers.indices {
        stack.containers[index].account = await account(of: stack.containers[index], programs)
      }
      return stack
    }
    return asked ?? stacks
  }

  /// Finds out who a container runs as, by its own files.
  private func account(of container: InspectedContainer, _ programs: Programs) async -> Account? {
    func text(_ path: String) async -> String {
      String(decoding: (try? await programs.engine.file(path, in: container.id)) ?? [], as: UTF8.self)
    }
    return Account(
      user: container.user, extra: container.groups, passwd: await text("/etc/passwd"),
      group: await text("/etc/group"))
  }

  /// Finds what `stacks:` of the configuration says in vain, by the commit that was fetched last.
  func unusedSettings() async -> [Check] {
    let name = "stacks:"
    if settings.stacks.isEmpty, settings.include.isEmpty, settings.exclude.isEmpty, settings.files.isEmpty { return [] }
    let branch = settings.follow.mirrorBranch
    guard let mirror = try? Mirror(at: checkout.mirror, branch: branch, create: false),
      let head = try? await mirror.head(), let tree = try? await CommitTree(of: head, in: mirror, settings),
      let found = try? await Discovery.of(tree, .commit(mirror, stage: ""), settings: settings)
    else { return [Check(.stacks, name, skipped: "the repository was not fetched yet")] }
    let names = found.stacks.map(\.name)
    let unused = found.unused(of: settings, in: tree)
    if unused.isEmpty {
      return [Check(.stacks, name, .good, found: "names what \(head.prefix(7)) has", expected: "stacks of the commit")]
    }
    return unused.map { text in
      Check(
        .stacks, name, .warning, found: text, expected: "stacks and files of \(head.prefix(7))",
        help: "correct it in \(settings.file), or take it out; the stacks are \(names.joined(separator: ", "))")
    }
  }

  /// Asks Compose about the files in a live directory. Its message is not shown: it may quote values of the `.env`.
  private func read(_ stack: SeenStack, _ programs: Programs) async -> SeenStack {
    var stack = stack
    let (name, directory) = ("Compose file", Path.join(settings.liveRoot, stack.place.directory))
    let expected = "valid for `docker compose config`"
    func check(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(.stacks, name, stack: stack.name, result, found: found, expected: expected, help: help)
    }
    guard
      let file = (stack.place.files.isEmpty ? ComposeFileName.main : stack.place.files).first(where: {
        !Files.isMissing(Path.join(directory, $0))
      })
    else {
      stack.file = check(
        .failed, "there is no Compose file in \(directory)",
        stack.record == nil
          ? "restore it: the running containers were made from it" : "see `links` of \(stack.name) in this list")
      return stack
    }
    let byHand =
      "`cd \(directory) && docker compose config --quiet` says what is wrong; fix it in the repository and push, or "
      + "in the host's own `.env`"
    do throws(Failure) {
      let naming = stack.place.files.isEmpty ? [] : ["-p", stack.record?.project ?? stack.name] + stack.place.options
      let asked = try await programs.compose(naming + ["config", "--format", "json"], in: directory, limits: .reading)
      if asked.succeeded, let model = try? JSON(parsing: asked.output) {
        stack.model = ComposeModel(model)
        stack.file = check(.good, "\(directory)/\(file)")
      } else {
        stack.file = check(.failed, "\(directory)/\(file): Compose \(asked.status)", byHand)
      }
    } catch { stack.file = check(.failed, error.message, error.help) }
    return stack
  }

  /// Judges what runs of each stack: its record, its files and links, its services and probes.
  func running(_ stacks: [SeenStack], _ engine: SeenEngine) async -> [Check] {
    let name = "containers"
    if stacks.isEmpty {
      return [
        engine.skipped(.stacks, name)
          ?? Check(.stacks, name, skipped: "nothing was deployed, and nothing runs from \(settings.liveRoot)")
      ]
    }
    let status =
      await within(.seconds(20)) { try? await Status.look(settings: settings, environment: environment) } ?? nil
    let pointers = (try? checkout.state()).map { checkout.linkPlanning($0) }
    var checks: [Check] = []
    let tables = ["tcp", "tcp6"].compactMap { Files.text("/proc/net/\($0)") }
    let around = Surroundings(
      containers: engine.containers, listening: tables.flatMap(Claim.listening), networks: engine.networks,
      volumes: engine.volumes)
    for stack in stacks {
      let known = status?.stacks.first { $0.name == stack.name }
      let remedy = remedy(for: stack, known, around)
      if let known { checks.append(Self.record(known, remedy)) }
      checks += [stack.file].compactMap { $0 }
      checks += [pointers.flatMap { links(of: stack, $0) }].compactMap { $0 }
      if let skipped = engine.skipped(.stacks, name, stack: stack.name) {
        checks.append(skipped)
        continue
      }
      checks += stack.services.map { service, wanted in
        StackChecks.service(
          service, of: stack.name, wanted: wanted, containers: stack.containers.filter { $0.service == service },
          start: remedy.start, obstacles: remedy.obstacles[service] ?? [])
      }
      let asked = Set(stack.model?.services.filter(\.restarts).map(\.name) ?? [])
      checks += [StackChecks.restartPolicies(of: stack.name, stack.containers, asked: asked)].compactMap { $0 }
      if let programs = engine.programs { checks += await probes(of: stack, programs) }
    }
    return checks
  }

  /// How a stack is put right.
  private struct Remedy {
    /// What starts its services, once nothing is in the way.
    var start: String
    /// What is in the way, by service.
    var obstacles: [String: [StartObstacle]] = [:]
    /// What has to be done first, by hand.
    var first: [String] = []
  }

  private func remedy(for stack: SeenStack, _ known: Status.Stack?, _ around: Surroundings) -> Remedy {
    var remedy = Remedy(start: "`clup sync --stack \(stack.name)` starts it")
    let lost = lost(stack)
    if stack.record == nil {
      let directory = Path.join(settings.liveRoot, stack.place.directory)
      remedy.start = "`cd \(directory) && docker compose up -d` starts it: clup has not taken it over yet"
    } else if let held = known?.held, known?.commit == held {
      remedy.start = "push a fix, or try \(held.prefix(7)) again with `clup sync --retry --stack \(stack.name)`"
    }
    remedy.first = lost.map { "bring back \(Path.join(settings.liveRoot, $0)) (see Directories)" }
    let project = stack.record?.project ?? stack.containers.first?.project ?? ""
    for (name, wanted) in stack.services where wanted > 0 {
      if stack.containers.count(where: { $0.service == name && $0.isRunning }) >= wanted { continue }
      let model = stack.model?.services.first { $0.name == name }
      let claims = model?.claims ?? stack.record?.services.first { $0.name == name }?.claims ?? []
      let found = around.obstacles(to: name, of: project, claims: claims, resources: model?.resources ?? [:])
      if !found.isEmpty { remedy.obstacles[name] = found }
    }
    remedy.first += remedy.obstacles.sorted { $0.key < $1.key }.flatMap(\.value).map(\.help)
    if !lost.isEmpty {
      let help = remedy.first.prefix(lost.count).joined(separator: ", ")
      for (name, _) in stack.services {
        remedy.obstacles[name, default: []].insert(
          StartObstacle(found: "\(lost.joined(separator: ", ")) is missing", help: help), at: 0)
      }
    }
    return remedy
  }

  /// Judges what `clup status` says of a stack.
  private static func record(_ stack: Status.Stack, _ remedy: Remedy) -> Check {
    let commit = stack.commit.map { String($0.prefix(7)) } ?? "no commit"
    func check(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(
        .stacks, "in place", stack: stack.name, result, found: "\(commit): \(found)",
        expected: "what was deployed, unchanged", help: help)
    }
    if stack.isBusy { return check(.good, "a sync works on it") }
    if let held = stack.held {
      return check(
        .failed, "\(held.prefix(7)) failed and is held: \(stack.error ?? "no reason was recorded")",
        "push a fix, or try it again with `clup sync --retry --stack \(stack.name)`")
    }
    // What a sync would be refused for, or fail with, comes first.
    let first = remedy.first.map { $0 + "; " }.joined() + (remedy.first.isEmpty ? "" : "then ")
    if let error = stack.error {
      let tries = "`clup sync --stack \(stack.name)` tries again"
      return check(
        .failed, error,
        first + (remedy.first.isEmpty ? "`clup sync --dry-run --stack \(stack.name)` says what it needs" : tries))
    }
    if let drift = stack.drift.first {
      let more = stack.drift.count > 1 ? " and \(stack.drift.count - 1) more" : ""
      return check(
        .failed, drift + more, "\(first)`clup sync --stack \(stack.name)` puts it right; `clup status` lists all of it")
    }
    if let pin = stack.pin {
      return check(.warning, "pinned at \(pin.prefix(7))", "`clup resume --stack \(stack.name)` lifts the pin")
    }
    return check(.good, "unchanged")
  }

  private func links(of stack: SeenStack, _ planning: LinkPlanning) -> Check? {
    guard let record = stack.record else { return nil }
    let own = record.links.filter { $0.value.kind == .link }.map { ($0.key, stack.name, $0.value.from) }
    let shared = (record.shared ?? [:]).filter { $0.value.kind == .link }.map {
      ($0.key, LinkPlanning.shared($0.key), $0.value.from)
    }
    let observe = Observe(settings: settings, checkout: checkout, links: planning)
    let links = (own + shared).map { path, pointer, from in
      let wanted = planning.target(LinkPlanning.fileName(of: pointer), from)
      var link = StackChecks.Link(path: path, wanted: wanted, found: observe.live(path))
      if Files.isMissing(wanted), let commit = checkout.commit(of: pointer) {
        link.damaged = "\(checkout.path)/releases/\(commit)"
      }
      return link
    }
    return StackChecks.links(of: stack.name, links, pointer: checkout.commit(of: stack.name) != nil)
  }
}
