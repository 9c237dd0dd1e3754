import Core
import Engine

/// What the engine shows already that a deploy would meet.
extension Prepare {
  /// Finds what a plan cannot do or undo with the containers that there are.
  func foreseen(_ stacks: [StackPlan], _ containers: [Container]?, places: [String: String]) async throws(Failure)
    -> [Diagnostic]
  {
    guard let containers else { return [] }
    var found: [Diagnostic] = []
    let deploys = stacks.filter { !$0.target.staysAtLastGood }.compactMap { plan in
      plan.desired.map { (plan: plan, desired: $0) }
    }
    func refuse(_ stack: String, _ service: String?, _ message: String, _ help: String) {
      found.append(
        Diagnostic(
          rule: "project-collision", file: places[stack] ?? stack, stack: stack, service: service, message: message,
          help: help))
    }
    let projects = Set(deploys.map(\.desired.project))
    let takeover = Takeover(settings: settings, programs: programs)
    for (plan, desired) in deploys where state.standing(plan.name) == nil && state.stacks[plan.name]?.adopted == nil {
      if let other = double(of: desired, among: containers, but: projects) {
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
        for claim in service.claims {
          guard let holder = holders.first(where: { $0.claim.excludes(claim) }) else { continue }
          refuse(
            plan.name, service.name, "\(claim) is used by the container \(holder.name), which belongs to no stack",
            help(against: claim, of: service.name, holder.name))
        }
      }
    }
    return found
  }

  /// Refuses what has no order in which it could be done.
  func deadlocked(_ found: [Handover.Deadlock], places: [String: String]) -> [Diagnostic] {
    if request.isRepair { return [] }
    let way = "do it in two commits: give it up in the first one, and take it in the second"
    return found.map { one in
      Diagnostic(
        rule: "project-collision", file: places[one.taker] ?? one.taker, stack: one.taker,
        message:
          "\(one.taker) takes \(one.claim) from \(one.giver), which comes after \(one.taker): neither can go first",
        help: request.rollback == nil ? way : "undo it in the repository instead: \(way)")
    }
  }

  /// Finds a running container of the same directory and service under the name of a project that no stack has.
  private func double(
    of desired: DesiredStack, among containers: [Container], but projects: Set<String>
  ) -> Container? {
    let directory = Path.join(settings.liveRoot, desired.place.directory)
    let services = Set(desired.services.map(\.name))
    let known = projects.union(state.standing.values.map(\.project))
    return containers.first {
      $0.directory == directory && $0.project != desired.project && !known.contains($0.project)
        && services.contains($0.service) && $0.state == "running"
    }
  }

  /// A name is taken as long as there is the container, a port as long as it runs.
  private func help(against claim: Claim, of service: String, _ holder: String) -> String {
    switch claim {
    case .containerName:
      "rename that container (`docker rename \(holder) \(holder)-old`) or remove it, or give \(service) another `container_name`"
    default: "stop that container (`docker stop \(holder)`), or publish another port for \(service)"
    }
  }

  private typealias Holder = (claim: Claim, name: String)

  /// Finds the names and, for stacks that come for the first time, the ports that containers of no stack have taken.
  private func holders(of stacks: [DesiredStack], among containers: [Container]) async throws(Failure) -> [Holder] {
    let projects = Set(stacks.map(\.project)).union(
      state.stacks.values.flatMap { [$0.standing?.project, $0.change?.targetProject].compactMap { $0 } })
    let own = Set(containers.filter { projects.contains($0.project) }.map(\.name))
    let wanted = stacks.flatMap { stack in
      // What only drifted is repaired or not, and keeps no other stack from a commit.
      let drifts = state.standing(stack.name).map { stack.inputs.differences(from: $0.inputs).isEmpty } ?? false
      return stack.services.flatMap { service in
        let known = state.standing(stack.name)?.services.first { $0.name == service.name }?.claims ?? []
        let runs = containers.contains {
          $0.project == stack.project && $0.service == service.name && $0.state == "running"
        }
        return service.claims.filter { claim in
          if case .containerName(let name) = claim { return !own.contains(name) }
          // What runs has its ports.
          return !drifts && !(runs && known.contains(claim))
        }
      }
    }
    if wanted.isEmpty { return [] }
    let listed = try await programs.ask { engine throws(EngineError) in try await engine.containers() }
    return listed.flatMap { container -> [Holder] in
      guard !projects.contains(container.labels[ComposeLabel.project] ?? "") else { return [] }
      let ports = container.ports.map { Claim.port("\($0.port)", transport: $0.transport, address: $0.address) }
      return ([.containerName(container.name)] + ports)
        .filter { held in wanted.contains { $0.excludes(held) } }.map { ($0, container.name) }
    }
  }
}
