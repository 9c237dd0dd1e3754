@testable import Core

/// Goes with a `ModelHost` the way of a sync: plan, steps, and back where a step fails.
struct ModelSync {
  /// What keeps a sync from its end: after how many steps, and how much of the next one is done.
  struct Trouble {
    enum Kind: CaseIterable { case cut, host, ours }
    let kind: Kind
    var steps: Int
    let part: Double
  }

  /// What ended a sync.
  private enum Interruption: Error {
    case cut
    case failed(isOurs: Bool)
  }

  var host: ModelHost
  private var trouble: Trouble?
  private var name: String { ModelHost.name }

  init(_ host: ModelHost) { self.host = host }

  /// Plans for a commit; nothing where there is nothing to do.
  func plan(_ wish: DesiredStack) -> StackPlan? {
    let (state, observed) = (host.state, host.observed)
    let planning = Planning(observed: observed, state: state, links: ModelHost.links)
    let record = state.stacks[name]
    func differences(_ tree: CommitTree) -> Differences {
      Differences(tree: tree, observed: observed, links: ModelHost.links)
    }
    if let hold = record?.held, hold.commit == wish.commit {
      guard let good = record?.good, record?.recoveryFailed != true else { return nil }
      let reasons = differences(CommitTree(recordedBy: good)).kept(name, record, images: good.images ?? [:])
      if reasons.isEmpty { return nil }
      var plan = planning.deploy(
        DesiredStack(name, good), because: reasons, shared: [], directory: ModelHost.directory)
      plan.target = .hold(hold)
      return plan
    }
    let tree = CommitTree(
      commit: wish.commit,
      paths: (host.trees[wish.commit] ?? [:]).map { TrackedPath(path: $0.key, kind: .file, id: $0.value) })
    let reasons = differences(tree).reasons(name, record)
    if reasons.isEmpty { return nil }
    return planning.deploy(wish, because: reasons, shared: [], directory: ModelHost.directory)
  }

  /// Syncs to a commit; says whether there was anything to do.
  mutating func run(_ wish: DesiredStack, _ trouble: Trouble? = nil) throws -> Bool {
    guard let plan = plan(wish), case .deploy(let desired) = plan.work else { return false }
    self.trouble = trouble
    let record = host.state.stacks[name]
    var change = FailedChange(desired)
    change.known = record?.standing?.services
    change.isResumed = record?.change != nil
    change.before = Set(host.boxes.map(\.id))
    if record?.change == nil { change.ran = Set(host.boxes.filter { $0.state == "running" }.map(\.id)) }
    let former = former(plan)
    do {
      try forward(plan, desired, former, &change)
    } catch Interruption.cut {
      return true
    } catch Interruption.failed(let isOurs) {
      do { try back(plan, change, former, isOurs: isOurs) } catch Interruption.cut { return true }
    }
    return true
  }

  /// What there is to go back to.
  private func former(_ plan: StackPlan) -> Baseline {
    if let good = host.state.lastGood(name) {
      return .deployment(host.state.stacks[name]?.change == nil ? good.having(host.observed.containers ?? []) : good)
    }
    var adopted: Adopted
    if let known = host.state.stacks[name]?.adopted {
      adopted = known
    } else if host.state.standing(name) != nil || host.boxes.isEmpty {
      return .nothing
    } else {
      adopted = Adopted(DesiredStack(name: name, commit: "", project: "p"), host.boxes.map(Self.found))
    }
    for path in plan.links.filter({ $0.action != .keep }).map(\.live) where adopted.found[path] == nil {
      let present = host.live[path] ?? .absent
      if case .link(let text) = present, ModelHost.links.isOwn(text) { continue }
      adopted.found[path] = present
    }
    return .adopted(adopted)
  }

  private static func found(_ box: ModelHost.Box) -> FoundContainer {
    var found = FoundContainer(
      id: box.id, name: box.id, service: box.service, state: box.state, health: "none", hash: box.hash,
      reference: "busybox:1", image: box.image, restarts: true,
      call: FoundContainer.Call(directory: ModelHost.directory, files: ["compose.yaml"], environmentFiles: []))
    found.isKnown = true
    found.volumes = box.volumes
    return found
  }

