import Core
import Foundation
import Testing

/// I13 on a work tree: each stack is judged, whatever is missing, and what only a host has is told.
@Suite("I13: a missing value hides no finding of validate") struct MissingValueTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let lines: String
    /// What the rule `unset-variable` says, and how much it weighs; nothing when it has nothing to say.
    var gap: (severity: Diagnostic.Severity, line: Int, words: String)?
    var files: [String: String] = [:]
  }

  /// Each is the body of a service that is also privileged, in line 4.
  static let rows: [Row] = [
    Row(testDescription: "the .env as env_file", lines: "env_file: .env", gap: (.warning, 5, "`.env`")),
    Row(
      testDescription: "an env_file beside one that is there", lines: "env_file: [here.env, gone/too.env]",
      gap: (.warning, 5, "`gone/too.env`"), files: ["here.env": "LEVEL=info\n"]),
    Row(
      testDescription: "an env_file of the host alone", lines: "env_file: /opt/clup-nowhere/a.env",
      gap: (.warning, 5, "/opt/clup-nowhere/a.env")),
    Row(
      testDescription: "a label_file of the host alone", lines: "label_file: /opt/clup-nowhere/a.labels",
      gap: (.warning, 5, "/opt/clup-nowhere/a.labels")),
    Row(
      testDescription: "an env_file whose name only a host knows", lines: "env_file: '${CONF}/a.env'",
      gap: (.warning, 5, "`${CONF}/a.env`")),
    Row(testDescription: "an env_file that may be absent", lines: "env_file: [{path: x.env, required: false}]"),
    Row(
      testDescription: "a base that only a host knows", lines: "extends: {file: '${ROOT}/lib/base.yaml', service: s}",
      gap: (.error, 5, "ROOT")),
    Row(
      testDescription: "a base of which there is one only",
      lines: "extends: {file: '${ROOT}/lib/base.yaml', service: s}",
      gap: (.warning, 5, "a/lib/base.yaml"),
      files: ["lib/base.yaml": "services: {s: {image: 'nginx:1.27', cap_add: [SYS_ADMIN]}}\n"]),
    Row(testDescription: "a key that Compose does not know", lines: "imagge: x"),
    Row(testDescription: "a pull policy that nobody knows", lines: "pull_policy: ${PULL}"),
    Row(testDescription: "a file of state", lines: "volumes: ['./data:/d']", files: ["data/rows": "x"]),
    Row(testDescription: "values in clear", lines: "user: '1'", files: [".env.production": "LEVEL=info\n"]),
  ]

  /// Compose before version 2.32 has no `--no-env-resolution`, and until 5 it helps little.
  @Test(arguments: rows, [false, true])
  func `a stack is judged whatever is missing, also with an older Compose`(_ row: Row, _ isOld: Bool) async throws {
    try await ValidateTests.scratch { root in
      if isOld {
        let plugin = "case \"$*\" in *--no-env-resolution*) echo 'unknown flag' >&2; exit 1;; esac"
        let real = try #require(Host.plugin)
        try ValidateTests.lay(
          ["home/.docker/cli-plugins": ["docker-compose": "#!/bin/sh\n\(plugin)\nexec \(real) \"$@\"\n"]], at: root)
        chmod(root + "/home/.docker/cli-plugins/docker-compose", 0o755)
      }
      let text = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n    \(row.lines)\n"
      try ValidateTests.lay(["w": ["a/compose.yaml": text]], at: root)
      for (path, text) in row.files { try ValidateTests.lay(["w": ["a/" + path: text]], at: root) }
      let found = try await ValidateTests.validate(root + "/w", home: isOld ? root + "/home" : nil, expect: 3)
      #expect(found.contains { $0.rule == "privileged" && $0.line == 4 && $0.refuses }, "\(found)")
      let told = found.filter { $0.rule == "unset-variable" }
      #expect(told.map(\.severity) == (row.gap.map { [$0.severity] } ?? []), "\(told)")
      if let gap = row.gap, let first = told.first {
        #expect(first.line == gap.line && first.message.contains(gap.words), "\(first)")
      }
      #expect(!found.contains { ($0.message + $0.help).contains("placeholder") }, "\(found)")
      if row.files["data/rows"] != nil || row.files[".env.production"] != nil {
        #expect(found.contains { $0.rule == "forbidden-file" })
      }
      if row.files["lib/base.yaml"] != nil { #expect(found.contains { $0.message.contains("SYS_ADMIN") }) }
    }
  }

  @Test func `an env_file that the host lacks is an error once the host is known`() async throws {
    try await ValidateTests.scratch { root in
      let text = "services:\n  web:\n    image: nginx:1.27\n    env_file: gone.env\n    user: '${ID}'\n"
      try ValidateTests.lay(["w": ["a/compose.yaml": text], "live": ["a/x": ""]], at: root)
      let found = try await ValidateTests.validate(root + "/w", "--live-root", root + "/live", expect: 3)
      #expect(found.filter(\.refuses).map { "\($0.rule):\($0.line ?? 0)" } == ["unset-variable:4", "unset-variable:5"])
      let plain = try await ValidateTests.validate(root + "/w", expect: 0)
      #expect(plain.filter { $0.rule == "unset-variable" }.map(\.line) == [4])
    }
  }

  @Test func `ports, names and projects that nobody knows do not collide`() async throws {
    try await ValidateTests.scratch { root in
      func file(_ port: String, _ name: String) -> String {
        "name: '${PROJECT}'\nservices:\n  web:\n    image: nginx:1.27\n    container_name: \(name)\n    ports:\n      - '127.0.0.1:\(port):80'\n"
      }
      let unknown = file("${PORT}", "${NAME}")
      try ValidateTests.lay(["w": ["a/compose.yaml": unknown, "b/compose.yaml": unknown]], at: root)
      #expect(try await ValidateTests.validate(root + "/w", expect: 0).filter(\.refuses) == [])
      try ValidateTests.lay(
        ["w": ["a/compose.yaml": file("81", "one"), "b/compose.yaml": file("${P:-81}", "one")]], at: root)
      let found = try await ValidateTests.validate(root + "/w", expect: 3).filter(\.refuses)
      #expect(
        found.map { "\($0.file):\($0.line ?? 0) \($0.rule)" } == [
          "a/compose.yaml:5 project-collision", "a/compose.yaml:7 project-collision",
          "b/compose.yaml:5 project-collision",
          "b/compose.yaml:7 project-collision",
        ])
    }
  }

  @Test func `a finding names the variable, and a range of ports is told once`() async throws {
    try await ValidateTests.scratch { root in
      let text =
        "services:\n  web:\n    image: nginx:1.27\n    ports:\n      - '${WEB}:80'\n      - 9000-9010:9000-9010\n"
      try ValidateTests.lay(["w": ["a/compose.yaml": text]], at: root)
      let found = try await ValidateTests.validate(root + "/w", expect: 3).filter(\.refuses)
      #expect(found.map(\.line) == [5, 6])
      #expect(found[0].message == "web publishes ${WEB}:80/tcp on every address of the host")
      #expect(found[1].help == "publish it on loopback: `127.0.0.1:9000-9010:9000-9010`")
    }
  }

  @Test func `ciphertext stays in git, and never reaches a container`() async throws {
    try await ValidateTests.scratch { root in
      let cipher = "TOKEN=ENC[AES256_GCM,data:YQ==,type:str]\nsops_version=3.9.4\n"
      let text = "services:\n  web:\n    image: nginx:1.27\n    volumes: ['./conf.env:/c:ro']\n    env_file: [b.env]\n"
      let bare = "services: {web: {image: 'nginx:1.27'}}\n"
      try ValidateTests.lay(
        [
          "w": [
            "a/compose.yaml": text, "a/conf.env": cipher, "a/b.env": cipher, "b/compose.yaml": bare,
            "b/.env.sops": cipher,
            "c/compose.yaml": bare, "c/.env.sops": "TOKEN=correct-horse-7\n", "b/.env.template": "TOKEN=\n",
          ]
        ], at: root)
      let found = try await ValidateTests.validate(root + "/w", expect: 3).filter(\.refuses)
      #expect(
        found.map { "\($0.file):\($0.line ?? 0)" } == ["a/compose.yaml:4", "a/compose.yaml:5", "c/.env.sops:0"])
      #expect(found.prefix(2).allSatisfy { $0.message.contains("encrypted (SOPS)") })
    }
  }
}

