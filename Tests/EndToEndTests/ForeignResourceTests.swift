import Core
import Testing

/// A stack that claims what belongs to another one, found by `clup validate` from the repository alone.
@Suite("Validate refuses what belongs to another stack or to the host") struct ForeignResourceTests {
  /// One repository, and where it is refused.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rule: String?
    let files: [String: String]

    /// `app` is the text of `app/compose.yaml` below its service `a`; nothing as a rule means that it passes.
    init(_ what: String, _ rule: String?, _ app: String = "", service: String = "a", _ more: [String: String] = [:]) {
      (testDescription, self.rule) = (what, rule)
      files = [
        "bank/compose.yaml": "services:\n  db:\n    image: bank/db:1\n    build: .\n",
        "bank/Dockerfile": "FROM base:1\n",
        "app/compose.yaml":
          "services:\n  \(service):\n\(["    build", "    image"].contains(where: app.hasPrefix) ? "" : "    image: nginx:1.27\n")\(app)",
      ].merging(more) { _, new in new }
    }

    /// A build of a Dockerfile.
    init(_ what: String, _ rule: String?, dockerfile: String) {
      self.init(what, rule, "    build: .\n", ["app/Dockerfile": dockerfile])
    }
  }

  static let builds: [Case] = [
    Case("built from its image", "foreign-path", dockerfile: "FROM bank/db:1\n"),
    Case("copied from its image", "foreign-path", dockerfile: "FROM scratch\nCOPY --from=bank/db:1 / /\n"),
    Case(
      "its image mounted in a build", "foreign-path", dockerfile: "FROM a:1\nRUN --mount=from=bank/db:1,target=/x ls\n"),
    Case("its image by arguments", "foreign-path", dockerfile: "ARG A=bank\nFROM ${A}/db:1\n"),
    Case("an image that nobody can tell", "foreign-path", dockerfile: "ARG A=xbank/db:1\nFROM ${A#x}\n"),
    Case(
      "its image in an inline Dockerfile", "foreign-path",
      "    build:\n      context: .\n      dockerfile_inline: |\n        FROM bank/db:1\n"),
    Case("a Dockerfile of a server", "foreign-path", "    build: https://example.org/x.git\n"),
    Case("another program that reads the Dockerfile", "foreign-path", dockerfile: "# syntax=evil/frontend\nFROM a:1\n"),
    Case(
      "the same by an argument", "foreign-path", "    build: {context: ., args: {BUILDKIT_SYNTAX: evil}}\n",
      ["app/Dockerfile": "FROM a:1\n"]),
    Case(
      "its base replaced", "foreign-path", "    build: {context: ., tags: ['base:1']}\n",
      ["app/Dockerfile": "FROM a:1\n"]),
    Case(
      "its image by a digest", "foreign-path", "    image: bank/db@sha256:\(String(repeating: "0", count: 64))\n", [:]),
    Case(
      "its image overwritten by a cache", "foreign-path",
      "    build: {context: ., cache_to: ['type=registry,ref=bank/db:1']}\n", ["app/Dockerfile": "FROM a:1\n"]),
    Case(
      "a cache at a path in quotes", "host-path", "    build: {context: ., cache_to: ['type=local,\"dest=/etc/x\"']}\n",
      ["app/Dockerfile": "FROM a:1\n"]),
    Case(
      "a build in a directory that a container owns", "host-path",
      "    build: ./data/src\n    volumes: ['./data:/data']\n", ["app/data/src/Dockerfile": "FROM a:1\n"]),
    Case(
      "an ordinary build", nil,
      dockerfile:
        "# syntax=docker/dockerfile:1\nARG V=3.12\nFROM python:${V} AS base\nFROM base\nCOPY --from=base /a /b\n"),
    Case(
      "its files as a directory of images", "host-path",
      "    build: {context: ., additional_contexts: {b: 'oci-layout://../bank@sha256:00'}}\n",
      ["app/Dockerfile": "FROM b\n", "bank/x": ""]),
    Case("a base that both have", nil, dockerfile: "FROM base:1\n"),
  ]

  static let networks = "networks: {b: {external: true, name: bank_default}}\n"
  static let names: [Case] = [
    Case("its network made again", "project-collision", "networks: {default: {name: bank_default}}\n"),
    Case("its service's name as an alias", "project-collision", "    networks: {b: {aliases: [db]}}\n" + networks),
    Case("its service's name", "project-collision", "    networks: [b]\n" + networks, service: "db"),
    Case("its network by its mode", "project-collision", "    network_mode: bank_default\n", service: "db"),
    Case(
      "an address on its network", "project-collision", "    networks: {b: {ipv4_address: 172.20.0.2}}\n" + networks),
    Case("its network joined", nil, "    networks: [b]\n" + networks),
    Case("its container's name", "project-collision", "    container_name: bank-db-1\n"),
    Case("the name of its container to come", "project-collision", "    container_name: bank-db-7\n"),
    Case("a name like its own", nil, "    container_name: bank-db\n"),
    Case(
      "the same name from other parts", "project-collision", "",
      [
        "x/compose.yaml": "name: app-a\nservices: {b: {image: 'nginx:1.27'}}\n",
        "app/compose.yaml": "services: {a-b: {image: 'nginx:1.27'}}\n",
      ]),
  ]

  static let limits: [Case] = [
    Case("a deploy that never ends", "compose", "x-clup: {deploy_timeout: 90000h}\n"),
    Case("a probe that never ends", "compose", "x-clup: {probes: [{http: 'http://127.0.0.1:1/', deadline: 9000h}]}\n"),
    Case(
      "probes without end", "compose",
      "x-clup:\n  probes:\n" + String(repeating: "    - {http: 'http://127.0.0.1:1/'}\n", count: 40)),
    Case(
      "a patient stack", nil, "x-clup: {deploy_timeout: 45m, probes: [{http: 'http://127.0.0.1:1/', deadline: 5m}]}\n"),
    Case("a host full of containers", "unknown-option", "    scale: 100000\n"),
    Case("the same by `deploy`", "unknown-option", "    deploy: {replicas: 100000}\n"),
    Case("another stack's image by the first digits of its id", "foreign-path", "    image: '3f'\n"),
    Case("an image by its id", "foreign-path", "    image: sha256:\(String(repeating: "0", count: 64))\n"),
    Case("what clup keeps for another stack", "foreign-path", "    image: docker.io/clup/keep:0123abcd\n"),
    Case("another stack's image mounted so", "foreign-path", "    volumes: [{type: image, source: a, target: /x}]\n"),
    Case(
      "a probe of another stack's port", "compose",
      "x-clup: {probes: [{http: 'http://127.0.0.1:8099/secrets', json: {a: b}}]}\n",
      ["y/compose.yaml": "services: {w: {image: 'nginx:1.27', ports: ['127.0.0.1:8099:80']}}\n"]),
    Case(
      "a probe of its own", nil,
      "    ports: ['127.0.0.1:8098:80']\nx-clup: {probes: [{http: 'http://127.0.0.1:8098/'}]}\n"),
    Case("others ended before it", "privileged", "    oom_score_adj: -1000\n"),
  ]

  /// A letter that joins the one before it hides a slash from whoever reads letters.
  static let letters: [Case] = [
    Case(
      "a bind behind a joining letter", "host-path",
      "    volumes: [{type: bind, source: \"/\u{301}/../etc\", target: /x, read_only: true}]\n"),
    Case("a file of values behind one", "host-path", "    env_file: [\"/\u{301}/../etc/hostname\"]\n"),
    Case("a home behind one", "host-path", "    env_file: [\"~\u{301}/../../etc/hostname\"]\n"),
    Case("a secret behind one", "host-path", "    secrets: [s]\nsecrets: {s: {file: \"/\u{301}/../etc/shadow\"}}\n"),
  ]

  @Test(arguments: [builds, names, limits, letters])
  func `what is another's, or the host's, is refused where it is claimed, and what is ordinary passes`(
    _ cases: [Case]
  ) async throws {
    for one in cases {
      try await ValidateTests.scratch { root in
        try ValidateTests.lay(["": one.files], at: root)
        let found = try await ValidateTests.validate(root).filter(\.refuses)
        let mine = found.filter { $0.file.hasPrefix("app/") && $0.line != nil }
        let words = found.map { "\($0.rule) \($0.file):\($0.line ?? 0) \($0.message)" }
        if let rule = one.rule {
          #expect(mine.contains { $0.rule == rule }, "\(one.testDescription): \(words)")
        } else {
          #expect(words == [], "\(one.testDescription)")
        }
      }
    }
  }
}
