import Core

extension StackPlan {
  func report(_ outcome: StackReport.Outcome) -> StackReport {
    var report = StackReport(name: name, outcome: outcome)
    report.from = from
    report.to = to
    report.project = project.isEmpty ? nil : project
    report.reasons = work == .none ? (target.reason.map { [$0] } ?? reasons) : reasons
    // Where a rollback fails or is refused it is not pinned.
    let isPinned = [.deployed, .planned, .unchanged, .pinned].contains(outcome)
    if work != .none, target.isPin, isPinned, let reason = target.reason { report.reasons.append(reason) }
    report.services = services.map(\.report)
    if outcome == .planned { report.steps = steps.compactMap(\.text) }
    if case .hold(let hold) = target { report.error = hold.error }
    if case .waiting(let waiting) = target { report.waitsFor = waiting.outage }
    if target.isGone {
      report.gone = true
      if work == .none { report.keepAll() }
    }
    return report
  }

  func skipped(_ why: String) -> StackReport {
    var report = report(.skipped)
    report.error = why
    return report
  }
}

extension StackReport {
  /// Tells that it waits for something that is away.
  mutating func wait(for outage: Outage, _ why: String) {
    (outcome, waitsFor, error) = (.waiting, outage, why)
  }

  /// Tells that nothing was done to the containers.
  mutating func keepAll() {
    for index in services.indices { (services[index].action, services[index].reason) = (.keep, nil) }
  }

  /// Tells of what was to be kept and that `docker compose up` has run once more all the same: a service that ends.
  mutating func noteUnplannedRestarts(_ attempt: Deploy.Attempt) {
    guard let began = attempt.progress.began else { return }
    for index in services.indices where services[index].action == .keep {
      let own = (attempt.progress.containers ?? []).filter { $0.service == services[index].name }
      if own.contains(where: { !attempt.change.before.contains($0.id) }) {
        services[index].action = .recreate
      } else if own.contains(where: { $0.age < began.duration(to: .now) }) {
        services[index].action = .start
      } else {
        continue
      }
      services[index].reason = "`docker compose up` runs it once more"
    }
  }

  /// Tells what the containers were seen as; without a look, what the plan found stands.
  mutating func show(_ containers: [WatchedContainer]?) {
    guard let containers else { return }
    for index in services.indices {
      let shown = containers.filter { $0.service == services[index].name }.worst
      services[index].state = shown?.state ?? "absent"
      services[index].health = shown?.health ?? "none"
    }
  }
}
