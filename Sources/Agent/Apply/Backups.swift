import Core
import Glibc

/// What stood at live paths before clup came, next to them, and back again.
extension Links {
  func putBack(_ former: LiveEntry, at place: String, from backup: String?) throws(Failure) {
    if former == .absent {
      unlink(place)
      return
    }
    if case .link(let text) = former {
      let fresh = Files.unique(place)
      guard symlink(text, fresh) == 0, rename(fresh, place) == 0 else {
        throw Files.failure("cannot put back \(place)")
      }
      return
    }
    let directory = Path.parent(place)
    guard let name = self.backup(of: place, as: former, from: backup) else {
      throw Failure(
        .host, "no backup of \(place) matches what was there before", help: "restore it by hand")
    }
    let (source, fresh) = ("\(directory)/\(name)", Files.unique(place))
    if former == .directory {
      unlink(place)
      guard rename(source, place) == 0 else { throw Files.failure("cannot put back \(place)") }
      return
    }
    guard linkat(AT_FDCWD, source, AT_FDCWD, fresh, 0) == 0 else { throw Files.failure("cannot put back \(place)") }
    try Files.put(fresh, at: place, "cannot put back \(place)")
    detach(source, from: place)
  }

  /// Finds the backup of a place that holds what stood there. Only an empty directory was ever moved out of the way.
  func backup(of place: String, as former: LiveEntry, from backup: String? = nil) -> String? {
    let directory = Path.parent(place)
    return ((backup.map { [Path.name($0)] } ?? []) + backups(of: place).reversed()).first {
      observe.entry(at: "\(directory)/\($0)") == former
        && (former != .directory || Files.names(in: "\(directory)/\($0)").isEmpty)
    }
  }

  /// Makes a backup a file of its own again: what somebody writes into the file that came back must not change it. Without room
  /// for that it stays as it is.
  private func detach(_ backup: String, from place: String) {
    guard let found = Files.status(place), Files.isRegular(found) else { return }
    let copy = Files.unique(backup)
    do throws(Failure) { try Files.copy(place, found, to: copy, opening: false) } catch { return }
    if rename(copy, backup) != 0 { unlink(copy) }
  }

  /// Finds the backup that holds what stands at a place already, and gives it that very file.
  private func attach(_ siblings: [String], to place: String, _ found: stat) -> String? {
    let kept = siblings.first { sibling in
      guard let status = Files.status(sibling), Files.isRegular(found), Files.isRegular(status) else { return false }
      return status.st_mtim.tv_sec == found.st_mtim.tv_sec && status.st_mtim.tv_nsec == found.st_mtim.tv_nsec
        && status.st_mode == found.st_mode && status.st_uid == found.st_uid && status.st_gid == found.st_gid
        && observe.entry(at: sibling) == observe.entry(at: place)
    }
    guard let kept else { return nil }
    let fresh = Files.unique(kept)
    guard linkat(AT_FDCWD, place, AT_FDCWD, fresh, 0) == 0 else { return nil }
    if rename(fresh, kept) == 0 { return kept }
    unlink(fresh)
    return nil
  }

  /// The names of the backups of a live path, oldest first.
  func backups(of place: String) -> [String] {
    Files.names(in: Path.parent(place)).filter { $0.hasPrefix(Path.name(place) + ".bak.") }
  }

  /// A hard link keeps the inode with its owner, mode and times; only an empty directory has to be moved.
  func keep(_ place: String) throws(Failure) -> String? {
    guard let found = Files.status(place) else { return nil }
    if Files.isDirectory(found), !Files.names(in: place).isEmpty {
      throw Failure(.host, "\(place) is a directory with files in it", help: "move it aside, and sync again")
    }
    let siblings = backups(of: place).map { Path.join(Path.parent(place), $0) }
    if Files.isLink(found), let file = fileInClone(place) { return try keep(file, for: place, siblings) }
    if let kept = siblings.first(where: { Files.status($0)?.st_ino == found.st_ino }) { return kept }
    if let kept = attach(siblings, to: place, found) { return kept }
    let backup = backupName(of: place)
    let code =
      Files.isDirectory(found) ? rename(place, backup) : linkat(AT_FDCWD, place, AT_FDCWD, backup, 0)
    guard code == 0 else { throw Files.failure("cannot keep \(place) as \(backup)") }
    return backup
  }

  /// The file of a person's own clone that a link leads to: that clone moves on, or is removed once clup has taken over. Where a
  /// container may write, anybody could have put the link there, to have a file of the host copied to it: only the file that has
  /// the same path in the clone is no other than the one that belongs there.
  private func fileInClone(_ place: String) -> String? {
    guard let directory = Files.resolved(Path.parent(place)), let root = Files.resolved(settings.liveRoot),
      let inside = Path.relative(directory, to: root)
    else { return nil }
    let live = Path.normalized(Path.join(inside, Path.name(place)))
    let isWritten = written.covers(live)
    guard let file = Files.resolved(place), let status = Files.status(file), Files.isRegular(status) else { return nil }
    let isCloned = Path.ancestors(file).contains { clone in
      Files.status("\(clone)/.git") != nil && (!isWritten || Path.relative(file, to: clone) == live)
    }
    return isCloned ? file : nil
  }

  /// Keeps a copy of what a link leads to.
  private func keep(_ file: String, for place: String, _ siblings: [String]) throws(Failure) -> String? {
    guard let found = Files.status(file) else { return nil }
    let kept = siblings.first { sibling in
      guard let status = Files.status(sibling), Files.isRegular(status) else { return false }
      return status.st_mtim.tv_sec == found.st_mtim.tv_sec && observe.entry(at: sibling) == observe.entry(at: file)
    }
    if let kept { return kept }
    let backup = backupName(of: place)
    try Files.copy(file, found, to: backup, opening: true)
    return backup
  }

  /// Finds a name that nothing has: a second backup within a second counts on to the next one.
  func backupName(of place: String) -> String {
    var moment = time(nil)
    while true {
      let name = "\(place).bak.\(text(of: moment, as: "%Y%m%d-%H%M%S"))"
      if Files.status(name) == nil { return name }
      moment += 1
    }
  }
}
