import Core

@testable import Agent
@testable import Daemon

/// States of a host, as the page gets them.
enum Scenes {
  /// 2026-11-25 12:00:00 UTC.
  static let now: Double = 1_795_608_000
  static let head = "4f1c2ab90d3e5f60718293a4b5c6d7e8f9012345"
  static let old = "9b7e01d2c3f4a5b6c7d8e9f0a1b2c3d4e5f60718"

  static func empty() -> StatusPageModel {
    var seen = StatusPageModel()
    seen.host = "claw"
    seen.repository = "https://github.com/psyafter/clup.git"
    seen.branch = "main"
    seen.version = "1.0.0"
    seen.now = now
    seen.reached = "2026-11-25T11:59:38Z"
    seen.status = Status(commit: nil, stacks: [], fence: true, error: nil)
    return seen
  }

  static func service(_ name: String, state: String = "running", health: String = "none") -> ServiceReport {
    ServiceReport(name: name, action: .keep, reason: nil, state: state, health: health)
  }

  static func stack(
    _ name: String, _ message: String, health: String = "running", services: [ServiceReport] = [],
    committed: String = "2026-11-25T11:41:00Z"
  ) -> Status.Stack {
    Status.Stack(
      name: name, outcome: "deployed", commit: head, message: message, committed: committed, pin: nil, pinnedSince: nil,
      behind: nil, held: nil, heldSince: nil, project: String(name.split(separator: "/").last ?? ""), health: health,
      error: nil, drift: [], services: services)
  }

  static func seven() -> StatusPageModel {
    var seen = empty()
    let message = "Give the gateway the image of November"
    seen.status = Status(
      commit: head,
      stacks: [
        stack("artifacts", message, services: [service("registry")]),
        stack(
          "gw-admin", message, health: "healthy",
          services: [service("gateway", health: "healthy"), service("postgres", health: "healthy")]),
        stack("gw-home", message, health: "healthy", services: [service("gateway", health: "healthy")]),
        stack("infra", message, services: [service("networks", state: "exited"), service("dns")]),
        stack("node-admin", message, services: [service("node")]),
        stack(
          "runner/compose", message, health: "healthy",
          services: [service("claw-runner", health: "healthy"), service("claw-socket-proxy")]),
        stack("upstream/mirror", message, services: [service("mirror")]),
      ], fence: true, error: nil)
    seen.reports = [deployed(), idle("20261125T114000Z-77aa"), refused()]
    seen.runs = [run("20261125T115958Z-00f1", .timer), run("20261125T115858Z-00f0", .timer)]
    return seen
  }

  static func run(_ id: String, _ trigger: Trigger) -> Run {
    let time =
      "2026-11-25T\(id.dropFirst(9).prefix(2)):\(id.dropFirst(11).prefix(2)):\(id.dropFirst(13).prefix(2))Z"
    var run = Run(id: id, trigger: trigger, requested: time)
    run.stage = .ended
    (run.started, run.ended) = (time, time)
    (run.outcome, run.exitStatus, run.commit) = (.unchanged, 0, head)
    return run
  }

  static func held() -> StatusPageModel {
    var seen = seven()
    seen.status?.stacks[1].held = head
    seen.status?.stacks[1].heldSince = "2026-11-25T11:46:00Z"
    seen.status?.stacks[1].commit = old
    seen.status?.stacks[1].message = "Keep the audit log for a year"
    seen.status?.stacks[1].committed = "2026-11-21T08:00:00Z"
    seen.status?.stacks[1].outcome = "rolled_back"
    seen.status?.stacks[1].error =
      "gateway did not become healthy within 5m: its health check says `connect ECONNREFUSED 127.0.0.1:18789`"
    seen.status?.stacks[5].drift = ["drift: container of claw-runner removed", "compose file replaced by hand"]
    seen.status?.stacks[5].health = "stopped"
    seen.status?.stacks[5].services[0] = ServiceReport(
      name: "claw-runner", action: .create, reason: "drift: container removed")
    seen.repairPaused = ["runner/compose"]
    seen.reports.insert(failed(), at: 0)
    var run = run("20261125T115959Z-00f2", .webhook)
    (run.stage, run.ended, run.outcome, run.exitStatus, run.commit) = (.running, nil, nil, nil, nil)
    seen.runs.insert(run, at: 0)
    return seen
  }

  static func working() -> StatusPageModel {
    var seen = seven()
    func event(_ kind: SyncEvent.Kind, _ stack: String, _ text: String) -> SyncEvent {
      SyncEvent(kind, of: stack, text, since: now - 12)
    }
    var (pull, wait) = (
      event(.step, "artifacts", "pulling images"), event(.step, "gw-admin", "waiting for gateway to become healthy")
    )
    (pull.limit, pull.bytes, pull.totalBytes, wait.limit) = (600, 31_400_000, 120_000_000, 300)
    var (good, bad) = (
      event(.ended, "gw-home", ""), event(.ended, "infra", "dns ended with exit 1; brought back to 9b7e01d")
    )
    (good.outcome, good.durationMs, bad.outcome) = (.deployed, 8_200, .rolledBack)
    seen.working = [pull, wait, good, bad, event(.planned, "node-admin", "compose file changed")]
    var run = run("20261125T115959Z-00f2", .webhook)
    (run.stage, run.ended, run.outcome, run.exitStatus, run.commit) = (.running, nil, nil, nil, nil)
    seen.runs.insert(run, at: 0)
    return seen
  }

