import Core

extension Deploy {
  /// Brings a group of stacks to the commit, side by side and each in its order. All of those that stand on the same
  /// changed file get there, or none of them stays.
  func deployGroup(_ group: [StackPlan]) async -> [Result] {
    let start = ContinuousClock.now
    var attempts = Dictionary(group.compactMap { Attempt($0, in: group) }.map { ($0.plan.name, $0) }) { first, _ in
      first
    }
    var ended = Ended()
    let members = Set(attempts.keys)
    // What a sync that was cut off had led already still ties them.
    let paths = shared.filter {
      !$0.value.users.isDisjoint(with: members) && ($0.value.mustMoveTogether || moving.contains($0.key))
    }
    await goForward(&attempts, &ended, paths)
    var reports = await remember(attempts.filter { ended.causes[$0.key] == nil }.map(\.value))
    let left = attempts.filter { reports[$0.key] == nil }
    await goBack(left, ended, paths, &reports)
    return group.enumerated().compactMap { index, plan in
      guard var report = reports[plan.name] else { return nil }
      report.durationMs = (ContinuousClock.now - start).milliseconds
      // What failed before it touched anything has made no link.
      let own = attempts[plan.name].map { $0.progress.reached == .nothing ? [] : $0.progress.links } ?? []
      return Result(
        stack: report, links: own + (index == 0 ? ended.links : []),
        isOvertaken: execute.locks.wasTakenOver(plan.name))
    }
  }

  /// Records the stacks that were seen in place. Where that cannot be written they stay as they are: nothing is wrong with what
  /// runs, and the next sync, which looks at them again, records them.
  private func remember(_ good: [Attempt]) async -> [String: StackReport] {
    do throws(Failure) { return try await settle(good) } catch {
      checkout.reserve.makeRoom()
      do throws(Failure) { return try await settle(good) } catch {
        return good.reduce(into: [:]) { reports, attempt in
          var report = attempt.plan.report(.failed)
          report.show(attempt.progress.containers)
          report.error = "it is healthy, but that cannot be recorded: \(error.message); \(error.help)"
          reports[attempt.plan.name] = report
        }
      }
    }
  }

  /// Goes to the commit with all that can: first what changes nothing, then the shared paths, then each stack in its order.
  private func goForward(
    _ attempts: inout [String: Attempt], _ ended: inout Ended, _ paths: [String: SharedPath]
  ) async {
    await step(&attempts, &ended, inOrder: false) { attempt throws(Failure) in try await prepare(&attempt) }
    take(along: attempts, paths, &ended)
    ended.going = Set(attempts.keys).subtracting(ended.causes.keys)
    if ended.going.isEmpty { return }
    do throws(Failure) {
      try await begin(ended.going.compactMap { attempts[$0] })
      let wishes = paths.filter { moving.contains($0.key) && !$0.value.users.isDisjoint(with: ended.going) }
      for name in ended.going.sorted() {
        guard var attempt = attempts[name] else { continue }
        defer { attempts[name] = attempt }
        try await stopWriters(&attempt, replacing: wishes.mapValues(\.link))
      }
      // What shares nothing, and has something to go back to, leaves that to a rollback that comes meanwhile.
      if attempts.count == 1, paths.isEmpty, let name = attempts.keys.first, case .deployment = attempts[name]?.former {
        attempts[name]?.progress.yields = true
      }
      ended.links = try await sharedLinks.switchPaths(
        wishes.mapValues(\.link), with: Set(attempts.keys).union(attempts.values.compactMap(\.origin)))
      await step(&attempts, &ended, inOrder: true) { attempt throws(Failure) in try await reach(&attempt) }
    } catch {
      for name in ended.going { ended.causes[name] = error }
    }
    take(along: attempts, paths, &ended)
  }

  /// Goes back with all that cannot stay at the commit: what failed is written down first, then the shared paths go back,
  /// then each stack.
  private func goBack(
    _ failed: [String: Attempt], _ ended: Ended, _ paths: [String: SharedPath], _ reports: inout [String: StackReport]
  ) async {
    var failed = failed
    if !failed.isEmpty { checkout.reserve.makeRoom() }
    for (name, cause) in ended.causes where !ended.skipped.contains(name) {
      if var attempt = failed[name] {
        await holdCommit(&attempt, because: cause)
        failed[name] = attempt
      }
    }
    var obstacle: Failure?
    for (name, attempt) in failed {
      do throws(Failure) {
        let way = try await materialized(attempt.former)
        failed[name]?.change.linksReplacedByDirectories = attempt.former.linksReplacedByDirectories(in: way)
        failed[name]?.former = way
      } catch { obstacle = error }
    }
    let isLed = !ended.going.isEmpty || failed.values.contains(where: \.change.isResumed)
    if isLed, settings.sync.onFailure == .rollback, ended.cut == nil {
      let back = paths.filter { path, shared in failed.values.contains { $0.former.needs(path, otherThan: shared.link) }
      }
      do throws(Failure) { try await sharedLinks.putBack(back.keys, for: failed.values.map(\.former)) } catch {
        obstacle = error
      }
    }
    for name in order(of: failed) {
      guard let attempt = failed[name], let cause = ended.causes[name] else { continue }
      // What was not begun may have had a shared directory turned under it.
      let isSkipped = ended.skipped.contains(name) && attempt.failed.isUntouched
      var report = attempt.plan.report(isSkipped ? .skipped : .failed)
      if isSkipped {
        report.error = cause.message
        do throws(Failure) { if ended.cut == nil { try await undo(attempt) } } catch {
          report.error = "\(cause.message); \(error.message)"
        }
      } else {
        await leave(attempt, because: cause, obstacle, &report)
      }
      reports[name] = report
    }
  }

