import Core

extension Deploy {
  /// Brings a group of stacks to the commit, side by side and each in its order. All of those that stand on the same
  /// changed file get there, or none of them stays.
  func bring(_ group: [StackPlan]) async -> [Result] {
    let start = ContinuousClock.now
    var attempts = Dictionary(group.compactMap { Attempt($0) }.map { ($0.plan.name, $0) }) { first, _ in first }
    var ended = Ended()
    let members = Set(attempts.keys)
    let paths = shared.filter { moving.contains($0.key) && !$0.value.users.isDisjoint(with: members) }
    await step(&attempts, &ended, inOrder: false) { attempt throws(Failure) in try await prepare(&attempt) }
    if ended.causes.isEmpty {
      do throws(Failure) {
        try await remember(attempts.values.map { $0 })
        ended.links = try await sharedLinks.lead(paths.mapValues(\.link), with: members)
        ended.led = true
      } catch {
        for name in members { ended.causes[name] = error }
      }
    }
    if ended.led {
      await step(&attempts, &ended, inOrder: true) { attempt throws(Failure) in try await reach(&attempt) }
    }
    take(along: attempts, paths, &ended)
    var reports: [String: StackReport] = [:]
    let good = attempts.filter { ended.causes[$0.key] == nil }
    do throws(Failure) {
      for (name, report) in try await settle(good.values.map { $0 }) { reports[name] = report }
    } catch {
      for name in good.keys { ended.causes[name] = error }
    }
    let left = attempts.filter { reports[$0.key] == nil }
    var goingBack: Failure?
    if ended.led, settings.sync.onFailure == .rollback, !ended.isInterrupted {
      do throws(Failure) { try await sharedLinks.putBack(paths.keys, for: left.values.map(\.former)) } catch {
        goingBack = error
      }
    }
    for name in order(of: left) {
      guard let attempt = left[name], let cause = ended.causes[name] else { continue }
      var report = attempt.plan.report(ended.skipped.contains(name) ? .skipped : .failed)
      if ended.skipped.contains(name) {
        report.error = cause.message
      } else {
        await leave(attempt, because: cause, goingBack, &report)
      }
      reports[name] = report
    }
    return group.enumerated().compactMap { index, plan in
      guard var report = reports[plan.name] else { return nil }
      report.durationMs = (ContinuousClock.now - start).milliseconds
      return Result(stack: report, links: (attempts[plan.name]?.links ?? []) + (index == 0 ? ended.links : []))
    }
  }

  /// How far a group came.
  private struct Ended {
    /// Why a stack does not stay at the commit.
    var causes: [String: Failure] = [:]
    /// Those that were not begun.
    var skipped: Set<String> = []
    /// Whether the files that they share are at the commit.
    var led = false
    var links: [LinkReport] = []

    var isInterrupted: Bool { causes.values.contains { $0.kind == .interrupted } }
  }

  /// Does one step for all of them, each in its turn.
  private func step(
    _ attempts: inout [String: Attempt], _ ended: inout Ended, inOrder: Bool,
    _ work: @escaping @Sendable (inout Attempt) async throws(Failure) -> Void
  ) async {
    let own = Turns(slots: 0)
    let names = Set(attempts.keys)
    enum End: Sendable { case done, failed(Failure), skipped(String) }
    let ends = await withTaskGroup(of: (Attempt, End).self) { group in
      for attempt in attempts.values {
        group.addTask {
          var attempt = attempt
          for earlier in attempt.plan.after where inOrder && names.contains(earlier) {
            guard await own.end(of: earlier) else {
              await own.report(attempt.plan.name, good: false)
              return (attempt, .skipped("it comes after \(earlier), which is not at its commit"))
            }
          }
          await turns.take()
          var end = End.done
          do throws(Failure) { try await work(&attempt) } catch { end = .failed(error) }
          if case .done = end {
            await own.report(attempt.plan.name, good: true)
          } else {
            await own.report(attempt.plan.name, good: false)
          }
          return (attempt, end)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for (attempt, end) in ends {
      let name = attempt.plan.name
      attempts[name] = attempt
      switch end {
      case .done: continue
      case .failed(let failure): ended.causes[name] = failure
      case .skipped(let why):
        ended.causes[name] = Failure(.host, why, help: "sync again when that one is mended")
        ended.skipped.insert(name)
      }
    }
  }

  /// Finds those that cannot stay, since what they stand on goes back.
  private func take(along attempts: [String: Attempt], _ paths: [String: SharedPath], _ ended: inout Ended) {
    if ended.isInterrupted {
      for name in attempts.keys where ended.causes[name] == nil {
        ended.causes[name] = Failure(.interrupted, "the sync was interrupted", help: "sync again")
      }
      return
    }
    guard settings.sync.onFailure == .rollback else { return }
    while true {
      let found = attempts.keys.sorted().filter { ended.causes[$0] == nil }.compactMap { name in
        why(name, attempts, paths, ended.causes).map { (name, $0) }
      }
      if found.isEmpty { return }
      for (name, why) in found {
        ended.causes[name] = Failure(.host, why, help: "mend that one, and push again")
      }
    }
  }

  private func why(
    _ name: String, _ attempts: [String: Attempt], _ paths: [String: SharedPath], _ causes: [String: Failure]
  ) -> String? {
    for (path, shared) in paths.sorted(by: { $0.key < $1.key }) where shared.users.contains(name) {
      for other in causes.keys.sorted() where shared.users.contains(other) {
        if let id = attempts[other]?.former.content(of: path), id != shared.link.id {
          return "it shares \(path) with \(other), which cannot have it as it is now"
        }
      }
    }
    return attempts[name]?.plan.after.first { causes[$0] != nil }.map { "it comes after \($0), which goes back" }
  }

  /// Gives the names with those first that others come after.
  private func order(of attempts: [String: Attempt]) -> [String] {
    var (ordered, rest) = ([String](), attempts.keys.sorted())
    while let index = rest.firstIndex(where: { Set(attempts[$0]?.plan.after ?? []).isDisjoint(with: rest) }) {
      ordered.append(rest.remove(at: index))
    }
    return ordered + rest
  }
}
