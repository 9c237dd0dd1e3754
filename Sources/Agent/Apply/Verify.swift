import Core
import Engine
import FoundationEssentials
import Processes

/// Watches a stack's containers until they are what the stack promises.
struct Verify: Sendable {
  let programs: Programs
  /// Whether somebody else works on the stack now, which ends the watch.
  var isOvertaken: @Sendable () -> Bool = { false }

  struct Result: Sendable {
    var error: String?
    /// Whether somebody took a container away: no fault of what is deployed.
    var isRemoved = false
    var logTail: [String] = []
    var containers: [WatchedContainer] = []

    /// What failed, and whose fault that is.
    func failure(help: String) -> Failure? {
      error.map { isRemoved ? Failure(.host, $0, help: "sync again") : Failure(.deploy, $0, help: help) }
    }
  }

  /// Watches a stack become what it promises, then asks its probes; `before` are the ids of the containers from before
  /// the deploy, which began to change them at `began`. `note` is told what is waited for.
  func settle(
    _ stack: DesiredStack, before: Set<String>, since began: ContinuousClock.Instant, by events: ProjectEvents,
    until end: ContinuousClock.Instant, note: (String) -> Void
  ) async throws(Failure) -> Result {
    var seen = Seen()
    var result = try await watch(stack, before, began, &seen, events, until: max(end, .now + .seconds(1)), note)
    guard result.error == nil, !stack.probes.isEmpty else { return result }
    note("its probes to answer")
    let complaint = try await Probing(programs: programs, isOvertaken: isOvertaken).ask(
      stack.probes, of: result.containers, in: stack.services.map(\.name), until: end)
    if let complaint {
      result.error = complaint.message
      if let container = complaint.container { result.logTail = await tail(container) }
      return result
    }
    // What ended while it was asked is not good.
    return try await watch(stack, before, began, &seen, events, until: max(end, .now + .seconds(1)), note)
  }

  /// What was seen of containers in earlier looks.
  private struct Seen {
    /// How often each had been started again when it began to count.
    var restarts: [String: Int] = [:]
    /// When each was first seen, by its id and the number of its starts.
    var first: [String: ContinuousClock.Instant] = [:]

    /// Corrects how long containers have been running: the engine's moments are those of a clock that somebody may set.
    ///
    /// What a check said before counts no more: a container that was paused is unhealthy until its next one.
    mutating func age(_ containers: inout [WatchedContainer], but before: Set<String>, since began: Duration) {
      for index in containers.indices
      where containers[index].health == "unhealthy" && containers[index].checked.map({ $0 > began }) ?? false {
        containers[index].health = "starting"
      }
      for index in containers.indices where containers[index].state == "running" {
        let one = containers[index]
        let since = first["\(one.id) \(one.restarts)", default: .now]
        first["\(one.id) \(one.restarts)"] = since
        let longest = before.contains(one.id) ? one.age : min(one.age, began)
        containers[index].age = max(longest, since.duration(to: .now))
      }
    }
  }

  /// Waits for a verdict on a project; each event of its containers, and the time that a verdict asks for, brings a new look.
  private func watch(
    _ stack: DesiredStack, _ before: Set<String>, _ began: ContinuousClock.Instant, _ seen: inout Seen,
    _ events: ProjectEvents, until end: ContinuousClock.Instant, _ note: (String) -> Void
  ) async throws(Failure) -> Result {
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    events.begin()
    events.wake()
    var result = Result()
    var reason = "nothing was seen of it"
    var next = events.looks.makeAsyncIterator()
    while await next.next() != nil {
      if isOvertaken() { return result }
      result.containers = try await look(stack.project)
      // What ran before counts from where it stands, and once more where it was started again since.
      for container in result.containers where before.contains(container.id) && seen.restarts[container.id] == nil {
        let again = container.restarts > 0 && container.age < began.duration(to: .now)
        seen.restarts[container.id] = container.restarts - (again ? 1 : 0)
      }
      seen.age(&result.containers, but: before, since: began.duration(to: .now))
      if let gone = Self.removed(stack, result.containers) {
        (result.error, result.isRemoved) = (gone, true)
        return result
      }
      switch Verdict.of(stack.services, containers: result.containers, restarts: seen.restarts) {
      case .good:
        if let uncovered = try await uncoveredContainer(stack, result.containers) {
          (result.error, result.isRemoved) = (uncovered, false)
        }
        return result
      case .failed(let why, let id):
        result.error = why
        result.logTail = await tail(id)
        return result
      case .wait(let time, let why, let goal):
        if reason != why { note(goal) }
        reason = why
        let left = end - ContinuousClock.now
        if left <= .zero {
          result.error = "not ready after \(Self.seconds(began.duration(to: end))): \(reason)"
          let slow = result.containers.filter { $0.state != "running" || !["healthy", "none"].contains($0.health) }
            .worst
          if let slow { result.logTail = await tail(slow.id) }
          return result
        }
        // A second at most, for an engine whose events stopped coming.
        let pause = min(left, time ?? .seconds(1), .seconds(1))
        timer?.cancel()
        timer = Task {
          do { try await Task.sleep(for: pause) } catch { return }
          events.wake()
        }
      }
    }
    throw Failure.interrupted
  }

  /// Compose has made every container by now: one that is missing does not come any more.
  private static func removed(_ stack: DesiredStack, _ containers: [WatchedContainer]) -> String? {
    for service in stack.services {
      let count = containers.filter { $0.service == service.name }.count
      if count < service.replicas {
        return
          "\(service.name) has \(count) of \(service.replicas) containers: somebody removed one while it was watched"
      }
    }
    return nil
  }

  /// Returns which container can write to the stack's directory although it is to be kept from it: a link in its image may have led
  /// the mount elsewhere.
  private func uncoveredContainer(_ stack: DesiredStack, _ containers: [WatchedContainer]) async throws(Failure)
    -> String?
  {
    if stack.covers.isEmpty { return nil }
    let uncovered = try await programs.uncovered(try await programs.containers(ofProject: stack.project))
    return containers.first { uncovered[$0.id] != nil }.map { container in
      "\(container.service) can write to \(uncovered[container.id] ?? ""): a link in its image sends the read-only mount elsewhere"
    }
  }

  /// Returns a time that was set in whole seconds, less what went by until it was used.
  private static func seconds(_ time: Duration) -> String { "\((time.milliseconds + 500) / 1000) s" }

  /// Looks at the containers of a project, as they are now.
  func look(_ project: String) async throws(Failure) -> [WatchedContainer] {
    let listed = try await programs.ask { engine throws(EngineError) in
      try await engine.containers(labels: [ComposeLabel.of(project), "\(ComposeLabel.oneOff)=False"])
    }
    let removed = try await programs.inRemovedNetworks(listed)
    return try await programs.inspections(of: listed.map(\.id)).map { inspected in
      var container = WatchedContainer(inspected: inspected, at: Date())
      container.networks?.subtract(removed[container.id] ?? [])
      return container
    }
  }

  /// Returns the last lines of a container's log.
  func tail(_ container: String) async -> [String] {
    do throws(EngineError) {
      let log = try await programs.engine.log(of: container, lines: 20)
      let mask = await programs.mask(ofContainer: container)
      // Two streams, each with the time that a line came.
      let lines = String(decoding: log.output + [10] + log.errors, as: UTF8.self).split(separator: "\n")
        .map { $0.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false) }.filter { $0.count == 2 }
      return lines.sorted { $0[0] < $1[0] }.suffix(20).map { mask.hide(String($0[1].prefix(500)).printable) }
    } catch {
      return []
    }
  }
}