  private mutating func forward(
    _ plan: StackPlan, _ desired: DesiredStack, _ former: Baseline, _ change: inout FailedChange
  ) throws {
    let first = plan.steps.prefix { $0.reaches == .nothing }
    try take(Array(first), desired, &change)
    let affected = Set(plan.services.filter { $0.action != .keep }.map(\.name))
    try host.state.record(.began(desired, affected: affected, from: former), of: name)
    try take(Array(plan.steps.dropFirst(first.count)), desired, &change)
    try host.state.record(.deployed(Deployment(desired.seen(as: host.watched))), of: name)
    if let hold = host.state.stacks[name]?.held, plan.target.lifts(hold) { try host.state.record(.lifted, of: name) }
  }

  private mutating func back(
    _ plan: StackPlan, _ change: FailedChange, _ former: Baseline, isOurs: Bool
  ) throws {
    var hold: Hold?
    let isGood = former.deployment.map { good in
      change.reached == .containers && change.desired.inputs.differences(from: good.inputs).isEmpty
    }
    if isOurs, !plan.target.staysAtLastGood, isGood != true {
      hold = Hold(change.desired, since: "", error: "", images: [:])
    }
    if let hold, former.deployment != nil { try host.state.record(.failed(hold), of: name) }
    if isGood == true || plan.target.staysAtLastGood && change.reached == .nothing { return }
    do {
      try recover(change, former, hold)
    } catch Interruption.failed(let isOurs) {
      guard isOurs || former.deployment != nil, let hold else { return }
      if isOurs, host.state.stacks[name]?.change != nil { try host.state.record(.changeFailed(.unknown), of: name) }
      try host.state.record(.failed(hold), of: name)
    }
  }

  private mutating func recover(_ change: FailedChange, _ former: Baseline, _ hold: Hold?) throws {
    let live = host.live
    let recovery = Recovery(of: change, to: former, state: host.state, links: ModelHost.links) {
      live[$0] ?? .absent
    }
    var reached = change
    try take(recovery.files, recovery.stack, &reached)
    switch recovery.containers {
    case .stay: break
    case .good(let good): try take(Recovery.steps(of: change, to: good, host.watched), good, &reached)
    case .found(let stack, let found):
      let way = Recovery.steps(of: change, to: stack, found, host.watched)
      try take(way.steps, stack, &reached)
      let stopped = host.boxes.filter { way.up.contains($0.id) && $0.state == "exited" }.map(\.id)
      try take([.start(stopped), .verify(.found)], way.well, &reached)
      try take(way.end, stack, &reached)
    case .stop(let others): try take([.stopStarted(but: others)], change.desired, &reached)
    }
    let isOpen = host.state.stacks[name]?.change != nil
    switch recovery.end {
    case .deployed(let good, of: _):
      let isSeen = if case .stay = recovery.containers { false } else { true }
      let entry = isSeen ? Deployment(recovery.stack.seen(as: host.watched)) : good
      try host.state.record(.deployed(entry), of: name)
    case .undone: if isOpen { try host.state.record(.undone, of: name) }
    case .stopped: if isOpen { try host.state.record(.changeFailed(.stopped), of: name) }
    }
    if let hold { try host.state.record(.failed(hold), of: name) }
  }

  /// Does steps until the trouble comes.
  private mutating func take(_ steps: [Step], _ stack: DesiredStack, _ change: inout FailedChange) throws {
    for step in steps {
      change.reached = max(change.reached, step.reaches)
      if case .stopWriters = step { change.isStopped = true }
      if var trouble {
        guard trouble.steps > 0 else {
          self.trouble = nil
          // What is watched and fails is the stack's own fault, and so is what Compose cannot do.
          let before = host.boxes
          if step.isPartial { try? host.run(step, of: stack, part: trouble.part) }
          if case .up = step, trouble.kind == .cut { host.tear(but: before) }
          if trouble.kind == .cut { throw Interruption.cut }
          throw Interruption.failed(isOurs: trouble.kind == .ours && step.mayBeOurs)
        }
        trouble.steps -= 1
        self.trouble = trouble
      }
      do throws(StepFailure) { try host.run(step, of: stack) } catch {
        throw Interruption.failed(isOurs: error.isOurs)
      }
    }
  }
}

extension Step {
  /// Whether it can be done in part: a record is written or not.
  fileprivate var isPartial: Bool { if case .record = self { false } else { true } }

  /// Whether the stack itself may be why it fails.
  fileprivate var mayBeOurs: Bool {
    switch self {
    case .build, .up, .upAsFound, .verify, .resume, .stop, .start, .remove: true
    default: false
    }
  }
}
