import Agent
import Core
import FoundationEssentials
import HTTPServer
import Processes

/// What the daemon answers.
struct Routes: Sendable {
  let version: String
  let runQueue: RunQueue
  let statusCache: StatusCache
  let counters: Counters
  let children: ChildProcesses
  /// Seconds since 1970.
  let started: Double

  var settings: Settings { children.configuration.settings }

  func answer(_ request: HTTPRequest) async -> HTTPResponse {
    // A webhook shows who it is by its signature.
    if request.path != "/webhook", let stranger = HostName.stranger(request, known: settings.serve.hosts) {
      return HTTPResponse(status: 421, text: "\(stranger)\n")
    }
    switch (request.method, request.path) {
    case ("POST", "/webhook"): return await webhook(request)
    case ("POST", "/api/v1/sync"): return await sync(request)
    case ("GET", "/api/v1/status"), ("HEAD", "/api/v1/status"): return await status()
    case ("GET", "/api/v1/history"), ("HEAD", "/api/v1/history"): return history(request)
    case ("GET", "/healthz"), ("HEAD", "/healthz"): return await health()
    case ("GET", "/readyz"), ("HEAD", "/readyz"): return ready()
    case ("GET", "/metrics"), ("HEAD", "/metrics"): return await metrics()
    default: break
    }
    if ["GET", "HEAD"].contains(request.method), request.path.hasPrefix("/api/v1/runs/") {
      return await run(String(request.path.dropFirst("/api/v1/runs/".count)))
    }
    if ["GET", "HEAD"].contains(request.method), let page = await page(request) { return page }
    let known = [
      "/webhook", "/api/v1/sync", "/api/v1/status", "/api/v1/history", "/healthz", "/readyz", "/metrics", "/",
    ]
    if known.contains(request.path) {
      let allowed = ["/webhook", "/api/v1/sync"].contains(request.path) ? "POST" : "GET, HEAD"
      var response = Self.problem(405, "\(request.path) takes \(allowed)")
      response.headers["Allow"] = allowed
      return response
    }
    return Self.problem(404, "there is nothing at this path")
  }

  // MARK: triggers

  private func webhook(_ request: HTTPRequest) async -> HTTPResponse {
    let verdict = Webhook.read(
      request, secrets: SecretFile.lines(settings.serve.webhookSecretFile), settings: settings)
    switch verdict {
    case .unsigned:
      count("unsigned")
      return HTTPResponse(status: 401, text: "")
    case .malformed(let why):
      count("malformed")
      return Self.problem(400, why)
    case .ignored(let why):
      count("ignored")
      // A 204 has no body to say it in.
      return HTTPResponse(status: 204, headers: ["Clup-Reason": why], body: [])
    case .ping:
      count("accepted")
      return Self.json(200, .object(["pong": .bool(true)]))
    case .push(let delivery):
      if let delivery, let known = await runQueue.run(delivered: delivery) {
        count("duplicate")
        return accepted(known, duplicate: true)
      }
      let response = await ask(.webhook, delivery: delivery)
      if response.status == 202 { count("accepted") }
      return response
    }
  }

  private func sync(_ request: HTTPRequest) async -> HTTPResponse {
    let given = Array((request.header("Authorization") ?? "").utf8)
    let good = SecretFile.lines(settings.serve.apiTokenFile).contains { token in
      token.withBytes { HMAC.areEqual(given, Array("Bearer ".utf8) + $0) }
    }
    guard good else {
      return HTTPResponse(status: 401, headers: ["WWW-Authenticate": "Bearer"], body: [])
    }
    return await ask(.api)
  }

  private func ask(_ trigger: Trigger, delivery: String? = nil) async -> HTTPResponse {
    do throws(Failure) { return accepted(try await runQueue.ask(trigger, delivery: delivery)) } catch {
      // What cannot be kept must not be promised.
      var response = Self.problem(503, "the run cannot be written down: \(error.message)")
      response.headers["Retry-After"] = "30"
      return response
    }
  }

