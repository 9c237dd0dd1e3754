import Core
import Foundation
import Testing

/// What `clup validate` says is true, and said once; no engine is needed.
@Suite("Validate says what is so") struct ValidateHelpTests {
  /// Lays out one stack, and gives what is refused, each as `rule:line`.
  static func refused(_ lines: String..., config: Bool = false) async throws -> [Diagnostic] {
    let text = "services:\n  web:\n    image: nginx:1.27\n" + lines.map { "    \($0)\n" }.joined()
    return try await ValidateLayoutTests.found(["a/compose.yaml": text], stacks: config ? "{}" : nil)
      .filter { $0.refuses || $0.rule == "unset-variable" }
  }

  @Test func `a variable that is all of an item stands for anything, and nothing is said of it`() async throws {
    #expect(try await Self.refused("ports: ['${PORT}']", "volumes: ['${LOC}/library:/m']").isEmpty)
    let partly = try await Self.refused("ports: ['${PORT}:80']")
    #expect(partly.map(\.help) == ["publish it on loopback: `127.0.0.1:${PORT}:80`"])
  }

  @Test func `the way to loopback has the form of the port`() async throws {
    let short = try await Self.refused("ports: ['0.0.0.0:8515:8515/udp']")
    #expect(short.map(\.help) == ["publish it on loopback: `127.0.0.1:8515:8515/udp`"])
    let long = try await Self.refused("ports:", "  - target: 80", "    published: 8080")
    #expect(long.map(\.help) == ["publish it on loopback: add `host_ip: 127.0.0.1`"])
  }

  @Test func `with a configuration the paths outside of its roots are refused as a sync does`() async throws {
    let mount = try await Self.refused("volumes: ['/custom/media:/m']", config: true)
    #expect(mount.map(\.rule) == ["host-path"] && mount[0].message.contains("outside of /srv/none"))
    #expect(mount.allSatisfy { $0.help.contains("bind_roots") && !$0.help.contains("shared") })
    let file = try await Self.refused("env_file: /custom/a.env", "volumes: ['/custom/media:/m']", config: true)
    #expect(file.map { "\($0.rule):\($0.line ?? 0)" } == ["host-path:4", "host-path:5"])
    #expect(try await Self.refused("volumes: ['/custom/media:/m']").isEmpty)
    let plain = try await Self.refused("env_file: /custom/a.env")
    #expect(plain.map(\.rule) == ["unset-variable"] && !plain[0].help.contains("commit"))
  }

  @Test func `what a host lacks is told with the path that it has to be at`() async throws {
    let part = ValidateLayoutTests.service("web", "env_file: .env")
    let files = [
      "compose.yaml": "include: [{path: deploy/part.yml, env_file: deploy/values/.env}]\n", "deploy/part.yml": part,
    ]
    let plain = try await ValidateLayoutTests.found(files, expect: 0).filter { $0.rule == "unset-variable" }
    #expect(plain.map(\.file) == ["compose.yaml", "deploy/part.yml"], "\(plain)")
    #expect(plain.allSatisfy { $0.help.hasSuffix("/.env below the live root") })
    try await ValidateTests.scratch { root in
      try ValidateTests.lay(["r": files, "live": ["x": ""]], at: root)
      let found = try await ValidateTests.validate("\(root)/r", "--live-root", "\(root)/live", expect: 3)
        .filter { $0.rule == "unset-variable" }
      #expect(found.first?.help.contains("sync, at /") == true && found[0].help.hasSuffix("/live/deploy/values/.env"))
    }
  }

