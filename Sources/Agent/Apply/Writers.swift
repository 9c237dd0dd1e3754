import Core

extension Deploy {
  /// Stops the containers that may write into a release by a link that is to become a directory or a copy: what they wrote
  /// after that was copied would be lost. Only what an earlier version deployed has such containers.
  ///
  /// `shared` are the paths with pointers of their own that are led on; nothing where it is about the stack's own.
  func stopWriters(_ attempt: inout Attempt, shared: [String: DesiredLink]? = nil) async throws(Failure) {
    guard let known = await records.state.lastGood(attempt.plan.name) else { return }
    let wishes = shared ?? attempt.desired.links
    let leaving = known.paths.filter { path, link in
      guard link.kind == .link, links.isOwnLink(path) else { return false }
      return wishes.contains { wish, next in
        wish == path ? next.kind == .copy : Path.relative(wish, to: path) != nil
      }
    }.keys
    let written = known.writes.map { WritablePaths($0) }
    let paths = Set(leaving.filter { written?.touches($0) ?? true })
    if paths.isEmpty { return }
    let writers = Set(known.services.filter { $0.mounts(any: paths) }.map(\.name))
    let ids = containers.filter {
      $0.project == known.project && writers.contains($0.service) && ["running", "restarting"].contains($0.state)
    }.map(\.id)
    if ids.isEmpty { return }
    attempt.isStopped = true
    try await Up(settings: settings, programs: programs).stop(ids)
  }
}
