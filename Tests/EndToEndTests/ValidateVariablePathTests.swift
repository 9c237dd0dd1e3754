import Core
import Foundation
import Testing

/// What `clup validate` says of paths that a variable leads to one file on one host and to another elsewhere; no engine is needed.
@Suite("Validate paths with variables") struct ValidateVariablePathTests {
  static let files: [String: String] = [
    "compose.yaml": "include: ['compose/$HOSTNAME/web.yml', 'compose/$HOSTNAME/db.yml']\n"
      + ValidateLayoutTests.service("top"), "only/compose.yaml": "include: ['../compose/$HOSTNAME/web.yml']\n",
    "compose/nas/web.yml": ValidateLayoutTests.service("web"), "compose/nas/db.yml": ValidateLayoutTests.service("db"),
    "compose/pi/web.yml": ValidateLayoutTests.service("web"),
  ]

  /// Validates the files with values for the variables, as `--env-file` brings them.
  static func found(_ files: [String: String], values: String? = nil, expect: Int32? = nil) async throws -> [Diagnostic]
  {
    var result: [Diagnostic] = []
    try await ValidateTests.scratch { root in
      try ValidateTests.lay(["r": files], at: root)
      guard let values else {
        result = try await ValidateTests.validate("\(root)/r", expect: expect)
        return
      }
      try values.write(toFile: root + "/values", atomically: false, encoding: .utf8)
      result = try await ValidateTests.validate("\(root)/r", "--env-file", root + "/values", expect: expect)
    }
    return result
  }

  @Test func `a tracked file that a given value leads to is read, and no gap`() async throws {
    let found = try await Self.found(Self.files, values: "HOSTNAME=nas\n", expect: 0)
    #expect(!found.contains { $0.rule == "unset-variable" || $0.rule == "unmanaged-file" }, "\(found)")
    #expect(Set(found.filter { $0.stack == "." }.compactMap(\.service)) == ["web", "db", "top"])
    let other = try await Self.found(Self.files, values: "HOSTNAME=pi\n", expect: 0)
    let gaps = other.filter { $0.rule == "unset-variable" }
    #expect(gaps.map(\.line) == [1] && gaps[0].message.contains("`compose/$HOSTNAME/db.yml`, which git does not have"))
    #expect(
      gaps.map(\.help) == [
        "have it on the host before the sync, as compose/pi/db.yml below the live root; or commit it"
      ])
  }

  @Test func `without the value, what only a host knows is told once for each variable`() async throws {
    let found = try await Self.found(Self.files, expect: 3).filter { $0.rule != "no-healthcheck" }
    let open = found.filter { $0.stack == "." && $0.rule == "unset-variable" }
    #expect(open.map(\.severity) == [.warning])
    #expect(open[0].message.contains("only a host knows HOSTNAME") && open[0].message.contains("1 more path"))
    #expect(open[0].help.contains("`--env-file FILE`"))
    // A file with nothing else cannot be judged, and is no mistake of Compose's grammar.
    let only = found.filter { $0.stack == "only" }
    #expect(only.map(\.rule) == ["unset-variable"] && only[0].refuses)
    #expect(only.first?.message.contains("HOSTNAME has no value") == true, "\(only)")
    #expect(!found.contains { $0.rule == "unmanaged-file" }, "\(found)")
  }

  @Test func `the parts of another host are searched for secrets as before`() async throws {
    let secret = ValidateLayoutTests.service("x", "environment: {DB: 'postgres://app:Xk29vQz7Lm4p@db/app'}")
    let found = try await Self.found(Self.files.merging(["compose/pi/db.yml": secret]) { $1 })
    #expect(found.contains { $0.file == "compose/pi/db.yml" && $0.rule == "forbidden-file" }, "\(found)")
  }

  @Test func `a service that an open path may bring is asked for with the value`() async throws {
    let top = "include: ['compose/$HOSTNAME/db.yml']\n" + ValidateLayoutTests.service("top", "depends_on: [db]")
    let found = try await Self.found(Self.files.merging(["compose.yaml": top]) { $1 }, expect: 3)
    let refused = found.filter { $0.refuses && $0.stack == "." }
    #expect(refused.count == 1 && refused[0].help.hasPrefix("give HOSTNAME with `--env-file FILE`"), "\(refused)")
  }

  @Test func `a directory of the host around a work tree says nothing of where a live root is`() async throws {
    let parent = "/" + (NSTemporaryDirectory().split(separator: "/").first.map(String.init) ?? "tmp")
    let files = [
      "web/compose.yaml": ValidateLayoutTests.service("web", "volumes: ['./conf:/conf:ro', '\(parent):/tmp']"),
      "db/compose.yaml": ValidateLayoutTests.service("db", "volumes: ['./data:/data']"),
    ]
    let found = try await Self.found(files).filter { ["host-path", "writable-live-path"].contains($0.rule) }
    #expect(found.isEmpty, "\(found)")
    // A path that climbs out of the work tree means the same wherever that is.
    let climbing = ["web/compose.yaml": ValidateLayoutTests.service("web", "volumes: ['../..:/all']")]
    let refused = try await Self.found(climbing, expect: 3).map(\.rule)
    #expect(refused.contains("host-path") && refused.contains("writable-live-path"))
  }
}
