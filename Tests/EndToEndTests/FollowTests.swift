import Core
import Foundation
import Testing

extension EndToEnd {
  /// What a host follows, and when its repository is said to have lost something.
  @Suite struct Following {
    /// Puts something else in the place of the branch.
    private static func follow(_ line: String, _ host: Host) async throws {
      try await host.shell("sed -i '/^branch:/d; /^tag:/d; /^commit:/d' clup.yaml; echo '\(line)' >>clup.yaml")
    }

    private static func tag(_ name: String, _ host: Host) async throws {
      try await host.git("-c", "user.name=t", "-c", "user.email=t@example.org", "tag", "-f", "-a", "-m", name, name)
      try await host.git("push", "-qf", host.root + "/repo.git", name)
    }

    @Test(.disabled(if: Host.skips)) func `a rewritten branch is refused with both heads and what would be lost`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let base = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        for number in 1...7 {
          try await host.git(
            "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m",
            "step \(number)")
        }
        try await host.git("push", "-q", host.root + "/repo.git", "HEAD:main")
        let old = try #require(try await host.sync().commit)
        try await host.git("reset", "-q", "--hard", base)
        try host.write("a/compose.yaml", sleeper("web", "environment: {A: b}"), in: host.work)
        try await host.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "other")
        try await host.git("push", "-qf", host.root + "/repo.git", "HEAD:main")
        let head = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        let before = try await (host.inventory(), host.pointers(), host.containers())
        let error = try #require(try await host.sync(expect: 3).error)
        for words in [
          "was rewritten", String(old.prefix(12)), String(head.prefix(12)), "7 commits would be lost", "step 7",
          "and 2 more",
        ] {
          #expect(error.contains(words), "\(error)")
        }
        #expect(!error.contains("step 2"), "\(error)")
        let shown = try await host.clup("verify")
        #expect(shown.status == 3 && shown.output.contains("7 commits would be lost"), "\(shown)")
        #expect(try await host.sync("--accept-rewrite", old, expect: 3).error?.contains("is not the new head") == true)
        #expect(try await host.sync("--accept-rewrite", String(head.prefix(6)), expect: 3).outcome == .refused)
        #expect(try await host.sync("--dry-run", "--accept-rewrite", head).outcome == .planned)
        _ = try await host.sync(expect: 3)
        let after = try await (host.inventory(), host.pointers(), host.containers())
        #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
        #expect(try await host.sync("--accept-rewrite", head).outcome == .deployed)
        #expect(try await host.sync().outcome == .unchanged)
        // Once: another one needs its own word.
        try await host.git("push", "-qf", host.root + "/repo.git", "\(old):main")
        #expect(try await host.sync("--accept-rewrite", head, expect: 3).outcome == .refused)
      }
    }

    @Test(.disabled(if: Host.skips)) func `before anything was deployed there is nothing to rewrite`() async throws {
      try await Host.with(["a/compose.yaml": "services: {web: {imag: x}}\n"]) { host in
        #expect(try await host.sync(expect: 3).outcome == .refused)
        try host.write("a/compose.yaml", sleeper(), in: host.work)
        try await host.git(
          "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qa", "--amend", "-m", "first")
        try await host.git("push", "-qf", host.root + "/repo.git", "HEAD:main")
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test(.disabled(if: Host.skips)) func `the highest tag is followed`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await Self.follow("tag: v*", host)
        #expect(try await host.clup("sync").status == 4, "there is no tag yet")
        try await Self.tag("v1.9", host)
        let first = try await host.sync()
        #expect(first.outcome == .deployed && first.branch == "tag v*")
        let second = try await host.push(["a/compose.yaml": sleeper("web", "environment: {A: b}")])
        #expect(try await host.sync().outcome == .unchanged, "a branch that goes on is no release")
        try await Self.tag("v1.10", host)
        try await Self.tag("v2.0-rc1", host)
        let report = try await host.sync()
        #expect(report.commit == second && report.outcome == .deployed)
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.clup("verify").status == 0)
        // Moved on: what it held is still there.
        let third = try await host.push(["a/compose.yaml": sleeper("web", "environment: {A: c}")])
        try await Self.tag("v1.10", host)
        #expect(try await host.sync().commit == third)
        // Moved back: what it held would be lost.
        try await host.git("checkout", "-q", "HEAD~1")
        try await Self.tag("v1.10", host)
        let moved = try await host.sync(expect: 3)
        #expect(moved.error?.contains("the tag v1.10 was moved") == true, "\(moved.error ?? "")")
        #expect(moved.error?.contains("1 commit would be lost") == true, "\(moved.error ?? "")")
        #expect(try await host.sync("--accept-rewrite", second).commit == second)
        // Gone: a lower one is no way on.
        try await host.git("push", "-q", host.root + "/repo.git", ":refs/tags/v1.10")
        #expect(try await host.sync(expect: 3).error?.contains("the tag v1.10 is gone") == true)
        // A release on another branch is one.
        try await host.git("checkout", "-q", first.commit ?? "")
        try host.write("a/compose.yaml", sleeper("web", "environment: {A: d}"), in: host.work)
        try await host.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "elsewhere")
        try await Self.tag("v1.11", host)
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test(.disabled(if: Host.skips)) func `one commit is followed, and the network is not asked for it again`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        let first = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        let second = try await host.push(["a/compose.yaml": sleeper("web", "environment: {A: b}")])
        try await Self.follow("commit: \(first)", host)
        let report = try await host.sync()
        #expect(report.outcome == .deployed && report.commit == first && report.branch == "commit \(first.prefix(12))")
        try await host.shell("mv repo.git away.git")
        #expect(try await host.sync().outcome == .unchanged)
        try await host.shell("mv away.git repo.git")
        try await Self.follow("commit: \(second)", host)
        #expect(try await host.sync().commit == second)
        // The host's own word needs no descent.
        try await Self.follow("commit: \(first)", host)
        #expect(try await host.sync().commit == first)
        try await Self.follow("commit: \(String(repeating: "1", count: 40))", host)
        #expect(try await host.clup("sync").status == 4)
      }
    }

    @Test(.disabled(if: Host.skips)) func `a followed tag must be signed itself, for its own name`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await host.makeKeys(gpg: false)
        try await host.trust(gpg: false)
        try await Self.follow("tag: v*", host)
        let sign = """
          sign() { g -c gpg.format=ssh -c user.signingkey=$root/keys/$1 tag -f -s -m $2 $2; git push -qf $root/repo.git $2; }
          """
        func refused(_ script: String, _ words: String) async throws {
          try await host.signing(sign + "\n" + script)
          let error = try await host.sync(expect: 3).error ?? ""
          #expect(error.contains(words), "\(error)")
          let shown = try await host.clup("verify")
          #expect(shown.status == 3 && shown.output.contains(words), "\(shown)")
        }
        try await refused("git tag v1; git push -q $root/repo.git v1", "must be an annotated one")
        try await refused("g tag -f -a -m x v1; git push -qf $root/repo.git v1", "the tag v1 is not signed")
        try await refused("sign mallory v1", "does not know that key")
        try await host.signing(sign + "\nsign alice v1")
        #expect(try await host.sync().outcome == .deployed, "its commit is not signed, and need not be")
        try await host.signing("change 1; ssh alice -m signed; push")
        try await refused("git push -q $root/repo.git $(git rev-parse v1):refs/tags/v9", "it was made for the tag v1")
        #expect(try await host.sync(expect: 3).outcome == .refused)
        try await host.signing(sign + "\nsign alice v9")
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.clup("verify").output.contains("tag v9 is signed by alice@example.org"))
      }
    }
  }
}
