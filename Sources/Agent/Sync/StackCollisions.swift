import Core

extension Prepare {
  func collisions(
    _ discovery: Discovery, _ desired: [String: DesiredStack], _ containers: [Container]?,
    _ subjects: [Subject]
  ) -> [Diagnostic] {
    let judged = Dictionary(subjects.filter { $0.kind == .stack }.map { ($0.stack, $0) }) { first, _ in first }
    let locate: Collisions.Locate = { stack, claim in judged[stack]?.place(of: claim) }
    let places = places(discovery)
    var projects = desired.mapValues(\.project)
    for (name, known) in state.standing where projects[name] == nil && places[name] != nil {
      projects[name] = known.project
    }
    var claims = desired.mapValues { $0.services.flatMap(\.claims) }
    let left =
      settings.sync.prune == .report
      ? gone(Set(places.keys).union(state.pins.keys), desired.mapValues(\.project)) : [:]
    for (name, known) in state.standing where claims[name] == nil {
      let runsOn =
        left[name] != nil && !isTakenOver(known, desired.mapValues(\.project), Set(places.keys))
        && !isHandedOver(name, known, desired)
      // What failed where it was to take services from others runs what it ran before.
      let runs = state.stacks[name]?.held?.takes == nil ? known : state.lastGood(name)
      if places[name] != nil || runsOn { claims[name] = runs?.services.flatMap(\.claims) ?? [] }
    }
    var found =
      (Collisions.between(
        projects: projects, places: places, had: state.standing.mapValues(\.project), at: locate)
      + Collisions.between(
        claims: claims, places: places, had: state.standing.mapValues { $0.services.flatMap(\.claims) }, at: locate))
      .filter { desired[$0.stack ?? ""] != nil }
    for index in found.indices {
      let wanted = claims[found[index].stack ?? ""] ?? []
      let other = left.keys.sorted().first { name in
        claims[name]?.contains { held in wanted.contains { $0.excludes(held) } } == true
      }
      guard let other else { continue }
      found[index].help +=
        "; \(other) left the repository and runs on: with `sync: {prune: remove}` the next sync takes it down first"
    }
    for stack in desired.values where containers != nil {
      let place = Path.join(settings.liveRoot, stack.place.directory)
      let real = Files.resolved(place)
      let others = (containers ?? []).filter { container in
        if container.project != stack.project || state.standing(stack.name)?.has(container) == true { return false }
        let moved = state.standing.contains { name, known in
          places[name] == nil && state.stacks[name]?.pin == nil && known.project == stack.project
            && (directory(known, name) == container.directory || known.has(container))
        }
        return !moved && (real == nil || Files.resolved(container.directory) != real)
      }
      if let diagnostic = Collisions.foreign(
        stack.name, project: stack.project, place: places[stack.name] ?? stack.name, directory: place,
        containers: others,
        held: { place in
          state.standing.first { name, known in
            places[name] != nil && known.project == stack.project && directory(known, name) == place
          }?.key
        }, at: locate)
      {
        found.append(diagnostic)
      }
    }
    for index in found.indices {
      let project = found[index].stack.flatMap { desired[$0]?.project }
      // What a rollback pinned keeps its project where the branch has it under another name.
      let pinned = state.pins.keys.sorted().first { places[$0] == nil && state.standing($0)?.project == project }
      if let pinned, let project, found[index].dispute == "project \(project)" {
        found[index].help = "\(pinned) has this project, and is pinned: `clup resume --stack \(pinned)` lets it move"
      }
    }
    return found
  }

  func places(_ discovery: Discovery) -> [String: String] {
    Dictionary(uniqueKeysWithValues: discovery.stacks.map { ($0.name, $0.composeFiles.first ?? $0.name) })
  }
}
