@testable import Core
import Testing

@Suite("I5: a stack is in place when nothing that it is made from is another")
struct DifferencesTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var tracked = ["s/compose.yaml": "1:644", "s/compose.override.yaml": Fingerprint.absent]
    var untracked = ["s/.env": "e1"]
    var services: [DesiredService]? = [service(fields: ["image": "i"])]
    var conditions: Inputs.Conditions? = .init(settings: "5m", images: ["app:1": "i1"])
    var differences: [String] = []
  }

  static let recorded = Inputs(
    tracked: ["s/compose.yaml": "1:644", "s/compose.override.yaml": Fingerprint.absent], untracked: ["s/.env": "e1"],
    services: [service(fields: ["image": "i"])],
    conditions: .init(settings: "5m", images: ["app:1": "i1"]))

  static let rows = [
    Row(testDescription: "nothing"),
    Row(
      testDescription: "a tracked file", tracked: ["s/compose.yaml": "2:644"],
      differences: ["s/compose.yaml changed"]),
    Row(testDescription: "a mode", tracked: ["s/compose.yaml": "1:755"], differences: ["s/compose.yaml changed"]),
    Row(testDescription: "a mode that was not recorded", tracked: ["s/compose.yaml": "1"]),
    Row(testDescription: "a file that went", tracked: [:], differences: ["s/compose.yaml removed"]),
    Row(
      testDescription: "a file that came where its absence counted",
      tracked: ["s/compose.yaml": "1:644", "s/compose.override.yaml": "3:644"],
      differences: ["s/compose.override.yaml added"]),
    Row(testDescription: "the host's .env", untracked: ["s/.env": "e2"], differences: ["the host's s/.env changed"]),
    Row(testDescription: "Compose was not asked", services: nil),
    Row(
      testDescription: "a key of a service", services: [service(hash: "h2", fields: ["image": "j"])],
      differences: ["web: image changed"]),
    Row(
      testDescription: "another version of Compose hashes the same service to something else",
      services: [service(hash: "h2", fields: ["image": "i"])]),
    Row(
      testDescription: "a key that no container shows",
      services: [service(hash: "h1", fields: ["image": "i", "depends_on": "d"])]),
    Row(
      testDescription: "a service that came",
      services: [service(fields: ["image": "i"]), service("worker")], differences: ["worker added or removed"]),
    Row(
      testDescription: "probes or deadlines", conditions: .init(settings: "9m", images: ["app:1": "i1"]),
      differences: ["the host's settings changed"]),
    Row(
      testDescription: "an image behind its name",
      conditions: .init(settings: "5m", images: ["app:1": "i2"]),
      differences: ["the image app:1 changed"]),
    Row(testDescription: "the engine was not asked", conditions: .init(settings: "5m", images: nil)),
    Row(testDescription: "no attempt is meant", conditions: nil),
  ]

  @Test(arguments: rows) func `what differs`(_ row: Row) {
    let now = Inputs(
      tracked: row.tracked, untracked: row.untracked, services: row.services, conditions: row.conditions)
    #expect(now.differences(from: Self.recorded).map(\.text) == row.differences)
  }
}
