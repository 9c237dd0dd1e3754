@testable import Agent
import Glibc
import Testing

@Suite("what is closed of a release") struct ReleaseTests {
  @Test(arguments: [
    ("s/app", 0o755), ("s/app/src/deep", 0o755), ("s/app/conf", 0o555), ("s/app/conf/deep", 0o555), ("s/other", 0o555),
  ]) func `a mount closes itself, and leaves the rest of a build context as git has it`(_ path: String, _ mode: Int) {
    let contexts = Release.Contexts(built: ["s/app"], mounted: ["s/app/x.yml", "s/app/conf"])
    #expect(contexts.mode(of: path) == mode_t(mode))
  }

  @Test func `a mount of all that is above it closes a build context`() {
    #expect(Release.Contexts(built: ["s/app"], mounted: ["s"]).mode(of: "s/app/src") == 0o555)
  }
}
