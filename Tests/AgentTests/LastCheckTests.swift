import Digests
import Foundation
import Testing

@testable import Agent

@Suite("What the last sync saw is no more than a hint")
struct LastCheckTests {
  static func check(_ scratch: borrowing Scratch, report: String) throws -> LastCheck? {
    let parts = ["c1\0\0", "", "", report]
    let digest = SHA256()
    digest.update(Array(parts.joined().utf8))
    let sizes = parts.map { String($0.utf8.count) }.joined(separator: " ")
    try scratch.write("clup/checked", "clup.checked/1 \(digest.finish() ?? "none") \(sizes)\n" + parts.joined())
    return LastCheck(of: Checkout(path: scratch.settings.checkout))
  }

  @Test func `it is read as it was written`() throws {
    let scratch = try Scratch()
    let kept = "1\01\0s\0c0\0c1\0p\01\0web\0running\0healthy\0live\0target\0"
    let check = try #require(try Self.check(scratch, report: kept))
    #expect(check.commit == "c1")
    #expect(check.stacks.stacks.map(\.name) == ["s"] && check.stacks.stacks.first?.services.map(\.name) == ["web"])
    #expect(check.stacks.links.map(\.live) == ["live"] && check.stacks.links.map(\.target) == ["target"])
  }

  @Test(arguments: [
    "-1\0-1\0", "0\0-9\0", "1\00\0s\0\0\0\0-1\0", "9223372036854775807\09223372036854775807\0", "\0", "",
  ])
  func `a number of elements that cannot be ends nothing`(_ kept: String) throws {
    let scratch = try Scratch()
    let check = try #require(try Self.check(scratch, report: kept))
    #expect(check.stacks.stacks.count + check.stacks.links.count <= 4)
  }
}
