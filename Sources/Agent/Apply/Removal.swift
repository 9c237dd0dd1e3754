import Core
import Engine

extension Deploy {
  /// Ends a stack that the commit no longer has; volumes stay. `taker` is where it moved to.
  func remove(_ plan: StackPlan, for taker: Deployment? = nil) async -> Result {
    let start = ContinuousClock.now
    var result = Result(stack: plan.report(.removed), links: plan.links.map(\.report))
    do throws(Failure) {
      let up = Up(settings: settings, programs: programs)
      if let taker {
        for service in plan.services where !taker.services.contains(where: { $0.name == service.name }) {
          try await up.take(down: service)
        }
      } else {
        await up.stop(plan)
        for service in plan.services { try await up.take(down: service) }
        let isShared = containers.contains { container in
          container.project == plan.project && !plan.services.contains { $0.way.removes(container.id) }
        }
        if !isShared { try await removeNetworks(of: plan.project) }
      }
      result.links = try await links.apply(plan.links)
      checkout.removePointer(of: plan.name)
      try await records.change { state throws(IllegalTransition) in
        try state.record(.removed, of: plan.name)
      }
    } catch {
      result.stack.outcome = .failed
      result.stack.error = "\(error.message); \(error.help)"
    }
    result.stack.durationMs = (ContinuousClock.now - start).milliseconds
    return result
  }

  /// Removes the networks that Compose made for a project; one that a container still uses stays.
  func removeNetworks(of project: String) async throws(Failure) {
    try await programs.ask { engine throws(EngineError) in
      for network in try await engine.networks(labels: [ComposeLabel.of(project)]) {
        _ = try await engine.removeNetwork(network.id ?? network.name)
      }
    }
  }
}
