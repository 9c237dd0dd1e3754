import Testing
import YAML

@testable import Core

/// What real repositories have that looks like a fault and is none, and the faults that looked like nothing.
@Suite("Rules find nothing where nothing is wrong") struct FalsePositiveTests {
  static func rules(_ rule: String, _ found: [Diagnostic]) -> [Diagnostic] { found.filter { $0.rule == rule } }

  @Test(arguments: [("host", 0), ("none", 0), ("bridge", 1)])
  func `ports that the engine leaves out are open to nobody, and nobody's`(_ mode: String, _ count: Int) {
    let port = "ports: [{mode: ingress, target: 53, published: '53', protocol: udp}]"
    let model = "services:\n  s:\n    image: i:1\n    network_mode: \(mode)\n    \(port)\n"
    let found = Self.rules("published-port", FindingHelpTests.found(model))
    #expect(found.filter { $0.severity == .error }.count == count)
    #expect(found.filter { $0.severity == .warning && $0.message.contains("no effect") }.count == 1 - count)
    let text = ComposeSource(path: "c", bytes: Array("network_mode: \(mode)\n\(port)\n".utf8))
    let json = text.document.map { JSON($0) } ?? .null
    #expect(ComposeService(name: "s", json, files: [:]).claims.count == count)
  }

