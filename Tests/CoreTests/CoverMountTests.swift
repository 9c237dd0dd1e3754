import Testing

@testable import Core

@Suite("What a container could write to and Compose reads is mounted read-only over it") struct CoverMountTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let volumes: String
    var top = "{}"
    var expected: [String] = []
    var added: Int?
  }

  static let above = #"{"type": "bind", "source": "/live/run", "target": "/data"}"#
  static let rows = [
    Row(testDescription: "the directory above", volumes: above, expected: ["/live/run/app:/data/app"]),
    Row(
      testDescription: "the directory above by its other name",
      volumes: #"{"type": "bind", "source": "/real/run", "target": "/data/"}"#, expected: ["/real/run/app:/data/app"]),
    Row(
      testDescription: "a volume, of which a container may have a part only",
      volumes: #"{"type": "volume", "source": "v", "target": "/data"}"#,
      top: #"{"v": {"driver_opts": {"type": "none", "o": "bind", "device": "/live/run"}}}"#),
    Row(
      testDescription: "covered by its own file",
      volumes: above + #", {"type": "bind", "source": "/live/run/app", "target": "/data/app", "read_only": true}"#,
      expected: ["/live/run/app:/data/app"], added: 0),
    Row(
      testDescription: "at a target whose own directory the container could move",
      volumes: #"{"type": "bind", "source": "/live/run", "target": "/srv/data"}"#),
    Row(testDescription: "at the root", volumes: #"{"type": "bind", "source": "/live/run", "target": "/"}"#),
    Row(
      testDescription: "something below the place",
      volumes: above + #", {"type": "bind", "source": "/live/run/own", "target": "/data/app/own"}"#),
    Row(
      testDescription: "twice", volumes: above + #", {"type": "bind", "source": "/live/run", "target": "/again"}"#,
      expected: ["/live/run/app:/data/app", "/live/run/app:/again/app"]),
    Row(
      testDescription: "read-only already",
      volumes: #"{"type": "bind", "source": "/live/run", "target": "/data", "read_only": true}"#),
    Row(
      testDescription: "something of the service's own there",
      volumes: above + #", {"type": "tmpfs", "target": "/data/app/"}"#),
    Row(
      testDescription: "the project itself", volumes: #"{"type": "bind", "source": "/live/run/app", "target": "/x"}"#),
    Row(testDescription: "two levels above", volumes: #"{"type": "bind", "source": "/live", "target": "/x"}"#),
    Row(testDescription: "beside it", volumes: #"{"type": "bind", "source": "/live/run/jobs", "target": "/x"}"#),
  ]

  @Test(arguments: rows) func `only the directory right above a project is covered`(_ row: Row) throws {
    let json = #"{"services": {"a": {"volumes": [\#(row.volumes)]}, "b": {}}, "volumes": \#(row.top)}"#
    let model = try JSON(parsing: Array(json.utf8))
    let covers = model.covers(of: ["/live/run/app", "/real/run/app"])
    #expect((covers["a"] ?? []).map { "\($0.source):\($0.target)" } == row.expected)
    #expect(covers["b"] == nil)
    let laid = model.covered(by: covers)
    let added = (laid["services"]?["a"]?["volumes"].array ?? []).dropFirst(
      model["services"]?["a"]?["volumes"].array.count ?? 0)
    #expect(added.count == row.added ?? row.expected.count)
    #expect(added.allSatisfy { $0["read_only"]?.bool == true && $0["bind"]?["create_host_path"]?.bool == false })
    #expect(laid.covered(by: laid.covers(of: ["/live/run/app", "/real/run/app"])) == laid, "nothing is laid twice")
    #expect(laid["services"]?["b"] == model["services"]?["b"])
  }

  @Test func `a service's tmpfs at the place is left alone`() throws {
    let json = #"{"services": {"a": {"volumes": [\#(Self.above)], "tmpfs": ["/data/app:size=1m"]}}}"#
    #expect(try JSON(parsing: Array(json.utf8)).covers(of: ["/live/run/app"]).isEmpty)
  }

  @Test(
    arguments: [
      ([("/live/run", "/data", true)], true), ([("/live/run", "/data", false)], false),
      ([("/live/run", "/data", true), ("/live/run/app", "/data/app", false)], false),
      ([("/live/run", "/data", true), ("/live/run/app", "/data/app", true)], true),
      ([("/live/run", "/data", true), ("/live/run/app", "/elsewhere", false)], true),
      ([("/live/run", "/srv/data", true), ("/live/run/app", "/srv/data/app", false)], true),
      ([("/live", "/all", true), ("/live/run/app", "/all/run/app", false)], true),
      ([("/live/run/jobs", "/jobs", true)], false), ([("/live/run/app", "/app", true)], true),
    ] as [([(String, String, Bool)], Bool)])
  func `what a container has mounted tells whether it can write to a directory`(
    _ mounts: [(String, String, Bool)], _ isOpen: Bool
  ) {
    let mounts = mounts.map { HostMount(source: $0.0, target: $0.1, isWritable: $0.2) }
    #expect(mounts.write(to: ["/live/run/app"]) == isOpen)
  }

  @Test func `a dollar sign in a path is what Compose reads as one`() throws {
    let model = try JSON(
      parsing: Array(
        #"{"services": {"a": {"volumes": [{"type": "bind", "source": "/l/$$x", "target": "/$$d"}]}}}"#.utf8))
    let covers = model.covers(of: ["/l/$x/app"])
    #expect(covers["a"] == [CoverMount(source: "/l/$x/app", target: "/$d/app")])
    let mount = model.covered(by: covers)["services"]?["a"]?["volumes"].array.last
    #expect(mount?["source"]?.string == "/l/$$x/app" && mount?["target"]?.string == "/$$d/app")
  }
}
