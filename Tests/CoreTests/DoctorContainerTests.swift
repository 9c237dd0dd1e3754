import Testing

@testable import Core

@Suite("The doctor judges containers and units")
struct DoctorContainerTests {
  static func container(
    _ name: String, state: String = "running", health: String = "none", exit: Int = 0,
    restart: String = "unless-stopped",
    networks: [String: String] = [:], socket: Bool? = nil, host: String? = nil
  ) -> InspectedContainer {
    var container = InspectedContainer()
    (container.id, container.name, container.service, container.state) = (name, name, name, state)
    (container.health, container.exitCode, container.restartPolicy) = (health, exit, restart)
    (container.image, container.dockerHost) = ("proxy:1", host)
    container.networks = networks.mapValues { ("10.0.0.2", [$0]) }
    if let socket {
      container.mounts = [
        HostMount(source: "/var/run/docker.sock", target: "/var/run/docker.sock", isWritable: socket)
      ]
    }
    return container
  }

  @Test func `an inspection is read, and of its environment DOCKER_HOST alone`() throws {
    let text = """
      {"Id": "c1", "Name": "/claw-runner", "State": {"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy"}},
       "Config": {"Image": "r:1", "User": "1000:1001", "Env": ["TOKEN=secret", "DOCKER_HOST=tcp://proxy:2375"],
        "Labels": {"com.docker.compose.project": "compose", "com.docker.compose.service": "runner",
         "com.docker.compose.project.working_dir": "/srv/live/runner/compose"},
        "Healthcheck": {"Test": ["CMD-SHELL", "true"]}},
       "HostConfig": {"RestartPolicy": {"Name": ""}, "GroupAdd": ["44"]},
       "Mounts": [{"Type": "bind", "Source": "/srv/jobs", "Destination": "/jobs", "RW": false},
        {"Type": "volume", "Name": "v", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/v", "RW": true}],
       "NetworkSettings": {"Networks": {"net": {"IPAddress": "10.0.0.3", "Aliases": ["runner"]}},
        "Ports": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18888"}], "53/udp": [{"HostIp": "", "HostPort": "53"}],
         "90/tcp": null}}}
      """
    let seen = InspectedContainer(try JSON(parsing: Array(text.utf8)))
    #expect(seen.name == "claw-runner" && seen.restartPolicy == "no" && seen.health == "healthy" && seen.uid == 1000)
    #expect(seen.gids == [44, 1001] && seen.healthCommand == ["/bin/sh", "-c", "true"])
    #expect(seen.engineAddress?.host == "proxy" && seen.engineAddress?.port == 2375)
    #expect(seen.ports.map(\.port) == [18888] && seen.networks["net"]?.names == ["runner"])
    #expect(seen.mounts == [HostMount(source: "/srv/jobs", target: "/jobs", isWritable: false)])
  }

  @Test(arguments: [
    ([container("a")], 1, Check.Result.good), ([], 1, .failed), ([], 0, .good), ([container("a")], 2, .failed),
    ([container("a", health: "healthy")], 1, .good), ([container("a", health: "unhealthy")], 1, .failed),
    ([container("a", health: "starting")], 1, .warning), ([container("a", state: "exited", exit: 1)], 1, .failed),
    ([container("a", state: "exited", restart: "no")], 1, .good), ([container("a", state: "exited")], 1, .failed),
    ([container("a", state: "paused")], 1, .failed),
    ([container("a", health: "starting"), container("b", state: "dead")], 2, .failed),
  ])
  func `the containers of a service`(_ containers: [InspectedContainer], _ wanted: Int, _ result: Check.Result) {
    let check = StackChecks.service("a", of: "s", wanted: wanted, containers: containers, start: "START")
    #expect(check.result == result)
    let obstacle = StartObstacle(found: "FOUND", help: "FIRST")
    let stopped = StackChecks.service(
      "a", of: "s", wanted: wanted, containers: containers, start: "START", obstacles: [obstacle])
    if result == .failed, !containers.contains(where: \.isRunning) {
      #expect(stopped.help?.contains("FIRST; then START") == true && stopped.found?.contains("FOUND") == true)
    }
  }

  static func claiming(_ name: String, _ claims: [Claim], project: String = "") -> InspectedContainer {
    var container = Self.container(name)
    (container.claims, container.project) = ([.containerName(name)] + claims, project)
    return container
  }

  static func port(_ address: String, _ transport: String = "tcp") -> [Claim] {
    [.port("80", transport: transport, address: address)]
  }

