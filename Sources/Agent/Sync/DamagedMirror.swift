import Core
import Encoding
import Git
import Glibc
import Processes

extension Fetch {
  /// Whether the mirror cannot be read, as a power cut may leave it.
  func isDamaged() async -> Bool {
    guard Files.status(checkout.mirror) != nil else { return false }
    do throws(GitError) {
      try await Mirror(at: checkout.mirror, branch: settings.follow.mirrorBranch, create: false).check()
      return false
    } catch {
      return true
    }
  }

  /// Fetches the mirror from scratch. The commit that the host is at counts as accepted, and its signatures as checked: a branch
  /// that lost it was rewritten. The new mirror takes the place of the damaged one in one step, once it is whole.
  func renew(
    _ head: Sources.Answer<FollowedHead>, at commit: String?, accepting id: String?
  ) async throws(Failure) {
    let fresh = "\(checkout.mirror).\(randomName())"
    defer { Files.remove(fresh) }
    let mirror = try open(fresh)
    let brought = try await bring(head, into: mirror)
    if let commit, !isFixed {
      let isAccepted = id.map { $0.count >= 7 && brought.commit.hasPrefix($0.lowercased()) } ?? false
      if await mirror.contains(commit) {
        do throws(GitError) {
          try await mirror.setHead(commit)
          if settings.trust.isOn { try await mirror.setTrusted(commit) }
        } catch { throw Failure(error, settings: settings) }
      } else if !isAccepted {
        throw Failure(
          .refused,
          "\(settings.follow.phrase) was rewritten: its head is \(brought.commit.prefix(12)), and the commit "
            + "\(commit.prefix(12)) that this host is at is no longer there",
          help: "if this is intended, check the new head and sync once with "
            + "`--accept-rewrite \(brought.commit.prefix(12))`")
      }
    }
    let lock = try checkout.lockRecords()
    defer { unlock(lock) }
    // Another sync may have been faster.
    if await !isDamaged() { return }
    guard exchange(fresh, checkout.mirror) == 0 else {
      throw Failure(
        .host, "\(checkout.mirror) is damaged, and cannot be replaced on this file system",
        help: "remove it, and sync again")
    }
  }
}
