@testable import Core
import Testing

@Suite("A configuration is proposed from what runs") struct ProposalTests {
  static func service(_ directory: String, _ files: String..., mounts: [String] = []) -> RunningService {
    RunningService(
      service: "web", image: "i:1", directory: directory,
      files: files.map { Path.join(directory, $0) }, mounts: mounts)
  }

  static let roots: [(services: [RunningService], root: String?)] = [
    ([], nil),
    ([service("/srv/live/infra", "docker-compose.yml"), service("/srv/live/a/b", "compose.yaml")], "/srv/live"),
    ([service("/srv/live", "compose.yaml"), service("/srv/live/infra", "docker-compose.yml")], "/srv/live"),
    ([service("/opt/x/infra", "docker-compose.yml"), service("/home/me/other", "unknown.yml")], "/opt/x"),
    ([service("/infra", "docker-compose.yml")], nil),
    ([service("/srv/xinfra", "docker-compose.yml")], nil),
  ]

  @Test(arguments: roots) func `the live root is where most of the repository's Compose files run`(
    _ services: [RunningService], _ root: String?
  ) {
    let files: Set = ["compose.yaml", "infra/docker-compose.yml", "a/b/compose.yaml"]
    #expect(Proposal.liveRoot(of: services.filter { $0.directory != "/srv/xinfra" }, files: files) == root)
  }

  @Test func `only directories that a stack may be given become bind roots`() {
    let roots = Proposal.bindRoots(
      of: [
        "/srv/live/x", "/srv/cache/gradle", "/srv/cache/gradle/sub", "/srv/media/film.mkv", "/etc/hosts", "/", "/srv",
        "/var/run/docker.sock",
      ], isDirectory: { !$0.contains(".") }, beyond: "/srv/live")
    #expect(roots == ["/srv/cache/gradle", "/srv/media"])
  }

  @Test func `what runs under names of its own is taken as it runs`() throws {
    let tree = commit(
      "compose/dell.yml", "compose/nas.yml", "api/docker-compose.yml", "api/docker-compose.prod.yml",
      "web/compose.yaml",
      "only/stack.yml")
    var proposal = Proposal(repository: "r", branch: "main", liveRoot: "/live", checkout: "/live/clup")
    proposal.take(
      [
        Self.service("/live/compose", "dell.yml"),
        Self.service("/live/api", "docker-compose.yml", "docker-compose.prod.yml"),
        Self.service("/live/web", "compose.yaml"), Self.service("/live/only", "stack.yml"),
        Self.service("/live/gone", "compose.yaml"),
      ], of: Discovery(tree, settings: settings()),
      unmanaged: ["compose/dell.yml", "compose/nas.yml", "only/stack.yml"])
    #expect(proposal.files == ["compose/dell.yml"])
    #expect(
      proposal.composeFiles == [
        "api": ["docker-compose.yml", "docker-compose.prod.yml"], "only": ["stack.yml"],
      ])
    let read = try Settings.parse(Array(proposal.text(on: "2026-01-02").utf8)).get()
    #expect(read.files == ["compose/dell.yml"] && read.stacks["only"]?.composeFiles == ["stack.yml"])
  }

  /// What runs, what else is in the repository, and which part of it is this host's.
  static let parts: [(running: [String], rest: [String], include: [String], others: [String])] = [
    (["hosts/nas/media", "hosts/nas/dns"], ["hosts/pi/dns"], ["hosts/nas/**"], ["hosts/pi"]),
    (
      ["hosts/nas/media", "common/proxy"], ["hosts/pi/dns", "common/logs"], ["common/**", "hosts/nas/**"], ["hosts/pi"]
    ),
    (["hosts/nas/media", "proxy"], ["hosts/pi/dns", "logs"], ["hosts/nas/**", "proxy/**"], ["hosts/pi"]),
    (["nas/media"], ["pi/dns", "nas/new"], ["nas/**"], ["pi"]),
    (["media", "dns"], ["new"], [], []), (["apps/media"], ["apps/new"], [], []), ([], ["nas/a", "pi/b"], [], []),
    (["."], ["nas/a"], [], []),
  ]

  @Test(arguments: parts) func `a directory of which nothing runs here may be another host's`(
    running: [String], rest: [String], include: [String], others: [String]
  ) {
    let part = HostPart(running: Set(running), of: Set(running + rest))
    #expect(part?.include ?? [] == include && part?.others ?? [] == others, "\(String(describing: part))")
  }

  @Test func `the text is a configuration, also once its comments are uncommented`() throws {
    var proposal = Proposal(
      repository: "https://me:s3cret@h:8443/r.git", branch: "feature/#1", liveRoot: "/srv/my live",
      checkout: "/srv/clup")
    proposal.remarks["live_root"] = "infra runs from there"
    proposal.found = ["Something."]
    proposal.part = HostPart(running: ["hosts/nas/media"], of: ["hosts/nas/media", "hosts/pi/dns"])
    proposal.choice.files = ["apps/*.yml"]
    proposal.choice.lines = ["api: {compose_files: [docker-compose.prod.yml]}"]
    proposal.choice.others = ["s.yml": "made for `docker stack deploy` (deploy.placement)"]
    proposal.socketHolders = [("runner/compose", Self.service("/srv/my live/runner/compose", "docker-compose.yml"))]
    for roots in [[], ["/srv/cache"]] {
      proposal.bindRoots = roots
      let text = proposal.text(on: "2026-01-02")
      #expect(!text.contains("s3cret") && text.contains("# Something."))
      let plain = try Settings.parse(Array(text.utf8)).get()
      #expect(plain.repository == "https://h:8443/r.git" && plain.branch == "feature/#1")
      #expect(plain.liveRoot == "/srv/my live" && plain.files.isEmpty && plain.policy.bindRoots == roots)
      let lines = text.split(separator: "\n").map {
        $0.contains("# Written") || $0.contains("Something")
          ? ""
          : $0.replacing(
            "# ", with: "", maxReplacements: $0.contains("  # ") && !$0.hasPrefix("  #") && !$0.hasPrefix("#") ? 0 : 1)
      }
      let all = try Settings.parse(Array(lines.joined(separator: "\n").utf8)).get()
      #expect(
        all.files == ["apps/*.yml"] && all.exclude == ["s.yml"]
          && all.policy.waivers.map(\.stacks) == [["runner/compose"]]
      )
      #expect(all.stacks["api"]?.composeFiles == ["docker-compose.prod.yml"])
      #expect(all.include == ["hosts/nas/**"])
    }
  }
}
