@testable import Core
import Testing
import YAML

@Suite("Stacks do not take what is another's")
struct CollisionsTests {
  @Test func `two stacks with one project name are both refused`() {
    let found = Collisions.between(projects: ["a": "p", "b": "p", "c": "q"], places: ["a": "a/compose.yaml"])
    #expect(found.map(\.stack) == ["a", "b"])
    #expect(found.map(\.file) == ["a/compose.yaml", "b"])
    #expect(found[0].message.contains("also that of b"))
  }

  /// Two stacks, the other ones, and the directories that may be two hosts' trees.
  static let trees: [(one: String, other: String, rest: [String], hosts: [String])] = [
    ("nas/web", "pi/web", ["nas/dns"], ["nas", "pi"]), ("h/nas/dns", "h/pi/web", ["h/nas/web"], ["h/nas", "h/pi"]),
    ("a/compose", "b/compose", [], []), ("nas/web", "pi/dns", ["nas/mail"], []), ("nas", "pi/web", ["pi/dns"], []),
  ]

  @Test(arguments: trees) func `stacks of two hosts' trees collide only where both are taken`(
    _ one: String, _ other: String, _ rest: [String], _ hosts: [String]
  ) {
    let places = Dictionary(uniqueKeysWithValues: ([one, other] + rest).map { ($0, $0 + "/compose.yaml") })
    let found =
      Collisions.between(projects: [one: "p", other: "p"], places: places)
      + Collisions.between(claims: [one: [Self.port("80")], other: [Self.port("80")]], places: places)
    #expect(found.count == 4)
    for (finding, own) in zip(found, hosts + hosts) {
      #expect(finding.help.contains("`stacks: {include: [\(own)/**]}`"))
    }
    #expect(!hosts.isEmpty || !found.contains { $0.help.contains("include") })
  }

  @Test func `a range is told once`() {
    let range = ["80", "81", "82"].map { Self.port($0) }
    let found = Collisions.between(claims: ["a": range, "b": range], places: [:]) { _, _ in ("f", nil) }
    #expect(
      found.count == 2 && found.allSatisfy { $0.message.hasPrefix("the host ports 80-82/tcp are also claimed by") })
  }

  static let claims: [(Claim, Claim, Bool)] = [
    (.containerName("x"), .containerName("x"), true), (.containerName("x"), .containerName("y"), false),
    (port("80"), port("80"), true), (port("80"), port("81"), false), (port("80"), port("80", "udp"), false),
    (port("80", "tcp", "127.0.0.1"), port("80", "tcp", "127.0.0.2"), false),
    (port("80", "tcp", "127.0.0.1"), port("80"), true), (port("80", "tcp", "127.0.0.1"), port("80", "tcp", "::"), true),
    (.containerName("80/tcp"), port("80"), false),
  ]

  static func port(_ port: String, _ transport: String = "tcp", _ address: String = "") -> Claim {
    .port(port, transport: transport, address: address)
  }

  @Test(arguments: claims) func `a port on all addresses takes it from each`(
    _ one: Claim, _ other: Claim, _ clash: Bool
  ) {
    #expect(one.excludes(other) == clash)
    #expect(other.excludes(one) == clash)
    #expect(Collisions.between(claims: ["a": [one], "b": [other]], places: [:]).count == (clash ? 2 : 0))
  }

  @Test func `both sides of a collision are one dispute, and each is a finding`() {
    let found =
      Collisions.between(projects: ["a": "p", "b": "p"], places: [:])
      + Collisions.between(
        claims: ["a": [Self.port("80")], "b": [Self.port("80")], "c": [Self.port("81")]], places: [:])
    #expect(found.map(\.stack) == ["a", "b", "a", "b"])
    #expect(found[0].dispute == found[1].dispute && found[2].dispute == found[3].dispute)
    #expect(found[0].dispute != nil && found[2].dispute != nil && found[0].dispute != found[2].dispute)
  }

  @Test func `stacks that dispute one thing are one dispute, and others of the same port are another`() {
    let one = ["a": Self.port("80"), "b": Self.port("80", "tcp", "10.0.0.1"), "c": Self.port("80", "tcp", "10.0.0.2")]
    let two = [
      "a": Self.port("80", "tcp", "10.0.0.1"), "b": Self.port("80", "tcp", "10.0.0.1"),
      "c": Self.port("80", "tcp", "10.0.0.2"), "d": Self.port("80", "tcp", "10.0.0.2"),
    ]
    for (claims, count) in [(one, 1), (two, 2)] {
      let found = Collisions.between(claims: claims.mapValues { [$0] }, places: [:])
      #expect(found.count == claims.count && Set(found.map(\.dispute)).count == count)
    }
  }

  @Test func `another project name is proposed with what it costs`() {
    let found = Collisions.between(projects: ["a": "p", "b": "p"], places: [:])
    #expect(found.allSatisfy { $0.help.contains("`p_…`, keep their names") })
    let container = Container(
      id: "1", name: "p-web-1", state: "running", image: "i", project: "p", service: "web", hash: "",
      directory: "/data/compose/1")
    let foreign = Collisions.foreign("a", project: "p", place: "a", directory: "/live/a", containers: [container])
    #expect(foreign?.help.contains("`docker compose -p p down`, without `-v`") == true)
  }

  @Test func `a stack does not collide with itself`() {
    #expect(Collisions.between(claims: ["a": [Self.port("80"), Self.port("80")]], places: [:]).isEmpty)
  }

  static let orders: [(after: [String: [String]], stacks: [String])] = [
    (["a": ["b"]], []), (["a": ["nothing"]], ["a"]), (["a": ["a"]], ["a"]), (["a": ["b"], "b": ["a"]], ["a", "b"]),
    (["a": ["b"], "b": ["c"], "c": ["b"]], ["b", "c"]),
  ]

  @Test(arguments: orders) func `an order that cannot be kept is refused`(
    _ after: [String: [String]], _ stacks: [String]
  ) {
    let place = (path: "f", mark: Mark(line: 3, column: 9) as Mark?)
    let found = StackOrderCheck.problems(after: after, stacks: ["a", "b", "c"], places: ["a": place])
    #expect(found.map(\.stack) == stacks)
    #expect(found.first { $0.stack == "a" }.map { $0.line == 3 && $0.column == 9 && $0.file == "f" } ?? true)
  }
}
