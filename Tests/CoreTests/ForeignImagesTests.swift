import Testing

@testable import Core

@Suite("Nobody builds an image under the name that somebody else runs") struct ForeignImagesTests {
  static func findings(running projects: [String], formerly: [String] = [], policy: Policy = Policy()) throws
    -> [String]
  {
    let model = try JSON(
      parsing: Array(
        #"{"name": "shop", "services": {"web": {"image": "acme/web:1", "build": {"context": "/live/shop"}}}}"#.utf8))
    var subject = Subject(
      stack: "shop", kind: .stack, model: model, sources: [],
      paths: HostPaths(liveRoot: "/live", checkout: nil, stacks: [:], isHost: true), policy: policy, today: "2026-01-01"
    )
    var present = Present(networks: [], volumes: [], images: [])
    for project in projects { present.add(user: project, of: "acme/web:1") }
    subject.present = present
    subject.formerProjects = Set(formerly)
    return subject.foreignImages.map(\.message).filter { $0.contains("builds the image") }
  }

  @Test func `a container that somebody runs by hand is not the stack's own`() throws {
    #expect(try Self.findings(running: ["lab"]).first?.hasSuffix("which the project lab runs") == true)
    #expect(try Self.findings(running: [""]).first?.hasSuffix("which a container that no project made runs") == true)
  }

  @Test(arguments: [([], []), (["shop"], []), (["store"], ["store"]), (["store", "shop"], ["store"])])
  func `its own containers are, under the name that its project had before, too`(
    _ running: [String], _ formerly: [String]
  ) throws {
    #expect(try Self.findings(running: running, formerly: formerly) == [])
  }
}
