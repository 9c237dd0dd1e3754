/// What happens to a stack. Nothing else changes a record.
public enum StackEvent: Sendable, Equatable {
  /// It is about to be changed: what it is brought to, the services whose containers that touches, what it goes back to.
  case began(DesiredStack, affected: Set<String>, from: Baseline)
  /// Its containers are made from these services now, whatever becomes of them.
  case replaced([DesiredService])
  /// It goes back, which touches the containers of these services.
  case recovering(Set<String>)
  /// It was seen in place.
  case deployed(Deployment)
  /// Nothing stands there but what it went out from.
  case undone
  /// Its change failed, and it is left so.
  case changeFailed(StackRecord.FailureState)
  /// It was judged again, and is what it was.
  case judged(Deployment)
  /// Other live paths have pointers of their own now.
  case sharedLinksChanged([String: DesiredLink])
  /// Nothing of clup's is left of it.
  case removed
  /// A commit failed for it.
  case failed(Hold)
  /// What failed counts no longer.
  case lifted
  /// A rollback is to hold it at a commit.
  case pinned(Pin)
  /// It was seen in place at its pin, with these images; nothing where they were not looked at.
  case pinConfirmed([String: String]?)
  /// The rollback failed: what the stack was pinned to or held at before counts again.
  case pinFailed
  /// It follows the branch again.
  case unpinned
  /// A sync ended for it.
  case said(LastResult?)
}

/// An event that cannot happen to a stack as it is.
public struct IllegalTransition: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was to happen, and to what.
  public let description: String
}

extension StackRecord {
  /// How many deployments it remembers that it ran before.
  private static let historyLimit = 5

  /// Returns the record after an event; nothing where that cannot happen.
  func after(_ event: StackEvent) -> StackRecord? {
    switch event {
    case .began, .replaced, .recovering, .deployed, .undone, .changeFailed, .judged, .sharedLinksChanged, .removed:
      running(event)
    case .failed(let hold): with { $0.held = hold }
    case .lifted: held == nil ? nil : with { $0.held = nil }
    case .pinned, .pinConfirmed, .pinFailed, .unpinned: pinning(event)
    case .said(let result): with { $0.lastResult = result }
    }
  }

  /// What an event makes of what runs.
  private func running(_ event: StackEvent) -> StackRecord? {
    switch (runs, event) {
    case (_, .began(let desired, let affected, let from)): return began(desired, affected, from)
    case (.changing(var change), .replaced(let services)):
      change.standing.services = services
      return with { $0.runs = .changing(change) }
    case (.changing(var change), .recovering(let affected)), (.failed(var change, _), .recovering(let affected)):
      change.standing.markUncertain(affected)
      change.isRepair = change.from.deployment != nil
      return with { $0.runs = .changing(change) }
    case (.changing(let change), .changeFailed(let failureState)),
      (.failed(let change, _), .changeFailed(let failureState)):
      return with { $0.runs = .failed(change, failureState) }
    case (.deployed, .deployed(let deployment)), (.changing, .deployed(let deployment)),
      (.failed, .deployed(let deployment)):
      return settled(deployment)
    case (.changing(let change), .undone), (.failed(let change, _), .undone):
      return with {
        if case .deployment(let good) = change.from { $0.runs = .deployed(good) } else { $0.runs = .absent }
      }
    case (.deployed, .judged(let deployment)): return with { $0.runs = .deployed(deployment) }
    case (.deployed(var deployment), .sharedLinksChanged(let led)):
      deployment.follow(led)
      return with { $0.runs = .deployed(deployment) }
    case (.changing(var change), .sharedLinksChanged(let led)):
      change.standing.follow(led)
      return with { $0.runs = .changing(change) }
    case (.failed(var change, let failureState), .sharedLinksChanged(let led)):
      change.standing.follow(led)
      return with { $0.runs = .failed(change, failureState) }
    case (.deployed, .removed), (.changing, .removed), (.failed, .removed):
      var record = StackRecord()
      record.formerVolumes = formerVolumes(beside: nil)
      return record
    default: return nil
    }
  }