  static func refusing() -> StatusPageModel {
    var seen = seven()
    seen.status?.trouble = Trouble(refused())
    seen.reports = [refused(), deployed()]
    seen.runs = ["20261125T115958Z-00f1", "20261125T115858Z-00f0"].map { id in
      var run = run(id, .timer)
      (run.outcome, run.exitStatus, run.report) = (.refused, 3, refused().id)
      return run
    }
    return seen
  }

  static func pinned() -> StatusPageModel {
    var seen = seven()
    seen.status?.stacks[2].pin = old
    seen.status?.stacks[2].pinnedSince = "2026-11-22T09:12:00Z"
    seen.status?.stacks[2].behind = 4
    seen.status?.stacks[2].commit = old
    seen.status?.stacks[2].message = "Keep the audit log for a year"
    seen.status?.stacks[2].outcome = "pinned"
    return seen
  }

  /// A stack whose image no registry gives, and a configuration that somebody broke.
  static func waiting() -> StatusPageModel {
    var seen = seven()
    for index in seen.status?.stacks.indices ?? 0..<0 where seen.status?.stacks[index].name == "infra" {
      seen.status?.stacks[index].outcome = "waiting"
      seen.status?.stacks[index].error = "docker compose pull failed: 429"
      seen.status?.stacks[index].waitsFor = .registry
      seen.status?.stacks[index].waitingSince = "2026-11-25T11:30:00Z"
    }
    seen.status?.waiting = [
      Status.Wait(
        outage: .registry, stack: "infra", since: "2026-11-25T11:30:00Z", error: "docker compose pull failed: 429")
    ]
    seen.unconfigured = "clup.yaml:6:1: unknown key nonsense"
    seen.restart = ["`serve: {listen: …}`"]
    return seen
  }

  static func engineAway() -> StatusPageModel {
    var seen = seven()
    seen.status?.error = "cannot reach the Docker engine at unix:///var/run/docker.sock: connection refused"
    for index in 0..<7 {
      seen.status?.stacks[index].health = "unknown"
      seen.status?.stacks[index].services = []
    }
    seen.status?.fence = false
    return seen
  }

  static func repositoryAway() -> StatusPageModel {
    var seen = seven()
    seen.reached = "2026-11-25T09:14:00Z"
    seen.unreachable = "cannot fetch https://github.com/psyafter/clup.git: failed to resolve address for github.com"
    return seen
  }

  static func unknown() -> StatusPageModel {
    var seen = empty()
    seen.status = nil
    seen.statusError = "cannot read /srv/data/openclaw/clup/state.json: it is not JSON at line 1"
    return seen
  }

  static func report(_ id: String, _ outcome: Report.Outcome) -> Report {
    let time =
      "2026-11-25T\(id.dropFirst(9).prefix(2)):\(id.dropFirst(11).prefix(2)):\(id.dropFirst(13).prefix(2))Z"
    var report = Report(
      id: id, trigger: "webhook", dryRun: false, host: "claw", repository: "https://github.com/psyafter/clup.git",
      branch: "main", started: time)
    report.outcome = outcome
    report.commit = head
    report.durationMs = 812
    report.fence = true
    return report
  }

  static func idle(_ id: String) -> Report { report(id, .unchanged) }

  static func deployed() -> Report {
    var report = report("20261125T114512Z-1f3a", .deployed)
    var stack = StackReport(name: "gw-admin", outcome: .deployed)
    (stack.from, stack.to, stack.durationMs) = (old, head, 4640)
    report.stacks = [stack]
    return report
  }

  static func refused() -> Report {
    var report = report("20261125T101500Z-8c21", .refused)
    report.stacks = ["gw-admin", "runner/compose"].map { StackReport(name: $0, outcome: .refused) }
    report.diagnostics = [
      Diagnostic(
        rule: "floating-tag", severity: .warning, file: "infra/docker-compose.yml", line: 4, column: 12, stack: "infra",
        service: "dns", message: "dns uses coredns/coredns:latest", help: "name a version: `coredns/coredns:1.13.1`"),
      Diagnostic(
        rule: "docker-socket", file: "runner/compose/docker-compose.yml", line: 9, column: 9, stack: "runner/compose",
        service: "claw-runner", message: "claw-runner mounts /var/run/docker.sock",
        help: "talk to the socket proxy: `DOCKER_HOST=tcp://claw-socket-proxy:2375`"),
      Diagnostic(
        rule: "docker-socket", file: "runner/compose/docker-compose.yml", line: 21, column: 9, stack: "runner/compose",
        service: "claw-socket-proxy", message: "claw-socket-proxy mounts /var/run/docker.sock",
        help: "waived until 2027-06-30: the one holder of the socket", waived: true),
    ]
    return report
  }

