/// Decides from what is at hand, without asking Compose, whether a stack needs a closer look.
public struct Differences: Sendable {
  /// The target commit.
  public let tree: CommitTree
  /// The host.
  public let observed: Observed
  /// The links' texts.
  public let links: LinkPlanning
  /// The fingerprint of the host's policy; nothing where it does not matter.
  public let policy: String?

  /// Compares a commit with a host.
  public init(tree: CommitTree, observed: Observed, links: LinkPlanning, policy: String? = nil) {
    self.tree = tree
    self.observed = observed
    self.links = links
    self.policy = policy
  }

  /// Gives every reason to look closer at a stack, none when it is in place.
  ///
  /// `images` are the ids of images that its services are to run whatever their references name by now.
  public func reasons(_ name: String, known: StackState?, images: [String: String] = [:]) -> [String] {
    guard let known else { return ["first sync of this stack"] }
    return changes(known) + drift(name, known, images: images)
  }

  /// Gives what is another than it was deployed from: the commit, the host's own files, the policy, an image's build.
  public func changes(_ known: StackState) -> [String] {
    var reasons = known.tracked.keys.sorted().filter { !Fingerprint.isSame(tree.fingerprint($0), known.tracked[$0]) }
      .map {
        "\($0) \(tree.fingerprint($0) == Fingerprint.absent ? "removed" : known.tracked[$0] == Fingerprint.absent ? "added" : "changed")"
      }
    reasons += known.untracked.keys.sorted().filter { observed.untracked[$0] != known.untracked[$0] }
      .map { "the host's \($0) changed" }
    if let policy, known.policy != policy { reasons.append("the host's policy changed") }
    // An earlier version left links where a container may write.
    if policy != nil, known.writes == nil { reasons.append("what its containers may write to is not known yet") }
    if reasons.isEmpty, !known.verified { reasons.append(Self.unfinished) }
    return reasons
  }

  /// Gives what somebody changed on the host since: pointers, live paths, containers.
  public func drift(_ name: String, _ known: StackState, images: [String: String] = [:]) -> [String] {
    var reasons: [String] = []
    if let pointer = observed.pointers[name] {
      if known.verified, pointer != known.commit { reasons.append("the pointer leads to another commit") }
    } else {
      reasons.append("the pointer is missing")
    }
    let pointer = LinkPlanning.pointerName(of: name)
    reasons += links.plan(pointer: pointer, desired: known.links, known: known.links, live: observed.live)
      .filter { $0.action != .keep }.map { "\($0.live) is not in place" }
    if let containers = observed.containers {
      let own = containers.filter { $0.project == known.project && !$0.isLeftOver }
      let seen = known.services.filter(\.isSeen)
      reasons += ServicePlanning.plan(desired: seen, known: seen, containers: own, images: images).compactMap(\.reason)
    }
    return reasons
  }

  /// Gives what is another than was good, for a stack that is kept there: what the commit and the host's own files are by
  /// now was judged with what failed.
  public func kept(_ name: String, known: StackState?, images: [String: String]) -> [String] {
    guard let known else { return ["first sync of this stack"] }
    return (known.verified ? [] : [Self.unfinished]) + drift(name, known, images: images)
  }

  private static let unfinished = "the last deploy did not end well"
}
