import Core
import Foundation
import Processes
import Testing

/// `clup serve` of one host, as a person would start it.
struct Daemon {
  let host: Host
  let address: String

  /// Starts it, and waits until it listens.
  init(_ host: Host, environment: [String: String] = [:]) async throws {
    self.host = host
    let program = try #require(Host.binary)
    let variables = (host.environment.merging(environment) { _, new in new }).map { "\($0.key)='\($0.value)'" }
    // The shell stays until the daemon has left its group, which ends with it.
    address = try await host.shell(
      "rm -f served; env -i \(variables.joined(separator: " ")) setsid \(program) serve --config clup.yaml >/dev/null 2>served </dev/null & echo $! >daemon; for _ in $(seq 200); do sed -n 's/^serving on //p' served | grep . && exit; kill -0 $(cat daemon) || break; sleep 0.1; done; cat served >&2; exit 1"
    ).trimmingCharacters(in: .newlines)
    try #require(!address.isEmpty)
  }

  static let settings = """
    sync: {interval: 1h}
    serve: {listen: "127.0.0.1:0", webhook_secret_file: SECRETS/webhook, api_token_file: SECRETS/token}

    """

  /// Gives a test a host with secrets and a daemon, and takes both away again.
  static func with(
    _ files: [String: String], settings: String = settings, _ test: (Host, Daemon) async throws -> Void
  ) async throws {
    try await Host.with(files, settings: settings) { host in
      try await host.shell(
        "mkdir secrets; echo webhook-secret >secrets/webhook; echo api-token-1 >secrets/token; chmod 600 secrets/*; sed -i s,SECRETS,$PWD/secrets,g clup.yaml"
      )
      let daemon = try await Daemon(host)
      // A sync that is under way ends with its daemon, and must be gone before its containers are taken away.
      let end =
        "kill -9 $(cat daemon) 2>/dev/null; for _ in $(seq 100); do pgrep -f \(host.root)/[c]lup.yaml >/dev/null || break; sleep 0.1; done"
      do { try await test(host, daemon) } catch {
        try await host.shell("\(end); cat served >&2; true")
        throw error
      }
      try await host.shell("\(end); true")
    }
  }

  /// Asks with curl; gives the status and the body.
  func ask(_ path: String, _ options: String = "") async throws -> (status: Int, body: String) {
    let text = try await host.shell("curl -s --max-time 20 \(options) -w '\\n%{http_code}' http://\(address)\(path)")
    let end = try #require(text.lastIndex(of: "\n"))
    return (Int(text[end...].dropFirst()) ?? 0, String(text[..<end]))
  }

  /// Sends a push as GitHub does, signed by openssl; gives the run's id.
  @discardableResult
  func push(_ delivery: String, branch: String = "main") async throws -> (status: Int, id: String?) {
    try await host.shell(
      "printf '{\"ref\": \"refs/heads/\(branch)\", \"d\": \"\(delivery)\"}' >body; openssl dgst -sha256 -hmac webhook-secret <body | sed 's/.* //' >signature"
    )
    let answer = try await ask(
      "/webhook",
      "-X POST --data-binary @body -H 'Content-Type: application/json' -H 'X-GitHub-Event: push' -H 'X-GitHub-Delivery: \(delivery)' -H \"X-Hub-Signature-256: sha256=$(cat signature)\""
    )
    return (answer.status, (try? JSON(parsing: Array(answer.body.utf8)))?["id"]?.string)
  }