  @Test(
    arguments: [
      ([], [], [:], []), ([claiming("web", [])], [], [:], ["docker rename web web-old"]),
      ([claiming("web", [], project: "s")], [], [:], []),
      ([claiming("x", port("0.0.0.0"), project: "o")], [], [:], ["docker stop x"]),
      ([claiming("x", port("0.0.0.0", "udp"))], [], [:], []), ([claiming("x", port("127.0.0.1"))], [], [:], []),
      ([], port("::"), [:], ["ss -ltnp 'sport = :80'"]),
      ([claiming("web", port("10.0.0.1"), project: "s")], port("10.0.0.1"), [:], []),
      ([], [], ["network n": #"{"external": true, "name": "gone"}"#], ["docker network create gone"]),
      ([], [], ["network n": #"{"external": true, "name": "there"}"#, "network o": #"{"name": "gone"}"#], []),
      ([], [], ["volume v": #"{"external": true, "name": "gone"}"#], ["docker volume create gone"]),
    ] as [([InspectedContainer], [Claim], [String: String], [String])])
  func `what keeps a service from being started is named`(
    _ containers: [InspectedContainer], _ listening: [Claim], _ resources: [String: String], _ helps: [String]
  ) throws {
    let around = Surroundings(containers: containers, listening: listening, networks: ["there"], volumes: [])
    let found = around.obstacles(
      to: "web", of: "s", claims: [.containerName("web")] + Self.port("10.0.0.1"),
      resources: try resources.mapValues { try JSON(parsing: Array($0.utf8)) })
    #expect(found.count == helps.count)
    for (obstacle, help) in zip(found, helps) { #expect(obstacle.help.contains("`\(help)"), "\(obstacle)") }
  }

  @Test func `where programs listen is read from the kernel's tables`() {
    let table = """
        sl  local_address rem_address   st tx_queue rx_queue
         0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
         1: 00000000:0016 00000000:0000 0A 00000000:00000000
         2: 0100007F:1F91 0100007F:9999 01 00000000:00000000
         3: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0
         4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0
      """
    #expect(
      Claim.listening(in: table).map(\.description) == [
        "the host port 127.0.0.1:8080/tcp", "the host port 0.0.0.0:22/tcp", "the host port :::80/tcp",
        "the host port 127.0.0.1:81/tcp",
      ])
  }

  @Test(
    arguments: [
      ([container("a")], [], .good), ([container("a", restart: "on-failure")], [], .warning),
      ([container("a", restart: "no")], ["a"], .failed), ([container("a", state: "exited", restart: "no")], [], nil),
    ] as [([InspectedContainer], Set<String>, Check.Result?)])
  func `restart policies`(_ containers: [InspectedContainer], _ asked: Set<String>, _ result: Check.Result?) {
    #expect(StackChecks.restartPolicies(of: "s", containers, asked: asked)?.result == result)
  }

  @Test func `links are what they were made, and lead to something`() {
    func judge(_ found: LiveEntry, damaged: String? = nil, pointer: Bool = true) -> Check? {
      let wanted = "/c/stacks/s/s/compose.yaml"
      let link = StackChecks.Link(path: "s/compose.yaml", wanted: wanted, found: found, damaged: damaged)
      return StackChecks.links(of: "s", [link], pointer: pointer)
    }
    let right = LiveEntry.link("/c/stacks/s/s/compose.yaml")
    #expect(judge(right)?.result == .good)
    #expect(judge(right, pointer: false)?.help?.hasPrefix("`clup sync --stack s` links them again") == true)
    let damaged = judge(right, damaged: "/c/releases/123456789")
    #expect(damaged?.found == "s/compose.yaml leads to nothing")
    #expect(damaged?.help?.hasPrefix("`mv /c/releases/123456789 /c/damaged-1234567`, then `clup sync`") == true)
    #expect(judge(.link("/elsewhere"))?.found == "s/compose.yaml leads to /elsewhere")
    #expect(judge(.file("x"))?.result == .failed && judge(.absent)?.result == .failed)
    #expect(StackChecks.links(of: "s", [], pointer: true) == nil)
    #expect(StackChecks.shell(["sh", "-c", "a 'x'"]) == #"sh -c 'a '\''x'\'''"#)
  }

  static func socket(_ containers: [InspectedContainer], ends: String = "2027-01-01") -> SocketChecks {
    var policy = Policy()
    policy.waivers = [
      Waiver(
        rules: ["docker-socket"], stacks: ["runner"], services: ["proxy"], image: "proxy:1", reason: "r",
        expires: ends,
        line: 1, column: 1)
    ]
    return SocketChecks(
      containers: containers, stacks: ["proxy": "runner", "bad": "runner"], policy: policy, today: "2026-11-27",
      paths: HostPaths(liveRoot: "/srv/live", checkout: nil, stacks: [:], isHost: true))
  }

  @Test func `who holds the socket needs a waiver, read-only and without ports`() {
    var open = Self.container("proxy", socket: false)
    open.ports = [InspectedContainer.Port(address: "0.0.0.0", port: 2375)]
    let rows: [(InspectedContainer, Check.Result)] = [
      (Self.container("proxy", socket: false), .good), (Self.container("proxy", socket: true), .failed),
      (open, .failed),
      (Self.container("bad", socket: false), .failed), (Self.container("foreign", socket: false), .warning),
      (Self.container("proxy", state: "exited", socket: true), .good), (Self.container("web"), .good),
    ]
    for (container, result) in rows { #expect(Self.socket([container]).holders.map(\.result) == [result]) }
    // Whoever the holder is: a port that gives the engine away gives the host away.
    for name in ["proxy", "bad", "foreign"] {
      var seen = Self.socket([Self.container(name, socket: false)])
      seen.open = [name: [InspectedContainer.Port(address: "0.0.0.0", port: 2375)]]
      #expect(seen.holders.map(\.result) == [.failed] && seen.holders[0].found?.contains("0.0.0.0:2375") == true)
    }
    #expect(Self.socket([Self.container("proxy", socket: false)], ends: "2026-11-26").holders[0].result == .failed)
    var above = Self.container("bad", socket: false)
    above.mounts = [HostMount(source: "/", target: "/host", isWritable: false)]
    #expect(Self.socket([above]).holders.map(\.result) == [.failed])
  }

  @Test func `who is on the proxy's network is its client, and the client finds it by its name`() {
    let proxy = Self.container("proxy", networks: ["net": "claw-proxy"], socket: false)
    let client = Self.container("runner", networks: ["net": "runner"], host: "tcp://claw-proxy:2375")
    let other = Self.container("web", networks: ["net": "web"])
    #expect(Self.socket([proxy, client]).guests.map(\.result) == [.good])
    #expect(Self.socket([proxy, client, other]).guests.map(\.result) == [.warning])
    #expect(Self.socket([proxy, client]).clients.first?.proxy?.name == "proxy")
    #expect(Self.socket([client]).clients.first?.proxy == nil)
    #expect(SocketChecks.ping(client, stack: nil, answer: "OK", way: "x", proxy: proxy).result == .good)
    #expect(SocketChecks.ping(client, stack: nil, answer: "<html>", way: "x", proxy: proxy).result == .failed)
    #expect(SocketChecks.ping(client, stack: nil, answer: nil, way: "x", proxy: nil).result == .failed)
  }

  @Test(arguments: [
    ("active", "enabled", "/srv/live -/root/.docker", [Check.Result.good, .good]),
    ("active", "disabled", "/srv/live", [.warning, .good]), ("failed", "enabled", "/srv/live", [.failed, .good]),
    ("active", "enabled", "/srv/other", [.good, .failed]), ("active", "enabled", "/srv", [.good, .good]),
  ])
  func `the daemon's unit`(_ active: String, _ enabled: String, _ paths: String, _ results: [Check.Result]) {
    let shown = """
      Id=clup.service
      LoadState=loaded
      ActiveState=\(active)
      UnitFileState=\(enabled)
      Result=success
      ReadWritePaths=\(paths)

      Id=clup-sync.timer
      LoadState=not-found
      ActiveState=inactive

      """
    #expect(ServiceChecks.judge(ServiceChecks.parse(shown), places: ["/srv/live"]).map(\.result) == results)
  }

  @Test func `a timer will do, and nothing at all is a warning`() {
    let timer = ["LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"]
    let units = ["clup-sync.timer": timer, "clup-sync.service": ["ReadWritePaths": "/srv/live"]]
    #expect(ServiceChecks.judge(units, places: ["/srv/live"]).map(\.name) == ["clup-sync.timer", "writable paths"])
    #expect(ServiceChecks.judge([:], places: ["/srv/live"]).map(\.result) == [.warning])
  }

  @Test(arguments: [("2026-11-20", "ended on 2026-11-20"), ("2026-12-01", "ends in 4 days"), ("2027-06-30", nil)])
  func `a waiver that has ended or will soon is named`(_ end: String, _ text: String?) {
    let checks = ServiceChecks.waivers(Self.socket([], ends: end).policy, today: "2026-11-27")
    #expect(checks.map(\.result) == (text == nil ? [] : [.warning]))
    if let text { #expect(checks.first?.found?.hasSuffix(text) == true, "\(checks)") }
  }

  @Test func `what was found is ordered by section, and only what failed makes a host unready`() {
    let checks = [
      Check(.service, "b", .warning, found: "x"), Check(.host, "a", .good, found: "x", expected: "y", help: "z"),
      Check(.stacks, "c", skipped: "z"),
    ]
    let found = Diagnosis(host: "h", checks: checks)
    #expect(found.checks.map(\.name) == ["a", "c", "b"] && found.isGood && found.checks[0].help == nil)
    #expect(!Diagnosis(host: "h", checks: checks + [Check(.host, "d", .failed, found: "x")]).isGood)
  }
}
