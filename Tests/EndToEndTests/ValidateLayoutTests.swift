import Core
import Foundation
import Testing

/// Which files `clup validate` takes for stacks, and what it says of the others; no engine is needed.
@Suite("Validate layouts") struct ValidateLayoutTests {
  static func service(_ name: String, _ more: String = "") -> String {
    "services:\n  \(name):\n    image: nginx:1.27\n" + (more.isEmpty ? "" : "    \(more)\n")
  }

  /// Lays out a work tree and validates it, with lines for the host's `stacks:`.
  static func found(_ files: [String: String], stacks: String? = nil, expect: Int32? = nil) async throws
    -> [Diagnostic]
  {
    var result: [Diagnostic] = []
    try await ValidateTests.scratch { root in
      try ValidateTests.lay(["r": files], at: root)
      guard let stacks else {
        result = try await ValidateTests.validate("\(root)/r", expect: expect)
        return
      }
      let text = "repository: /r\nbranch: main\nlive_root: /srv/none\ncheckout: /srv/none/clup\nstacks: \(stacks)\n"
      try text.write(toFile: root + "/clup.yaml", atomically: false, encoding: .utf8)
      result = try await ValidateTests.validate("\(root)/r", "--config", root + "/clup.yaml", expect: expect)
    }
    return result
  }

  @Test func `a whole Compose file beside the main one is told, one laid over it is not`() async throws {
    let files = [
      "compose.yaml": "include: [parts/api.yaml]\n" + Self.service("web"), "parts/api.yaml": Self.service("api"),
      "compose.db.yaml": Self.service("db"), "compose.dev.yaml": Self.service("web", "tty: true"),
      "compose.api.yaml": Self.service("api"),
    ]
    let found = try await Self.found(files, expect: 0).filter { $0.rule == "unmanaged-file" }
    #expect(found.map(\.file) == ["compose.db.yaml"])
    let line = "{.: {compose_files: [compose.yaml, compose.db.yaml]}}"
    #expect(found.first?.help.contains("`stacks: \(line)`") == true)
    let after = try await Self.found(files, stacks: line, expect: 0)
    #expect(!after.contains { $0.rule == "unmanaged-file" } && after.contains { $0.service == "db" })
  }

  @Test func `files that only include are stacks, and what they include is none`() async throws {
    let files = [
      "compose/dell.yml": "name: dell\ninclude: [../apps/web.yml, ../apps/db.yml]\n",
      "compose/nas.yml": "name: nas\ninclude: [../apps/web.yml]\n", "apps/web.yml": Self.service("web"),
      "apps/db.yml": Self.service("db"), ".gitlab-ci.yml": "include: [ci/build.yml]\n", "ci/build.yml": "stages: []\n",
    ]
    let found = try await Self.found(files, expect: 3)
    #expect(found.map(\.file) == ["compose/dell.yml"], "\(found)")
    let after = try await Self.found(files, stacks: "{files: [compose/nas.yml]}", expect: 0)
    #expect(Set(after.compactMap(\.stack)) == ["compose/nas"])
    #expect(after.filter { $0.rule == "unmanaged-file" }.map(\.file) == ["compose/dell.yml"])
  }

  @Test func `a file that a variable leads to is a part of the stack that extends it`() async throws {
    let extended = "services: {web: {extends: {file: '${ROOT}/shared/compose.yml', service: web}}}\n"
    let files = ["web/compose.yml": extended, "shared/compose.yml": Self.service("web", "networks: [proxy]")]
    let found = try await Self.found(files)
    #expect(!found.contains { $0.rule == "compose" || $0.stack == "shared" }, "\(found)")
    // On a host the variable has a value, and another file is meant.
    let other = files.merging(["web/.env": "ROOT=../b\n", "b/shared/compose.yml": Self.service("web")]) { $1 }
    let stacks = Set(try await Self.found(other).compactMap(\.stack))
    #expect(stacks == ["web", "shared"])
  }

  @Test func `a file made to be laid over another one is told with the line that does it`() async throws {
    let overlay = "services:\n  caddy:\n    labels: {site: home}\n"
    let files = [
      "caddy/compose.yaml": Self.service("caddy"), "caddy/home/compose.yaml": overlay,
      "caddy/vps/compose.yaml": overlay,
      "dns/base.yaml": Self.service("dns"), "dns/compose.yaml": "services: {dns: {labels: {site: home}}}\n",
    ]
    let help = try await Self.found(files, expect: 3).filter { $0.rule == "compose" }.map(\.help)
    let lines = [
      "caddy: {compose_files: [compose.yaml, home/compose.yaml]}",
      "caddy: {compose_files: [compose.yaml, vps/compose.yaml]}",
      "dns: {compose_files: [base.yaml, compose.yaml]}",
    ]
    #expect(help.count == 3)
    for line in lines { #expect(help.contains { $0.contains("`stacks: {\(line)}`") }, "\(help)") }
    let stacks = "{\(lines[0]), \(lines[2]), exclude: [caddy/vps]}"
    let after = try await Self.found(files, stacks: stacks, expect: 0)
    #expect(Set(after.compactMap(\.stack)) == ["caddy", "dns"])
  }

  @Test func `what is made for a swarm or has to be filled in first is called that`() async throws {
    let found = try await Self.found([
      "swarm/compose.yaml": Self.service("web", "deploy: {placement: {constraints: ['node.role == manager']}}")
        + "networks: {default: {driver: overlay}}\n", "plain/compose.yaml": "services:\n  {{ name }}:\n    image: i\n",
    ])
    let swarm = found.filter { $0.stack == "swarm" && $0.rule == "unknown-option" }
    #expect(swarm.map(\.line) == [4, 5] && swarm.map(\.refuses) == [false, true])
    #expect(swarm.allSatisfy { $0.message.contains("`docker stack deploy`") })
    let template = found.filter { $0.rule == "compose" }
    #expect(template.count == 1 && template[0].message.contains("plain/compose.yaml is a template (`{{`)"))
  }

  @Test func `a stack's own container may be named, with a better way told`() async throws {
    let text =
      Self.service("vpn", "container_name: tunnel") + "  web: {image: 'nginx:1.27', network_mode: 'container:tunnel'}\n"
    let found = try await Self.found(["a/compose.yaml": text], expect: 0).filter { $0.rule == "privileged" }
    #expect(found.map(\.severity) == [.warning] && found[0].help.contains("`network_mode: service:vpn`"))
  }

  @Test func `a work tree without any stack is refused in plain words`() async throws {
    let found = try await Self.found(["README.md": "hello\n", "k8s/app.yaml": "kind: Pod\n"], expect: 3)
    #expect(found.map(\.message) == ["there is no stack: no directory has a Compose file"])
  }
}
