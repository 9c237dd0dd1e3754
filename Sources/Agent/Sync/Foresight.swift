import Core

/// What the engine shows already that a deploy would meet.
extension Prepare {
  /// Finds what a plan cannot do or undo with the containers that there are.
  func foreseen(_ stacks: [StackPlan], _ containers: [Container]?, places: [String: String]) async throws(Failure)
    -> [Diagnostic]
  {
    guard let containers else { return [] }
    var found: [Diagnostic] = []
    let deploys = stacks.compactMap { stack -> (plan: StackPlan, desired: DesiredStack)? in
      guard case .deploy(let desired) = stack.work, !stack.aim.isHeld else { return nil }
      return (stack, desired)
    }
    func refuse(_ stack: String, _ service: String?, _ message: String, _ help: String) {
      found.append(
        Diagnostic(
          rule: "project-collision", file: places[stack] ?? stack, stack: stack, service: service, message: message,
          help: help))
    }
    let takeover = Takeover(settings: settings, programs: programs)
    for (plan, desired) in deploys where state.stacks[plan.name] == nil && state.adopted[plan.name] == nil {
      if let other = double(of: desired, among: containers) {
        refuse(
          plan.name, other.service,
          "the container \(other.name) runs \(other.service) from the same directory already, as the project "
            + "\(other.project) and not as \(desired.project)",
          "to take it over, put COMPOSE_PROJECT_NAME=\(other.project) into the live `.env`, or `name: \(other.project)` into "
            + "the Compose file; or take it down first")
      }
      if plan.services.contains(where: { ![.keep, .start].contains($0.action) }),
        let adopted = try await takeover.look(desired, among: containers),
        let obstacle = try await takeover.obstacle(adopted, plan)
      {
        refuse(plan.name, nil, obstacle.message, obstacle.help)
      }
    }
    let holders = try await holders(of: deploys.map(\.desired), among: containers)
    for (plan, desired) in deploys {
      for service in desired.services {
        guard case .containerName(let name)? = service.claims.first(where: holders.contains) else { continue }
        refuse(
          plan.name, service.name, "the container name \(name) is taken by a container that Compose does not know",
          "remove or rename that container (`docker rename \(name) \(name)-old`), or give the service another name")
      }
    }
    return found
  }

  /// Finds a running container of the same directory and service under another project's name.
  private func double(of desired: DesiredStack, among containers: [Container]) -> Container? {
    let directory = Path.join(settings.liveRoot, desired.name)
    let services = Set(desired.services.map(\.name))
    let known = Set(state.stacks.values.map(\.project))
    return containers.first {
      $0.directory == directory && $0.project != desired.project && !known.contains($0.project)
        && services.contains($0.service) && $0.state == "running"
    }
  }

  /// Finds the claimed names that containers have which no Compose made.
  private func holders(of stacks: [DesiredStack], among containers: [Container]) async throws(Failure) -> Set<Claim> {
    let present = Set(containers.map { Claim.containerName($0.name) })
    let names = Set(stacks.flatMap(\.services).flatMap(\.claims)).subtracting(present).filter {
      if case .containerName = $0 { true } else { false }
    }
    if names.isEmpty { return [] }
    let listed = try await programs.docker(
      ["ps", "-a", "--format", "{{.Names}}\t{{.Label \"com.docker.compose.project\"}}"])
    let others = listed.outputText.split(separator: "\n").compactMap { line -> Claim? in
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      return parts.count == 2 && parts[1].isEmpty ? .containerName(parts[0]) : nil
    }
    return names.intersection(others)
  }
}
