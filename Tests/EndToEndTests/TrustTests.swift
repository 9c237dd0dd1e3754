import Core
import Foundation
import Testing

extension EndToEnd {
  /// Whose signatures a host takes, with keys that the tests make.
  @Suite struct Trusting {
    struct Case: CustomTestStringConvertible {
      let testDescription: String
      /// Makes what was trusted before; a commit of Alice's unless it says otherwise.
      var before = "change 0; ssh alice -m base; push"
      /// Makes what comes then.
      let script: String
      /// What the refusal says; nothing where the sync is to take it.
      var says: [String] = []
      var gpg = false
    }

    static let cases: [Case] = [
      Case(testDescription: "a good SSH signature", script: "change 1; ssh alice -m good; push"),
      Case(testDescription: "a good OpenPGP signature", script: "change 1; pgp good -m good; push", gpg: true),
      Case(
        testDescription: "SSH and OpenPGP side by side",
        script: "change 1; ssh alice -m one; change 2; pgp good -m two; push", gpg: true),
      Case(
        testDescription: "no signature", script: "change 1; g commit -qam plain; push",
        says: ["plain", "is not signed"]),
      Case(
        testDescription: "a stranger's SSH key", script: "change 1; ssh mallory -m strange; push",
        says: ["strange", "does not know that key", "SHA256:"]),
      Case(
        testDescription: "a stranger's OpenPGP key", script: "change 1; pgp stranger -m strange; push",
        says: ["strange", "does not know that key"], gpg: true),
      Case(
        testDescription: "an SSH key that had expired", script: "change 1; ssh old -m late; push",
        says: ["late", "not valid when it was made"]),
      Case(
        testDescription: "an SSH key that had expired, with an earlier date",
        script: "change 1; at 2019-06-01T00:00:00Z ssh old -m backdated; push",
        says: ["backdated", "not valid when it was made"]),
      Case(
        testDescription: "an SSH key that has expired since",
        before: "orphan; change 0; at 2019-01-01T00:00:00Z ssh old -m base; push --force",
        script: "change 1; at 2019-06-01T00:00:00Z ssh old -m early; push"),
      Case(
        testDescription: "an OpenPGP key that had expired", script: "change 1; pgp expired -m late; push",
        says: ["late", "not valid when it was made"], gpg: true),
      Case(
        testDescription: "an OpenPGP key that has expired since",
        before: "orphan; change 0; at 2020-01-05T00:00:00Z pgp expired -m base; push --force",
        script: "change 1; at 2020-01-15T00:00:00Z pgp expired -m early; push", gpg: true),
      Case(
        testDescription: "an SSH key that was revoked", script: "change 1; ssh lost -m stolen; push",
        says: ["stolen", "was revoked", "lost@example.org"]),
      Case(
        testDescription: "an OpenPGP key that was revoked", script: "change 1; pgp revoked -m stolen; push",
        says: ["stolen", "was revoked"], gpg: true),
      Case(
        testDescription: "an SSH key for another purpose", script: "change 1; ssh files -m purpose; push",
        says: ["purpose", "files@example.org", "namespace git"]),
      Case(
        testDescription: "an SSH signature over other content",
        script: "change 1; ssh alice -m honest; forge honest forged; push",
        says: ["forged", "does not fit its content"]),
      Case(
        testDescription: "an OpenPGP signature over other content",
        script: "change 1; pgp good -m honest; forge honest forged; push",
        says: ["forged", "does not fit its content"],
        gpg: true),
      Case(
        testDescription: "a signature that is none",
        script: "change 1; ssh alice -m honest; forge SSHSIG SSHSIX; forge U1NIU0lH QUJDREVG; push",
        says: ["honest", "does not fit its content"]),
      Case(
        testDescription: "one bad commit among ten",
        script:
          "for n in 1 2 3 4 5 6 7 8 9 10; do change $n; if [ $n = 6 ]; then ssh mallory -m sixth; else ssh alice -m $n; fi; done; push",
        says: ["sixth", "does not know that key"]),
      Case(
        testDescription: "ten good commits",
        script: "for n in 1 2 3 4 5 6 7 8 9 10; do change $n; ssh alice -m $n; done; push"),
      Case(
        testDescription: "a bad side of a merge",
        script: """
          git checkout -q -b side; echo x >side; git add side; g commit -qm sideways; git checkout -q main
          change 1; ssh alice -m mine; merge alice side; push
          """, says: ["sideways", "is not signed"]),
      Case(
        testDescription: "a good side of a merge",
        script: """
          git checkout -q -b side; echo x >side; git add side; ssh alice -m sideways; git checkout -q main
          change 1; ssh alice -m mine; merge alice side; push
          """),
      Case(
        testDescription: "an unsigned merge",
        script: """
          git checkout -q -b side; echo x >side; git add side; ssh alice -m sideways; git checkout -q main
          change 1; ssh alice -m mine; g merge -q --no-ff -m merged side; push
          """, says: ["merged", "is not signed"]),
      Case(
        testDescription: "a signed commit above an unsigned one",
        script: "change 1; g commit -qam hidden; change 2; ssh alice -m above; push", says: ["hidden", "is not signed"]),
    ]

