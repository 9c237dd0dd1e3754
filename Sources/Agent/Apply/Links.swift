import Core
import Git
import Glibc

/// Brings live paths to what the plan says, each by one rename.
struct Links: Sendable {
  let settings: Settings
  let mirror: Mirror
  let observe: Observe
  /// Every live path that the plan as a whole wants.
  var wanted: Set<String> = []
  /// The live paths that containers may write to, or could before.
  var written = MountedPaths([])

  /// Works on each live path; looks again right before, since a plan may be minutes old when its stack's turn comes.
  func apply(
    _ plans: [LinkPlan], turn: () throws(Failure) -> Void = {}
  ) async throws(Failure) -> [LinkReport] {
    var reports = plans.map(\.report)
    try await apply(plans, noting: &reports, turn: turn)
    return reports
  }

  /// Notes each backup as it is made, so that what ends halfway can be undone.
  ///
  /// `turn` leads the pointers to the new commit, after what is to leave a release: what was written there through a link
  /// is found by the pointer.
  func apply(
    _ plans: [LinkPlan], noting reports: inout [LinkReport], turn: () throws(Failure) -> Void = {}
  ) async throws(Failure) {
    let replacement = LinkReplacement(links: self)
    let leaving = plans.map { plan in
      plan.materializes || isBelowMaterialized(plan, plans) || plan.desired?.kind == .copy && isOwnLink(plan.live)
    }
    for index in plans.indices where leaving[index] { try await work(on: plans, index, replacement, &reports) }
    try turn()
    for index in plans.indices where !leaving[index] { try await work(on: plans, index, replacement, &reports) }
  }

  private func work(
    on plans: [LinkPlan], _ index: Int, _ replacement: LinkReplacement, _ reports: inout [LinkReport]
  ) async throws(Failure) {
    let plan = plans[index]
    if plan.action == .keep { return }
    if plan.materializes {
      let kept = try await replacement.materialize(plan, for: plans.filter { $0.desired != nil })
      for other in plans.indices { reports[other].backup = kept[plans[other].live] ?? reports[other].backup }
      return
    }
    if isBelowMaterialized(plan, plans), isLinked(plan) { return }
    let parent = Path.parent(plan.live)
    let content = try await content(plan)
    let edited = try await replacement.edited(plan)
    let directory = try DirectoryHandle(settings.liveRoot, parent, create: plan.action != .remove)
    do throws(Failure) {
      reports[index].backup = try replaceEntry(plan, content, edited, directory).map { Path.join(parent, $0) }
    } catch {
      throw error.naming(directory.path, as: Path.join(settings.liveRoot, parent))
    }
  }

  /// Returns a record of what was good as it can be gone back to: where a directory of the host's own came into the place of
  /// a link, it stays, with what containers wrote into it.
  func materialized(_ good: Deployment) async throws(Failure) -> Deployment {
    let directories = good.paths.filter { path, link in
      guard link.kind == .link, observe.live(path) == .directory else { return false }
      return !Files.names(in: Path.join(settings.liveRoot, path)).isEmpty
    }
    var trees: [String: CommitTree] = [:]
    for commit in Set(directories.values.compactMap(\.commit)) where await mirror.contains(commit) {
      do throws(GitError) {
        trees[commit] = try await CommitTree(of: commit, in: mirror, settings)
      } catch {
        throw Failure(.host, error.message, help: "sync again")
      }
      if let tree = trees[commit] { _ = try await stored.recall(Array(directories.values.map(\.from)), in: tree) }
    }
    return good.materialized(where: { directories[$0] != nil }) { commit, path in
      trees[commit].map { Array($0.files(under: path)) }
    }
  }

  /// What the checkout keeps of what commits only name.
  var stored: StoredContent { StoredContent(settings: settings, checkout: observe.checkout, mirror: mirror) }

  private func isBelowMaterialized(_ plan: LinkPlan, _ plans: [LinkPlan]) -> Bool {
    plans.contains { $0.materializes && $0.live != plan.live && Path.relative(plan.live, to: $0.live) != nil }
  }

  /// Whether a link of clup's own stands at a live path.
  func isOwnLink(_ live: String) -> Bool {
    Files.link(at: Path.join(settings.liveRoot, live)).map(observe.links.isOwn) ?? false
  }

