import Core
import Git
import Glibc

/// Brings live paths to what the plan says, each by one rename.
struct Links: Sendable {
  let settings: Settings
  let mirror: Mirror
  let observe: Observe

  /// Works on each live path; looks again right before, since a plan may be minutes old when its stack's turn comes.
  func apply(_ plans: [LinkPlan]) async throws(Failure) -> [LinkReport] {
    var reports = plans.map(\.report)
    try await apply(plans, noting: &reports)
    return reports
  }

  /// Notes each backup as it is made, so that what ends halfway can be undone.
  func apply(_ plans: [LinkPlan], noting reports: inout [LinkReport]) async throws(Failure) {
    for (index, plan) in plans.enumerated() {
      if plan.action == .keep {
        let directory = try Held(settings.liveRoot, Path.parent(plan.live), create: false)
        Held.sweep("\(directory.path)/\(Path.name(plan.live))")
      } else {
        let parent = Path.parent(plan.live)
        let content = try await content(plan)
        let directory = try Held(settings.liveRoot, parent, create: plan.action != .remove)
        do throws(Failure) {
          reports[index].backup = try bring(plan, content, directory).map { Path.join(parent, $0) }
        } catch {
          throw error.naming(directory.path, as: Path.join(settings.liveRoot, parent))
        }
      }
    }
  }

  /// Puts back what stood at live paths before clup came; a backup stays beside what came from it.
  ///
  /// `links` are those that clup made since, maybe in a sync that was cut off; `reports` what this one did.
  func undo(_ found: [String: LiveEntry], links: [String: DesiredLink], _ reports: [LinkReport]) throws(Failure) {
    let backups = Dictionary(reports.map { ($0.live, $0.backup) }) { first, _ in first }
    for (live, former) in found.sorted(by: { $0.key < $1.key }) {
      let parent = Path.join(settings.liveRoot, Path.parent(live))
      // What was not reached may not even have a directory.
      guard let above = Files.status(parent), Files.isDirectory(above) else { continue }
      let directory = try Held(settings.liveRoot, Path.parent(live), create: false)
      let place = "\(directory.path)/\(Path.name(live))"
      Held.sweep(place)
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
        try putBack(former, at: place, from: backups[live].flatMap { $0 })
      } catch {
        throw error.naming(directory.path, as: parent)
      }
      Files.flush(directory.path)
    }
  }

  private func putBack(_ former: LiveEntry, at place: String, from backup: String?) throws(Failure) {
    if former == .absent {
      unlink(place)
      return
    }
    let directory = Path.parent(place)
    let kept = (backup.map { [Path.name($0)] } ?? []) + backups(of: place).reversed()
    guard let name = kept.first(where: { observe.entry(at: "\(directory)/\($0)") == former }) else {
      throw Failure(
        .host, "no backup of \(place) is what stood there before", help: "put back by hand what is to stand there")
    }
    let (source, fresh) = ("\(directory)/\(name)", Files.unique(place))
    if former == .directory {
      unlink(place)
      guard rename(source, place) == 0 else { throw Files.failure("cannot put back \(place)") }
      return
    }
    guard linkat(AT_FDCWD, source, AT_FDCWD, fresh, 0) == 0 else { throw Files.failure("cannot put back \(place)") }
    guard rename(fresh, place) == 0 else {
      let problem = Files.failure("cannot put back \(place)")
      unlink(fresh)
      throw problem
    }
  }

  /// The names of the backups of a live path, oldest first.
  private func backups(of place: String) -> [String] {
    Files.names(in: Path.parent(place)).filter { $0.hasPrefix(Path.name(place) + ".bak.") }
  }

  /// Keeps what stands there under a second name, then renames the new entry over the first one.
  private func bring(_ plan: LinkPlan, _ content: [UInt8], _ directory: borrowing Held) throws(Failure) -> String? {
    let name = Path.name(plan.live)
    let place = "\(directory.path)/\(name)"
    Held.sweep(place)
    let present = observe.entry(at: place)
    if plan.action == .remove {
      if present == plan.found { unlink(place) }
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
      if case .link(let text) = present, observe.links.isOwn(text) { own = true }
      let backup = own ? nil : try keep(place)
      guard rename(fresh, place) == 0 else { throw Files.failure("cannot put \(place) in place") }
      Files.flush(directory.path)
      return backup.map(Path.name)
    } catch {
      unlink(fresh)
      throw error
    }
  }

  /// A hard link keeps the inode with its owner, mode and times; only an empty directory has to be moved.
  private func keep(_ place: String) throws(Failure) -> String? {
    guard let found = Files.status(place) else { return nil }
    if Files.isDirectory(found), !Files.names(in: place).isEmpty {
      throw Failure(.host, "\(place) is a directory with files in it", help: "move it aside, and sync again")
    }
    let siblings = backups(of: place).map { Path.join(Path.parent(place), $0) }
    if let kept = siblings.first(where: { Files.status($0)?.st_ino == found.st_ino }) { return kept }
    let backup = backupName(of: place)
    let code =
      Files.isDirectory(found) ? rename(place, backup) : linkat(AT_FDCWD, place, AT_FDCWD, backup, 0)
    guard code == 0 else { throw Files.failure("cannot keep \(place) as \(backup)") }
    return backup
  }

  private func content(_ plan: LinkPlan) async throws(Failure) -> [UInt8] {
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
    try Files.write(path, content, mode: mode)
    if let present, Files.isRegular(present) { chown(path, present.st_uid, present.st_gid) }
  }

  /// Finds a name that nothing has: a second backup within a second counts on to the next one.
  private func backupName(of place: String) -> String {
    var moment = time(nil)
    while true {
      var parts = tm()
      localtime_r(&moment, &parts)
      var buffer = [CChar](repeating: 0, count: 32)
      let count = strftime(&buffer, buffer.count, "%Y%m%d-%H%M%S", &parts)
      let stamp = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let name = "\(place).bak.\(stamp)"
      if Files.status(name) == nil { return name }
      moment += 1
    }
  }
}
