/// Decides from what is at hand, without asking Compose, whether a stack needs a closer look.
public struct Differences: Sendable {
  /// The target commit.
  let tree: CommitTree
  let observed: Observed
  /// The links' texts.
  let links: LinkPlanning
  /// The fingerprint of the host's policy; nothing where it does not matter.
  let policy: String?

  /// Compares a commit with a host.
  public init(tree: CommitTree, observed: Observed, links: LinkPlanning, policy: String? = nil) {
    self.tree = tree
    self.observed = observed
    self.links = links
    self.policy = policy
  }

  /// Returns every reason to look closer at a stack, none when it is in place.
  ///
  /// `images` are the ids of images that its services are to run whatever their references name now.
  public func reasons(_ name: String, _ record: StackRecord?, images: [String: String] = [:]) -> [String] {
    guard let record, let known = record.standing else { return [Self.first] }
    return changes(record) + drift(name, known, isDeployed: record.isDeployed, images: images)
  }

  /// Returns what is another than it was deployed from: the commit, the host's own files.
  public func changes(_ record: StackRecord) -> [String] {
    guard let known = record.standing else { return [] }
    let reasons = known.inputs.now(in: tree, host: observed.untracked).differences(from: known.inputs).map(\.text)
    return reasons.isEmpty && !record.isDeployed ? [Self.unfinished] : reasons
  }

  /// Returns why a stack is to be judged again, although it may be in place: what may run is another question than what runs.
  public func judgement(_ known: Deployment) -> [String] {
    guard let policy else { return [] }
    // An earlier version left links where a container may write.
    return (known.policy == policy ? [] : ["the host's policy changed"])
      + (known.writes == nil ? ["clup does not know yet what its containers may write to"] : [])
  }

  /// Returns what somebody changed on the host since: pointers, live paths, containers.
  private func drift(
    _ name: String, _ known: Deployment, isDeployed: Bool, images: [String: String]
  ) -> [String] {
    var reasons: [String] = []
    if let pointer = observed.pointers[name] {
      if isDeployed, pointer != known.commit { reasons.append("its release link points to another commit") }
    } else {
      reasons.append("its release link is missing")
    }
    let pointer = LinkPlanning.fileName(of: name)
    reasons += links.plan(pointer: pointer, desired: known.links, known: known.links, live: observed.live)
      .filter { $0.action != .keep }.map { "\($0.live) is not in place" }
    if let containers = observed.containers {
      let own = containers.filter { $0.project == known.project && !$0.isLeftOver }
      let seen = known.services.filter(\.isSeen)
      reasons += ServicePlanning.plan(desired: seen, known: seen, containers: own, images: images).compactMap(\.reason)
    }
    return reasons
  }

  /// Returns what is another than was good, for a stack that is kept there: what the commit and the host's own files are by
  /// now was judged with what failed.
  public func kept(_ name: String, _ record: StackRecord?, images: [String: String]) -> [String] {
    guard let record, let known = record.standing else { return [Self.first] }
    return (record.isDeployed ? [] : [Self.unfinished])
      + drift(name, known, isDeployed: record.isDeployed, images: images)
  }

  private static let first = "first sync of this stack"
  /// Said of a stack whose last deploy was cut off, or failed.
  public static let unfinished = "the last deploy did not end well"
}