  private func isLinked(_ plan: LinkPlan) -> Bool {
    switch observe.live(plan.live) {
    case .file(let id): plan.desired?.kind == .copy && plan.desired?.id == id
    case .link(let text): plan.desired?.kind == .link && plan.target == text
    default: false
    }
  }

  /// Puts back what stood at live paths before clup came; a backup stays next to what came from it.
  ///
  /// `links` are those that clup made since, maybe in a sync that was cut off; `backups` those of this one, by live path.
  func undo(
    _ found: [String: LiveEntry], links: [String: DesiredLink], _ backups: [String: String]
  ) throws(Failure) {
    for (live, former) in found.sorted(by: { $0.key < $1.key }) {
      let parent = Path.join(settings.liveRoot, Path.parent(live))
      // What was not reached may not even have a directory.
      guard let above = Files.status(parent), Files.isDirectory(above) else { continue }
      let directory = try DirectoryHandle(settings.liveRoot, Path.parent(live), create: false)
      let place = "\(directory.path)/\(Path.name(live))"
      let present = observe.entry(at: place)
      let ours =
        switch present {
        case .absent: former != .absent
        case .link(let text): observe.links.isOwn(text)
        case .file(let id): (links[live]?.wrote(id) ?? false) && present != former
        default: false
        }
      guard ours else { continue }
      do throws(Failure) {
        try putBack(former, at: place, from: backups[live])
      } catch {
        throw error.naming(directory.path, as: parent)
      }
      Files.flush(directory.path)
    }
  }

  /// Keeps what stands there under a second name, then renames the new entry over the first one.
  ///
  /// `edited` is the file behind a link of clup's own, where it is no longer the commit's.
  private func replaceEntry(
    _ plan: LinkPlan, _ content: [UInt8], _ edited: String?, _ directory: borrowing DirectoryHandle
  ) throws(Failure) -> String? {
    let name = Path.name(plan.live)
    let place = "\(directory.path)/\(name)"
    let present = observe.entry(at: place)
    if plan.action == .remove {
      if present == plan.found {
        var restored = plan.restored ?? .absent
        // A backup that somebody has removed or changed keeps nobody from going on.
        if case .file = restored, backup(of: place, as: restored) == nil { restored = .absent }
        try putBack(restored, at: place, from: nil)
      }
      Files.flush(directory.path)
      // Named for whoever wants it back; nobody knows whether that is so.
      return backups(of: place).last
    }
    let fresh = Files.unique(place)
    if let wish = plan.desired, wish.kind == .copy {
      try write(content, wish, to: fresh, like: Files.status(place))
    } else {
      guard symlink(plan.target, fresh) == 0 else { throw Files.failure("cannot link \(place)") }
    }
    do throws(Failure) {
      if present == .absent {
        // Unlike a rename, this fails when something appears at the last moment.
        guard link(fresh, place) == 0 else { throw Files.failure("cannot put \(place) in place") }
        unlink(fresh)
        Files.flush(directory.path)
        return nil
      }
      var own = present == plan.found && !plan.backsUp
      var backup: String?
      if case .link(let text) = present, observe.links.isOwn(text) {
        own = true
        if let edited, let status = Files.status(edited) {
          let name = backupName(of: place)
          try Files.copy(edited, status, to: name, opening: true)
          backup = name
        }
      }
      if !own { backup = try keep(place) }
      guard rename(fresh, place) == 0 else { throw Files.failure("cannot put \(place) in place") }
      Files.flush(directory.path)
      return backup.map(Path.name)
    } catch {
      unlink(fresh)
      throw error
    }
  }

  func content(_ plan: LinkPlan) async throws(Failure) -> [UInt8] {
    guard let wish = plan.desired, wish.kind == .copy, plan.action != .remove else { return [] }
    do throws(GitError) { return try await mirror.contents(of: wish.id, limit: .max) } catch {
      throw Failure(.host, error.message, help: "sync again")
    }
  }

  /// A file that stood there gives the new one its owner and who may read it.
  private func write(_ content: [UInt8], _ wish: DesiredLink, to path: String, like present: stat?) throws(Failure) {
    var mode = mode_t(0o644)
    if let present, Files.isRegular(present) { mode = present.st_mode & 0o666 }
    if wish.executable { mode |= (mode & 0o444) >> 2 }
    try Files.write(path, content, mode: mode, owner: present.flatMap { Files.isRegular($0) ? $0 : nil })
  }
}
