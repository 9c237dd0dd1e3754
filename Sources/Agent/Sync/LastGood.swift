import Core
import Git

extension Prepare {
  /// Returns what a stack can be kept at on this host.
  func good(_ name: String) async throws(Failure) -> Deployment? {
    guard let good = state.lastGood(name) else { return nil }
    return try await Links(settings: settings, mirror: target.mirror, observe: observe).materialized(good)
  }

  /// Returns how the host differs from a record of what was good.
  func recorded(_ name: String, _ good: Deployment, _ observed: Observed, _ links: LinkPlanning) -> [String] {
    let touched = Differences(tree: CommitTree(recordedBy: good), observed: observed, links: links)
    return touched.kept(name, state.stacks[name], images: good.images ?? [:])
  }

  /// Reads the tree of the last commit that all was well with.
  func lastGood() async throws(Failure) -> CommitTree? {
    guard let commit = state.commit, await target.mirror.contains(commit) else { return nil }
    return try await settings.inMirror { () throws(GitError) in
      try await CommitTree(of: commit, in: target.mirror, settings)
    }
  }
}
