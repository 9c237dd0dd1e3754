import Digests
import Foundation

@testable import Agent
@testable import CLI
@testable import Core
@testable import Daemon

/// What was written is read as the same.
private func same<Value: Codable & Equatable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
  guard let value = try? JSONDecoder().decode(type, from: Data(bytes)) else { return nil }
  let written = encode(value)
  hold(!written.isEmpty, "it can be written: \(value)")
  hold(
    (try? JSONDecoder().decode(type, from: Data(written))) == value, "it is read as it was written: \(text(written))")
  return value
}

/// Writes an input where clup looks for it.
private func place(_ bytes: [UInt8], _ name: String) -> Checkout {
  let checkout = Checkout(path: scratch + "/checkout")
  try? checkout.prepare()
  let isThere = FileManager.default.createFile(atPath: "\(checkout.path)/\(name)", contents: Data(bytes))
  hold(isThere, "a file can be written")
  return checkout
}

extension Target {
  /// `state.json` of this version and of the one before, a deployment, and the daemon's runs.
  static let state = Target("state") { bytes in
    if let file = same(StateFile.self, bytes) {
      guard let deployment = sample else { return hold(false, "a record can be read") }
      let state = file.state { _, _ in deployment }
      look(state)
      let again = StateFile(state) { stack, _ in stack }
      let written = encode(again)
      hold(
        (try? JSONDecoder().decode(StateFile.self, from: Data(written))) == again, "a state is read as it was written")
      hold(again.state { _, _ in deployment } == state, "a state is the same when it was read")
    }
    if let old = try? JSONDecoder().decode(StateVersion1.self, from: Data(bytes)) { look(old.state) }
    if let deployment = same(Deployment.self, bytes) { look(deployment) }
    if let runs = same([Run].self, bytes) { _ = runs.map(\.deliveries) }
    _ = Schema.refusal(of: "f", bytes, knowing: State.schema, lost: "it")
  }

  private static let sample = try? JSONDecoder().decode(
    Deployment.self,
    from: Data(#"{"commit":"c","project":"p","tracked":"","untracked":"","services":[],"links":{},"after":[]}"#.utf8))

  private static func look(_ state: State) {
    var state = state
    state.settle(liveRoot: "/live", checkout: "/live/clup")
    hold(!state.formerPlaces.contains("/live"), "where it lies is no former place")
    _ = (state.reachableCommits, state.wellKnown, state.hasDeployed, state.baselines)
    for name in state.stacks.keys {
      _ = state.origin(of: name, project: "p")
      hold(state.isDeployed(name) ? state.lastGood(name) == state.standing(name) : true, "what is in place is good")
    }
    for name in state.stacks.keys.sorted().prefix(3) { try? state.record(.undone, of: name) }
  }

  private static func look(_ deployment: Deployment) {
    var deployment = deployment
    _ = CommitTree(recordedBy: deployment).files
    _ = deployment.deployTimeout.map { $0.text }
    _ = deployment.inputs.differences(from: deployment.inputs)
    let all = Set(deployment.paths.keys)
    deployment.follow([:])
    hold(Set(deployment.paths.keys) == all, "no live path is lost")
    deployment.markUncertain(Set(deployment.services.map(\.name)))
  }

  /// `checked`: four sizes, and the parts; its sum is made here.
  static let checked = Target("checked") { bytes in
    let end = bytes.firstIndex(of: 10) ?? bytes.endIndex
    let body = Array(bytes[end...].dropFirst())
    let digest = SHA256()
    digest.update(body)
    let head = "clup.checked/1 \(digest.finish() ?? "none") \(text(bytes[..<end]))\n"
    guard let last = LastCheck(of: place(Array(head.utf8) + body, "checked")) else { return }
    _ = (last.commit, last.stacks, last.isSame(onDiskAt: scratch))
  }

  /// `history.jsonl`, and what is shown of it.
  static let history = Target("history") { bytes in
    for line in bytes.split(separator: 10).prefix(20) {
      guard let report = same(Report.self, Array(line)) else { continue }
      _ = (report.repeats(report), Trouble(report)?.errors)
      _ = (Render.report(report, help: nil), Render.summary(report))
      for finding in report.diagnostics { _ = Render.diagnostic(finding) }
      _ = Page.report(report, of: StatusPageModel())
    }
    let checkout = place(bytes, "history.jsonl")
    let before = checkout.history(last: 100) { _ in true }
    _ = checkout.foreignHistory(last: 100)
    let report = Report(
      id: "own", trigger: "manual", dryRun: false, host: "h", repository: "r", branch: "b",
      started: "2026-01-01T00:00:00Z")
    do throws(Failure) { try checkout.append(report) } catch {
      return hold(false, "a report can be added: \(error.message)")
    }
    let after = checkout.history(last: 101) { _ in true }
    hold(after.last == report, "what was added is the last")
    hold(Array(after.dropLast()) == before, "what was there stays")
  }
}
