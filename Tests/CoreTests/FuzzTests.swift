import Foundation
import Testing
import YAML

@testable import Core

/// Damages configurations, Compose files and job files at random and in their structure, for CLUP_FUZZ_SECONDS (2).
///
/// A crash ends the whole run; CLUP_FUZZ_SEED repeats one.
@Suite("Damaged texts") struct FuzzTests {
  static let environment = ProcessInfo.processInfo.environment
  static let seconds = Double(environment["CLUP_FUZZ_SECONDS"] ?? "") ?? 2
  static let seed = UInt64(environment["CLUP_FUZZ_SEED"] ?? "") ?? UInt64.random(in: .min ... .max)

  /// A generator that can be repeated; see xorshift64*.
  struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 2_685_821_657_736_338_717
    }
  }

  static let texts = [
    """
    x-base: &base {restart: unless-stopped, environment: [A=b, "TOKEN=${TOKEN:-abc}"]}
    include: [{path: other.yaml, env_file: .env}]
    services:
      web:
        <<: *base
        image: nginx:${TAG:?needed}
        extends: {file: base.yaml, service: web}
        ports: ["127.0.0.1:80:80", {target: 80, published: "81", host_ip: 0.0.0.0}]
        volumes: [./a:/a, {type: bind, source: /etc, target: /e, read_only: true}, "vol:/v"]
        command: [run, --password, hunter22]
        cap_add: [NET_ADMIN]
        security_opt: ["seccomp:unconfined"]
        build: {context: ., args: {K: v}, entitlements: [x]}
        configs: [{source: c}]
        deploy: {replicas: 2, resources: {limits: {memory: 1g}}}
    volumes: {vol: {driver_opts: {type: none, o: bind, device: /var/run}}}
    configs: {c: {file: ./c}}
    networks: {net: {external: true}}
    """,
    """
    repository: [https://u@example.org/x.git, {url: "git@h:x", credentials: {ssh_key_file: k, ssh_agent: true}}]
    credentials: {username: u, helper: [h, a], ca_file: c, proxy: "http://p:1", registry_auth_file: r}
    branch: main
    live_root: /srv/live
    checkout: /srv/live/clup
    links: [{from: a, to: b, mode: copy}]
    stacks: {exclude: ["a/**"], x: {after: [y], deploy_timeout: 1m}}
    policy:
      severity: {floating-tag: off}
      waivers: [{rule: privileged, stack: a, reason: r, expires: 2030-01-01}]
    sync: {interval: 1m, concurrency: 2}
    """,
    """
    findings:
      - {rule: published-port, stack: a, service: web, text: "services.web.ports: 80:80", since: 2026-11-27, expires: 2027-02-25}
      - {rule: privileged, stack: a, service: vpn, text: t, image: "w:1", options: [o], commands: [c], reason: r, since: 2026-01-01, expires: 2030-01-01}
    """,
    """
    x-clup: {timeout: 20m, params: [A, B]}
    services:
      job: {image: "j:1", network_mode: none, mem_limit: 1g, cpus: 1, pids_limit: 1, volumes: ["/a/gradle:/g"]}
    """,
  ]

  static let snippets = [
    "&a", "*a", "!reset", "!!binary ", "<<: ", "[", "]", "{", "}", ": ", "- ", "\n", "\t", "'", "\"", "|\n", ">-\n",
    "%YAML 1.1\n",
    "---\n", "...\n", "#", "\0", "\u{feff}", "\u{85}", "é", "\u{301}", "${", "}", "$$", "::", "/", "..", "~", "null",
    "99999999999999999999",
  ]

  static func damage(_ text: String, _ dice: inout Dice) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...6, using: &dice) {
      guard !bytes.isEmpty else { return bytes }
      let place = Int.random(in: 0..<bytes.count, using: &dice)
      switch Int.random(in: 0..<6, using: &dice) {
      case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &dice)
      case 1: bytes.insert(contentsOf: Array((snippets.randomElement(using: &dice) ?? "").utf8), at: place)
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &dice)))
      case 3:
        bytes.insert(
          contentsOf: bytes[place..<min(bytes.count, place + 60)], at: Int.random(in: 0...place, using: &dice))
      case 4: bytes = Array(bytes[..<place])
      default:
        // The value of one line goes to another one: right text in the wrong place.
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        guard let one = lines.indices.randomElement(using: &dice), let other = lines.indices.randomElement(using: &dice)
        else { continue }
        lines.swapAt(one, other)
        bytes = Array(lines.joined(separator: [10]))
      }
    }
    return bytes
  }

  /// Takes a source's tree for what Compose resolved, so that rules meet every shape.
  static func json(_ node: Node) -> JSON {
    if let items = node.sequence { return .array(items.map(json)) }
    if let entries = node.mapping {
      return .object(Dictionary(entries.map { ($0.key.string ?? "?", json($0.value)) }) { first, _ in first })
    }
    let text = node.string ?? ""
    if node.isNull { return .null }
    return text == "true" ? .bool(true) : Int(text).map(JSON.integer) ?? .string(text)
  }

  @Test func `no damage crashes a reader or a rule`() {
    var dice = Dice(state: Self.seed | 1)
    let end = Date().addingTimeInterval(Self.seconds)
    var rounds = 0
    while Date() < end {
      let bytes = Self.damage(Self.texts.randomElement(using: &dice) ?? "", &dice)
      _ = Settings.parse(bytes)
      _ = AcceptedFindings.parse(bytes)
      let source = ComposeSource(path: "s/compose.yaml", bytes: bytes)
      let text = String(decoding: bytes, as: UTF8.self)
      _ = Blame.place(text, in: [source])
      _ = Blame.place("services.web.ports.0 must be a string", in: [source])
      _ = Placeholder.value(of: "TOKEN", in: [source])
      for finding in Rule.forbiddenContent(of: "f", bytes) { #expect((finding.line ?? 0) > 0, "seed \(Self.seed)") }
      if let document = source.document {
        _ = References.all(in: document, file: "f")
        _ = References.includes(in: document)
        let model = Self.json(document)
        for kind in [Subject.Kind.stack, .job] {
          let subject = Subject(
            stack: "s", kind: kind, model: model, sources: [source],
            paths: HostPaths(liveRoot: "/live", checkout: "/live/clup", stacks: ["s": "s", "t": "t"]),
            policy: Policy(), today: "2026-01-01", present: Present(networks: [], volumes: [], images: []),
            environmentFiles: ["s/x.env": text])
          let excerpts = Excerpts(sources: [source])
          for finding in Rule.findings(in: subject) {
            _ = excerpts.lines(of: finding)
            #expect(!finding.placeText.isEmpty, "seed \(Self.seed)")
          }
        }
        _ = ComposeModel(model)
      }
      rounds += 1
    }
    #expect(rounds > 10, "seed \(Self.seed)")
  }

  static let bombs: [(what: String, text: String)] = [
    ("deep lists", String(repeating: "[", count: 200_000)),
    ("deep mappings", String(repeating: "{a: ", count: 100_000)),
    ("deep indentation", (0..<2000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()),
    (
      "an alias bomb",
      "a0: &a0 [x]\n" + (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]\n" }.joined()
    ),
    ("a scalar of 10 MB", "a: " + String(repeating: "x", count: 10 << 20)),
    ("a million keys", (0..<150_000).map { "k\($0): 1\n" }.joined()),
  ]

  @Test(arguments: bombs.indices) func `what would take all memory or time is refused`(_ index: Int) {
    #expect(throws: YAMLError.self, "\(Self.bombs[index].what)") { try parse(Array(Self.bombs[index].text.utf8)) }
  }
}
