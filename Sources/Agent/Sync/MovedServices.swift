import Core
import Engine

/// The services that a commit takes from one stack to another, by the stack that they come to.
struct MovedServices: Sendable {
  private var found: [String: [MovedService]] = [:]
  private let removed: RemovedStacks

  /// Finds them: a service that a stack has for the first time is one that another stack has, by its record, and by its files
  /// no longer. Without `programs` the engine is not asked what they mount.
  init(
    among subjects: [Subject], records: [String: Deployment], removed: RemovedStacks, programs: Programs?
  ) async throws(Failure) {
    self.removed = removed
    let stacks = subjects.filter { $0.kind == .stack }
    func leaves(_ service: String, _ stack: String) -> Bool {
      if removed.gone.contains(stack) { return true }
      let own = stacks.filter { $0.stack == stack }
      return !own.isEmpty && own.allSatisfy { $0.model["services"]?[service] == nil }
    }
    for subject in stacks where found[subject.stack] == nil {
      let own = removed.formerServices[subject.stack] ?? Set(records[subject.stack]?.services.map(\.name) ?? [])
      let others = records.filter { $0.key != subject.stack && $0.value.project != subject.model["name"]?.string }
        .sorted { $0.key < $1.key }
      for (service, json) in subject.model["services"].members where !own.contains(service) {
        for (other, known) in others {
          guard let former = known.services.first(where: { $0.isContinued(by: service, json) }),
            leaves(former.name, other)
          else { continue }
          var moved = MovedService(service: service, from: other)
          (moved.recorded, moved.containers) = (former.volumeNames, former.containerNames)
          if let programs { try await Self.look(at: &moved, former.name, of: known.project, programs) }
          found[subject.stack, default: []].append(moved)
          break
        }
      }
    }
  }

  private static func look(
    at moved: inout MovedService, _ service: String, of project: String, _ programs: Programs
  ) async throws(Failure) {
    let listed = try await programs.ask { engine throws(EngineError) in
      try await engine.containers(labels: [ComposeLabel.of(project)])
    }
    for container in listed where container.labels[ComposeLabel.service] == service {
      moved.volumes.merge(container.volumes) { first, _ in first }
      for mount in container.mounts where mount.type == "bind" {
        moved.binds[Path.normalized(mount.destination)] = Path.normalized(mount.source)
      }
    }
  }

  /// Tells a subject of the services that come to it: the volumes that they had are theirs, unless the stack that they come from
  /// runs on with them.
  func place(_ subject: inout Subject, origin: String?) {
    subject.moved = (found[subject.stack] ?? []).filter { $0.stack != origin }
    for moved in subject.moved
    where !removed.gone.contains(moved.stack) || removed.ending.contains(moved.stack) {
      subject.kept.formUnion(moved.names)
      if removed.ending.contains(moved.stack) { subject.giveUp(moved) }
    }
  }
}