    @Test(.disabled(if: Host.skips), arguments: cases)
    func `a commit is taken when everything new in it is signed, and else nothing live changes`(_ item: Case)
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await host.makeKeys(gpg: item.gpg)
        try await host.signing(item.before)
        try await host.trust(gpg: item.gpg)
        let base = try await host.sync().commit
        try await host.signing(item.script)
        let head = try await host.git("rev-parse", "HEAD").trimmingCharacters(in: .newlines)
        let before = try await (host.inventory(), host.pointers(), host.containers())
        let shown = try await host.clup("verify")
        if item.says.isEmpty {
          #expect(shown.status == 0, "\(shown)")
          let report = try await host.sync()
          #expect(report.outcome == .deployed && report.commit == head, "\(report)")
          #expect(try await host.sync().outcome == .unchanged)
        } else {
          let report = try await host.sync(expect: 3)
          #expect(report.outcome == .refused && base != head)
          for words in item.says {
            #expect(report.error?.contains(words) == true, "\(report.error ?? "")")
            #expect(shown.output.contains(words), "\(shown)")
          }
          #expect(shown.status == 3, "\(shown)")
          let after = try await (host.inventory(), host.pointers(), host.containers())
          #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
          #expect(try await host.shell("ls -d live/clup/view.* 2>/dev/null | wc -l") == "0\n")
        }
      }
    }

    @Test(.disabled(if: Host.skips))
    func `the first sync asks for the head's signature, a later one for each commit's`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await host.makeKeys(gpg: false)
        try await host.trust(gpg: false)
        #expect(try await host.sync(expect: 3).error?.contains("is not signed") == true)
        #expect(try await host.clup("verify", "--output", "json").status == 3)
        try await host.signing("change 1; ssh alice -m signed; push")
        let report = try await host.sync()
        #expect(report.outcome == .deployed)
        let answer = try await host.clup("verify", "--output", "json")
        let found = try JSONDecoder().decode(Verification.self, from: Data(answer.output.utf8))
        #expect(answer.status == 0 && found.accepted && found.commit == report.commit)
        #expect(found.commits.map(\.subject) == ["signed"])
        #expect(found.commits.first?.signature.signer == "alice@example.org")
        #expect(found.commits.first?.signature.key?.hasPrefix("SHA256:") == true)
        #expect(try await host.clup("verify", "HEAD~1").status == 0, "what came before was accepted with the head")
        _ = try await host.clup("rollback", "--all", "HEAD~1")
        #expect(try await host.status()["a"]?["pin"]?.string != nil, "a rollback leads to what was accepted")
      }
    }

    @Test func `what others could write is not asked whom to trust`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await host.makeKeys(gpg: false)
        try await host.trust(gpg: false)
        try await host.shell("chmod 666 signers")
        let answer = try await host.clup("sync")
        #expect(
          answer.status == 2 && answer.output.contains("can be changed by other users than the one who runs clup"),
          "\(answer)")
        try await host.shell("rm signers")
        let gone = try await host.clup("verify")
        #expect(gone.status == 2 && gone.errors.contains("cannot read"), "\(gone)")
      }
    }

    @Test func `a repository that is away ends verify with 4`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try await host.shell("mv repo.git away.git")
        #expect(try await host.clup("verify").status == 4)
      }
    }
  }
}

