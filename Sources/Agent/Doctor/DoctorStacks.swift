import Core
import Engine

/// A stack as it stands on the host: one that clup has deployed, or a Compose project that somebody runs below the live root.
struct SeenStack: Sendable {
  let name: String
  /// What clup has recorded of it.
  let record: Deployment?
  let containers: [InspectedContainer]
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
    let asked = try? await each(stacks, atOnce: 4) { stack throws(Failure) in await read(stack, programs) }
    return asked ?? stacks
  }

  /// Asks Compose about the files in a live directory. Its message is not shown: it may quote values of the `.env`.
  private func read(_ stack: SeenStack, _ programs: Programs) async -> SeenStack {
    var stack = stack
    let (name, directory) = ("Compose file", Path.join(settings.liveRoot, stack.place.directory))
    let expected = "valid for `docker compose config`"
    func told(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(.stacks, name, stack: stack.name, result, found: found, expected: expected, help: help)
    }
    guard
      let file = (stack.place.files.isEmpty ? ComposeFileName.main : stack.place.files).first(where: {
        !Files.isMissing(Path.join(directory, $0))
      })
    else {
      stack.file = told(
        .failed, "there is no Compose file in \(directory)", "`clup sync --stack \(stack.name)` links it again")
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
        stack.file = told(.good, "\(directory)/\(file)")
      } else {
        stack.file = told(.failed, "\(directory)/\(file): Compose \(asked.status)", byHand)
      }
    } catch { stack.file = told(.failed, error.message, error.help) }
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
    for stack in stacks {
      if let known = status?.stacks.first(where: { $0.name == stack.name }) { checks.append(Self.record(known)) }
      checks += [stack.file].compactMap { $0 }
      checks += [pointers.flatMap { links(of: stack, $0) }].compactMap { $0 }
      if let skipped = engine.skipped(.stacks, name, stack: stack.name) {
        checks.append(skipped)
        continue
      }
      checks += stack.services.map { service, wanted in
        StackChecks.service(
          service, of: stack.name, wanted: wanted, containers: stack.containers.filter { $0.service == service })
      }
      let asked = Set(stack.model?.services.filter(\.restarts).map(\.name) ?? [])
      checks += [StackChecks.restartPolicies(of: stack.name, stack.containers, asked: asked)].compactMap { $0 }
      if let programs = engine.programs { checks += await probes(of: stack, programs) }
    }
    return checks
  }

  /// Judges what `clup status` says of a stack.
  private static func record(_ stack: Status.Stack) -> Check {
    let commit = stack.commit.map { String($0.prefix(7)) } ?? "no commit"
    func told(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(
        .stacks, "in place", stack: stack.name, result, found: "\(commit): \(found)",
        expected: "what was deployed, unchanged", help: help)
    }
    if stack.isBusy { return told(.good, "a sync works on it") }
    if let held = stack.held {
      return told(
        .failed, "\(held.prefix(7)) failed and is held: \(stack.error ?? "no reason was recorded")",
        "push a fix, or try it again with `clup sync --retry --stack \(stack.name)`")
    }
    if let error = stack.error {
      return told(.failed, error, "`clup sync --dry-run --stack \(stack.name)` says what it needs")
    }
    if let drift = stack.drift.first {
      let more = stack.drift.count > 1 ? " and \(stack.drift.count - 1) more" : ""
      return told(
        .failed, drift + more, "`clup sync --stack \(stack.name)` puts it right; `clup status` lists all of it")
    }
    if let pin = stack.pin {
      return told(.warning, "pinned at \(pin.prefix(7))", "`clup resume --stack \(stack.name)` lifts the pin")
    }
    return told(.good, "unchanged")
  }

  private func links(of stack: SeenStack, _ planning: LinkPlanning) -> Check? {
    guard let record = stack.record else { return nil }
    let own = record.links.filter { $0.value.kind == .link }.map { path, link in
      (path, planning.target(LinkPlanning.pointerName(of: stack.name), link.from))
    }
    let shared = (record.shared ?? [:]).filter { $0.value.kind == .link }.map { path, link in
      (path, planning.target(LinkPlanning.pointerName(of: LinkPlanning.shared(path)), link.from))
    }
    let observe = Observe(settings: settings, checkout: checkout, links: planning)
    return StackChecks.links(
      of: stack.name,
      (own + shared).map { path, wanted in
        (path, wanted, observe.live(path), Files.isMissing(Path.join(settings.liveRoot, path)))
      })
  }
}
