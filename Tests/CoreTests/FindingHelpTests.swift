import Testing
import YAML

@testable import Core

/// What a finding says is so, and its help can be followed.
@Suite("Help can be followed") struct FindingHelpTests {
  /// What the rules find in a model; `source` is what a person wrote, the model itself where that is left out.
  static func found(
    _ model: String, source: String? = nil, stack: String = "web", writes: [String: Set<String>] = [:],
    _ change: (inout Subject) -> Void = { _ in }
  ) -> [Diagnostic] {
    let path = stack == "." ? "compose.yaml" : "\(stack)/compose.yaml"
    let file = ComposeSource(path: path, bytes: Array((source ?? model).utf8))
    let resolved = ComposeSource(path: path, bytes: Array(model.utf8))
    var paths = HostPaths(
      liveRoot: "/live", checkout: "/live/clup", stacks: ["a": "a"].merging([stack: stack]) { $1 }, isHost: true)
    paths.tree = CommitTree(
      commit: "c",
      paths: ["web/compose.yaml", "a/compose.yaml", "a/ctx/Dockerfile", "web/Dockerfile"].map {
        TrackedPath(path: $0, kind: .file, id: $0)
      } + ["web", "a", "a/ctx"].map { TrackedPath(path: $0, kind: .directory, id: $0) })
    var subject = Subject(
      stack: stack, kind: .stack, model: resolved.document.map { JSON($0) } ?? .null, sources: [file], paths: paths,
      policy: Policy(), today: "2026-01-01", environmentFiles: [:])
    for (name, places) in writes {
      var own = OwnedResources()
      own.writes = places
      own.builds = ["acme:1"]
      subject.others[name] = own
    }
    change(&subject)
    return Rule.findings(in: subject)
  }

  static func mount(_ source: String, _ target: String = "/x", more: String = "") -> String {
    "{type: bind, source: \(source), target: \(target)\(more)}"
  }

  static func service(_ mounts: String..., more: String = "") -> String {
    "services:\n  s:\n    image: i:1\n\(more)    volumes:\n" + mounts.map { "    - \($0)\n" }.joined()
  }

  static let paths: [(stack: String, path: String, offers: [String], never: [String])] = [
    ("web", "/sys", ["{rule: host-path, stack: web, service: s, "], ["bind_roots", "beside"]),
    ("web", "/proc", ["waivers"], ["bind_roots", "beside"]), ("web", "/dev", ["waivers"], ["bind_roots", "beside"]),
    ("web", "/var/log", ["waivers"], ["bind_roots", "beside"]),
    ("web", "/var/log/nginx", ["waivers"], ["bind_roots", "beside"]),
    ("web", "/var/lib/docker/volumes", ["waivers"], ["bind_roots", "beside"]),
    ("web", "/live/clup/x", ["waivers"], ["bind_roots", "shared"]),
    ("web", "/srv/media", ["bind_roots", "beside the Compose file"], ["waivers"]),
    ("web", "/live/a/data", ["beside", "shared: [{path: a/data, stacks: [web]}]"], ["bind_roots"]),
    (".", "/live/a/data", ["shared: [{path: a/data, stacks: [.]}]"], ["beside", "bind_roots"]),
  ]

