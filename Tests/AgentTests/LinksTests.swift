@testable import Agent
@testable import Core
import Foundation
import Glibc
import Git
import Testing

@Suite("I3: nothing that stood at a live path is ever lost")
struct LinksTests {
  static func plan(_ live: String, _ target: String, backsUp: Bool, found: LiveEntry = .other) -> LinkPlan {
    LinkPlan(
      live: live, desired: DesiredLink(kind: .link, from: live, id: "1"), target: target, action: .replace,
      backsUp: backsUp, found: found)
  }

  @Test func `a real file is kept under its own inode, owner, mode and times`() async throws {
    let scratch = try Scratch()
    let file = try scratch.write("live/s/compose.yaml", "mine\n")
    #expect(chmod(file, 0o640) == 0)
    let before = try #require(Files.status(file))
    let links = try scratch.links()
    let reports = try await links.apply([Self.plan("s/compose.yaml", "/t", backsUp: true)])
    #expect(Files.link(at: file) == "/t")
    let backup = try #require(reports.first?.backup)
    #expect(backup.firstMatch(of: /^s\/compose\.yaml\.bak\.\d{8}-\d{6}$/) != nil, "\(backup)")
    let after = try #require(Files.status(scratch.root + "/live/" + backup))
    #expect(after.st_ino == before.st_ino && after.st_mode == before.st_mode && after.st_uid == before.st_uid)
    #expect(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
    #expect(try scratch.read("live/" + backup) == "mine\n")
    #expect(scratch.names("live/s").count == 2, "nothing temporary is left")
  }

  @Test func `a person's link is kept as a link`() async throws {
    let scratch = try Scratch()
    try scratch.write("live/f", "")
    #expect(unlink(scratch.root + "/live/f") == 0 && symlink("/elsewhere", scratch.root + "/live/f") == 0)
    let links = try scratch.links()
    let backup = try #require(try await links.apply([Self.plan("f", "/t", backsUp: true)]).first?.backup)
    #expect(Files.link(at: scratch.root + "/live/" + backup) == "/elsewhere")
  }

  @Test func `an interrupted replacement is gone on with and leaves one backup`() async throws {
    let scratch = try Scratch()
    let file = try scratch.write("live/f", "mine\n")
    // As a kill between the backup and the rename leaves it.
    #expect(link(file, file + ".bak.20260101-000000") == 0)
    let links = try scratch.links()
    let reports = try await links.apply([Self.plan("f", "/t", backsUp: true)])
    #expect(reports.first?.backup == "f.bak.20260101-000000")
    #expect(scratch.names("live") == ["f", "f.bak.20260101-000000"])
  }

  @Test func `two backups within one second have two names`() async throws {
    let scratch = try Scratch()
    let links = try scratch.links()
    for text in ["one", "two", "three"] {
      let file = scratch.root + "/live/f"
      unlink(file)
      try scratch.write("live/f", text)
      _ = try await links.apply([Self.plan("f", "/t", backsUp: true)])
    }
    let kept = try scratch.names("live").filter { $0 != "f" }.map { try scratch.read("live/" + $0) }
    #expect(kept == ["one", "two", "three"])
  }

  @Test func `what appeared since the plan was made is kept too`() async throws {
    let scratch = try Scratch()
    try scratch.write("live/f", "written a moment ago")
    let links = try scratch.links()
    let backup = try #require(
      try await links.apply([Self.plan("f", "/t", backsUp: false, found: .absent)]).first?.backup)
    #expect(try scratch.read("live/" + backup) == "written a moment ago")
  }

  @Test func `what was linked before a later path failed is put back`() async throws {
    let scratch = try Scratch()
    let file = try scratch.write("live/a", "mine")
    try scratch.write("live/f", "a file where a directory is needed")
    let links = try scratch.links()
    let target = scratch.settings.checkout + "/stacks/s/a"
    let plans = [Self.plan("a", target, backsUp: true), Self.plan("f/g", target, backsUp: false)]
    var reports = plans.map(\.report)
    do {
      try await links.apply(plans, noting: &reports)
      Issue.record("the second path cannot be made")
    } catch { #expect(Files.link(at: file) == target) }
    let former = LiveEntry.file(blobID(of: Array("mine".utf8)))
    let backups = reports.reduce(into: [:]) { $0[$1.live] = $1.backup }
    try links.undo(["a": former, "f/g": .absent], links: [:], backups)
    #expect(try scratch.read("live/a") == "mine")
  }

  @Test func `a directory with files in it is not moved`() async throws {
    let scratch = try Scratch()
    try scratch.write("live/f/inner", "state")
    let links = try scratch.links()
    await #expect(throws: Failure.self) { try await links.apply([Self.plan("f", "/t", backsUp: true)]) }
    #expect(try scratch.read("live/f/inner") == "state")
    #expect(scratch.names("live") == ["f"])
  }

  @Test func `nothing is put into a release through a link to its directory`() async throws {
    let scratch = try Scratch()
    try scratch.write("clup/releases/c/d/f", "of the release")
    try scratch.write("live/x", "")
    #expect(symlink(scratch.root + "/clup/releases/c/d", scratch.root + "/live/d") == 0)
    let links = try scratch.links()
    await #expect(throws: Failure.self) { try await links.apply([Self.plan("d/f", "/t", backsUp: true)]) }
    #expect(try scratch.read("clup/releases/c/d/f") == "of the release")
  }

  @Test func `a directory that cannot be written loses nothing`() async throws {
    let scratch = try Scratch()
    try scratch.write("live/f", "a file where a directory is needed")
    let links = try scratch.links()
    await #expect(throws: Failure.self) { try await links.apply([Self.plan("f/g", "/t", backsUp: false)]) }
    #expect(try scratch.read("live/f") == "a file where a directory is needed")
  }
}