  /// Waits for a run to end.
  func ended(_ id: String) async throws -> JSON {
    for _ in 0..<300 {
      let answer = try await ask("/api/v1/runs/\(id)")
      if let run = try? JSON(parsing: Array(answer.body.utf8)), run["stage"]?.string == "ended" { return run }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("the run \(id) did not end: \(try await ask("/api/v1/runs/\(id)").body)")
    return .null
  }

  /// Waits until a line of shell succeeds; gives the seconds that it took.
  @discardableResult
  func until(_ condition: String, within seconds: Int = 20) async throws -> Double {
    let start = ContinuousClock.now
    try await host.shell(
      "for _ in $(seq \(seconds * 20)); do \(condition) && exit 0; sleep 0.05; done; cat served >&2; exit 1")
    return Double((ContinuousClock.now - start).milliseconds) / 1000
  }
}

extension EndToEnd {
  @Suite("clup serve", .disabled(if: Host.skips)) struct Serving {
    @Test func `a push deploys, its run answers, and what is not a push to the branch is not looked at`() async throws {
      try await Daemon.with(["a/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        let commit = try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        let first = try await daemon.push("one")
        #expect(first.status == 202)
        let run = try await daemon.ended(try #require(first.id))
        #expect(run["outcome"]?.string == "deployed" && run["commit"]?.string == commit)
        #expect(run["report"]?["stacks"]?.array.first?["reasons"]?.array == [.string("labels changed")])
        #expect(run["report"]?["trigger"]?.string == "webhook")
        // The same delivery once more is known.
        let again = try await daemon.push("one")
        #expect(again.status == 202 && again.id == first.id)
        #expect(try await daemon.push("two", branch: "next").status == 204)
        let unsigned = try await daemon.ask("/webhook", "-X POST -d '{\"ref\": \"refs/heads/main\"}'")
        #expect(unsigned.status == 401 && unsigned.body.isEmpty)
        for header in ["Content-Type: x", "Transfer-Encoding: chunked"] {
          let large = try await host.shell(
            "head -c 2000000 /dev/zero | curl -s -o large -w '%{http_code}' -H '\(header)' -H Expect: --data-binary @- http://\(daemon.address)/webhook; true"
          )
          #expect(large == "413", "\(header)")
        }
        for (path, options, status) in [
          ("/api/v1/sync", "-X POST", 401), ("/api/v1/sync", "-X POST -H 'Authorization: Bearer api-token-2'", 401),
          ("/api/v1/sync", "-X POST -H 'Authorization: Bearer api-token-1'", 202), ("/api/v1/status", "", 200),
          ("/api/v1/history?n=5", "", 200), ("/api/v1/history?n=x", "", 400), ("/api/v1/runs/none", "", 404),
          ("/healthz", "", 200), ("/readyz", "", 200), ("/metrics", "", 200), ("/nothing", "", 404),
          ("/webhook", "", 405),
          ("/api/v1/status", "-X POST", 405),
        ] {
          #expect(try await daemon.ask(path, options).status == status, "\(path) \(options)")
        }
        let metrics = try await daemon.ask("/metrics").body
        #expect(metrics.contains("clup_webhook_requests_total{result=\"duplicate\"} 1"))
        #expect(metrics.contains("clup_stack_info{stack=\"a\",commit=\"\(commit)\"} 1"))
        #expect(try await daemon.ask("/api/v1/history?n=100").body.contains("webhook-secret") == false)
      }
    }

    @Test func `a daemon that is killed after its answer does what it promised when it is there again`() async throws {
      try await Daemon.with(["a/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        for (round, delay) in [0.0, 0.1, 0.4, 1.2].enumerated() {
          let commit = try await host.push(["a/compose.yaml": sleeper("web", "labels: {round: '\(round)'}")])
          let id = try #require(try await daemon.push("round-\(round)").id)
          try await Task.sleep(for: .milliseconds(Int(delay * 1000)))
          try await host.shell("kill -9 $(cat daemon)")
          let next = try await Daemon(host)
          let run = try await next.ended(id)
          #expect(run["exit_status"] == .integer(0), "\(run)")
          #expect(try await host.status()["a"]?["commit"]?.string == commit)
          // The address changes with each start; the next round asks the one that is there.
          try await host.shell("kill -9 $(cat daemon)")
          if round < 3 { try await restart(host, daemon) }
        }
      }
    }

    @Test func `SIGHUP reads the configuration again, and one that is wrong keeps the one from before`() async throws {
      try await Daemon.with(["a/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        try await host.shell("cp clup.yaml good; echo 'nonsense: 1' >>clup.yaml; kill -HUP $(cat daemon)")
        try await daemon.until("grep -q 'the last valid one stays in use' served")
        #expect(try await daemon.ask("/api/v1/status").body.contains("unknown key nonsense"))
        #expect(try await daemon.ask("/").body.contains("The configuration cannot be used as it is now"))
        #expect(try await daemon.ask("/metrics").body.contains("\nclup_config_last_reload_successful 0\n"))
        // Its syncs go by the one from before, too.
        let commit = try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        #expect(try await daemon.ended(try #require(try await daemon.push("one").id))["commit"]?.string == commit)
        try await host.shell("sed 's/interval: 1h/interval: 2h/' good >clup.yaml; kill -HUP $(cat daemon)")
        try await daemon.until("grep -q 'was read again' served")
        #expect(try await daemon.ask("/metrics").body.contains("\nclup_config_last_reload_successful 1\n"))
      }
    }

    /// Starts a daemon at the address of one that is gone.
    private func restart(_ host: Host, _ daemon: Daemon) async throws {
      try await host.shell("sed -i 's,listen: \"[^\"]*\",listen: \"\(daemon.address)\",' clup.yaml")
      _ = try await Daemon(host)
      try await daemon.until("curl -sf http://\(daemon.address)/readyz")
    }

    @Test func `a container that is removed, stopped or made anew by hand is seen and put right, but not for ever`()
      async throws
    {
      try await Daemon.with(["a/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        let idle = "curl -s http://\(daemon.address)/metrics | grep -q 'clup_sync_running 0'"
        let byHand = host.root + "/hand.yaml"
        try "services: {web: {environment: {BY: hand}}}\n".write(toFile: byHand, atomically: true, encoding: .utf8)
        let now =
          "docker ps -q --filter label=com.docker.compose.project=a | xargs docker inspect --format '{{.State.Status}} {{.Config.Env}}'"
        let before = try await host.shell(now).trimmingCharacters(in: .newlines)
        let leftAlone = "grep -q 'left alone for now' served"
        // On a slow machine what is seen may be a step on the way there, and be put right as well: what is removed or made
        // again is stopped first.
        for (reason, change) in [
          ("\\(configuration differs\\|remov\\|exited\\|created\\)", []), ("exited", ["stop", "-t", "0"]),
          ("\\(remov\\|exited\\)", ["rm", "-f"]),
        ] {
          let told = try await host.shell("grep -c '^a: drift: .*\(reason)' served || true").trimmingCharacters(
            in: .newlines)
          if change.isEmpty {
            _ = try await host.compose("a", "-f", "compose.yaml", "-f", byHand, "up", "-d")
          } else {
            let id = try #require(try await host.containers()["a/web"])
            try await host.shell("docker \(change.joined(separator: " ")) \(id)")
          }
          let seen = try await daemon.until("[ $(grep -c '^a: drift: .*\(reason)' served) -gt \(told) ]")
          #expect(seen < 2, "\(reason)")
          try await daemon.until("\(leftAlone) || \(now) 2>&1 | grep -qxF '\(before)'")
          try await daemon.until(idle)
        }
        // The fourth time within ten minutes is the will of a person.
        for _ in 0..<4 {
          guard let id = try await host.containers()["a/web"] else { break }
          try await host.docker("rm", "-f", id)
          try await daemon.until("\(leftAlone) || \(now) 2>&1 | grep -qxF '\(before)'")
          try await daemon.until(idle)
        }
        try await daemon.until(leftAlone)
        #expect(try await daemon.ask("/api/v1/sync", "-X POST -H 'Authorization: Bearer api-token-1'").status == 202)
        try await daemon.until(idle)
        #expect(try await host.containers().isEmpty)
        // A person's own sync puts it right.
        #expect(try await host.sync("--stack", "a").stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `drift: report tells of it and leaves it alone`() async throws {
      try await Daemon.with(
        ["a/compose.yaml": sleeper()],
        settings: Daemon.settings.replacing("{interval: 1h}", with: "{interval: 1h, drift: report}")
      ) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        try await host.docker("rm", "-f", try #require(try await host.containers()["a/web"]))
        try await daemon.until("grep -q 'a: drift: container removed' served")
        let report = try await host.sync()
        #expect(report.stacks.map(\.outcome) == [.unchanged])
        #expect(report.stacks.first?.reasons == ["left alone: drift: container removed"])
        #expect(try await host.containers().isEmpty)
        // A new commit is no drift.
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `a deploy under way is no failure, and keeps no other stack from being put right`() async throws {
      try await Daemon.with(["a/compose.yaml": sleeper(), "b/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        try await host.push(["a/compose.yaml": ConcurrentSyncs.slow])
        let run = try #require(try await daemon.push("slow").id)
        let isBusy = "curl -s http://\(daemon.address)/api/v1/status | grep -q '\"busy\":true.*\"health\":\"starting\"'"
        try await daemon.until(isBusy)
        let page = try await daemon.ask("/").body
        #expect(page.contains("being deployed") && !page.contains("not in place"))
        #expect(page.contains("Under way") && page.contains("waiting for web to become healthy"), "\(page)")
        let now = try JSON(parsing: Array(try await daemon.ask("/api/v1/runs/\(run)").body.utf8))["now"]?.array.first
        #expect(now?["stack"]?.string == "a" && now?["limit"] == .integer(300), "\(String(describing: now))")
        #expect(try await daemon.ask("/api/v1/status").body.contains(Differences.unfinished) == false)
        try await host.docker("rm", "-f", try #require(try await host.containers()["b/web"]))
        try await daemon.until("grep -q 'drift: repaired b' served")
        try await daemon.until(isBusy)
        try await host.docker("exec", try #require(try await host.containers()["a/web"]), "touch", "/tmp/ok")
        #expect(try await daemon.ended(run)["exit_status"] == .integer(0))
        #expect(try await host.status().values.allSatisfy { $0["busy"] == .bool(false) && $0["drift"]?.array == [] })
      }
    }

    @Test func `a signed push gets through a flood, and many become one`() async throws {
      try await Daemon.with(["a/compose.yaml": sleeper()]) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        let before = try await daemon.ask("/metrics").body
        try host.write(
          "flood.py",
          """
          import http.client, socket, sys, threading, time
          host, port = "\(daemon.address)".rsplit(":", 1)
          left = [10000]; lock = threading.Lock(); broken = [0]
          def client(kind):
            while True:
              with lock:
                if left[0] <= 0: return
                left[0] -= 1; number = left[0]
              try:
                if kind == "slow" and number % 40 == 0:
                  s = socket.create_connection((host, int(port)), timeout=5)
                  s.sendall(b"POST /webhook HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\nab"); time.sleep(0.3); s.close(); continue
                c = http.client.HTTPConnection(host, int(port), timeout=10)
                path = ["/webhook", "/", "/healthz", "/nothing", "/api/v1/sync"][number % 5]
                c.request("POST" if number % 2 else "GET", path, body=b"x" * (number % 3000), headers={"X-Hub-Signature-256": "sha256=00"})
                c.getresponse().read(); c.close()
              except Exception: broken[0] += 1
          threads = [threading.Thread(target=client, args=("slow" if n % 4 == 0 else "quick",)) for n in range(64)]
          [t.start() for t in threads]; [t.join() for t in threads]
          print(broken[0])

          """, in: host.root)
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        async let flood = host.shell("python3 flood.py")
        try await Task.sleep(for: .seconds(1))
        let start = ContinuousClock.now
        var ids: Set<String> = []
        for number in 0..<10 {
          let answer = try await daemon.push("flood-\(number)")
          #expect(answer.status == 202)
          if let id = answer.id { ids.insert(id) }
        }
        #expect(start.duration(to: .now) < .seconds(60), "ten signed pushes, each with two programs of the test's own")
        #expect(ids.count <= 3, "\(ids)")
        for id in ids { #expect(try await daemon.ended(id)["exit_status"] == .integer(0)) }
        let broken = try await flood.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try #require(Int(broken)) < 500, "of 10,000 requests")
        let after = try await daemon.ask("/metrics").body
        func memory(_ text: String) throws -> Double {
          let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("process_resident_memory_bytes") })
          return try #require(Double(line.split(separator: " ")[1]))
        }
        #expect(try memory(after) - memory(before) < 16e6)
      }
    }

    @Test func `a checkout that cannot be written is told, and the daemon goes on when it can be again`() async throws {
      let settings = Daemon.settings.replacing("interval: 1h", with: "interval: 1s")
      try await Daemon.with(["a/compose.yaml": sleeper()], settings: settings) { host, daemon in
        try await daemon.until("curl -sf http://\(daemon.address)/readyz")
        try await host.shell("chattr +i live/clup")
        do {
          try await daemon.until("curl -s http://\(daemon.address)/healthz | grep -q 'cannot write.*runs.json'")
          #expect(try await daemon.ask("/healthz").status == 503)
          let metrics = try await daemon.ask("/metrics").body
          #expect(metrics.contains("clup_checkout_writable 0") && !metrics.contains("clup_write_failures_total 0"))
          #expect(try await host.shell("cat served").contains("runs.json"))
          #expect(try await daemon.push("while").status == 503)
          try await Task.sleep(for: .seconds(3))
        } catch {
          try await host.shell("chattr -i live/clup")
          throw error
        }
        try await host.shell("chattr -i live/clup")
        let commit = try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        try await daemon.until("curl -s http://\(daemon.address)/api/v1/status | grep -q '\(commit)'", within: 30)
        try await daemon.until("test $(curl -s -o /dev/null -w '%{http_code}' http://\(daemon.address)/healthz) = 200")
        #expect(try await daemon.ask("/metrics").body.contains("clup_checkout_writable 1"))
        let after = try await daemon.push("after")
        #expect(after.status == 202)
        _ = try await daemon.ended(try #require(after.id))
      }
    }

    @Test func `a page of another name is not answered, a webhook and the host's own names are`() async throws {
      let settings = Daemon.settings.replacing("serve: {", with: "serve: {hosts: [clup.example.org], ")
      try await Daemon.with(["a/compose.yaml": sleeper()], settings: settings) { host, daemon in
        // What the first sync starts must be there to be taken away at the end.
        try await daemon.until("test -n \"$(docker ps -q --filter label=com.docker.compose.project=a)\"")
        for path in ["/", "/plan", "/api/v1/status", "/api/v1/history", "/metrics", "/healthz", "/nothing"] {
          let answer = try await daemon.ask(path, "-H 'Host: rebound.example'")
          #expect(answer.status == 421 && answer.body.contains("serve: {hosts:"), "\(path): \(answer)")
        }
        let sync = "-X POST -H 'Authorization: Bearer api-token-1' -H 'Host: rebound.example'"
        #expect(try await daemon.ask("/api/v1/sync", sync).status == 421)
        for name in ["clup.example.org", "clup.example.org:443", "localhost:1", "[::1]:18890"] {
          #expect(try await daemon.ask("/healthz", "-H 'Host: \(name)'").status == 200, "\(name)")
        }
        #expect(try await daemon.ask("/webhook", "-X POST -d '{}' -H 'Host: rebound.example'").status == 401)
      }
    }

    @Test func `TERM ends it with the sync that it started`() async throws {
      try await Daemon.with([
        "a/compose.yaml": sleeper("a", "healthcheck: {test: [CMD, 'false'], interval: 60s}")
      ]) { host, daemon in
        try await daemon.until("test -n \"$(docker ps -q --filter label=com.docker.compose.project=a)\"")
        try await host.shell(
          "kill -TERM $(cat daemon); for _ in $(seq 200); do kill -0 $(cat daemon) 2>/dev/null || exit 0; sleep 0.1; done; exit 1"
        )
        #expect(try await host.shell("pgrep -f '\(host.root)/[c]lup.yaml' || true") == "")
      }
    }
  }
}
