import Core
import Git

/// The step from the head that was accepted to the one that the repository has now.
struct HeadChange: Sendable {
  let head: FollowedHead
  /// The head that was accepted before; nothing before the first sync, or where something else was followed.
  let accepted: String?
  /// The commit up to which signatures were checked.
  let trusted: String?
  /// Whether all of the head was trusted before.
  let isTrusted: Bool
  /// What the new head would lose; nothing where it descends from the accepted one.
  private let loss: Loss?

  private struct Loss: Sendable {
    let what: String
    let accepted: String
    let count: Int
    let newest: [Commit]
  }

  /// How many of the lost commits are named.
  private static let shown = 5

  /// Compares the heads. `deployed` says whether anything ever was: before that there is nothing to lose.
  init(to head: FollowedHead, in mirror: Mirror, settings: Settings, deployed: Bool) async throws(Failure) {
    self.head = head
    do throws(GitError) {
      accepted = try await mirror.head()
      let tag = try await mirror.acceptedTag()
      trusted = try await mirror.trusted()
      isTrusted = trusted == head.commit && head.tag == (head.tag == nil ? nil : tag)
      guard deployed, let accepted, try await Self.loses(accepted, tag, head, settings, mirror) else {
        loss = nil
        return
      }
      let what =
        if let tag, let now = head.tag {
          tag.name == now.name
            ? "the tag \(tag.name) was moved" : "the tag \(tag.name) is gone: \(now.name) is the highest now"
        } else { "\(settings.follow.phrase) was rewritten" }
      let lost = try await mirror.lost(from: accepted, by: head.commit, atMost: Self.shown)
      loss = Loss(what: what, accepted: accepted, count: lost.count, newest: lost.newest)
    } catch {
      throw Failure(error, settings: settings)
    }
  }

  /// Whether the new head does not descend from the accepted one, where it would have to.
  var isRewrite: Bool { loss != nil }

  private static func loses(
    _ accepted: String, _ tag: RemoteTag?, _ head: FollowedHead, _ settings: Settings, _ mirror: Mirror
  ) async throws(GitError) -> Bool {
    // What the host's own configuration names needs no descent.
    if case .commit = settings.follow { return false }
    if try await mirror.isAncestor(accepted, of: head.commit) { return false }
    // A higher tag may stand on another branch of releases.
    guard let tag, let now = head.tag else { return true }
    return !(VersionOrder(tag.name) < VersionOrder(now.name))
  }

  /// Why a sync refuses a rewritten branch, unless somebody accepts exactly this head by its id or its first digits.
  func refusal(accepting id: String?) -> Failure? {
    guard let loss else { return nil }
    if let id, id.count >= 7, head.commit.hasPrefix(id.lowercased()) { return nil }
    let subjects = loss.newest.map { "\($0.id.prefix(7)) \($0.subject.printable)" }
    let more = loss.count > subjects.count ? ", and \(loss.count - subjects.count) more" : ""
    let count = loss.count.counted("commit")
    return Failure(
      .refused,
      "\(loss.what): its head is \(head.commit.prefix(12)), which does not contain the accepted head "
        + "\(loss.accepted.prefix(12)). \(count) would be lost: \(subjects.joined(separator: "; "))\(more)"
        + (id.map { ". \($0.printable) is not the new head" } ?? ""),
      help:
        "nothing new is deployed. If this is intended, see what it changes with `clup sync --dry-run --diff "
        + "--accept-rewrite \(head.commit.prefix(12))`, and sync once with `--accept-rewrite \(head.commit.prefix(12))`"
    )
  }
}