  private func accepted(_ run: Run, duplicate: Bool = false) -> HTTPResponse {
    var response = Self.json(
      202,
      .object([
        "id": .string(run.id), "stage": .string(run.stage.rawValue), "duplicate": .bool(duplicate),
        "url": .string("/api/v1/runs/\(run.id)"),
      ]))
    response.headers["Location"] = "/api/v1/runs/\(run.id)"
    return response
  }

  private func count(_ result: String) { counters.change { $0.webhooks[result, default: 0] += 1 } }

  // MARK: looks

  private func run(_ id: String) async -> HTTPResponse {
    guard let run = await runQueue.run(id) else { return Self.problem(404, "there is no run of this id") }
    guard var json = try? JSON(parsing: encode(run)), case .object(var members) = json else {
      return Self.problem(500, "the run cannot be shown")
    }
    let now = children.working.now(of: run.id).compactMap { try? JSON(parsing: encode($0)) }
    members["now"] = .array(now)
    members["report"] = (report(of: run).flatMap { try? JSON(parsing: encode($0)) }) ?? .null
    members["report_id"] = run.report.map { .string($0) } ?? .null
    json = .object(members)
    return Self.json(200, json)
  }

  /// A run that found nothing to do has left no report.
  func report(of run: Run) -> Report? {
    run.report.flatMap { id in Agent.history(of: settings, last: 1) { $0.id == id }.first }
  }

  private func status() async -> HTTPResponse {
    switch await statusCache.status(within: .seconds(1)) {
    case .success(var status):
      status.configuration = children.configuration.now.problem?.message
      return HTTPResponse(status: 200, headers: Self.type, body: encode(status))
    case .failure(let error): return Self.problem(503, error.message)
    }
  }

  private func history(_ request: HTTPRequest) -> HTTPResponse {
    let count = request.queryItem("n").map { Int($0) ?? 0 } ?? 10
    guard (1...1000).contains(count) else { return Self.problem(400, "n is a number from 1 to 1000") }
    let reports = Agent.history(of: settings, last: count, stack: request.queryItem("stack"))
    return HTTPResponse(status: 200, headers: Self.type, body: encode(reports))
  }

  /// A daemon that cannot keep what it promises is not well, though it goes on.
  private func health() async -> HTTPResponse {
    if let trouble = await runQueue.trouble {
      return HTTPResponse(status: 503, text: "\(trouble.message); \(trouble.help)\n")
    }
    return HTTPResponse(status: 200, text: "alive\n")
  }

  private func ready() -> HTTPResponse {
    let now = counters.now
    if let why = now.unreachable { return HTTPResponse(status: 503, text: "the repository: \(why)\n") }
    return now.lastPoll == nil
      ? HTTPResponse(status: 503, text: "the repository was not asked yet\n")
      : HTTPResponse(status: 200, text: "ready\n")
  }

  private func metrics() async -> HTTPResponse {
    let status = try? await statusCache.status(within: .seconds(1)).get()
    var numbers = counters.now
    numbers.writeFailures = await runQueue.failures
    numbers.canWrite = await runQueue.trouble == nil
    let configuration = children.configuration.now
    (numbers.isConfigured, numbers.configured) = (configuration.problem == nil, configuration.taken)
    let text = Metrics.text(
      numbers, status: status, version: version, started: started, residentBytes: Memory.resident)
    return HTTPResponse(
      status: 200, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"], body: Array(text.utf8))
  }

  // MARK: shapes

  static let type = [
    "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
  ]

  static func json(_ status: Int, _ value: JSON) -> HTTPResponse {
    HTTPResponse(status: status, headers: type, body: value.canonical + [10])
  }

  static func problem(_ status: Int, _ message: String) -> HTTPResponse {
    json(status, .object(["error": .string(message)]))
  }
}
