import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("Probes", .disabled(if: Host.skips)) struct Probes {
    /// A server on loopback that answers each request with the same text, after some seconds.
    static let server = """
      import http.server, sys, time
      class Answer(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              time.sleep(float(sys.argv[4]))
              self.send_response(int(sys.argv[2]))
              self.send_header("Content-Length", str(len(sys.argv[3])))
              self.end_headers()
              self.wfile.write(sys.argv[3].encode())
      http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
      """

    static func serving(_ status: Int, _ body: String, after delay: Int = 0, _ test: (Int) async throws -> Void)
      async throws
    {
      let port = Int.random(in: 20000..<30000)
      let server = Task {
        try await run(
          Command(
            "/bin/sh", ["-c", "exec python3 -c \"$0\" \"$@\"", Self.server, "\(port)", "\(status)", body, "\(delay)"],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""], deadline: .seconds(120)))
      }
      do { try await test(port) } catch {
        server.cancel()
        throw error
      }
      server.cancel()
    }

    @Test func `a good answer is good: over HTTP, in the container, at the third try`() async throws {
      try await Self.serving(200, "{\"ok\": true, \"peers\": 3}") { port in
        try await Self.serving(204, "") { other in
          let probes = """
            x-clup:
              probes:
                - {http: "http://127.0.0.1:\(port)/healthz", json: {ok: true}, retries: 20}
                - {http: "http://127.0.0.1:\(other)/", status: 204, retries: 20}
                - {exec: 'test "$$G" = two && echo >> /n && [ $$(wc -l < /n) -ge 3 ]', service: web, interval: 100ms, retries: 5}

            """
          try await Host.with(["a/compose.yaml": probes + sleeper("web", "environment: {G: two}")]) { host in
            #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
            let id = try #require(try await host.containers()["a/web"])
            #expect(try await host.docker("exec", id, "cat", "/n") == "\n\n\n")
          }
        }
      }
    }

    @Test(arguments: [
      (503, "{\"ok\": true}", "json: {ok: true}", "it answered 503"),
      (200, "{\"ok\": false}", "json: {ok: true}", "ok is not true"),
      (200, "{\"ok\": true}", "status: 204", "it answered 200, not 204"),
      (200, "hello", "json: {ok: true}", "its answer is no JSON"),
      (200, "{\"token\": \"TokenValue77\"}", "json: {token: x}", "token has another value"),
    ])
    func `a bad answer takes the stack back`(_ status: Int, _ body: String, _ wish: String, _ cause: String)
      async throws
    {
      try await Self.serving(status, body) { port in
        try await Host.with(["a/compose.yaml": sleeper()]) { host in
          _ = try await host.sync()
          try await host.push([
            "a/compose.yaml": "x-clup: {probes: [{http: 'http://127.0.0.1:\(port)/', \(wish), retries: 3}]}\n"
              + sleeper()
          ])
          let stack = try #require(try await host.sync(expect: 1).stacks.first)
          #expect(stack.outcome == .rolledBack)
          #expect(stack.error?.contains(cause) == true, "\(stack.error ?? "")")
          #expect(stack.error?.contains("TokenValue77") == false)
        }
      }
    }

    @Test func `the host's own probes win, and fixing them lifts the hold`() async throws {
      let file = "x-clup: {probes: [{exec: 'true', service: web}]}\n" + sleeper()
      try await Host.with(["a/compose.yaml": file], settings: "stacks: {a: {probes: [{exec: 'true'}]}}\n") { host in
        _ = try await host.sync()
        let settings = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try host.write("clup.yaml", settings.replacing("'true'", with: "'exit 9', retries: 0"), in: host.root)
        try await host.push(["a/compose.yaml": file + "    labels: {x: y}\n"])
        let stack = try #require(try await host.sync(expect: 1).stacks.first)
        #expect(stack.error?.contains("it exited with status 9") == true, "\(stack)")
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.held])
        try host.write("clup.yaml", settings, in: host.root)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `each replica is asked`() async throws {
      let file = "x-clup: {probes: [{exec: 'test ! -e /no', service: web, retries: 0}]}\n"
      let service = sleeper("web", "scale: 3").replacing(
        "sleep 100000", with: "[sh, -c, 'mkdir /lock/x 2>/dev/null || echo > /no; sleep 100000']")
      let good = service.replacing("scale: 3", with: "scale: 3\n    volumes: ['lock:/lock']") + "volumes: {lock: {}}\n"
      try await Host.with(["a/compose.yaml": file + good]) { host in
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.failed])
        for (_, id) in try await host.containers() { try await host.docker("rm", "-f", id) }
        try await host.shell(
          "docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=a) >/dev/null; docker volume rm a_lock"
        )
      }
    }

    @Test func `I8: what a probe needs to know is in no file, report or argument of clup's`() async throws {
      let secrets = ["EnvValue4411", "FileValue4422"]
      let file = """
        x-clup:
          probes:
            - {http: "http://127.0.0.1:PORT/?token=${PROBE_TOKEN}", retries: 1}

        """
      try await Host.with(
        [
          "a/compose.yaml": "x-clup: {probes: [{exec: 'true', service: web}]}\n"
            + sleeper("web", "env_file: [data/own]"),
          "b/compose.yaml": sleeper(),
        ], live: ["a/.env": "PROBE_TOKEN=\(secrets[0])\n", "a/data/own": "API_TOKEN=\(secrets[1])\n"]
      ) { host in
        _ = try await host.sync()
        let web = sleeper("web", "env_file: [data/own]", "labels: {x: y}")
        var seen = ""
        try await Self.serving(500, "", after: 1) { port in
          try await host.push(["a/compose.yaml": file.replacing("PORT", with: "\(port)") + web])
          let watching = Task {
            try await host.shell(
              "for i in $(seq 60); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; sleep 0.1; done")
          }
          #expect(try await host.sync(expect: 1).stacks.first?.error?.contains("it answered 500") == true)
          seen = try await watching.value
        }
        #expect(seen.contains("docker-compose") && !seen.contains("token="))
        try await host.push([
          "a/compose.yaml":
            "x-clup: {probes: [{exec: 'echo token is $$API_TOKEN; exit 3', service: web, retries: 0}]}\n" + web
        ])
        _ = try await host.sync(expect: 1)
        let told = try await host.shell("cat \(host.checkout)/state.json \(host.checkout)/history.jsonl")
        #expect(told.contains("token is ${API_TOKEN}"))
        for secret in secrets { #expect(!seen.contains(secret) && !told.contains(secret)) }
      }
    }
  }
}
