@testable import Agent
@testable import Core
import Foundation
import Glibc
import Testing

@Suite("I11: a link into a release becomes a directory with all that stood there")
struct LinkToDirectoryTests {
  static let live = "/live/s/conf"

  /// A live path that leads into a release of a commit that the mirror does not know: all of it counts as somebody's own.
  static func prepare(_ scratch: borrowing Scratch) throws -> (links: Links, plan: LinkPlan) {
    let target = scratch.settings.checkout + "/stacks/s/s/conf"
    for (path, text) in ["x": "written\n", "deep/y": "deep\n"] {
      try scratch.write("clup/releases/c1/s/conf/" + path, text)
    }
    for directory in ["/clup/stacks", "/live/s", "/clup/releases/c1/s/conf/empty"] {
      try FileManager.default.createDirectory(atPath: scratch.root + directory, withIntermediateDirectories: true)
    }
    #expect(symlink("../releases/c1", scratch.root + "/clup/stacks/s") == 0)
    #expect(symlink(target, scratch.root + live) == 0)
    #expect(symlink("x", scratch.root + "/clup/releases/c1/s/conf/alias") == 0)
    let plan = LinkPlan(
      live: "s/conf", desired: nil, target: target, action: .replace, backsUp: false, found: .link(target))
    return (try scratch.links(), plan)
  }

  @Test func `files, directories and links come along with owner, mode and times`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    let file = scratch.root + "/clup/releases/c1/s/conf/x"
    #expect(chmod(file, 0o640) == 0)
    let before = try #require(Files.status(file))
    _ = try await links.apply([plan])
    #expect(links.observe.live("s/conf") == .directory)
    #expect(scratch.names("live/s") == ["conf"] && scratch.names("live/s/conf") == ["alias", "deep", "empty", "x"])
    #expect(try scratch.read("live/s/conf/deep/y") == "deep\n")
    #expect(Files.link(at: scratch.root + Self.live + "/alias") == "x")
    let after = try #require(Files.status(scratch.root + Self.live + "/x"))
    #expect(after.st_mode == before.st_mode && after.st_uid == before.st_uid && after.st_ino != before.st_ino)
    #expect(after.st_mtim.tv_sec == before.st_mtim.tv_sec && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
    #expect(try scratch.read("clup/releases/c1/s/conf/x") == "written\n", "the release stays")
  }

  @Test func `what a killed sync left beside it is removed, and no other directory`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    try scratch.write("live/s/.conf.clup-1a2b/deep/half", "half")
    try scratch.write("live/s/.conf.mine/f", "mine")
    DirectoryHandle.sweep(beside: "s/conf/x", in: scratch.root + "/live")
    _ = try await links.apply([plan])
    #expect(scratch.names("live/s") == [".conf.mine", "conf"])
  }

  @Test func `a directory that stands there already is left alone`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    #expect(unlink(scratch.root + Self.live) == 0)
    try scratch.write("live/s/conf/own", "own")
    _ = try await links.apply([plan])
    #expect(scratch.names("live/s/conf") == ["own"])
  }

  @Test func `a file that somebody edited has its second name before the directory takes its place`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    #expect(unlink(scratch.root + Self.live) == 0)
    let file = try scratch.write("live/s/conf", "edited\n")
    let before = try #require(Files.status(file)?.st_ino)
    let edited = LinkPlan(
      live: "s/conf", desired: nil, target: plan.target, action: .replace, backsUp: true,
      found: links.observe.live("s/conf"))
    // Cut off after the backup, before the exchange: the next one goes on with it.
    let kept = try #require(try links.keep(file))
    let backup = try #require(try await links.apply([edited]).first?.backup)
    #expect(Path.name(kept) == Path.name(backup), "one backup, made first")
    #expect(try scratch.read("live/" + backup) == "edited\n")
    #expect(Files.status(scratch.root + "/live/" + backup)?.st_ino == before)
    #expect(scratch.names("live/s") == ["conf", Path.name(backup)])
  }

  @Test func `a file that cannot be kept stays where it is`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    #expect(unlink(scratch.root + Self.live) == 0)
    // A name as long as names may be leaves no room for that of a backup, but the directory can be built next to it.
    let name = String(repeating: "x", count: 240)
    try scratch.write("live/s/\(name)", "edited\n")
    let edited = LinkPlan(
      live: "s/\(name)", desired: nil, target: plan.target, action: .replace, backsUp: true,
      found: links.observe.live("s/\(name)"))
    await #expect(throws: Failure.self) { _ = try await links.apply([edited]) }
    #expect(try scratch.read("live/s/\(name)") == "edited\n")
    #expect(scratch.names("live/s") == [name])
  }

  @Test func `a person's link at the last moment is kept`() async throws {
    let scratch = try Scratch()
    let (links, plan) = try Self.prepare(scratch)
    #expect(unlink(scratch.root + Self.live) == 0 && symlink("/elsewhere", scratch.root + Self.live) == 0)
    let backup = try #require(try await links.apply([plan]).first?.backup)
    #expect(Files.link(at: scratch.root + "/live/" + backup) == "/elsewhere")
  }
}