  @Test(arguments: paths.indices) func `what is offered for a host path is what works there`(_ row: Int) {
    let (stack, path, offers, never) = Self.paths[row]
    let found = Self.found(Self.service(Self.mount(path)), stack: stack).filter { $0.rule == "host-path" }
    #expect(found.count == 1, "\(found.map(\.message))")
    for finding in found {
      for text in offers { #expect(finding.help.contains(text), "\(path): \(finding.help)") }
      for text in never { #expect(!finding.help.contains(text), "\(path): \(finding.help)") }
    }
  }

  @Test func `the directory that holds another mount is told alone, unless less may be done with it`() {
    func lines(_ mounts: String...) -> [Int] {
      let model = "services:\n  s:\n    image: i:1\n    volumes:\n" + mounts.map { "    - \($0)\n" }.joined()
      return Self.found(model).filter { $0.rule == "host-path" && $0.message.contains("belongs to the system") }
        .compactMap(\.line)
    }
    func readOnly(_ source: String, _ target: String) -> String {
      Self.mount(source, target, more: ", read_only: true")
    }
    let (log, own) = (Self.mount("/var/log", "/l"), Self.mount("/var/log/nginx", "/n"))
    #expect(lines(own, log) == [6] && lines(log, own) == [5])
    #expect(lines(readOnly("/var/log", "/l"), own) == [5, 6])
    #expect(lines(readOnly("/var/log", "/l"), readOnly("/var/log/nginx", "/n")) == [5])
    #expect(lines(log, Self.mount("/var/lib/docker", "/n")) == [5, 6])
    #expect(Self.found(Self.service(log, own)).contains { $0.message.contains("symbolic link") })
  }

  @Test func `who may write above a mount is named, with the mount`() throws {
    let own =
      "services:\n  s:\n    image: i:1\n    volumes: [\(Self.mount("/live/web/d/x"))]\n"
      + "  t:\n    image: i:1\n    volumes: [\(Self.mount("/live/web/d", "/data"))]\n"
    let told = Self.found(own).filter { $0.message.contains("symbolic link") }
    #expect(told.count == 1)
    #expect(
      told[0].message.contains("/live/web/d, which holds it, may be written to by t (at /data)"), "\(told[0].message)")
    #expect(told[0].help.contains("`:ro` in t") && !told[0].help.contains("itself"), "\(told[0].help)")
    let theirs = Self.found(Self.service(Self.mount("/live/web/d/x")), writes: ["a": ["/live/web/d"]])
      .filter { $0.message.contains("symbolic link") }
    #expect(theirs.count == 1 && theirs[0].message.contains("by a container of a,"))
    #expect(theirs[0].help.contains("`:ro` in the stack a"), "\(theirs[0].help)")
    let former = Self.found(Self.service(Self.mount("/live/web/d/x"))) { $0.formerWrites = ["/live/web/d"] }
      .filter { $0.message.contains("symbolic link") }
    #expect(former.count == 1 && former[0].message.contains("until now"))
  }

  @Test func `a build from another stack's directory is told as that`() {
    let model = "services:\n  c:\n    build: {context: /live/a/ctx, dockerfile: Dockerfile}\n"
    let found = Self.found(model, writes: ["a": []]).filter { $0.rule == "foreign-path" }
    #expect(found.count == 2, "\(found.map(\.message))")
    #expect(found.allSatisfy { $0.help.contains("shared: [{path: a/ctx, stacks: [web]}]") }, "\(found.map(\.help))")
    #expect(found.allSatisfy { !$0.help.contains("commit") && !$0.message.contains("clup does not read") })
    let shared = Self.found(model, writes: ["a": []]) { subject in
      var policy = Policy()
      policy.shared = [SharedPlace(kind: .path("a/ctx"), stacks: ["web"])]
      subject = Subject(
        stack: subject.stack, kind: .stack, model: subject.model, sources: subject.sources, paths: subject.paths,
        policy: policy, today: subject.today)
      subject.read(dockerfiles: ["c": "FROM scratch\n"])
    }
    #expect(shared.filter { $0.rule == "foreign-path" } == [])
    let odd = Self.found(model.replacing("a/ctx", with: "web"), writes: ["a": []]).filter { $0.rule == "foreign-path" }
    #expect(odd.count == 1 && !odd[0].help.contains("commit the Dockerfile"), "\(odd.map(\.help))")
  }

  @Test(arguments: [
    ("rslave", Diagnostic.Severity.warning, "gets the mounts"), ("slave", .warning, "gets the mounts"),
    ("rshared", .error, "shares mounts"), ("shared", .error, "shares mounts"),
  ])
  func `propagation is told at its own mount, and by what it does`(
    _ way: String, _ severity: Diagnostic.Severity, _ words: String
  ) {
    let model = Self.service(
      Self.mount("/live/web/a", "/a"), Self.mount("/live/web/y", "/y", more: ", bind: {propagation: \(way)}"))
    let source = "services:\n  s:\n    image: i:1\n    volumes:\n    - ./a:/a\n    - ./y:/y:ro,\(way)\n"
    let found = Self.found(model, source: source).filter { $0.rule == "privileged" }
    #expect(found.map(\.line) == [6] && found.map(\.severity) == [severity])
    #expect(found[0].message.contains(words) && found[0].message.contains("(`\(way)`)"))
  }

  static let shots: [(name: String, lines: String, isTold: Bool)] = [
    ("migrate", "restart: on-failure", false), ("db-init", "restart: 'on-failure:3'", false),
    ("web", "restart: on-failure", true), ("init", "restart: always", true),
    ("api", "restart: on-failure, command: [python, manage.py, migrate]", false),
    ("api", "restart: on-failure, command: [sh, -c, 'python manage.py migrate && gunicorn app']", true),
    ("api", "restart: on-failure, command: [sh, -c, 'wait && bin/rails db:migrate']", false),
    ("api", "deploy: {restart_policy: {condition: on-failure}}, command: [alembic, upgrade, head]", false),
    ("setup", "deploy: {restart_policy: {condition: none}}", false), ("initiative", "restart: on-failure", true),
  ]

  @Test(arguments: shots.indices) func `what is to end by itself needs no health check`(_ row: Int) {
    let (name, lines, isTold) = Self.shots[row]
    let found = Self.found("services: {\(name): {image: 'i:1', \(lines)}}")
    #expect(found.contains { $0.rule == "no-healthcheck" } == isTold, "\(name) \(lines)")
  }

  static let ports: [(written: String, published: String, target: Int, offers: String, isEdge: Bool)] = [
    ("'${PORT:-8080}:80'", "8080", 80, "`127.0.0.1:${PORT:-8080}:80`", false),
    ("'8080:80'", "8080", 80, "`127.0.0.1:8080:80`", false),
    ("'0.0.0.0:8080:80/udp'", "8080", 80, "`127.0.0.1:8080:80/udp`", false),
    ("'${BIND:-0.0.0.0}:${PORT:-8080}:80'", "8080", 80, "`127.0.0.1:${PORT:-8080}:80`", false),
    ("{target: 80, published: '8080'}", "8080", 80, "add `host_ip: 127.0.0.1`", false),
    ("'443:443'", "443", 443, "`127.0.0.1:443:443`", true),
    ("'51820:51820/udp'", "51820", 51820, "`127.0.0.1:51820:51820/udp`", true),
    ("{target: 53, published: '53'}", "53", 53, "add `host_ip: 127.0.0.1`", true),
  ]

  @Test(arguments: ports.indices) func `the way to loopback keeps what is written, and the edge has its waiver`(
    _ row: Int
  ) {
    let (written, published, target, offers, isEdge) = Self.ports[row]
    let transport = written.contains("udp") ? "udp" : "tcp"
    let address = written.contains("0.0.0.0") ? ", host_ip: 0.0.0.0" : ""
    let head = "services:\n  s:\n    image: i:1\n    ports:\n    - "
    let found = Self.found(
      head + "{target: \(target), published: '\(published)', protocol: \(transport)\(address)}\n",
      source: head + written + "\n"
    ).filter { $0.rule == "published-port" }
    #expect(found.count == 1 && found[0].help.contains(offers), "\(found.map(\.help))")
    #expect(found[0].help.contains("{rule: published-port, stack: web, service: s, ") == isEdge, "\(found[0].help)")
  }

  @Test func `a waiver is told all that it has to name, at once`() {
    let model = """
      services:
        mon:
          image: cadvisor:1
          cap_add: [SYS_ADMIN]
          pid: host
          command: [serve, -v]
          volumes:
          - {type: bind, source: /sys, target: /sys, read_only: true}
          - {type: bind, source: /, target: /rootfs, read_only: true}
      """
    let found = Self.found(model)
    var policy = Policy()
    func help(_ rule: String) -> String {
      policy.judge(found, today: "2026-01-01", configuration: "c", whole: false)
        .filter { $0.rule == rule && $0.refuses }.map(\.help).joined(separator: "\n")
    }
    let all = [
      "image: \"cadvisor:1\"", "\"cap_add SYS_ADMIN\"", "\"pid host\"", "\"/sys\"", "\"/rootfs\"",
      "commands: [\"serve -v\"]",
    ]
    for text in all { #expect(help("privileged").contains(text), "\(text): \(help("privileged"))") }
    policy.waivers = [
      Waiver(
        rules: ["privileged"], stacks: ["web"], services: ["mon"], reason: "r", expires: "2999-01-01", line: 1,
        column: 1)
    ]
    for text in all { #expect(help("privileged").contains(text), "\(text): \(help("privileged"))") }
    (policy.waivers[0].image, policy.waivers[0].options) = ("cadvisor:1", ["cap_add SYS_ADMIN", "/sys"])
    #expect(!help("privileged").contains("cadvisor") && help("privileged").contains("[\"pid host\", \"/rootfs\"]"))
    (policy.waivers[0].options, policy.waivers[0].commands) = (
      ["cap_add SYS_ADMIN", "pid host", "/sys", "/rootfs"], ["serve -v"]
    )
    #expect(help("privileged").isEmpty)
    #expect(help("docker-socket").contains("\"/\""), "\(help("docker-socket"))")
  }

  @Test func `the waiver of a holder of the socket names its variables, and never what opens more of the engine`() {
    let model = """
      services:
        p:
          image: p:1
          environment: {EXEC: "1", ALLOW_START: "1", PUID: "1000", TZ: "UTC", DEBUG: "0"}
          volumes: [{type: bind, source: /var/run/docker.sock, target: /var/run/docker.sock, read_only: true}]
      """
    let help = Self.found(model).filter { $0.rule == "docker-socket" }.map(\.help)
    #expect(help.count == 1 && help[0].contains("image: \"p:1\", options: [\"PUID\"], reason"), "\(help)")
    var policy = Policy()
    policy.waivers = [
      Waiver(
        rules: ["docker-socket"], stacks: ["web"], services: ["p"], image: "p:1", reason: "r", expires: "2999-01-01",
        line: 1, column: 1)
    ]
    let judged = policy.judge(Self.found(model), today: "2026-01-01", configuration: "c", whole: false)
    #expect(judged.filter { $0.rule == "docker-socket" }.map(\.waived) == [true], "a variable is socket-proxy's own")
  }

  @Test func `what stands for a variable is in no waiver, and what is built has none`() {
    let model = """
      services:
        a: {image: placeholder-web-img, privileged: true, command: [serve, placeholder-web-word]}
        b: {build: {context: /live/web}, privileged: true}
      """
    let found = Self.found(model) { $0.invented = ["IMG": "placeholder-web-img", "WORD": "placeholder-web-word"] }
    var policy = Policy()
    for waived in [[], ["a", "b"]] {
      policy.waivers = waived.map {
        Waiver(
          rules: ["privileged"], stacks: ["web"], services: [$0], image: "x:1", reason: "r", expires: "2999-01-01",
          line: 1, column: 1)
      }
      let judged = policy.judge(found, today: "2026-01-01", configuration: "c", whole: false)
        .filter { $0.rule == "privileged" }
      #expect(judged.count == 2 && judged.allSatisfy(\.refuses))
      #expect(judged.allSatisfy { !$0.help.contains("placeholder-") }, "\(judged.map(\.help))")
      #expect(judged.last?.help.contains("build") == true && judged.last?.help.hasSuffix("builds ") == false)
      #expect(judged.last?.help.contains("options") == false, "\(judged.map(\.help))")
    }
  }

  @Test func `a waiver for a stack that is none is told so, with what is near`() {
    var policy = Policy()
    func told(_ stacks: [String], among known: Set<String> = ["apps/blog", "apps/wiki"]) -> [String] {
      policy.waivers = [
        Waiver(rules: ["no-limits"], stacks: stacks, reason: "r", expires: "2999-01-01", line: 3, column: 5)
      ]
      return policy.weigh([], today: "2026-01-01", configuration: "c", whole: true, stacks: known)
        .map { "\($0.message); \($0.help)" }
    }
    #expect(
      told(["apps/blgo"])[0].contains("there is no stack apps/blgo") && told(["apps/blgo"])[0].contains("apps/blog"))
    #expect(told(["blog"])[0].contains("there is no stack blog; did you mean apps/blog?"), "\(told(["blog"]))")
    #expect(told(["none"])[0].contains("apps/blog") && told(["none"])[0].contains("apps/wiki"))
    #expect(told(["apps/blog"])[0].contains("covers nothing; take it out"))
    #expect(told(["apps/*"])[0].contains("covers nothing; take it out"))
    #expect(told(["none"], among: [])[0].contains("covers nothing; take it out"))
  }

  static let logs: [(logging: String, allowed: [String], rules: [String])] = [
    ("{driver: syslog, options: {syslog-address: 'unixgram:///dev/log'}}", [], ["host-path:4"]),
    ("{driver: syslog, options: {syslog-address: 'unixgram:///dev/log'}}", ["syslog"], ["host-path:4"]),
    ("{driver: syslog}", [], ["unknown-option:4"]), ("{driver: syslog}", ["syslog"], []),
    ("{driver: json-file, options: {x: 'unix:///a'}}", [], ["host-path:4"]),
  ]

  @Test(arguments: logs.indices) func `a log that goes to a socket of the host is one finding`(_ row: Int) {
    let (logging, allowed, rules) = Self.logs[row]
    let found = Self.found("services:\n  s:\n    image: i:1\n    logging: \(logging)\n") { subject in
      var policy = Policy()
      policy.options.logDrivers = allowed
      subject = Subject(
        stack: "web", kind: .stack, model: subject.model, sources: subject.sources, paths: subject.paths,
        policy: policy, today: subject.today)
    }.filter { $0.severity == .error }
    #expect(found.map { "\($0.rule):\($0.line ?? 0)" } == rules, "\(found.map(\.message))")
    #expect(!logging.contains("unix") || found.allSatisfy { $0.placeText.contains("socket /") })
    #expect(!logging.contains("unix") || found.allSatisfy { $0.placeText.contains("by the driver ") })
  }

  @Test func `a waiver of paths does not excuse the driver, nor does the host's weight`() {
    let text =
      "services:\n  s:\n    image: i:1\n    logging: {driver: syslog, options: {syslog-address: 'unix:///dev/log'}}\n"
    let changes: [(inout Policy) -> Void] = [
      { $0.severity["host-path"] = .off },
      {
        $0.waivers = [
          Waiver(
            rules: ["host-path"], stacks: ["web"], services: ["s"], reason: "r", expires: "2999-01-01", line: 1,
            column: 1)
        ]
      },
    ]
    for change in changes {
      var policy = Policy()
      change(&policy)
      let found = Self.found(text) { subject in
        subject = Subject(
          stack: "web", kind: .stack, model: subject.model, sources: subject.sources, paths: subject.paths,
          policy: policy, today: subject.today)
      }
      #expect(found.contains { $0.rule == "unknown-option" && $0.message.contains("syslog") })
    }
  }
}
