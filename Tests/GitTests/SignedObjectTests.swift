import Foundation
import Git
import Testing

@Suite struct SignedObjectTests {
  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func `a commit comes apart as git takes it apart`() {
    let commit = Self.bytes(
      "tree 1\nauthor a\ncommitter c\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END SSH SIGNATURE-----\nencoding x\n\ngpgsig is a word\n m\n"
    )
    let object = SignedObject(commit: commit)
    #expect(
      object.signature == Self.bytes("-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n"))
    #expect(
      object.content == Self.bytes("tree 1\nauthor a\ncommitter c\nencoding x\n\ngpgsig is a word\n m\n"))
    #expect(object.format == .ssh && object.problem == nil)
  }

  @Test func `what stays of a commit without its signature is all of the rest`() {
    // libgit2 would leave out the letters `gpgsig` at the beginning of such a header.
    let odd = SignedObject(commit: Self.bytes("tree 1\ngpgsigparent 2\ngpgsig x\n\nm"))
    #expect(odd.content == Self.bytes("tree 1\ngpgsigparent 2\n\nm") && odd.signature == Self.bytes("x\n"))
    let other = SignedObject(commit: Self.bytes("tree 1\ngpgsig-sha256 y\n z\ngpgsig x\nmergetag t\n u\n\nm"))
    #expect(other.content == Self.bytes("tree 1\nmergetag t\n u\n\nm") && other.signature == Self.bytes("x\n"))
    #expect(SignedObject(commit: Self.bytes("tree 1\n\nm")).signature == nil)
    #expect(SignedObject(commit: []).signature == nil)
    #expect(SignedObject(commit: Self.bytes("tree 1\ngpgsig x")).signature == Self.bytes("x\n"))
  }

  @Test func `a commit that could be read in two ways has a problem`() {
    #expect(
      SignedObject(commit: Self.bytes("tree 1\ngpgsig a\ngpgsig b\n\nm")).problem?.contains("more than one") == true)
    #expect(SignedObject(commit: Self.bytes("tree 1\ngpgsig a\n\nm\0n")).problem?.contains("zero byte") == true)
  }

  @Test func `a tag's signature ends its message`() {
    let text = "object 1\ntype commit\ntag v1\ntagger t <t@e> 1700000000 +0100\n\nmessage\n"
    let signature = "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n"
    let tag = SignedObject(tag: Self.bytes(text + signature))
    #expect(tag.content == Self.bytes(text) && tag.signature == Self.bytes(signature) && tag.format == .openPGP)
    #expect(tag.header("tag") == "v1" && tag.header("object") == "1" && tag.header("message") == nil)
    #expect(tag.time(in: "tagger") == 1_700_000_000)
    #expect(SignedObject(tag: Self.bytes(text)).signature == nil)
    let two = SignedObject(tag: Self.bytes(text + signature + "between\n" + signature))
    #expect(two.content == Self.bytes(text + signature + "between\n"))
  }

  @Test func `tags are listed with their commits, and fetched one by one`() async throws {
    let scratch = try await Scratch()
    let first = try await scratch.commit(["a": "1"])
    try await scratch.git("tag", "light")
    try await scratch.git("tag", "-a", "-m", "x", "annotated")
    let second = try await scratch.commit(["a": "2"])
    try await scratch.git("tag", "team/v2")
    let listed = try await Mirror.remoteTags(of: scratch.url, deadline: .seconds(10))
    #expect(listed.map(\.name) == ["annotated", "light", "team/v2"])
    #expect(listed.map(\.commit) == [first, first, second])
    #expect(listed[0].object != first && listed[1].object == first)
    let mirror = try scratch.mirror()
    for tag in listed {
      #expect(try await mirror.fetch(tag: tag.name, from: scratch.url, deadline: .seconds(10)) == tag)
    }
    #expect(try await mirror.signedTag(listed[0].object)?.header("tag") == "annotated")
    #expect(try await mirror.signedTag(first) == nil)
    try await mirror.setHead(second)
    try await mirror.setAcceptedTag(listed[2])
    #expect(try await mirror.acceptedTag() == listed[2])
    try await mirror.setAcceptedTag(nil)
    #expect(try await mirror.acceptedTag() == nil)
    await #expect { try await mirror.fetch(tag: "gone", from: scratch.url, deadline: .seconds(10)) } throws: {
      ($0 as? GitError)?.kind == .branchMissing
    }
  }

  @Test func `a commit of any branch is fetched, and HEAD follows what is accepted`() async throws {
    let scratch = try await Scratch()
    let first = try await scratch.commit(["a": "1"])
    try await scratch.git("checkout", "-q", "-b", "side")
    let second = try await scratch.commit(["a": "2"])
    try await scratch.git("checkout", "-q", "main")
    let mirror = try scratch.mirror()
    try await mirror.fetch(commit: second, from: scratch.url, deadline: .seconds(10))
    try await mirror.setHead(second)
    #expect(try await mirror.resolve("HEAD~1") == first)
    let other = try Mirror(at: scratch.root + "/mirror.git", branch: "elsewhere", create: true)
    try await other.setHead(first)
    #expect(try await other.resolve("HEAD") == first)
    await #expect {
      try await mirror.fetch(
        commit: String(repeating: "1", count: 40), from: scratch.url, deadline: .seconds(10))
    } throws: { ($0 as? GitError)?.kind == .branchMissing }
  }

  @Test func `a later fetch brings only what is new, also where nothing was accepted`() async throws {
    let scratch = try await Scratch()
    let noise = (0..<20_000).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    try await scratch.commit(["noise": noise])
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    func size() throws -> Int {
      let packs = scratch.root + "/mirror.git/objects/pack"
      return try FileManager.default.contentsOfDirectory(atPath: packs).reduce(0) {
        try $0 + (FileManager.default.attributesOfItem(atPath: packs + "/" + $1)[.size] as? Int ?? 0)
      }
    }
    let first = try size()
    try await scratch.commit(["a": "1"])
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    #expect(first > 100_000)
    #expect(try size() < first + 20_000)
  }

  @Test func `new and lost commits are listed on every side of merges`() async throws {
    let scratch = try await Scratch()
    let base = try await scratch.commit(["a": "1"], "base")
    try await scratch.git("checkout", "-q", "-b", "side")
    let side = try await scratch.commit(["b": "1"], "side")
    try await scratch.git("checkout", "-q", "main")
    let own = try await scratch.commit(["a": "2"], "own")
    try await scratch.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    let head = try await scratch.git("rev-parse", "HEAD")
    let mirror = try scratch.mirror()
    _ = try await mirror.fetch(from: scratch.url, deadline: .seconds(10))
    let new = try await mirror.commits(to: head, without: base)
    #expect(Set(new) == [side, own, head] && new.last == head)
    #expect(try await mirror.commits(to: head, without: nil).first == base)
    let lost = try await mirror.lost(from: head, by: base, atMost: 2)
    #expect(lost.count == 3 && lost.newest.count == 2 && lost.newest.first?.subject == "merge")
    #expect(try await mirror.size(of: try await scratch.git("rev-parse", "HEAD:a")) == 1)
  }
}
