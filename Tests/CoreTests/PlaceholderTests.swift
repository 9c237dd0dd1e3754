import Testing

@testable import Core

@Suite("A placeholder is valid where it is used, and is never taken for what somebody wrote")
struct PlaceholderTests {
  static let uses: [(line: String, value: String)] = [
    ("pull_policy: $V", "missing"), ("restart: $V", "unless-stopped"), ("privileged: $V", "false"),
    ("image: $V", "placeholder-v:1"), ("image: 'app:$V'", "placeholder-v"), ("container_name: $V", "placeholder-v"),
    ("ports: ['127.0.0.1:$V:80']", "61001"), ("ports: ['$V:8080:80']", "127.0.0.1"),
    ("ports: ['${V:?V is required}:80']", "61001"), ("ports: ['${V:-7070}:7070']", "61001"),
    ("ports: ['${V:-127.0.0.1}:8080:80']", "127.0.0.1"), ("group_add: [$V]", "61001"), ("cap_add: [$V]", "CHOWN"),
    ("volumes: ['$V:/data']", "/clup-placeholder-V"), ("volumes: ['./a:/data:$V']", "ro"),
    ("ports: ['127.0.0.1:$P:53/$V']", "tcp"), ("ports: ['127.0.0.1:$V:53/${P}']", "61001"),
    ("ports: ['${V}:53:53/${P}']", "127.0.0.1"), ("volumes: ['${V}:/x:${M}']", "/clup-placeholder-V"),
    ("volumes: ['${A}:/x:${V}']", "ro"),
    ("stop_grace_period: $V", "1s"),
    ("healthcheck: {interval: $V}", "1s"), ("depends_on: {b: {condition: $V}}", "service_started"),
    ("extends: {file: '$V/base.yaml', service: s}", "/clup-placeholder-V"), ("mem_limit: $V", "64m"),
  ]

  @Test(arguments: uses) func `each key gets what it can take`(_ line: String, _ value: String) {
    let source = ComposeSource(path: "compose.yaml", bytes: Array("services: {a: {\(line)}}".utf8))
    #expect(Placeholder.value(of: "V", in: [source]) == value)
  }

  @Test func `no two stacks get the same name`() {
    let source = ComposeSource(
      path: "compose.yaml", bytes: Array("services: {a: {container_name: $V, image: $V}}".utf8))
    let values = ["apps/web", "Ärger", ""].map { Placeholder.value(of: "V", in: [source], for: $0) }
    #expect(values == ["placeholder-apps-web-v", "placeholder--rger-v", "placeholder-v"])
  }

  static let bareUses: [(text: String, names: [String])] = [
    ("$A/${B}", ["A", "B"]), ("${A:-x}${B-x}${C:+x}", []), ("${A:?why}${B?}", ["A", "B"]), ("$$A $${B} $$$C", ["C"]),
    ("${A:-${B}}", ["B"]), ("a$", []),
  ]

  @Test(arguments: bareUses) func `the variables without a default are known before Compose is asked`(
    _ text: String, _ names: [String]
  ) {
    let source = ComposeSource(
      path: "compose.yaml", bytes: Array("services: {a: {labels: ['\(text)'], image: i}}".utf8))
    #expect(Variables.withoutDefault(in: [source]) == names)
  }

  @Test func `two variables never have one port, and no port of the text`() {
    let text = "services: {a: {ports: ['127.0.0.1:$A:80', '127.0.0.1:$B:81', '127.0.0.1:61001:82']}}"
    let source = ComposeSource(path: "compose.yaml", bytes: Array(text.utf8))
    let first = Placeholder.value(of: "A", in: [source])
    let second = Placeholder.value(of: "B", in: [source], taken: [first])
    #expect([first, second] == ["61002", "61003"])
    let values = ["A": first, "B": second, "C": "1"]
    #expect(Placeholder.mask(values).hide("publishes 61002-61003:80 and 1") == "publishes ${A}-${B}:80 and 1")
    #expect(Placeholder.isIn("the host port 61003/tcp", of: values) && !Placeholder.isIn("port 1/tcp", of: values))
  }
}
