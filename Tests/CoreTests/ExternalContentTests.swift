import Testing

@testable import Core

@Suite("What the repository only names is understood strictly")
struct ExternalContentTests {
  static let oid = String(repeating: "4d", count: 32)

  @Test func `a pointer has an id and a size, and nothing else`() {
    let line = "version https://git-lfs.github.com/spec/v1\n"
    let pointer = LargeFile.Pointer(Array("\(line)oid sha256:\(Self.oid)\nsize 12\n".utf8))
    #expect(pointer?.oid == Self.oid && pointer?.size == 12)
    #expect(pointer?.text == "\(line)oid sha256:\(Self.oid)\nsize 12\n")
    for other in [
      "\(line)ext-0-run sha256:\(Self.oid)\noid sha256:\(Self.oid)\nsize 12\n", "\(line)oid sha256:ab\nsize 12\n",
      "\(line)oid sha256:\(Self.oid)\nsize -1\n", "\(line)oid sha256:\(Self.oid)\nsize 12\nurl http://x\n",
      "\(line)oid sha256:\(Self.oid)\nsize 99999999999999999999\n",
    ] {
      #expect(LargeFile.Pointer(Array(other.utf8)) == nil, "\(other)")
      #expect(LargeFile.refusal(of: Array(other.utf8), "a/x", isInSubmodule: false) != nil)
    }
    let huge = Array("\(line)oid sha256:\(Self.oid)\nsize 999999999999\n".utf8)
    #expect(LargeFile.refusal(of: huge, "a/x", isInSubmodule: false)?.message.contains("931 GiB") == true)
  }

  @Test func `.gitmodules names a URL for each path`() {
    let modules = Submodules(
      parsing: """
        # mine
        [submodule "lib"]
        \tpath = a/lib
        \turl = "../lib.git" ; beside it
        [submodule "two words"]
        url=https://example.org/x\\"y.git
        path = "a b"
        [core]
        \tpath = a/core
        \turl = ext::sh
        [submodule "one"]
        \tpath = twice
        \turl = https://one.example.org/a
        [submodule "two"]
        \tpath = twice
        \turl = https://two.example.org/a
        [submodule "torn"]
        \tpath = torn
        \turl = "https://example.org

        """)
    #expect(modules.url(of: "a/lib") == "../lib.git")
    #expect(modules.url(of: "a b") == "https://example.org/x\"y.git")
    #expect(modules.url(of: "a/core") == nil && modules.url(of: "twice") == nil && modules.url(of: "torn") == nil)
  }

  @Test(
    arguments: [
      ("../lib.git", "https://git.example.org/you/host.git", "https://git.example.org/you/lib.git"),
      ("../../them/lib.git", "https://git.example.org/you/host.git", "https://git.example.org/them/lib.git"),
      ("./sub", "https://git.example.org/you/host.git/", "https://git.example.org/you/host.git/sub"),
      ("../lib.git", "git@git.example.org:you/host.git", "git@git.example.org:you/lib.git"),
      ("../lib.git", "git@git.example.org:host.git", "git@git.example.org:lib.git"),
      ("../lib.git", "ssh://git@git.example.org:22/host.git", "ssh://git@git.example.org:22/lib.git"),
      ("../lib.git", "/srv/git/host.git", "/srv/git/lib.git"),
      ("../lib.git", "file:///srv/git/host.git", "file:///srv/git/lib.git"),
      ("/srv/git/other.git", "/srv/git/host.git", "/srv/git/other.git"),
      ("file:///srv/git/other.git", "file:///srv/git/host.git", "file:///srv/git/other.git"),
      ("/srv/other.git", "/srv/git/host.git", nil), ("../../other.git", "/srv/git/host.git", nil),
      ("/srv/git/../other.git", "/srv/git/host.git", nil),
      ("https://else.example.org/a.git", "git@git.example.org:host.git", "https://else.example.org/a.git"),
      ("git@else.example.org:a.git", "https://git.example.org/a.git", "git@else.example.org:a.git"),
      ("http://git.example.org/b.git", "http://git.example.org/a.git", "http://git.example.org/b.git"),
      ("../../../else.example.org/x", "https://git.example.org/you/host.git", nil),
      ("../../..", "https://git.example.org/you/host.git", nil),
      ("../../:c", "git@git.example.org:a/b.git", nil),
      ("../c:d", "git@git.example.org:a/b.git", "git@git.example.org:a/c:d"),
      ("http://else.example.org/b.git", "http://git.example.org/a.git", nil),
      ("http://git.example.org/b.git", "https://git.example.org/a.git", nil),
      ("/etc/secret.git", "https://git.example.org/a.git", nil),
      ("file:///etc/secret.git", "https://git.example.org/a.git", nil),
      ("secret.git", "/srv/git/host.git", nil), ("ext::sh -c id", "/srv/git/host.git", nil),
      ("ext::sh%20-c", "/srv/git/host.git", nil), ("-u", "/srv/git/host.git", nil),
      ("--upload-pack=id", "/srv/git/host.git", nil),
      ("ssh://-oProxyCommand=id/x", "https://git.example.org/a.git", nil),
      ("-oProxyCommand=id:x", "https://git.example.org/a.git", nil),
      ("https://robot:word@git.example.org/b.git", "https://git.example.org/a.git", nil),
      ("ftp://git.example.org/b.git", "https://git.example.org/a.git", nil), ("", "/srv/git/host.git", nil),
    ] as [(String, String, String?)])
  func `a submodule comes by https, by ssh, or from where the repository comes from`(
    _ text: String, _ base: String, _ url: String?
  ) {
    #expect(RepositoryURL.submodule(text, of: base) == url)
  }

  @Test func `a tree takes in submodules, and is known by what git holds of them`() {
    let paths = [
      TrackedPath(path: ".", kind: .directory, id: "0"), TrackedPath(path: "a", kind: .directory, id: "1"),
      TrackedPath(path: "a/sub", kind: .submodule, id: "2"), TrackedPath(path: "a/x", kind: .file, id: "3"),
    ]
    let tree = CommitTree(commit: "c", paths: paths, growing: true)
    let before = ["a", "a/sub", "a/sub/deep/f", "a/x", "b"].map(tree.fingerprint)
    #expect(before == ["1", "2:module", "2:module", "3:644", Fingerprint.absent])
    #expect(tree.modules(around: "a/sub/deep/f").map(\.path) == ["a/sub"] && tree.modules(around: "a/x").isEmpty)
    tree.add(
      [
        TrackedPath(path: ".", kind: .directory, id: "7"), TrackedPath(path: "deep", kind: .directory, id: "8"),
        TrackedPath(path: "deep/f", kind: .executable, id: "9"), TrackedPath(path: "inner", kind: .submodule, id: "10"),
      ], at: "a/sub")
    tree.replace(TrackedPath(path: "a/x", kind: .file, id: "33"))
    #expect(tree["a/sub"]?.kind == .directory && tree["a/x"]?.id == "33")
    #expect(tree.files(under: "a").map(\.path) == ["a/sub/deep/f", "a/sub/inner", "a/x"])
    #expect(tree.refusal(at: "a/sub/inner")?.message.contains("a submodule within the submodule a/sub") == true)
    #expect(["a", "a/sub", "a/sub/deep/f", "a/x", "b"].map(tree.fingerprint) == before)
    let plain = CommitTree(commit: "c", paths: paths)
    #expect(
      plain.fingerprint("a/sub/deep/f") == Fingerprint.absent && plain.modules(around: "a").map(\.path) == ["a/sub"])
  }
}
