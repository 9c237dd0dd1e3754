/// Judges what runs of a stack.
public enum StackChecks {
  /// Judges the containers of one service; `wanted` says how many there are to be, `start` what starts it, where none of the
  /// `obstacles` is in the way.
  public static func service(
    _ name: String, of stack: String, wanted: Int, containers: [InspectedContainer], start: String,
    obstacles: [StartObstacle] = []
  ) -> Check {
    let states = containers.sorted { $0.name < $1.name }.map { ($0, state(of: $0)) }
    let help = obstacles.isEmpty ? start : obstacles.map(\.help).joined(separator: "; ") + "; then \(start)"
    let reasons = obstacles.map { "; \($0.found)" }.joined()
    if states.isEmpty {
      let result: Check.Result = wanted == 0 ? .good : .failed
      let found = "no container" + (wanted == 0 ? "" : reasons)
      return Check(.stacks, name, stack: stack, result, found: found, expected: expected(wanted), help: help)
    }
    let found = states.map { "\($0.0.name) \($0.1.words)" }.joined(separator: ", ")
    guard
      let worst = states.filter({ $0.1.result != .good }).max(by: { $1.1.result == .failed && $0.1.result != .failed })
    else {
      let few = states.count < wanted
      return Check(
        .stacks, name, stack: stack, few ? .failed : .good, found: found + (few ? reasons : ""),
        expected: expected(wanted), help: help)
    }
    let isRunning = worst.0.isRunning
    // What never ran has written no log.
    let asks =
      obstacles.isEmpty && worst.0.state != "created" ? "`docker logs --tail 50 \(worst.0.name)` says why; " : ""
    return Check(
      .stacks, name, stack: stack, worst.1.result, found: found + (isRunning ? "" : reasons),
      expected: expected(wanted),
      help: isRunning
        ? "`docker logs --tail 50 \(worst.0.name)` and `docker inspect \(worst.0.name)` say why" : asks + help)
  }

  private static func expected(_ wanted: Int) -> String {
    wanted == 0 ? "none wanted" : wanted == 1 ? "running, and healthy if it has a health check" : "\(wanted) running"
  }

  private static func state(of container: InspectedContainer) -> (result: Check.Result, words: String) {
    switch (container.state, container.health) {
    case ("running", "unhealthy"): (.failed, "runs, unhealthy")
    case ("running", "starting"): (.warning, "runs, health check not done yet")
    case ("running", "none"): (.good, "runs")
    case ("running", let health): (.good, "runs, \(health)")
    case ("exited", _) where container.exitCode == 0 && !restarts(container.restartPolicy): (.good, "ended with 0")
    case ("exited", _): (.failed, "exited with \(container.exitCode)")
    default: (.failed, container.state)
    }
  }

  /// A command as a shell takes it.
  public static func shell(_ command: [String]) -> String {
    command.map { word in
      let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,@+".contains($0) }
      return isPlain ? word : word.quoted
    }.joined(separator: " ")
  }

  /// Judges whether the engine starts a stack's containers again; `asked` are the services whose Compose file asks for it.
  public static func restartPolicies(of stack: String, _ containers: [InspectedContainer], asked: Set<String>) -> Check?
  {
    let running = containers.filter { ["running", "restarting", "paused"].contains($0.state) && !$0.isOneOff }
    if running.isEmpty { return nil }
    let others = running.filter { !restarts($0.restartPolicy) }.sorted { $0.name < $1.name }
    let found =
      others.isEmpty
      ? Set(running.map(\.restartPolicy)).sorted().joined(separator: ", ")
      : others.map { "\($0.name): \($0.restartPolicy)" }.joined(separator: ", ")
    let silent = Set(others.map(\.service)).subtracting(asked).sorted().joined(separator: ", ")
    let update = "`docker update --restart unless-stopped \(others.map(\.name).joined(separator: " "))`"
    let isChanged = others.contains { asked.contains($0.service) }
    return Check(
      .stacks, "restart policy", stack: stack, others.isEmpty ? .good : isChanged ? .failed : .warning, found: found,
      expected: "unless-stopped or always",
      help: silent.isEmpty
        ? "\(update): somebody has changed what the Compose file asks for"
        : "say `restart: unless-stopped` for \(silent) in the Compose file and push: after a reboot it stays down; until "
          + "then \(update)")
  }

  private static func restarts(_ policy: String) -> Bool { ["always", "unless-stopped"].contains(policy) }

  /// A live path of a stack, with what its link is to say and what stands there.
  public struct Link: Sendable {
    /// The path, below the live root.
    var path: String
    /// What the link is to say.
    var wanted: String
    var found: LiveEntry
    /// The release that the link leads into although it has no such file; nothing where the file is there, or no release.
    public var damaged: String?

    /// Describes one.
    public init(path: String, wanted: String, found: LiveEntry, damaged: String? = nil) {
      (self.path, self.wanted, self.found, self.damaged) = (path, wanted, found, damaged)
    }
  }

  /// Judges the links of a stack. A sync makes links and releases that are missing; within a release it looks at nothing.
  public static func links(of stack: String, _ links: [Link], pointer isThere: Bool) -> Check? {
    if links.isEmpty { return nil }
    let wrong = links.sorted { $0.path < $1.path }.compactMap { link -> String? in
      switch link.found {
      case .link(link.wanted): link.damaged == nil && isThere ? nil : "\(link.path) leads to nothing"
      case .link(let text): "\(link.path) leads to \(text)"
      case .absent: "\(link.path) is missing"
      default: "\(link.path) is not a link"
      }
    }
    let more = wrong.count > 2 ? " and \(wrong.count - 2) more" : ""
    let directory = links.first.map { Path.parent($0.wanted) } ?? ""
    let damaged = Set(links.compactMap(\.damaged)).sorted()
    let asides = damaged.map { release in
      "`mv \(release) \(Path.parent(Path.parent(release)))/damaged-\(Path.name(release).prefix(7))`, then "
    }.joined()
    return Check(
      .stacks, "links", stack: stack, wrong.isEmpty ? .good : .failed,
      found: wrong.isEmpty
        ? "\(links.count.counted("link")) into \(directory)"
        : wrong.prefix(2).joined(separator: "; ") + more,
      expected: "links into \(directory), and files behind them",
      help: damaged.isEmpty
        ? "`clup sync --stack \(stack)` links them again, and keeps what is there as `.bak.<timestamp>`"
        : "\(asides)`clup sync` writes the whole release again; running containers keep what they have mounted")
  }
}