extension EndToEnd {
  /// I13 on a host: nothing that was found is left out with exit 0.
  @Suite("I13: a missing value hides no finding of a sync", .disabled(if: Host.skips)) struct MissingValues {
    @Test(arguments: ["{severity: {forbidden-file: warning}}", "{severity: {forbidden-file: off}}"])
    func `a weakened finding about a file deploys the stack without the file`(_ policy: String) async throws {
      let files = [
        "a/compose.yaml": sleeper("web", "volumes: ['./data:/d']"), "a/data/seed.csv": "a\n", "a/.env": "A=1\n",
      ]
      try await Host.with(files, settings: "policy: \(policy)\n") { host in
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(!FileManager.default.fileExists(atPath: host.live + "/a/.env"))
        #expect(!FileManager.default.fileExists(atPath: host.live + "/a/data/seed.csv"))
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {v: two}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    static let lost: [(what: String, body: String, severity: String, rule: String)] = [
      ("a missing env_file", "env_file: [gone.env]", "unset-variable", "unset-variable"),
      ("a variable that must be set", "environment: {A: '${MUST:?say it}'}", "unset-variable", "unset-variable"),
      ("a key that Compose does not know", "imagge: x", "compose", "compose"),
    ]

    @Test(arguments: lost) func `what cannot be resolved is refused, whatever the host says of the rule`(
      _ row: (what: String, body: String, severity: String, rule: String)
    ) async throws {
      let policy =
        "policy:\n  severity: {\(row.severity): off}\n  waivers: [{rule: \(row.severity), reason: r, expires: 2999-01-01}]\nsync: {gate: stack}\n"
      try await Host.with(
        ["a/compose.yaml": sleeper("web", row.body, "privileged: true"), "b/compose.yaml": sleeper()], settings: policy
      ) { host in
        let report = try await host.sync(expect: 3)
        #expect(report.stacks.map(\.outcome) == [.refused, .deployed])
        let found = report.diagnostics.filter(\.refuses)
        #expect(Set(found.map(\.rule)) == ["privileged", row.rule], "\(found)")
        #expect(found.contains { $0.message.contains("no waiver lifts this") && $0.line == 6 }, "\(found)")
      }
    }

    static let empty: [(lines: [String], name: String, line: Int)] = [
      (["volumes: ['${MEDIA}:/m']"], "MEDIA", 6), (["ports: ['127.0.0.1:80:${INNER}']"], "INNER", 6),
      (["mem_limit: ${MEMORY}"], "MEMORY", 6), (["environment: {A: '${MUST:?say it}'}"], "MUST", 6),
    ]

    @Test(arguments: empty) func `an unset variable is told as one, whatever Compose says of what it leaves empty`(
      _ row: (lines: [String], name: String, line: Int)
    ) async throws {
      try await Host.with(["a/compose.yaml": "services:\n" + service("web", row.lines)]) { host in
        let found = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(found.map { "\($0.rule):\($0.line ?? 0)" } == ["unset-variable:\(row.line)"], "\(found)")
        #expect(found.first?.message == "the variable \(row.name) has no value")
        #expect(found.first?.help.contains("${\(row.name):-…}") == true)
      }
    }

    @Test func `a dollar sign that the container's shell is to read is explained`() async throws {
      let file = sleeper("web", "environment: {ZONE: lan}", "healthcheck: {test: [CMD-SHELL, 'echo $ZONE']}")
      try await Host.with(["a/compose.yaml": file]) { host in
        let found = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(found.map(\.line) == [7])
        #expect(found.first?.help.contains("write `$$ZONE` if the container's own shell is to read it") == true)
      }
    }

    @Test func `a tracked file that the host lifted is deployed where the state lies`() async throws {
      let files = ["a/compose.yaml": sleeper("web", "volumes: ['./data:/d']"), "a/data/seed.sql": "one\n"]
      let settings = "policy: {tracked: [{path: '*/data/*.sql', reason: only test data}]}\n"
      try await Host.with(files, live: ["a/data/rows": "mine\n"], settings: settings) { host in
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try String(contentsOfFile: host.live + "/a/data/seed.sql", encoding: .utf8) == "one\n")
        #expect(try String(contentsOfFile: host.live + "/a/data/rows", encoding: .utf8) == "mine\n")
        try await host.push(["a/data/more.csv": "x\n"])
        #expect(try await host.sync(expect: 3).diagnostics.filter(\.refuses).contains { $0.file == "a/data/more.csv" })
      }
    }
  }
}