  @Test func `ports of two variables are two findings, each at its own item`() {
    func port(_ number: Int) -> String { "{mode: ingress, target: \(number), published: '\(number)', protocol: tcp}" }
    func model(_ ports: String...) -> String {
      "services:\n  s:\n    image: i:1\n    ports:\n      - " + ports.joined(separator: "\n      - ") + "\n"
    }
    let resolved = model(port(8080), port(8081))
    for items in [["$A:$A", "$B:$B"], ["${A}:8080", "${B}:8081"], ["${A:-1}:${A:-1}", "8081:8081"]] {
      let found = Self.rules(
        "published-port", FindingHelpTests.found(resolved, source: model(items[0], items[1])))
      #expect(found.map(\.line) == [5, 6], "\(items)")
      for (finding, item) in zip(found, items) { #expect(finding.help.contains("`127.0.0.1:\(item)`")) }
    }
    let range = Self.rules("published-port", FindingHelpTests.found(resolved, source: model("8080-8081:8080-8081")))
    #expect(range.map(\.line) == [5] && range[0].message.contains("8080-8081:8080-8081/tcp"))
  }

  @Test(arguments: [
    ("\(Placeholder.path)-SOCK", "/var/run/docker.sock", true),
    ("\(Placeholder.path)-D/x.sock", "/run/docker.sock", true),
    ("\(Placeholder.path)-SOCK", "/x/podman.sock", true), ("\(Placeholder.path)-SOCK", "/run/mysqld.sock", false),
    ("/srv/x/proxy", "/var/run/docker.sock", false),
  ])
  func `what nobody knows and is mounted as the Docker socket is one`(_ source: String, _ target: String, _ isOne: Bool)
  {
    let found = FindingHelpTests.found(FindingHelpTests.service(FindingHelpTests.mount(source, target)))
    #expect(Self.rules("docker-socket", found).count == (isOne ? 1 : 0))
  }

  @Test func `one waiver is offered for all that a holder of the socket is refused for`() {
    func help(_ more: String, _ readOnly: Bool = true) -> String {
      let mount = FindingHelpTests.mount("/var/run/docker.sock", "/s", more: readOnly ? ", read_only: true" : "")
      return Self.rules("docker-socket", FindingHelpTests.found(FindingHelpTests.service(mount, more: more)))
        .map(\.help).joined()
    }
    let port = "    ports: [{target: 9000, published: '9000', host_ip: 127.0.0.1}]\n"
    #expect(help("").contains("{rule: docker-socket, "))
    #expect(help("    environment: {APP_MODE: x}\n").contains("{rule: docker-socket, "))
    #expect(help(port).contains("{rule: [docker-socket, socket-proxy], stack: web, service: s, "), "\(help(port))")
    // What opens more of the engine is to be taken away.
    #expect(help(port + "    environment: {EXEC: '1'}\n").contains("{rule: docker-socket, "))
    #expect(help("", false).contains("{rule: [docker-socket, socket-proxy], "))
  }

  @Test(arguments: [
    ("/proc/diskstats", "/proc", 0), ("/sys/class/net", "/sys", 0), ("/sys/fs/cgroup/x", "/", 0),
    ("/dev/shm/x", "/dev/shm", 1), ("/srv/d/t/", "/srv/d", 1),
  ])
  func `nothing is exchanged in the kernel's own file systems`(_ path: String, _ above: String, _ count: Int) {
    let found = FindingHelpTests.found(
      FindingHelpTests.service(FindingHelpTests.mount(path)), writes: ["b": [above]]
    ).filter { $0.message.contains("symbolic link") }
    #expect(found.count == count)
    #expect(found.allSatisfy { $0.help.contains("keep \(Path.name(Path.normalized(path))) beside it") })
  }

  @Test(arguments: [
    ("latest", true), ("amd64-latest", true), ("latest-alpine3.18", true), ("16-latest", true), ("stable", true),
    ("nightly-alpine", true), ("main", true), ("master", true), ("dev", true), ("edge", true), ("release", true),
    ("1.27", false), ("1.2-stable", false), ("v2-dev", false), ("main-3f2a91c", false), ("nightly-20260101", false),
    ("alpine3.18", false), ("bookworm", false), ("release-v1.143", false), ("2026.1.1", false), ("devicehub", false),
  ])
  func `a tag that is moved on is one`(_ tag: String, _ moves: Bool) { #expect(Rule.moves(tag) == moves) }

  @Test(arguments: [
    ("REGISTRY_AUTH_HTPASSWD_REALM", false), ("AUTH_TOKEN_REALM", false), ("HTPASSWD_COST", false),
    ("HTPASSWD_PATH", false), ("HTPASSWD", true), ("HTPASSWD_HASH", true), ("HTPASSWD_PASSWORD", true),
    ("ADMIN_PASSWD", true),
  ])
  func `a way of checking passwords is no password`(_ name: String, _ isOne: Bool) {
    #expect(Secrets.isSecret(name, "Registry Realm") == isOne)
  }

  @Test func `the help of a collision names how to leave one out`() {
    let places = ["nas": "nas/compose.yaml", "apps/web": "apps/web.yml"]
    let found = Collisions.between(
      claims: [
        "nas": [.port("80", transport: "tcp", address: "")], "apps/web": [.port("80", transport: "tcp", address: "")],
      ],
      places: places)
    #expect(found.map { $0.help.contains("{exclude: [nas]}") } == [true, false])
    #expect(found.map { $0.help.contains("{exclude: [apps/web.yml]}") } == [false, true])
  }

  @Test func `a stack's own directory is no runtime state, whatever it is called`() {
    let protected = ProtectedPaths(adding: ["repo", "own"]).sparing(["postgres", "repo", "gw-a/config", "own"])
    for path in ["postgres/compose.yaml", "postgres/conf/x"] { #expect(protected.glob(protecting: path) == nil) }
    for (path, glob) in [
      ("postgres/.env", "**/.env"), ("postgres/data/x", "**/data"), ("repo/HEAD", "repo"), ("own/x", "own"),
      ("gw-a/config/x", "gw-*/config"), ("pgdata/PG_VERSION", "pgdata"),
    ] {
      #expect(protected.glob(protecting: path) == glob)
    }
    #expect(
      Discovery(commit("postgres/compose.yaml", "pgdata/x"), settings: settings()).diagnostics.map(\.file) == [
        "pgdata/x"
      ])
  }

  static let service = "services: {web: {image: 'i:1'}}\n"
  static let broken = "services:\n  web:\n    image: i\n    volumes: [a]\n    volumes: [b]\n"

  @Test func `files called alike are told apart by their directories`() throws {
    let paths = ["a/dc.yml", "b/dc.yml", "c/dc.yml", "d/dc.yml", "x/y/dc.yml"]
    let found = paths.compactMap { path in
      path == "d/dc.yml" ? nil : UnmanagedFile(path, Array((path == "c/dc.yml" ? Self.broken : Self.service).utf8))
    }
    let choice = UnmanagedFile.choice(for: found, in: commit(paths), taken: ["d/dc.yml": "d"])
    #expect(choice.files == ["*/dc.yml"] && choice.lines == ["x/y: {compose_files: [dc.yml]}"])
    #expect(choice.others["c/dc.yml"]?.contains("line 5") == true)
    let told = UnmanagedFile.findings(found, in: commit(paths), isAll: false).filter { $0.file == "c/dc.yml" }
    #expect(told.count == 1 && told[0].message.contains("nobody can read it: line 5"))
    let text =
      SettingsTests.least
      + "stacks:\n  files: [\"*/dc.yml\"]\n  x/y: {compose_files: [dc.yml]}\n  d: {compose_files: [dc.yml]}\n"
    let stacks = Discovery(commit(paths), settings: try Settings.parse(Array(text.utf8)).get()).stacks
    let names = stacks.map { $0.project ?? Path.name($0.place.directory) }
    #expect(Set(names).count == names.count && stacks.count == 5, "\(names)")
  }

  @Test func `what runs under names that are alike is proposed by its directories`() {
    let tree = commit("a/dc.yml", "a/x.yml", "b/dc.yml", "b/x.yml")
    var proposal = Proposal(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    proposal.take(
      ["a", "b"].map { ProposalTests.service("/live/\($0)", "dc.yml") }, of: Discovery(tree, settings: settings()),
      unmanaged: Set(tree.files.map(\.path)))
    #expect(proposal.files == [] && proposal.composeFiles == ["a": ["dc.yml"], "b": ["dc.yml"]])
  }

  @Test(arguments: [
    (
      ["a/dc.yml", "b/dc.yaml", "c/other.yml"], ["c/other.yml"],
      ["a: {compose_files: [dc.yml]}", "b: {compose_files: [dc.yaml]}"]
    ),
    (["a/dc.yml", "a/x.yml", "b/dc.yml", "b/y.yml"], ["*/dc.yml", "a/x.yml", "b/y.yml"], []),
    (["apps/web.yml", "apps/db.yml", "old/web.yml"], ["apps/db.yml", "*/web.yml"], []),
  ])
  func `what is proposed brings no two projects of one name`(_ paths: [String], _ files: [String], _ lines: [String]) {
    let found = paths.compactMap { UnmanagedFile($0, Array(Self.service.utf8)) }
    let choice = UnmanagedFile.choice(for: found, in: commit(paths))
    #expect(choice.files == files && choice.lines == lines, "\(choice)")
  }

  @Test(arguments: ["compose.override.yaml", "x/docker-compose.override.yml"])
  func `what is laid over a file that git does not have is no stack by itself`(_ path: String) throws {
    let file = try #require(UnmanagedFile(path, Array(Self.service.utf8)))
    let told = UnmanagedFile.findings([file], in: commit(path), isAll: false)
    #expect(told.count == 1 && told[0].message.contains("git has none beside it"))
    #expect(!told[0].help.contains("compose_files") && !told[0].help.contains("files: ["))
    let choice = UnmanagedFile.choice(for: [file], in: commit(path))
    #expect(choice.files.isEmpty && choice.lines.isEmpty && choice.others[path] != nil)
  }

  @Test(arguments: ["services:\n  a: !x {\n", "services:\n  App\\A: [\n", "x:\n  image: i\n  - b\n"])
  func `what is no YAML and runs nothing is none of Compose's`(_ text: String) {
    #expect(UnmanagedFile("config/services.yaml", Array(text.utf8)) == nil)
  }
}