  /// How far a group came.
  private struct Ended {
    /// Why a stack does not stay at the commit.
    var causes: [String: Failure] = [:]
    /// Those that were not begun.
    var skipped: Set<String> = []
    /// Those that got past what changes nothing.
    var going: Set<String> = []
    /// What was done at the live paths that they share.
    var links: [LinkReport] = []

    /// What ended the way of all of them, and of none by its own fault: the sync was ended, or the engine went away.
    var cut: Failure? {
      causes.values.first { $0.kind == .interrupted } ?? causes.values.first { $0.outage == .engine }
    }
  }

  /// Does one step for all of those that still go, each in its turn.
  private func step(
    _ attempts: inout [String: Attempt], _ ended: inout Ended, inOrder: Bool,
    _ work: @escaping @Sendable (inout Attempt) async throws(Failure) -> Void
  ) async {
    let own = StackScheduler(slots: 0)
    let going = attempts.filter { ended.causes[$0.key] == nil }
    typealias End = (attempt: Attempt, failure: Failure?, skipped: Bool)
    let ends = await withTaskGroup(of: End.self) { group in
      for attempt in going.values {
        group.addTask {
          var end: End = (attempt, nil, false)
          for earlier in attempt.plan.after where inOrder && going[earlier] != nil {
            if await own.end(of: earlier) { continue }
            let why = "it comes after \(earlier), which is not at its commit"
            end = (attempt, Failure(.host, why, help: "sync again when that one is fixed"), true)
          }
          if end.failure == nil {
            await execute.scheduler.take()
            if Task.isCancelled {
              await execute.scheduler.give()
              end = (attempt, Failure(.interrupted, "the sync was interrupted", help: "sync again"), true)
            } else {
              do throws(Failure) { try await work(&end.attempt) } catch { end.failure = error }
            }
          }
          await own.report(attempt.plan.name, good: end.failure == nil)
          return end
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for end in ends {
      let name = end.attempt.plan.name
      attempts[name] = end.attempt
      ended.causes[name] = end.failure
      if end.skipped { ended.skipped.insert(name) }
    }
  }

  /// Finds those that cannot stay, since what they stand on goes back.
  private func take(along attempts: [String: Attempt], _ paths: [String: SharedPath], _ ended: inout Ended) {
    if let cut = ended.cut {
      for name in attempts.keys where ended.causes[name] == nil {
        ended.causes[name] = cut
        if attempts[name]?.progress.reached == .nothing { ended.skipped.insert(name) }
      }
      return
    }
    guard settings.sync.onFailure == .rollback else { return }
    while true {
      let found = attempts.keys.sorted().filter { ended.causes[$0] == nil }.compactMap { name in
        why(name, attempts, paths, ended.causes).map { (name, $0.words, $0.outage) }
      }
      if found.isEmpty { return }
      for (name, why, outage) in found {
        let help = outage == nil ? "fix that one, and push again" : "clup tries again by itself"
        ended.causes[name] = Failure(.host, why, help: help, outage: outage)
      }
    }
  }

  private func why(
    _ name: String, _ attempts: [String: Attempt], _ paths: [String: SharedPath], _ causes: [String: Failure]
  ) -> (words: String, outage: Outage?)? {
    for (path, shared) in paths.sorted(by: { $0.key < $1.key }) where shared.users.contains(name) {
      for other in causes.keys.sorted() where shared.users.contains(other) {
        if attempts[other]?.former.needs(path, otherThan: shared.link) == true {
          return ("it shares \(path) with \(other), which failed with the new version", causes[other]?.outage)
        }
      }
    }
    if let taker = attempts[name]?.plan.handsTo.keys.sorted().first(where: { causes[$0] != nil }) {
      return ("\(taker) was to take over its services, and is being rolled back", causes[taker]?.outage)
    }
    return attempts[name]?.plan.after.first { causes[$0] != nil }.map { other in
      ("it comes after \(other), which is being rolled back", causes[other]?.outage)
    }
  }

  /// Returns the names with those first that others come after; what a stack was to hand over is its again once the others have
  /// let go of it.
  private func order(of attempts: [String: Attempt]) -> [String] {
    var (ordered, rest) = ([String](), attempts.keys.sorted())
    func earlier(_ name: String) -> Set<String> {
      let after = (attempts[name]?.plan.after ?? []).filter { attempts[$0]?.plan.handsTo[name] == nil }
      return Set(after).union(attempts[name]?.plan.handsTo.keys.map { $0 } ?? [])
    }
    while let index = rest.firstIndex(where: { earlier($0).isDisjoint(with: rest) }) {
      ordered.append(rest.remove(at: index))
    }
    return ordered + rest
  }
}