  @Test func `a stack of whose values none may be read is judged all the same`() async throws {
    let found = try await Self.refused("env_file: /etc/x.env", "ports: ['80:80']", "volumes: ['/var/log:/l']")
    #expect(
      found.map { "\($0.rule):\($0.line ?? 0)" } == ["host-path:4", "published-port:5", "host-path:6"], "\(found)")
    let web = { (name: String) in "services: {\(name): {image: 'x:1', env_file: /etc/x.env, container_name: dup}}\n" }
    let both = try await ValidateLayoutTests.found(["a/compose.yaml": web("a"), "b/compose.yaml": web("b")])
    #expect(both.filter { $0.rule == "project-collision" }.count == 2 && both.contains { $0.rule == "no-limits" })
    #expect(!both.contains { $0.rule == "unset-variable" })
  }

  @Test func `a mounted file that a variable leads to is no Compose file`() async throws {
    for mount in ["- ${C}/p.yml:/p.yml:ro", "- {type: bind, source: '${C}/p.yml', target: /p.yml, read_only: true}"] {
      let text = "services:\n  web:\n    image: nginx:1.27\n    volumes:\n      \(mount)\n"
      let found = try await ValidateLayoutTests.found(["a/compose.yaml": text, "a/p.yml": "x: y\n"])
      #expect(!found.contains { $0.rule == "unset-variable" }, "\(mount) \(found)")
    }
  }

  @Test func `a Compose file that is all comments can be left out`() async throws {
    for text in ["# services:\n", "---\n", "\n"] {
      let found = try await ValidateLayoutTests.found(["old/compose.yaml": text]).filter(\.refuses)
      #expect(found.count == 1 && found[0].help.contains("`stacks: {exclude: [old]}`"), "\(found)")
    }
  }

  @Test func `a stack may be called as a host calls its runtime state`() async throws {
    let text = ValidateLayoutTests.service("db", "volumes: ['./conf:/conf:ro', './data:/var/lib/postgresql/data']")
    let files = ["postgres/compose.yaml": text, "postgres/conf/x": "x", "pgdata/PG_VERSION": "16\n"]
    let found = try await ValidateLayoutTests.found(files).filter(\.refuses)
    #expect(found.map(\.file) == ["pgdata/PG_VERSION", "pgdata/PG_VERSION"], "\(found)")
  }

  @Test func `a file of values that several services lack is told once`() async throws {
    let services = ["a", "b", "c"].map { "  \($0): {image: 'nginx:1.27', env_file: x.env}\n" }.joined()
    let found = try await ValidateLayoutTests.found(["s/compose.yaml": "services:\n" + services])
      .filter { $0.rule == "unset-variable" }
    #expect(found.map(\.line) == [2] && found[0].message.hasPrefix("a, b and c take values from `x.env`"))
  }

  @Test func `a service whose end another waits for is a one-shot`() async throws {
    let text =
      "services:\n  feed: {image: 'nginx:1.27'}\n"
      + "  web: {image: 'nginx:1.27', depends_on: {feed: {condition: service_completed_successfully}}}\n"
    let found = try await ValidateLayoutTests.found(["s/compose.yaml": text])
    #expect(found.filter { $0.rule == "no-restart" || $0.rule == "no-healthcheck" }.allSatisfy { $0.service == "web" })
  }

  @Test func `the whole host is one finding, and no proxy is proposed for it`() async throws {
    let found = try await Self.refused("volumes:", "  - /:/host:ro", "  - /var/run:/var/run:ro")
    #expect(found.map(\.rule) == ["docker-socket", "docker-socket"])
    #expect(found.allSatisfy { !$0.help.contains("DOCKER_HOST") })
  }

  @Test func `an anchor of another file is called that, whatever braces stand beside it`() async throws {
    let found = try await Self.refused("labels: ['key={{NAME}}']", "logging: *logging")
    #expect(found.map(\.line) == [5] && found[0].message.hasPrefix("the alias *logging"))
    #expect(found.allSatisfy { !$0.message.contains("template") && $0.help.contains("a/compose.yaml") })
  }

  @Test func `runtime state counts where a stack uses it, once`() async throws {
    let files = ["a/compose.yaml": ValidateLayoutTests.service("web"), "a/extra/data/x": "x"]
    #expect(try await ValidateLayoutTests.found(files).allSatisfy { $0.rule != "forbidden-file" })
    let used = ValidateLayoutTests.service("web", "volumes: ['./data:/d']")
    let found = try await ValidateLayoutTests.found(["a/compose.yaml": used, "a/data/x": "x", "a/data/y": "y"])
      .filter { $0.rule == "forbidden-file" }
    #expect(found.map(\.file) == ["a/data"] && found[0].help.contains("git rm --cached -r a/data"))
  }

  @Test func `what is built from a path of the host is told at its context`() async throws {
    let found = try await Self.refused("build:", "  target: debug", "  context: /etc")
    #expect(found.map { "\($0.rule):\($0.line ?? 0)" } == ["host-path:6"])
  }
}
