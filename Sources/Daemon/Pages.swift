import Agent
import Core
import FoundationEssentials
import Glibc
import HTTPServer

extension Routes {
  /// Returns a page for people, where the path names one.
  func page(_ request: HTTPRequest) async -> HTTPResponse? {
    switch request.path {
    case "/": return Self.shown(200, Page.overview(await seen()))
    case "/plan":
      let seen = await seen()
      let plan = await statusCache.plan(within: .seconds(25))
      return Self.shown(200, Page.plan(report: plan.report, diff: plan.diff, error: plan.error, of: seen))
    default: break
    }
    guard request.path.hasPrefix("/runs/") else {
      let wantsPage = request.header("Accept")?.contains("text/html") ?? false
      return wantsPage && !request.path.hasPrefix("/api/")
        ? Self.shown(404, Page.missing(request.path, of: await seen())) : nil
    }
    let id = String(request.path.dropFirst("/runs/".count))
    var seen = await seen()
    if let run = await runQueue.run(id) {
      seen.working = children.working.now(of: id)
      if let report = report(of: run) { return Self.shown(200, Page.report(report, of: seen)) }
      return Self.shown(200, Page.run(run, of: seen))
    }
    // A sync by hand has a report, and no run.
    if let report = Agent.history(of: settings, last: 1, where: { $0.id == id }).first {
      return Self.shown(200, Page.report(report, of: seen))
    }
    return Self.shown(404, Page.missing(request.path, of: seen))
  }

  private func seen() async -> StatusPageModel {
    var seen = StatusPageModel()
    seen.host = hostName()
    seen.repository = settings.shownRepository
    seen.branch = settings.branch
    seen.version = version
    seen.now = Date().timeIntervalSince1970
    // What a sync tells needs no look at the host; that one would keep it from its work.
    let isBusy = await runQueue.runs.contains { $0.stage == .running }
    switch await statusCache.status(within: .seconds(isBusy ? 5 : 2)) {
    case .success(let status): seen.status = status
    case .failure(let error): seen.statusError = error.message
    }
    seen.reports = Agent.history(of: settings, last: 20).reversed()
    seen.runs = await runQueue.runs.suffix(20).reversed()
    let numbers = counters.now
    seen.reached = numbers.lastPoll.map { Date(timeIntervalSince1970: $0).formatted(.iso8601) } ?? seen.status?.reached
    seen.unreachable = numbers.unreachable
    seen.repairPaused = numbers.repairPaused
    seen.working = children.working.now
    let configuration = children.configuration.now
    seen.unconfigured = configuration.problem.map { "\($0.message); \($0.help)" }
    seen.restart = configuration.restart
    seen.unwritten = await runQueue.trouble?.message
    return seen
  }

  private static func shown(_ status: Int, _ page: [UInt8]) -> HTTPResponse {
    HTTPResponse(status: status, headers: Page.headers, body: page)
  }
}
