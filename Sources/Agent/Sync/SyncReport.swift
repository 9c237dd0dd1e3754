import Core
import Encoding
import FoundationEssentials
import Git
import Glibc

extension Sync.Ended {
  mutating func refuse(_ prepared: Prepare.Prepared) {
    report.outcome = .refused
    report.links = []
    let refused = Set(prepared.diagnostics.filter(\.refuses).compactMap(\.stack))
    let planned = Dictionary(prepared.plan.stacks.map { ($0.name, $0) }) { first, _ in first }
    // A rollback is about the stacks that it names.
    let isRollback = report.trigger == "rollback"
    let others = isRollback ? [] : prepared.discovery.stacks.map(\.name)
    report.stacks = Set(others).union(planned.keys).sorted().map { name in
      if isRollback, var stack = planned[name]?.report(refused.contains(name) ? .refused : .skipped) {
        // Nothing is pinned by it.
        stack.reasons = ["the rollback is refused"]
        return stack
      }
      let outcome: StackReport.Outcome = refused.contains(name) ? .refused : .held
      guard let stack = planned[name] else { return StackReport(name: name, outcome: outcome) }
      if outcome == .held, stack.work == .none { return stack.report(stack.target.idle) }
      var held = stack.report(outcome)
      if outcome == .held { held.reasons.append("waiting: the commit is refused") }
      return held
    }
  }

  mutating func fail(_ failure: Failure) {
    self.failure = failure
    report.outcome = [.refused, .incompleteSelection].contains(failure.kind) ? .refused : .failed
    (report.error, report.help) = (failure.message, failure.help)
    report.waitsFor = failure.outage
  }
}

extension Report {
  init(starting date: Date, request: SyncRequest, settings: Settings) {
    self.init(
      id: timedID(at: date, UInt16.random(in: .min ... .max)), trigger: request.trigger, dryRun: request.dryRun,
      host: hostName(), repository: redacted(settings.repository), branch: settings.branch,
      started: date.formatted(.iso8601))
  }
}

/// Returns an id that sorts by time, with a number that tells ids of one second apart: `20260102T030405Z-1a2b`.
public func timedID(at date: Date, _ number: some FixedWidthInteger & UnsignedInteger) -> String {
  let moment: String = date.formatted(.iso8601)
  return "\(moment.filter { $0 != "-" && $0 != ":" })-\(number.hexadecimal)"
}

/// Returns this host's name.
public func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  gethostname(&name, 255)
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