extension Host {
  /// Makes keys: Alice's, one that expired in 2020, one that was revoked, one for files only, and Mallory's.
  func makeKeys(gpg: Bool) async throws {
    try await shell(
      """
      set -e; mkdir keys; chmod 700 keys
      for name in alice old lost files mallory; do ssh-keygen -q -t ed25519 -N '' -C '' -f keys/$name; done
      { printf 'alice@example.org namespaces="git" '; cat keys/alice.pub
        printf 'old@example.org valid-before="20200101" '; cat keys/old.pub
        printf 'lost@example.org '; cat keys/lost.pub
        printf 'files@example.org namespaces="file" '; cat keys/files.pub; } >signers
      cp keys/lost.pub revoked
      """)
    guard gpg else { return }
    try await shell(
      """
      set -e; mkdir -m 700 pgp ring; export GNUPGHOME=$PWD/pgp
      for name in good stranger revoked; do
        gpg --batch --quiet --passphrase '' --quick-gen-key $name@example.org ed25519 sign never 2>/dev/null
      done
      printf '#!/bin/sh\\nexec gpg --faked-system-time 20200115T000000 "$@"\\n' >gpg-then; chmod +x gpg-then
      gpg --faked-system-time 20200101T000000 --batch --quiet --passphrase '' --quick-gen-key expired@example.org \
        ed25519 sign 20200201T000000 2>/dev/null
      for name in good revoked expired; do gpg --batch --export $name@example.org; done >all
      fpr=$(gpg --batch --with-colons --list-keys revoked@example.org | grep -m1 ^fpr | cut -d: -f10)
      sed 's/^:---/---/' pgp/openpgp-revocs.d/$fpr.rev >rev
      gpg --homedir ring --batch --quiet --import all rev 2>/dev/null
      gpg --homedir ring --batch --export >keyring
      gpgconf --homedir ring --kill all
      """)
  }

  /// Configures whom the host trusts.
  func trust(gpg: Bool) async throws {
    try await shell(
      "echo 'trust: {allowed_signers_file: \(root)/signers, revoked_signers_file: \(root)/revoked"
        + (gpg ? ", gpg_keyring_file: \(root)/keyring}'" : "}'") + " >>clup.yaml")
  }

  /// Runs a line of shell in the work tree that can sign.
  func signing(_ script: String) async throws {
    try await shell(
      """
      set -e; root=$PWD; cd work
      g() { git -c user.name=t -c user.email=t@example.org "$@"; }
      change() { printf '%s# %s\\n' "$(git show HEAD:a/compose.yaml 2>/dev/null || cat a/compose.yaml)
      " "$1" >a/compose.yaml; git add -A; }
      ssh() { key=$1; shift; g -c gpg.format=ssh -c user.signingkey=$root/keys/$key commit -q -S "$@"; }
      pgp() {
        key=$1; shift; program=gpg; [ $key != expired ] || program=$root/gpg-then
        GNUPGHOME=$root/pgp g -c gpg.program=$program -c user.signingkey=$key@example.org commit -q -S "$@"
      }
      merge() { g -c gpg.format=ssh -c user.signingkey=$root/keys/$1 merge -q -S --no-ff -m merged $2; }
      forge() {
        id=$(git cat-file commit HEAD | sed "s/$1/$2/" | git hash-object -t commit -w --stdin --literally)
        git reset -q --hard $id
      }
      at() { date=$1; shift; export GIT_COMMITTER_DATE=$date GIT_AUTHOR_DATE=$date; "$@"; unset GIT_COMMITTER_DATE GIT_AUTHOR_DATE; }
      orphan() { git checkout -q --orphan fresh; git branch -qD main; git branch -qm main 2>/dev/null || true; }
      push() { git push -q "$@" $root/repo.git HEAD:main; }
      \(script)
      [ ! -d $root/pgp ] || gpgconf --homedir $root/pgp --kill all
      """)
  }
}
