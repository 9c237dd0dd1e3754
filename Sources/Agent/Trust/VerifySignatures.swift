import Core
import Git
import Glibc

/// Shows whose signatures a new head has, and what a sync would say of it, without taking it.
public struct VerifySignatures: Sendable {
  private let settings: Settings
  private let environment: [String: String]
  private let say: @Sendable (String) -> Void

  /// Prepares it; `environment` is clup's own, `say` takes warnings.
  public init(settings: Settings, environment: [String: String], say: @escaping @Sendable (String) -> Void) {
    self.settings = settings
    self.environment = environment
    self.say = say
  }

  /// Looks at what the repository has now, or at a commit that the mirror holds.
  public func run(_ revision: String?) async throws(Failure) -> Verification {
    let checkout = Checkout(path: settings.checkout)
    try checkout.prepare()
    let use = try CheckoutUse(in: checkout) { checkout.removePartialFiles() }
    defer { use.end() }
    let fetch = Fetch(settings: settings, checkout: checkout, environment: environment, say: say)
    let mirror = try await fetch.open()
    let head: FollowedHead
    if let revision {
      let commit = try await settings.inMirror { () throws(GitError) in try await mirror.resolve(revision) }
      head = FollowedHead(commit: commit)
    } else {
      head = try await fetch.bring(try await fetch.head(), into: mirror)
    }
    let change = try await HeadChange(
      to: head, in: mirror, settings: settings, deployed: try checkout.state().hasDeployed)
    let isCovered = try await isCovered(head.commit, mirror)
    let isOld = revision != nil && isCovered
    var found = Verification(
      repository: settings.shownRepository, branch: settings.branch, commit: head.commit,
      from: change.isTrusted || isOld ? nil : change.trusted, checked: settings.trust.isOn)
    if settings.trust.isOn {
      let finding = try await fetch.check(change, in: mirror, whole: true, alone: isOld)
      (found.tag, found.commits) = (finding.tag, finding.commits)
      found.error = isOld ? nil : finding.refusal
    }
    if !isOld, let refusal = change.refusal(accepting: nil) { found.error = refusal.message }
    found.accepted = found.error == nil
    return found
  }

  /// Whether a commit was taken before, by itself or with one that came later: nothing is asked about it again.
  private func isCovered(_ commit: String, _ mirror: Mirror) async throws(Failure) -> Bool {
    try await settings.inMirror { () throws(GitError) in
      guard let last = try await settings.trust.isOn ? mirror.trusted() : mirror.head() else { return false }
      return try await mirror.isAncestor(commit, of: last)
    }
  }
}
