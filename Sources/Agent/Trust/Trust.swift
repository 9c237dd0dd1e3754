import Core
import Git
import Glibc

/// Decides whether a new head is signed by those whom the host trusts.
///
/// - Up to a trusted commit everything was checked before; from there on each commit needs a signature of its own, on every
///   side of merges. Where there is none yet, or none that the head descends from, the head's own signature counts: it
///   covers all that lies before by its hash.
/// - A followed tag needs a signature of its own, which covers its commit.
/// - A commit is judged at its own time or at that of its newest ancestor, whichever is later: whoever has a key that
///   expired can write an earlier date into a commit, but not into those that it is built on.
struct Trust: Sendable {
  let mirror: Mirror
  let checker: SignatureChecker

  /// What was found out about a new head.
  struct Finding: Sendable {
    var tag: CheckedObject?
    var commits: [CheckedObject] = []

    /// The first one that is not signed as it should be.
    var first: (what: String, object: CheckedObject)? {
      if let tag, tag.signature.verdict != .good { return ("tag \(tag.subject)", tag) }
      guard let bad = commits.first(where: { $0.signature.verdict != .good }) else { return nil }
      return ("commit \(bad.id.prefix(12)) (\(bad.subject))", bad)
    }

    /// Returns which one that is, and why.
    var refusal: String? { first.map { "the \($0.what) \($0.object.signature.words)" } }
  }

  /// Checks what a head needs beyond what was trusted before; `whole` goes on after the first one that fails.
  func check(_ head: FollowedHead, after trusted: String?, whole: Bool) async throws(Failure) -> Finding {
    if let tag = head.tag { return Finding(tag: try await check(tag)) }
    let work = try await pending(head.commit, after: trusted)
    var finding = Finding()
    var rest = work[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(32))
      rest = rest.dropFirst(32)
      finding.commits += try await each(part, atOnce: 4) { item throws(Failure) in
        let object = try await read { () throws(GitError) in try await mirror.signedCommit(item.commit.id) }
        return CheckedObject(
          id: item.commit.id, subject: item.commit.subject, signature: try await checker.check(object, at: item.time))
      }
      if !whole, finding.first != nil { break }
    }
    return finding
  }

  private typealias Item = (commit: Commit, time: Int64)

  /// Lists the commits to check, parents before their children, each with when its key must have been valid.
  private func pending(_ head: String, after trusted: String?) async throws(Failure) -> [Item] {
    try await read { () throws(GitError) in
      var ids = [head]
      if let trusted, await mirror.contains(trusted) {
        // What lies before a trusted commit was trusted with it.
        if try await mirror.isAncestor(head, of: trusted) { return [] }
        if try await mirror.isAncestor(trusted, of: head) {
          ids = try await mirror.commits(to: head, without: trusted)
        }
      }
      let now = Int64(Glibc.time(nil))
      var (times, items): ([String: Int64], [Item]) = ([:], [])
      for id in ids {
        let commit = try await mirror.commit(id)
        var time = commit.time
        for parent in commit.parents {
          if let known = times[parent] {
            time = max(time, known)
          } else {
            time = max(time, try await mirror.commit(parent).time)
          }
        }
        // A clock that goes ahead makes no key old.
        time = min(time, now)
        times[id] = time
        items.append((commit, time))
      }
      return items
    }
  }

  private func check(_ tag: RemoteTag) async throws(Failure) -> CheckedObject {
    let (object, commit) = try await read { () throws(GitError) in
      (try await mirror.signedTag(tag.object), try await mirror.commit(tag.commit))
    }
    func checked(_ signature: SignatureCheck) -> CheckedObject {
      CheckedObject(id: tag.object, subject: tag.name, signature: signature)
    }
    guard let object else {
      return checked(SignatureCheck(.unsigned, detail: "a followed tag must be an annotated one (`git tag -s`)"))
    }
    let time = min(max(object.time(in: "tagger") ?? 0, commit.time), Int64(Glibc.time(nil)))
    var signature = try await checker.check(object, at: time)
    // A tag that was signed for another name or commit could be put in the place of this one.
    if signature.verdict == .good, object.header("tag") != tag.name || object.header("object") != tag.commit {
      signature.verdict = .badSignature
      signature.detail = "it was made for the tag \(object.header("tag")?.printable ?? "?") of another name or commit"
    }
    return checked(signature)
  }

  private func read<Value: Sendable>(_ body: () async throws(GitError) -> Value) async throws(Failure) -> Value {
    do throws(GitError) { return try await body() } catch {
      throw Failure(
        error.kind == .unsafePath ? .refused : .host, error.message,
        help: error.kind == .unsafePath
          ? "take it out of the repository" : "remove the mirror (`repo.git` in the checkout), and sync again")
    }
  }
}