  static func failed() -> Report {
    var report = report("20261125T114600Z-5d0e", .failed)
    report.durationMs = 312_400
    var gateway = StackReport(name: "gw-admin", outcome: .rolledBack)
    (gateway.from, gateway.to, gateway.project, gateway.durationMs) = (old, old, "gw-admin", 309_120)
    gateway.reasons = ["image changed", "mounted file conf/openclaw.json changed"]
    gateway.services = [
      ServiceReport(name: "gateway", action: .recreate, reason: "image changed", state: "running", health: "healthy"),
      ServiceReport(name: "postgres", action: .keep, reason: nil, state: "running", health: "healthy"),
    ]
    gateway.error = "gateway did not become healthy within 5m: its health check says `connect ECONNREFUSED`"
    gateway.logTail = [
      "2026-11-25T11:46:10Z starting gateway 2026.11.20",
      "2026-11-25T11:46:11Z reading /config/openclaw.json",
      "\u{1b}[31m2026-11-25T11:46:11Z error\u{1b}[0m: unknown key `agents.defaults.sandbox` at line 41",
      "2026-11-25T11:46:11Z API_TOKEN=0d1f2a3b4c5d6e7f8a9b",
    ]
    var infra = StackReport(name: "infra", outcome: .deployed)
    (infra.from, infra.to, infra.project, infra.durationMs) = (old, head, "infra", 1320)
    infra.reasons = ["environment changed"]
    infra.services = [
      ServiceReport(name: "dns", action: .recreate, reason: "environment changed", state: "running")
    ]
    var runner = StackReport(name: "runner/compose", outcome: .skipped)
    runner.reasons = ["comes after gw-admin, which failed"]
    report.stacks =
      [gateway, infra, runner]
      + ["artifacts", "gw-home", "node-admin", "upstream/mirror"].map { StackReport(name: $0, outcome: .unchanged) }
    report.links = [
      LinkReport(
        live: "gw-admin/docker-compose.yml",
        target: "/srv/data/openclaw/clup/stacks/gw-admin/gw-admin/docker-compose.yml", action: .replace,
        backup: "gw-admin/docker-compose.yml.bak.20261125-114600"),
      LinkReport(
        live: "infra/docker-compose.yml", target: "/srv/data/openclaw/clup/stacks/infra/infra/docker-compose.yml",
        action: .keep),
    ]
    report.diagnostics = [refused().diagnostics[0]]
    return report
  }

  static func planned() -> Report {
    var report = report("20261125T115930Z-a0a0", .planned)
    report.dryRun = true
    var stack = StackReport(name: "runner/compose", outcome: .planned)
    (stack.from, stack.to, stack.project) = (old, head, "compose")
    stack.services = [
      ServiceReport(
        name: "claw-runner", action: .recreate, reason: "image changed", state: "running", health: "healthy"),
      ServiceReport(name: "reaper", action: .create, reason: "new service"),
    ]
    report.stacks =
      [stack]
      + ["artifacts", "gw-admin", "gw-home", "infra", "node-admin", "upstream/mirror"].map {
        StackReport(name: $0, outcome: .unchanged)
      }
    report.links = [
      LinkReport(
        live: "runner/compose/conf", target: "/srv/data/openclaw/clup/stacks/runner+compose/runner/compose/conf",
        action: .create)
    ]
    return report
  }

  static let diff = """
    diff --git a/runner/compose/docker-compose.yml b/runner/compose/docker-compose.yml
    index 3f1c2a4..9d01b7e 100644
    --- a/runner/compose/docker-compose.yml
    +++ b/runner/compose/docker-compose.yml
    @@ -7,9 +7,15 @@ services:
         networks: [runner]
       claw-runner:
    -    image: openclaw-runner:2026.10
    +    image: openclaw-runner:2026.11
         environment:
           DOCKER_HOST: tcp://claw-socket-proxy:2375
    -      API_TOKEN: 0d1f2a3b4c5d6e7f8a9b
    +      API_TOKEN: ${API_TOKEN}
         ports: ["127.0.0.1:18888:8080"]
    +    volumes: ["./conf:/etc/runner:ro"]
    +  reaper:
    +    image: openclaw-runner:2026.11
    +    command: [reap, --older-than, 24h, --root, /srv/cache/openclaw/runner/work, --and-report-to, /srv/data/openclaw/runner/reports]
    diff --git a/runner/compose/conf/runner.json b/runner/compose/conf/runner.json
    new file mode 100644
    --- /dev/null
    +++ b/runner/compose/conf/runner.json
    @@ -0,0 +1 @@
    +{"jobs": 4}
    \\ No newline at end of file

    """
}
