@testable import Core
import FoundationEssentials
import Testing

@Suite("A hold")
struct HoldTests {
  struct Row {
    let what: String
    var id = "1"
    var env = "e1"
    var settings = "5m"
    var image: String? = "i1"
    var stands = false
  }

  static let rows = [
    Row(what: "nothing", stands: true), Row(what: "the commit's file", id: "2"),
    Row(what: "the host's .env", env: "e2"),
    Row(what: "the host's own probes or deadlines", settings: "10m"),
    Row(what: "the image behind the name", image: "i2"),
    Row(what: "nothing, as far as is known", image: nil, stands: true),
  ]

  @Test(arguments: rows.indices) func `a commit that failed is held until something changes`(_ index: Int) {
    let row = Self.rows[index]
    let desired = DesiredStack(
      name: "s", commit: "c2", project: "p", tracked: ["s/compose.yaml": "s/compose.yaml#1"],
      untracked: ["s/.env": "e1"],
      services: [], links: [:], after: [], deployTimeout: nil)
    var hold = Hold(desired, since: "now", error: "why", images: ["app:1": "i1"])
    hold.settings = "5m"
    let conditions = Inputs.Conditions(
      settings: row.settings, images: row.image.map { ["app:1": $0] })
    let now = hold.inputs.now(
      in: commit("s/compose.yaml", id: row.id), host: ["s/.env": row.env], conditions: conditions)
    let stands = now.differences(from: hold.inputs).isEmpty
    #expect(stands == row.stands, "\(row.what)")
  }
}
