/// Judges how clup itself runs on a host.
public enum ServiceChecks {
  /// The units that `deploy/install` puts in place, and what is asked of each.
  public static let units = ["clup.service", "clup-sync.timer", "clup-sync.service"]
  /// See `units`.
  public static let properties = ["Id", "LoadState", "ActiveState", "UnitFileState", "Result", "ReadWritePaths"]

  /// Reads the answer to `systemctl show`: the properties of each unit, by its name.
  public static func parse(_ shown: String) -> [String: [String: String]] {
    let blocks = shown.split(separator: "\n", omittingEmptySubsequences: false).split { $0.isEmpty }
    return blocks.reduce(into: [:]) { units, block in
      let values = block.reduce(into: [String: String]()) { values, line in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 { values[parts[0]] = parts[1] }
      }
      if let name = values["Id"] { units[name] = values }
    }
  }

  /// Judges the units; `places` are where clup has to write.
  public static func judge(_ units: [String: [String: String]], places: [String]) -> [Check] {
    let (daemon, timer) = (units["clup.service"] ?? [:], units["clup-sync.timer"] ?? [:])
    func isLoaded(_ unit: [String: String]) -> Bool { unit["LoadState"] == "loaded" }
    func isActive(_ unit: [String: String]) -> Bool { ["active", "activating"].contains(unit["ActiveState"]) }
    guard isLoaded(daemon) || isLoaded(timer) else {
      return [
        Check(
          .service, "unit", .warning, found: "no unit of clup's is installed",
          expected: "clup.service or clup-sync.timer, active and enabled",
          help:
            "`deploy/install --live-root \(places.first ?? "DIR")`, then `systemctl enable --now clup.service`; until "
            + "then it syncs only when somebody calls `clup sync`")
      ]
    }
    let usesTimer = isActive(timer) && !isActive(daemon) || !isLoaded(daemon)
    let (name, unit) = usesTimer ? ("clup-sync.timer", timer) : ("clup.service", daemon)
    let writer = usesTimer ? units["clup-sync.service"] ?? [:] : daemon
    return [state(name, unit)] + (writer["ReadWritePaths"].map { [paths($0, of: name, places: places)] } ?? [])
  }

  private static func state(_ name: String, _ unit: [String: String]) -> Check {
    let active = unit["ActiveState"] ?? "unknown"
    let isEnabled = unit["UnitFileState"] == "enabled"
    let result = unit["Result"].flatMap { ["", "success"].contains($0) ? nil : " (\($0))" } ?? ""
    let isActive = ["active", "activating"].contains(active)
    return Check(
      .service, name, isActive ? isEnabled ? .good : .warning : .failed,
      found: "\(active)\(result), \(unit["UnitFileState"] ?? "unknown")", expected: "active, enabled",
      help: isActive
        ? "`systemctl enable \(name)`: after a reboot it would not start"
        : "`systemctl enable --now \(name)`; `journalctl -u \(name) -n 50` says why it ended")
  }

  /// A unit may write only where paths.conf says, whatever the configuration says now.
  private static func paths(_ text: String, of unit: String, places: [String]) -> Check {
    let writable = text.split(separator: " ").map { Path.normalized(String($0.drop { "-+".contains($0) })) }
    let missing = places.filter { place in !writable.contains { Path.relative(place, to: $0) != nil } }
    return Check(
      .service, "writable paths", missing.isEmpty ? .good : .failed,
      found: missing.isEmpty ? writable.joined(separator: ", ") : "not \(missing.joined(separator: ", "))",
      expected: places.joined(separator: ", "),
      help: "run `deploy/install --live-root \(places.first ?? "DIR")`"
        + (places.count > 1 ? " --checkout \(places[1])" : "") + " again: \(unit) may write nowhere else")
  }

  /// Judges the daemon's answers to `/healthz` and `/readyz`: the status, or what went wrong instead.
  public static func daemon(at address: String, health: Result<Int, Complaint>, ready: Result<Int, Complaint>)
    -> [Check]
  {
    func judge(_ path: String, _ answer: Result<Int, Complaint>, _ result: Check.Result, _ help: String) -> Check {
      let found =
        switch answer {
        case .success(let status): "\(address) answers \(status)"
        case .failure(let complaint): complaint.text
        }
      let isGood = if case .success(200) = answer { true } else { false }
      return Check(.service, path, isGood ? .good : result, found: found, expected: "200", help: help)
    }
    return [
      judge("/healthz", health, .failed, "`journalctl -u clup -n 50`; check that the checkout's disk has room"),
      judge("/readyz", ready, .warning, "see the repository's check in this list"),
    ]
  }

  /// Why there was no answer.
  public struct Complaint: Error, Sendable, Equatable {
    let text: String
    /// Keeps it.
    public init(_ text: String) { self.text = text }
  }

  /// Names the waivers that have ended or will soon.
  public static func waivers(_ policy: Policy, today: String) -> [Check] {
    policy.ending(by: today).map { text in
      Check(
        .service, "waiver", .warning, found: text, expected: "waivers that last for two weeks and more",
        help:
          "fix what it covers, or review it and set a new `expires:`; after its end, new commits that need it are refused"
      )
    }
  }

  /// Judges what the last sync of the branch came to.
  public static func lastSync(_ report: Report?, _ trouble: Trouble?) -> Check {
    if let trouble {
      let what = trouble.outcome == .refused ? "refused" : "failing"
      return Check(
        .service, "last sync", .failed,
        found: "\(what) since \(trouble.since): \(trouble.errors.first ?? "no reason was recorded")",
        expected: "in sync", help: "`clup sync --dry-run` says what it needs")
    }
    guard let report else {
      return Check(.service, "last sync", skipped: "nothing was synced yet: `clup sync --dry-run`")
    }
    let commit = report.commit.map { " at \($0.prefix(7))" } ?? ""
    return Check(
      .service, "last sync", [.failed, .refused].contains(report.outcome) ? .failed : .good,
      found: "\(report.outcome.rawValue)\(commit), \(report.started)", expected: "in sync",
      help: "`clup sync --dry-run` says what it needs")
  }
}
