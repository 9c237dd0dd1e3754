/// What versions of clup before records wrote: `clup.state/1`, in which a stack lies in several maps.
public struct StateVersion1: Decodable, Sendable {
  /// The schema that it is read from.
  public static let schema = "clup.state/1"
  let commit: String?
  let policy: String?
  let liveRoot: String?
  let stacks: [String: Entry]
  let good: [String: Entry]?
  let adopted: [String: Adopted]?
  let pins: [String: Pin]?
  let holds: [String: Entry.Held]?
  let former: [String: [PastDeployment]]?
  let last: [String: LastResult]?
  let links: [String: DesiredLink]

  /// What stood, or might stand, of a stack.
  struct Entry: Decodable, Sendable {
    let deployment: Deployment
    let verified: Bool
    let towards: String?

    enum CodingKeys: String, CodingKey { case verified, towards }

    init(from decoder: any Decoder) throws {
      deployment = try Deployment(from: decoder)
      let container = try decoder.container(keyedBy: CodingKeys.self)
      verified = try container.decode(Bool.self, forKey: .verified)
      towards = try container.decodeIfPresent(String.self, forKey: .towards)
    }

    /// What failed, and whether the recovery failed too.
    struct Held: Decodable, Sendable {
      let hold: Hold
      let isStuck: Bool

      enum CodingKeys: String, CodingKey { case isStuck }

      init(from decoder: any Decoder) throws {
        hold = try Hold(from: decoder)
        isStuck = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Bool.self, forKey: .isStuck) ?? false
      }
    }
  }

  /// The same as records.
  public var state: State {
    var records: [String: StackRecord] = [:]
    let names = [
      stacks.keys.map { $0 }, adopted?.keys.map { $0 }, pins?.keys.map { $0 }, holds?.keys.map { $0 },
      former?.keys.map { $0 }, last?.keys.map { $0 },
    ].compactMap { $0 }.joined()
    for name in Set(names) { records[name] = record(of: name) }
    var state = State(stacks: records)
    (state.commit, state.policy, state.liveRoot, state.links) = (commit, policy, liveRoot, links)
    return state
  }

  private func record(of name: String) -> StackRecord {
    var record = StackRecord()
    record.held = holds?[name]?.hold
    record.pin = pins?[name]
    record.lastResult = last?[name]
    record.history = former?[name] ?? []
    guard let entry = stacks[name] else { return record }
    let standing = whole(entry.deployment)
    if entry.verified {
      record.runs = .deployed(standing)
      return record
    }
    let baseline = good?[name].map { Baseline.deployment(whole($0.deployment)) } ?? adopted?[name].map { .adopted($0) }
    let change = Change(from: baseline ?? .nothing, standing: standing, targetProject: entry.towards)
    record.runs = holds?[name]?.isStuck == true ? .failed(change, .unknown) : .changing(change)
    return record
  }

  /// An early version did not write which of the shared paths a stack stands on.
  private func whole(_ deployment: Deployment) -> Deployment {
    if deployment.shared != nil { return deployment }
    var deployment = deployment
    deployment.shared = links.filter { _, link in
      deployment.tracked.contains { $0.value != Fingerprint.absent && Path.relative(link.from, to: $0.key) != nil }
    }
    return deployment
  }
}
