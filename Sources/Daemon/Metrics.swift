import Agent
import Core

/// The text that Prometheus reads.
struct Metrics: Sendable {
  private var lines: [String] = []

  /// Tells of the daemon's numbers and of each stack; `status` is nothing where it could not be asked.
  static func text(
    _ numbers: Counters.Numbers, status: Status?, version: String, started: Double, residentBytes: Int
  ) -> String {
    var metrics = Metrics()
    metrics.family("clup_build_info", "gauge", "The running clup.", [([("version", version)], 1)])
    let outcomes = ["unchanged", "deployed", "refused", "failed"]
    metrics.family(
      "clup_sync_total", "counter", "Syncs by outcome.",
      outcomes.map { ([("outcome", $0)], Double(numbers.syncs[$0] ?? 0)) })
    metrics.histogram("clup_sync_duration_seconds", "How long syncs took.", numbers.durations)
    metrics.family("clup_sync_running", "gauge", "Whether a sync is running.", [([], numbers.running > 0 ? 1 : 0)])
    let results = ["accepted", "duplicate", "ignored", "unsigned", "malformed"]
    metrics.family(
      "clup_webhook_requests_total", "counter", "Webhook requests by result.",
      results.map { ([("result", $0)], Double(numbers.webhooks[$0] ?? 0)) })
    metrics.family(
      "clup_drift_repairs_total", "counter", "Repairs of drift by stack.",
      numbers.repairs.sorted { $0.key < $1.key }.map { ([("stack", $0.key)], Double($0.value)) })
    metrics.family(
      "clup_repository_reachable", "gauge", "Whether the last poll reached the repository.",
      numbers.lastPoll == nil && numbers.unreachable == nil ? [] : [([], numbers.unreachable == nil ? 1 : 0)])
    metrics.family(
      "clup_last_poll_timestamp_seconds", "gauge", "When the repository was last reached.",
      numbers.lastPoll.map { [([], $0)] } ?? [])
    metrics.family(
      "clup_last_success_timestamp_seconds", "gauge", "When a sync last ended with everything in place.",
      numbers.lastSuccess.map { [([], $0)] } ?? [])
    metrics.standing(numbers, status)
    metrics.stacks(status?.stacks ?? [])
    metrics.family("process_start_time_seconds", "gauge", "When the daemon started.", [([], started)])
    metrics.family(
      "process_resident_memory_bytes", "gauge", "Memory that the daemon holds.", [([], Double(residentBytes))])
    return metrics.lines.joined(separator: "\n") + "\n"
  }

  /// Tells what keeps clup from its work, or soon will.
  private mutating func standing(_ numbers: Counters.Numbers, _ status: Status?) {
    family(
      "clup_engine_reachable", "gauge", "Whether Docker Engine answers.",
      status.map { [([], $0.error == nil ? 1 : 0)] } ?? [])
    family(
      "clup_checkout_writable", "gauge", "Whether the daemon could write its own files at the last try.",
      [([], numbers.canWrite ? 1 : 0)])
    family(
      "clup_write_failures_total", "counter", "How often the daemon could not write its own files.",
      [([], Double(numbers.writeFailures))])
    family(
      "clup_config_last_reload_successful", "gauge",
      "Whether the configuration file could be used when it was last read.",
      [([], numbers.isConfigured ? 1 : 0)])
    family(
      "clup_config_last_reload_success_timestamp_seconds", "gauge", "When the configuration in use was read.",
      [([], numbers.configured)])
    family(
      "clup_waivers_ending", "gauge", "Waivers that have ended, or will within two weeks.",
      status.map { [([], Double($0.waivers.count))] } ?? [])
    let baseline = status?.baseline.map { count in
      [("accepted", count.accepted), ("ending", count.ending), ("ended", count.ended)]
    }
    family(
      "clup_baseline_findings", "gauge",
      "Findings of the baseline by state: accepted, ending (within 14 days), ended.",
      baseline?.map { ([("state", $0)], Double($1)) } ?? [])
    family(
      "clup_waiting_timestamp_seconds", "gauge", "When a sync or a stack began to wait for something that is away.",
      (status?.waiting ?? []).compactMap { waiting in
        Moments.seconds(waiting.since).map {
          ([("for", waiting.outage.rawValue), ("stack", waiting.stack ?? "")], $0)
        }
      })
  }

  private mutating func stacks(_ stacks: [Status.Stack]) {
    func each(_ name: String, _ help: String, _ value: (Status.Stack) -> Double?) {
      family(name, "gauge", help, stacks.compactMap { stack in value(stack).map { ([("stack", stack.name)], $0) } })
    }
    family(
      "clup_stack_info", "gauge", "The commit that each stack runs.",
      stacks.map { ([("stack", $0.name), ("commit", $0.commit ?? "")], 1) })
    each("clup_stack_healthy", "Whether a stack's services all run, and are healthy.") {
      $0.health == "unknown" ? nil : ["healthy", "running"].contains($0.health) ? 1 : 0
    }
    each("clup_stack_pinned", "Whether a rollback pinned a stack.") { $0.pin == nil ? 0 : 1 }
    family(
      "clup_stack_pinned_timestamp_seconds", "gauge", "When a rollback pinned a stack, and at which commit.",
      stacks.compactMap { stack in
        guard let pin = stack.pin, let since = stack.pinnedSince.flatMap(Moments.seconds) else { return nil }
        return ([("stack", stack.name), ("commit", pin)], since)
      })
    each("clup_stack_held", "Whether a commit failed for a stack and is not tried again.") { $0.held == nil ? 0 : 1 }
    each("clup_stack_drift", "Whether a stack differs from what was deployed.") { $0.drift.isEmpty ? 0 : 1 }
    each("clup_commits_behind", "How many commits a pinned stack is behind the branch.") { Double($0.behind ?? 0) }
  }

  private mutating func family(
    _ name: String, _ type: String, _ help: String, _ samples: [([(String, String)], Double)]
  ) {
    guard !samples.isEmpty else { return }
    head(name, type, help)
    for (labels, value) in samples { sample(name, labels, value) }
  }

  private mutating func histogram(_ name: String, _ help: String, _ histogram: Counters.Histogram) {
    head(name, "histogram", help)
    for (bound, count) in zip(Counters.Histogram.bounds, histogram.counts) {
      sample("\(name)_bucket", [("le", Self.number(bound))], Double(count))
    }
    sample("\(name)_bucket", [("le", "+Inf")], Double(histogram.count))
    sample("\(name)_sum", [], histogram.sum)
    sample("\(name)_count", [], Double(histogram.count))
  }

  private mutating func head(_ name: String, _ type: String, _ help: String) {
    lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"]
  }

  private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
    let text = labels.map { label, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      return "\(label)=\"\(escaped)\""
    }
    lines.append("\(name)\(text.isEmpty ? "" : "{\(text.joined(separator: ","))}") \(Self.number(value))")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }
}
