@testable import Core
import Testing

@Suite("A probe is read whole, and asks this host only")
struct ProbeTests {
  static func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

  static let good: [(text: String, question: Probe.Question)] = [
    (
      #"{"http": "http://127.0.0.1:18888/healthz"}"#,
      .http(url: "http://127.0.0.1:18888/healthz", status: nil, json: nil)
    ),
    (
      #"{"http": "https://[::1]/x?y=1", "status": 204, "json": {"ok": true}}"#,
      .http(url: "https://[::1]/x?y=1", status: 204, json: .object(["ok": .bool(true)]))
    ), (#"{"http": "http://localhost"}"#, .http(url: "http://localhost", status: nil, json: nil)),
    (#"{"exec": ["node", "x"], "service": "gw"}"#, .exec(service: "gw", command: ["node", "x"])),
    (#"{"exec": "node x | grep y"}"#, .exec(service: nil, command: ["sh", "-c", "node x | grep y"])),
  ]

  @Test(arguments: good) func `what it asks`(_ text: String, _ question: Probe.Question) throws {
    #expect(try Probe(Self.json(text)).question == question)
  }

  static let bad: [(text: String, key: String?)] = [
    (#""http://127.0.0.1""#, nil), ("{}", nil), (#"{"http": "http://127.0.0.1", "exec": ["x"]}"#, nil),
    (#"{"http": "http://10.0.0.1/"}"#, "http"), (#"{"http": "http://127.999.0.1/"}"#, "http"),
    (#"{"http": "http://127.0.0.1.example.org/"}"#, "http"),
    (#"{"http": "http://127.0.0.1@example.org/"}"#, "http"), (#"{"http": "http://example.org#127.0.0.1"}"#, "http"),
    (#"{"http": "file:///etc/shadow"}"#, "http"), (#"{"http": "http://127.0.0.1/ x"}"#, "http"),
    (#"{"http": "http://169.254.169.254/"}"#, "http"), (#"{"http": 1}"#, "http"),
    (#"{"http": "http://127.0.0.1", "status": "200"}"#, "status"),
    (#"{"http": "http://127.0.0.1", "json": [1]}"#, "json"),
    (#"{"http": "http://127.0.0.1", "service": "x"}"#, "service"), (#"{"exec": []}"#, "exec"),
    (#"{"exec": [1]}"#, "exec"),
    (#"{"exec": ["x"], "status": 200}"#, "status"), (#"{"exec": ["x"], "retires": 2}"#, "retires"),
    (#"{"exec": ["x"], "retries": -1}"#, "retries"), (#"{"exec": ["x"], "interval": 5}"#, "interval"),
    (#"{"exec": ["x"], "deadline": "soon"}"#, "deadline"),
  ]

  @Test(arguments: bad) func `what it must not be`(_ text: String, _ key: String?) throws {
    let json = try Self.json(text)
    #expect { try Probe(json) } throws: { ($0 as? Probe.Problem)?.key == key }
  }

  static let answers: [(status: Int, body: String, wanted: Int?, json: String?, complaint: String?)] = [
    (200, "", nil, nil, nil), (299, "", nil, nil, nil), (302, "", nil, nil, "it answered 302, not 200 to 299"),
    (503, "", 503, nil, nil), (200, "", 503, nil, "it answered 200, not 503"),
    (200, #"{"ok": true, "more": 1}"#, nil, #"{"ok": true}"#, nil),
    (200, #"{"ok": false}"#, nil, #"{"ok": true}"#, "it answered 200 with 13 bytes, where ok is not true"),
    (200, #"{"ok": "true"}"#, nil, #"{"ok": true}"#, "it answered 200 with 14 bytes, where ok is not true"),
    (200, #"{"a": {"b": 1.0}}"#, nil, #"{"a": {"b": 1}}"#, nil),
    (200, #"{"a": {}}"#, nil, #"{"a": {"b": 1}}"#, "it answered 200 with 9 bytes, where a.b is missing"),
    (200, "hello", nil, #"{"ok": true}"#, "its answer is no JSON"),
  ]

  @Test(arguments: answers.indices) func `an answer is a good one or says what it lacks`(_ index: Int) throws {
    let row = Self.answers[index]
    let complaint = Probe.complaint(
      status: row.status, body: Array(row.body.utf8), wanted: row.wanted, json: try row.json.map(Self.json))
    #expect(complaint == row.complaint)
  }

  static let extensions: [(text: String, problems: [[String]])] = [
    ("null", []), (#"{"after": "infra"}"#, []), (#"{"after": ["a", "b"], "deploy_timeout": "5m", "probes": []}"#, []),
    (#"{"timeout": "20m", "params": ["X"]}"#, []), ("[]", [[]]), (#"{"aftre": []}"#, [["aftre"]]),
    (#"{"after": [1]}"#, [["after"]]), (#"{"after": {}}"#, [["after"]]),
    (#"{"deploy_timeout": "5"}"#, [["deploy_timeout"]]),
    (#"{"probes": {}}"#, [["probes"]]), (#"{"probes": [{"http": "x"}]}"#, [["probes", "http"]]),
  ]

  @Test(arguments: extensions) func `what a Compose file says to clup is read, or refused at its key`(
    _ text: String, _ problems: [[String]]
  ) throws {
    #expect(try Extension(Self.json(text)).problems.map(\.keys) == problems.map { ["x-clup"] + $0 })
  }
}