  /// What stands there from now on may be what it was or what it is brought to.
  private func began(_ desired: DesiredStack, _ affected: Set<String>, _ from: Baseline) -> StackRecord {
    var next = standing ?? Deployment(desired)
    if standing == nil { next.services = [] }
    next.markUncertain(affected)
    // What is cut off leaves containers of services that nobody has seen in place yet.
    for service in desired.services where !next.services.contains(where: { $0.name == service.name }) {
      next.services.append(service.unseen)
    }
    for (path, link) in desired.links { next.links[path] = next.links[path]?.transitioning(to: link) ?? link.pending }
    next.links = next.links.filter { desired.shared[$0.key] == nil }
    next.shared = (next.shared ?? [:]).merging(desired.shared) { $1 }
    let targetProject = next.project == desired.project ? change?.targetProject : desired.project
    let baseline =
      switch runs {
      case .absent: from
      case .deployed(let deployment): Baseline.deployment(deployment.having(as: from.deployment))
      case .changing(let change), .failed(let change, _): change.from.merging(laterAttempt: from)
      }
    let good = baseline.deployment
    let isRepair = good.map { desired.commit == $0.commit && desired.inputs.differences(from: $0.inputs).isEmpty }
    return with {
      $0.runs = .changing(
        Change(from: baseline, standing: next, targetProject: targetProject, isRepair: isRepair ?? false))
    }
  }

  /// What was good before comes into the history; after a rollback the next one goes on from there. A commit that brings an
  /// old content again is no rollback.
  private func settled(_ deployment: Deployment) -> StackRecord {
    var before = history
    let new = PastDeployment(deployment)
    if let last = good.map(PastDeployment.init), !last.isSame(as: new) {
      before.insert(last, at: 0)
      if pin?.commit == deployment.commit, let index = before.firstIndex(where: { $0.isSame(as: new) }) {
        before.removeFirst(index + 1)
      }
    }
    return with {
      ($0.runs, $0.history) = (.deployed(deployment), Array(before.prefix(Self.historyLimit)))
      $0.dropped = dropped(by: deployment)
      $0.formerVolumes = formerVolumes(beside: deployment)
    }
  }

  /// The volumes that it had and does not use any more.
  private func formerVolumes(beside deployment: Deployment?) -> Set<String> {
    formerVolumes.union((good ?? standing)?.belongings?.volumes ?? [])
      .subtracting(deployment?.belongings?.volumes ?? [])
  }

  /// What services had in anonymous volumes that the stack does not have any more.
  private func dropped(by deployment: Deployment) -> [DroppedService] {
    let leaving = (good?.services ?? []).compactMap(DroppedService.init)
    let names = Set(leaving.map(\.name))
    return (dropped.filter { !names.contains($0.name) } + leaving).filter { one in
      !deployment.services.contains { $0.name == one.name }
    }
  }

  /// What an event makes of the pin.
  private func pinning(_ event: StackEvent) -> StackRecord? {
    switch (event, pin) {
    case (.pinned(var new), let former):
      new.replaces = former.map { $0.replaces ?? [$0] } ?? []
      new.held = held
      return with { $0.pin = new }
    case (.pinConfirmed(let images), var known?):
      (known.replaces, known.held) = (nil, nil)
      known.images = images ?? known.images
      return with { $0.pin = known }
    case (.pinFailed, let known?):
      guard let former = known.replaces else { return nil }
      return with { ($0.pin, $0.held) = (former.first, known.held) }
    case (.unpinned, .some): return with { $0.pin = nil }
    default: return nil
    }
  }

  private func with(_ change: (inout StackRecord) -> Void) -> StackRecord {
    var record = self
    change(&record)
    return record
  }
}
