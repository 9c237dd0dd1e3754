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
    var reports: [LinkReport] = []
    for plan in plans {
      var report = plan.report
      let place = Path.join(settings.liveRoot, plan.live)
      switch plan.action {
      case .keep: break
      case .remove:
        if observe.live(plan.live) == plan.found { unlink(place) }
        Files.flush(Path.parent(place))
      case .create, .replace:
        try Files.makeDirectories(Path.parent(place))
        if let real = Files.resolved(Path.parent(place)), let own = Files.resolved(settings.checkout),
          Path.relative(real, to: own) != nil
        {
          throw Failure(
            .host, "\(Path.parent(place)) still leads into a release, where nothing may be put", help: "sync again")
        }
        report.backup = try await put(plan, at: place).flatMap { Path.relative($0, to: settings.liveRoot) }
      }
      reports.append(report)
    }
    return reports
  }

  /// Keeps what stands there under a second name, then renames the new entry over the first one.
  private func put(_ plan: LinkPlan, at place: String) async throws(Failure) -> String? {
    let parent = Path.parent(place)
    // What a killed sync left half-way.
    for name in Files.names(in: parent) where name.hasPrefix(".\(Path.name(place)).clup-") {
      unlink("\(parent)/\(name)")
    }
    let fresh = Files.unique(place)
    if let wish = plan.desired, wish.kind == .copy {
      try await copy(wish, to: fresh, like: Files.status(place))
    } else {
      guard symlink(plan.target, fresh) == 0 else { throw Files.failure("cannot link \(place)") }
    }
    do throws(Failure) {
      let present = observe.live(plan.live)
      guard present != .absent else {
        // Unlike a rename, this fails when something appears at the last moment.
        guard Glibc.link(fresh, place) == 0 else { throw Files.failure("cannot put \(place) in place") }
        unlink(fresh)
        Files.flush(Path.parent(place))
        return nil
      }
      var own = present == plan.found && !plan.backsUp
      if case .link(let text) = present, observe.links.isOwn(text) { own = true }
      let backup = own ? nil : try keep(place)
      guard rename(fresh, place) == 0 else { throw Files.failure("cannot put \(place) in place") }
      Files.flush(Path.parent(place))
      return backup
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
    let siblings = Files.names(in: Path.parent(place)).filter { $0.hasPrefix(Path.name(place) + ".bak.") }
      .map { Path.join(Path.parent(place), $0) }
    if let kept = siblings.first(where: { Files.status($0)?.st_ino == found.st_ino }) { return kept }
    let backup = backupName(of: place)
    let code =
      Files.isDirectory(found) ? rename(place, backup) : linkat(AT_FDCWD, place, AT_FDCWD, backup, 0)
    guard code == 0 else { throw Files.failure("cannot keep \(place) as \(backup)") }
    return backup
  }

  private func copy(_ wish: DesiredLink, to path: String, like present: stat?) async throws(Failure) {
    let bytes: [UInt8]
    do throws(GitError) {
      bytes = try await mirror.contents(of: wish.id, limit: .max)
    } catch {
      throw Failure(.host, error.message, help: "sync again")
    }
    let mode = wish.executable ? mode_t(0o755) : 0o644
    try Files.write(path, bytes, mode: mode)
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
