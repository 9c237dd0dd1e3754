/// The file `state.json`: one record for each stack. What stacks were brought to lies in files of its own, which are named
/// here by their ids.
public struct StateFile: Codable, Sendable, Equatable {
  /// The schema's name.
  public var schema = State.schema
  var commit: String?
  var policy: String?
  var liveRoot: String?
  var checkout: String?
  var formerPlaces: [String]?
  var gone: [String]?
  var stacks: [String: Record] = [:]
  var links: [String: DesiredLink] = [:]

  struct Record: Codable, Sendable, Equatable {
    /// The id of what was seen in place.
    var deployed: String?
    var changing: Path?
    var left: Path?
    /// What became of a change that was left.
    var leaving: StackRecord.FailureState?
    var held: Hold?
    var pin: Pin?
    var said: LastResult?
    var history: [PastDeployment]?
    var dropped: [DroppedService]?
    var formerVolumes: [String]?
  }

  /// A change.
  struct Path: Codable, Sendable, Equatable {
    /// The id of the deployment that it goes back to.
    var from: String?
    /// The stack that it was moved from, whose deployment this is.
    var moved: String?
    var adopted: Adopted?
    var standing: Deployment
    var towards: String?
    var isRepair: Bool?
  }

  /// Writes a state down; `id` gives the name under which a deployment of a stack is kept.
  public init(_ state: State, id: (String, Deployment) -> String) {
    (commit, policy, liveRoot, links) = (state.commit, state.policy, state.liveRoot, state.links)
    (checkout, formerPlaces) = (state.checkout, state.formerPlaces.isEmpty ? nil : state.formerPlaces)
    gone = state.gone.isEmpty ? nil : state.gone.sorted()
    for (name, record) in state.stacks {
      var file = Record(
        held: record.held, pin: record.pin, said: record.lastResult,
        history: record.history.isEmpty ? nil : record.history,
        dropped: record.dropped.isEmpty ? nil : record.dropped,
        formerVolumes: record.formerVolumes.isEmpty ? nil : record.formerVolumes.sorted())
      switch record.runs {
      case .absent: break
      case .deployed(let deployment): file.deployed = id(name, deployment)
      case .changing(let change): file.changing = Path(change) { id(name, $0) }
      case .failed(let change, let leaving): (file.left, file.leaving) = (Path(change) { id(name, $0) }, leaving)
      }
      stacks[name] = file
    }
  }

  /// Reads the state; `load` gives what is kept of a stack under an id. Where that cannot be read, nothing is known of what
  /// runs of the stack.
  public func state<E: Error>(load: (_ stack: String, _ id: String) throws(E) -> Deployment?) throws(E) -> State {
    var records: [String: StackRecord] = [:]
    for (name, file) in stacks {
      var record = StackRecord()
      (record.held, record.pin, record.lastResult, record.history) = (
        file.held, file.pin, file.said, file.history ?? []
      )
      (record.dropped, record.formerVolumes) = (file.dropped ?? [], Set(file.formerVolumes ?? []))
      if let id = file.deployed {
        if let deployment = try load(name, id) { record.runs = .deployed(deployment) }
      } else if let path = file.changing {
        if let change = try path.change(of: name, load: load) { record.runs = .changing(change) }
      } else if let path = file.left, let change = try path.change(of: name, load: load) {
        record.runs = .failed(change, file.leaving ?? .unknown)
      }
      records[name] = record
    }
    var state = State(stacks: records)
    (state.commit, state.policy, state.liveRoot, state.links) = (commit, policy, liveRoot, links)
    (state.checkout, state.formerPlaces, state.gone) = (checkout, formerPlaces ?? [], Set(gone ?? []))
    return state
  }

  /// The ids of the deployments that it names.
  public var ids: Set<String> {
    Set(stacks.values.flatMap { [$0.deployed, $0.changing?.from, $0.left?.from].compactMap { $0 } })
  }
}

extension StateFile.Path {
  fileprivate init(_ change: Change, id: (Deployment) -> String) {
    (standing, towards, isRepair) = (change.standing, change.targetProject, change.isRepair ? true : nil)
    switch change.from {
    case .deployment(let good): from = id(good)
    case .moved(let old, let good): (from, moved) = (id(good), old)
    case .adopted(let found): adopted = found
    case .nothing: break
    }
  }

  fileprivate func change<E: Error>(
    of stack: String, load: (String, String) throws(E) -> Deployment?
  ) throws(E) -> Change? {
    let baseline: Baseline
    if let from {
      guard let good = try load(stack, from) else { return nil }
      baseline = moved.map { .moved(from: $0, good) } ?? .deployment(good)
    } else {
      baseline = adopted.map { .adopted($0) } ?? .nothing
    }
    return Change(from: baseline, standing: standing, targetProject: towards, isRepair: isRepair ?? false)
  }
}
